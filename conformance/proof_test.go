package conformance

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shownStart is a line of ledger show about an execution that began.
var shownStart = regexp.MustCompile(`(?m)([0-9a-f]{32}) approved by all parties; charged$`)

// TestProofs: the approvals of every execution prove who approved what, also after a party's identity key was replaced.
func TestProofs(t *testing.T) {
	long(t)
	t.Parallel()
	f := own(t)
	registry := f.Party("registry")
	stopped := func() {
		t.Helper()
		for _, p := range f.Parties {
			if err := p.Stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
	f.askAgain(t, "clinic")
	stopped()
	f.proofs(t, 1)

	next := filepath.Join(registry.Dir, "next.key")
	fingerprint, err := command(t, "keygen", "--out", next)
	if err != nil {
		t.Fatalf("%v\n%s", err, fingerprint)
	}
	if out, err := command(t, "ledger", "hand-over", registry.Config, next); err != nil || !strings.Contains(out, strings.TrimSpace(fingerprint)) {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := command(t, "ledger", "verify", registry.Config); err == nil || !strings.Contains(out, "handed over") {
		t.Errorf("the old key opens the ledger: %v\n%s", err, out)
	}
	for _, p := range f.Parties {
		text := strings.ReplaceAll(string(read(t, p.Config)), registry.Key, strings.TrimSpace(fingerprint))
		if p == registry {
			text = regexp.MustCompile(`key_file: [^\s},]+`).ReplaceAllString(text, "key_file: next.key")
		}
		write(t, p.Config, []byte(text))
		if err := f.StartParty(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.askAgain(t, "clinic")
	stopped()
	for _, p := range f.Parties {
		out, err := command(t, "ledger", "verify", p.Config)
		if noted := strings.Contains(out, "does not pin now"); err != nil || noted == (p == registry) {
			t.Errorf("%s: %v\n%s", p.Name, err, out)
		}
	}
}

// proofs holds every party's ledger to what it claims of the executions in it: each was approved by all parties, which any
// party can prove to the two others, and nothing else can be proved with what was changed (RULES 4, 23). The parties
// are stopped.
func (f *federation) proofs(t *testing.T, executions int) {
	t.Helper()
	for _, p := range f.Parties {
		out, err := command(t, "ledger", "verify", p.Config)
		if err != nil || !strings.Contains(out, "each approved by all of its parties") || strings.Contains(out, "note:") {
			t.Errorf("%s: %v\n%s", p.Name, err, out)
		}
		shown, err := command(t, "ledger", "show", p.Config)
		if err != nil {
			t.Fatal(err)
		}
		started := shownStart.FindAllStringSubmatch(shown, -1)
		if len(started) < executions {
			t.Fatalf("%s: %d executions in the ledger, at least %d answers\n%s", p.Name, len(started), executions, shown)
		}
		proof, err := command(t, "ledger", "proof", p.Config, started[len(started)-1][1])
		if err != nil {
			t.Fatalf("%s: %v\n%s", p.Name, err, proof)
		}
		for _, verifier := range f.Parties {
			out, err := f.verifyProof(t, verifier.Config, proof)
			if err != nil || !strings.Contains(out, "asked by mia@clinic") || strings.Count(out, "approved by ") != len(f.Parties) || !strings.Contains(out, "released by clinic") {
				t.Errorf("%s's proof at %s: %v\n%s", p.Name, verifier.Name, err, out)
			}
		}
		f.forgedProofs(t, p.Config, proof)
	}
}

// verifyProof checks a proof with a party's file.
func (f *federation) verifyProof(t *testing.T, config, proof string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "proof.json")
	write(t, path, []byte(proof))
	return command(t, "ledger", "verify-proof", config, path)
}

// forgedProofs holds that a proof with anything changed proves nothing.
func (f *federation) forgedProofs(t *testing.T, config, proof string) {
	t.Helper()
	for found, changed := range map[string]string{
		`mia@clinic`:                     "eve@clinic",
		`"epsilon": 10000000`:            `"epsilon": 10000001`,
		`"batch": "[0-9a-f]{63}`:         `"batch": "` + strings.Repeat("5a", 31) + "5",
		`"batch": "[0-9a-f]{64}`:         `"batch": "` + strings.Repeat("5a", 31),
		`(?s)"release": .*?"key": ".{8}`: `"release": {"batch": "` + strings.Repeat("5a", 32) + `", "key": "AAAAAAAA`,
	} {
		forged := regexp.MustCompile(found).ReplaceAllLiteralString(proof, changed)
		if forged == proof {
			t.Fatalf("no %s in the proof\n%s", found, proof)
		}
		if out, err := f.verifyProof(t, config, forged); err == nil {
			t.Errorf("a proof with %s in place of %s proves: %s", changed, found, out)
		}
	}
}

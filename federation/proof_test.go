package federation

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/c2dproxy/c2dproxy/dp"
)

// kept returns what a party's ledger holds of its one execution.
func kept(t *testing.T, w *world, i int) []byte {
	t.Helper()
	w.ledgers[i].mu.Lock()
	defer w.ledgers[i].mu.Unlock()
	if len(w.ledgers[i].approvals) != 1 {
		t.Fatalf("%s keeps approvals of %d executions", testNames[i], len(w.ledgers[i].approvals))
	}
	for _, data := range w.ledgers[i].approvals {
		return data
	}
	return nil
}

// pinnedIn accepts the keys of a world.
func (w *world) pinnedIn(party, fingerprint string) bool {
	for i, name := range testNames {
		if name == party {
			return w.pins[i] == fingerprint
		}
	}
	return false
}

// Every party keeps the same approvals, and they prove who approved what to whoever knows the pins: with anything
// changed they prove nothing (RULES 4, 23).
func TestApprovalsProve(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	answer := w.answers(0)
	data := kept(t, w, 0)
	for i := range parties {
		if !bytes.Equal(kept(t, w, i), data) {
			t.Errorf("%s keeps other approvals", testNames[i])
		}
	}
	a, err := DecodeApprovals(data)
	must(t, err)
	must(t, a.Verify(w.pinnedIn))
	if a.Execution != answer.ExecutionID || a.Query.SQL != answer.Plan.Query.SQL || a.Query.Analyst != "mia@clinic" || a.PlanHash != answer.Plan.Hash() || a.Gateway() != "clinic" {
		t.Errorf("they are of another execution: %+v", a)
	}
	other := "1"
	for name, change := range map[string]func(a *Approvals){
		"execution":   func(a *Approvals) { a.Execution[0]++ },
		"statement":   func(a *Approvals) { a.Query.SQL += " " },
		"parameter":   func(a *Approvals) { a.Query.Args = []*string{&other} },
		"analyst":     func(a *Approvals) { a.Query.Analyst = "eve@clinic" },
		"study":       func(a *Approvals) { a.Query.Study = "other" },
		"epoch":       func(a *Approvals) { a.Query.Epoch[0]++ },
		"version":     func(a *Approvals) { a.Query.Version = "0" },
		"setting":     func(a *Approvals) { a.Query.Settings.TimeZone = "CET" },
		"now":         func(a *Approvals) { a.Query.Settings.Now++ },
		"epsilon":     func(a *Approvals) { a.Query.Settings.Epsilon = dp.OneEpsilon },
		"plan":        func(a *Approvals) { a.PlanHash[0]++ },
		"leakage":     func(a *Approvals) { a.Leakage[0]++ },
		"cost":        func(a *Approvals) { a.Charges[0].Epsilon++ },
		"owner":       func(a *Approvals) { a.Charges[0].Owner = "registry" },
		"role":        func(a *Approvals) { a.Participants[2].Owner = true },
		"participant": func(a *Approvals) { a.Participants[2].Name = "clinic" },
		"one less": func(a *Approvals) {
			a.Participants, a.signed = a.Participants[:2], a.signed[:2]
		},
		"expiry":    func(a *Approvals) { a.signed[1].Expires++ },
		"signature": func(a *Approvals) { a.signed[1].Signature[3] ^= 1 },
		"signer":    func(a *Approvals) { a.signed[1] = a.signed[0] },
		"no key":    func(a *Approvals) { a.signed[1].Key = nil },
	} {
		changed, err := DecodeApprovals(data)
		must(t, err)
		change(changed)
		if changed.Verify(w.pinnedIn) == nil {
			t.Errorf("approvals with another %s prove something", name)
		}
	}
	if a.Verify(func(party, fingerprint string) bool { return party != "lab" && w.pinnedIn(party, fingerprint) }) == nil {
		t.Error("a key that is not pinned proves something")
	}
}

// What decodes has exactly these bytes as its form.
func FuzzApprovals(f *testing.F) {
	w := newWorld(f, nil)
	plan, err := testCompile(w.study, w.query(0))
	must(f, err)
	members, err := Participants(plan)
	must(f, err)
	a := Approvals{Execution: ExecutionID{1}, Query: plan.Query, PlanHash: plan.Hash(), Leakage: plan.LeakageHash(), Charges: plan.Charges, Participants: members}
	for _, m := range members {
		a.signed = append(a.signed, signedApproval{Party: m.Name, Key: []byte{1}, Expires: 5, Signature: []byte{2}})
	}
	data, err := a.Encode()
	must(f, err)
	if !json.Valid(data) {
		f.Fatal("not JSON")
	}
	f.Add(data)
	f.Add(bytes.Replace(data, []byte(`"format":1`), []byte(`"format":2`), 1))
	f.Add(bytes.Replace(data, []byte(`"format":1`), []byte(`"format":1,"x":1`), 1))
	f.Add(append(bytes.Clone(data), ' '))
	f.Add([]byte(`{"format":1,"approvals":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := DecodeApprovals(data)
		if err != nil {
			return
		}
		again, err := a.Encode()
		must(t, err)
		if !bytes.Equal(again, data) {
			t.Fatalf("%s became %s", data, again)
		}
		if a.Verify(func(string, string) bool { return true }) == nil {
			t.Error("nobody signed this")
		}
	})
}

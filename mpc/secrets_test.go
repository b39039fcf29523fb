package mpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSharesDoNotPrint: no verb, logger or encoder shows a share, a stream or a party.
func TestSharesDoNotPrint(t *testing.T) {
	t.Parallel()
	const canary = 4242424242
	s := share{own: []uint64{canary}, next: []uint64{canary}}
	p := &Party{zero: pair{prev: &stream{}}}
	for _, secret := range []any{s, &s, bits{n: 1, width: 1, share: s}, p, &stream{}, register{arith: s}, opening{value: register{arith: s}}, column{share: s}, &shuffled{order: [3][]uint32{{canary}}}, digits{at1: canary}, privateInput{values: s.own}, &execution{registers: []register{{arith: s}}}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
			text := fmt.Sprintf(verb, secret)
			if strings.Contains(text, fmt.Sprint(canary)) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
				t.Errorf("%T prints with %s: %s", secret, verb, text)
			}
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", secret)
		if strings.Contains(log.String(), fmt.Sprint(canary)) {
			t.Errorf("%T logs: %s", secret, log.String())
		}
	}
	for _, secret := range []any{s, bits{share: s}, p} {
		if text, err := json.Marshal(secret); err == nil {
			t.Errorf("%T became JSON: %s", secret, text)
		}
	}
}

// TestOneOpen parses nothing: it greps that a value is put together from a message in one
// place only, and that only open.go reads the manifest.
func TestOneOpen(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	calls := map[string][]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []string{".reveal(third)", ".p.open(", "manifest.done", ".knownOrder(", ".toTwo("} {
			for range strings.Count(string(text), call) {
				calls[call] = append(calls[call], file)
			}
		}
		// A component is put together with others nowhere else: only sums of own and next are made, by conversions.
		for _, sum := range []string{"+ third[", "^ third[", "program.Opened{}"} {
			if strings.Contains(string(text), sum) && file != "open.go" && file != "run.go" {
				t.Errorf("%s reconstructs: %s", file, sum)
			}
		}
		// Messages towards next are openings, the lookup's, shuffled rows and uniform values;
		// products and inputs go to prev.
		if strings.Contains(string(text), "ToNext:") && file != "open.go" && file != "masked.go" && file != "shuffle.go" && !strings.HasPrefix(file, "lookup") {
			t.Errorf("%s sends towards next", file)
		}
	}
	if len(calls[".reveal(third)"]) != 1 || calls[".reveal(third)"][0] != "open.go" {
		t.Errorf("reveal is called in %v", calls[".reveal(third)"])
	}
	if len(calls[".p.open("]) != 1 {
		t.Errorf("open is called in %v", calls[".p.open("])
	}
	// What becomes known besides is uniform: orders of rows after a shuffle, words under a mask.
	for _, file := range calls[".knownOrder("] {
		if file != "permute.go" && file != "sort.go" {
			t.Errorf("%s makes an order known", file)
		}
	}
	if len(calls[".knownOrder("]) != 3 || len(calls[".toTwo("]) != 1 || calls[".toTwo("][0] != "convert_words.go" {
		t.Errorf("masked values become known in %v and %v", calls[".knownOrder("], calls[".toTwo("])
	}
	for _, file := range calls["manifest.done"] {
		if file != "open.go" {
			t.Errorf("%s touches the manifest's progress", file)
		}
	}
}

// TestOpenChecksManifest: an opening out of order, to another party or of another register is refused
// before anything is sent (there is no transport here to send on).
func TestOpenChecksManifest(t *testing.T) {
	t.Parallel()
	p := &Party{}
	for _, label := range []string{"a", "b"} {
		o := opening{}
		o.Label = label
		p.manifest.want = append(p.manifest.want, o.Open)
	}
	wrong := []opening{{}, {}, {}}
	wrong[0].Label = "b"
	wrong[1].Label, wrong[1].To = "a", 1
	wrong[2].Label, wrong[2].A = "a", 3
	for _, o := range wrong {
		if _, err := p.open(t.Context(), []opening{o}); err == nil {
			t.Errorf("opened %+v", o.Open)
		}
	}
}

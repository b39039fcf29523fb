package federation

import (
	"crypto/ed25519"
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// signedAs is a head of a party's ledger, signed by whoever holds key.
func signedAs(key ed25519.PrivateKey, party string, head ledgerHead) signedHead {
	text := headText(party, head)
	return signedHead{head, ed25519.Sign(key, text[:])}
}

// A peer that remembers an entry of our ledger that we never signed stops nobody: it is ignored, and the operator is told.
// One that we did sign and do not have any more stops us.
func TestForgedHeads(t *testing.T) {
	t.Parallel()
	later := ledgerHead{Seq: 1 << 40, Hash: digest{9}}
	for name, c := range map[string]struct {
		held   func(w *world) signedHead
		behind bool
	}{
		"nothing":            {func(*world) signedHead { return signedHead{} }, false},
		"unsigned":           {func(*world) signedHead { return signedHead{ledgerHead: later} }, false},
		"signed by the peer": {func(w *world) signedHead { return signedAs(w.keys[1], "clinic", later) }, false},
		"another party's":    {func(w *world) signedHead { return signedAs(w.keys[0], "lab", later) }, false},
		"another entry's": {func(w *world) signedHead {
			h := signedAs(w.keys[0], "clinic", ledgerHead{Seq: 1})
			h.Seq = later.Seq
			return h
		}, false},
		"another chain's":     {func(w *world) signedHead { h := signedAs(w.keys[0], "clinic", later); h.Hash[0]++; return h }, false},
		"ours, and not there": {func(w *world) signedHead { return signedAs(w.keys[0], "clinic", later) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			n, lab := w.nodes[0], w.keys[1].Public().(ed25519.PublicKey)
			n.mesh.note("lab", func(s *peerState) { s.connected(nil, time.Now()) })
			beat := &beatMessage{Clock: time.Now().UnixMilli(), Head: signedAs(w.keys[1], "lab", ledgerHead{Seq: 1}), Held: c.held(w)}
			for range 2 {
				must(t, n.mesh.takeBeat(&link{peer: Peer{Name: "lab"}, key: lab}, beat, true))
			}
			s, _ := n.mesh.status("lab")
			forged := beat.Held.Seq != 0 && !c.behind
			if s.SelfBehind != c.behind || forged != (s.LastError != "") {
				t.Errorf("behind: %t; the operator reads %q", s.SelfBehind, s.LastError)
			}
			if c.behind {
				refused(t, n.ledgerTrusted(), pgerr.LedgerBehind, "clinic")
				return
			}
			must(t, n.ledgerTrusted())
		})
	}
}

// A peer's head is remembered only with that peer's signature.
func TestUnsignedHeadIsNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m, lab := w.nodes[0].mesh, w.keys[1].Public().(ed25519.PublicKey)
	head := ledgerHead{Seq: 7, Hash: digest{7}}
	for _, forged := range []signedHead{{ledgerHead: head}, signedAs(w.keys[0], "lab", head), signedAs(w.keys[1], "clinic", head)} {
		_, err := m.record("lab", lab, forged)
		refused(t, err, pgerr.ObjectNotInState, "lab", "not signed")
		refused(t, m.takeBeat(&link{peer: Peer{Name: "lab"}, key: lab}, &beatMessage{Head: forged}, true), pgerr.ObjectNotInState, "not signed")
	}
	if known, err := m.recorded("lab"); err != nil || known.Seq != 0 {
		t.Errorf("recorded %+v, %v", known, err)
	}
	honest := signedAs(w.keys[1], "lab", head)
	_, err := m.record("lab", lab, honest)
	must(t, err)
	if known, err := m.recorded("lab"); err != nil || known.ledgerHead != head || len(known.Signature) == 0 {
		t.Errorf("recorded %+v, %v", known, err)
	}
}

// A peer is shown its own signature only: what was recorded without one, or under a key that it has replaced since,
// would be taken for a forgery.
func TestHeldIsShownWithItsSignature(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	m, lab := w.nodes[0].mesh, w.keys[1].Public().(ed25519.PublicKey)
	head := ledgerHead{Seq: 7, Hash: digest{7}}
	for _, c := range []struct {
		recorded signedHead
		shown    bool
	}{{signedHead{ledgerHead: head}, false}, {signedAs(w.keys[2], "lab", head), false}, {signedAs(w.keys[1], "lab", head), true}} {
		w.ledgers[0].heads["lab"] = c.recorded
		beat, err := m.beat(t.Context(), "lab", lab)
		must(t, err)
		if shown := beat.Held.Seq != 0; shown != c.shown || shown && beat.Held.ledgerHead != head {
			t.Errorf("shows %+v", beat.Held)
		}
	}
}

// TestEntryNumbersHaveOneLength: how many questions were asked does not show in the length of a message.
func TestEntryNumbersHaveOneLength(t *testing.T) {
	t.Parallel()
	var lengths []int
	for _, seq := range []entryNumber{0, 9, 10, 99, 100, 1 << 40, math.MaxUint64} {
		text, err := json.Marshal(ledgerHead{Seq: seq})
		if err != nil {
			t.Fatal(err)
		}
		var back ledgerHead
		if err := json.Unmarshal(text, &back); err != nil || back.Seq != seq {
			t.Errorf("%s is read as %d: %v", text, back.Seq, err)
		}
		lengths = append(lengths, len(text))
	}
	if slices.Min(lengths) != slices.Max(lengths) {
		t.Errorf("lengths %v", lengths)
	}
	for _, text := range []string{`{"seq":7}`, `{"seq":"7"}`, `{"seq":"000000000000000A"}`, `{"seq":"00000000000000007"}`, `{"seq":"-00000000000000a"}`} {
		if err := json.Unmarshal([]byte(text), new(ledgerHead)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

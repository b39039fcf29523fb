package federation

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// A peer with another key than the pinned one never connects, and both sides say why.
func TestUnpinnedKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(i int, o *Options) {
		if i == 1 { // the lab has a key that nobody pinned
			_, key, err := ed25519.GenerateKey(rand.Reader)
			must(t, err)
			o.Identity = key
		}
	})
	for i := range parties {
		w.start(i)
	}
	// The registry dials the lab and sees another key; the lab dials the clinic and is refused.
	eventually(t, "the mismatch is noticed", func() bool {
		s, _ := w.nodes[2].mesh.status("lab")
		return s.KeyMismatch && s.LastError != ""
	})
	eventually(t, "the refusal is noticed", func() bool {
		s, _ := w.nodes[1].mesh.status("clinic")
		return s.LastError != "" && !s.Reachable
	})
	eventually(t, "the honest pair connects and has compared ledgers", func() bool {
		there, _ := w.nodes[2].mesh.status("clinic")
		here, _ := w.nodes[0].mesh.status("registry")
		return there.Reachable && there.Epochs != nil && here.Reachable && here.Epochs != nil
	})
	_, err := w.ask(0)
	refused(t, err, pgerr.ConnectionFailure, "lab")
	_, err = w.ask(2)
	refused(t, err, pgerr.ConnectionFailure, "lab", "pinned")
}

// Public parts reach the peers when they connect and when they change.
func TestPublicParts(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	part := "first"
	got := map[string][]string{}
	w := running(t, func(i int, o *Options) {
		switch i {
		case 0:
			o.Public = func(peer string) [][]byte {
				mu.Lock()
				defer mu.Unlock()
				return [][]byte{[]byte(part + " for " + peer)}
			}
		default:
			o.OnPublic = func(peer string, public []byte) error {
				mu.Lock()
				defer mu.Unlock()
				got[testNames[i]] = append(got[testNames[i]], peer+": "+string(public))
				if peer == "registry" {
					return errors.New("of another study")
				}
				return nil
			}
		}
	})
	mu.Lock()
	part = "second"
	mu.Unlock()
	w.nodes[0].Announce()
	eventually(t, "the new part arrives", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(got["lab"], "clinic: second for lab") && slices.Contains(got["registry"], "clinic: second for registry")
	})
	if s, _ := w.nodes[1].mesh.status("registry"); s.CatalogError != "of another study" {
		t.Errorf("catalog error %q", s.CatalogError)
	}
}

// Status says versions, epochs, skew and ledgers.
func TestStatus(t *testing.T) {
	t.Parallel()
	w := running(t, func(i int, o *Options) {
		if i == 1 {
			o.Clock = func() time.Time { return time.Now().Add(time.Hour) }
		}
	})
	peers := w.nodes[0].Peers()
	if len(peers) != 2 || peers[0].Name != "lab" || peers[0].Version == "" || peers[0].Epochs["trial"] != w.study.Epoch() || peers[0].LedgerSeq == 0 {
		t.Errorf("status %+v", peers)
	}
	if s := peers[0].Skew; s < 59*time.Minute || s > 61*time.Minute {
		t.Errorf("skew %s", s)
	}
	_, err := w.ask(0)
	refused(t, err, pgerr.ObjectNotInState, "clocks", "lab")
}

// A peer with another compiler is refused before it is asked; the error names both and both versions.
func TestVersionMismatch(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	w.nodes[0].mesh.note("lab", func(s *peerState) { s.status.Version = "0.9" })
	_, err := w.ask(0)
	refused(t, err, pgerr.ObjectNotInState, "lab", "0.9", "clinic", sqlplan.Version)
}

// A ledger that was set back is noticed by its peers and refuses to work itself.
func TestLedgerBehind(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	w.answers(0)
	eventually(t, "heads recorded", func() bool { seq, _, _, _ := w.ledgers[0].Peer("lab"); return seq > 1 })
	w.stop(1)
	w.ledgers[1] = newTestLedger() // as if restored from an old backup
	w.make(1)
	w.start(1)
	eventually(t, "noticed", func() bool {
		s, _ := w.nodes[0].mesh.status("lab")
		p, _ := w.nodes[1].mesh.status("clinic")
		return s.LedgerBehind && p.SelfBehind
	})
	_, err := w.ask(0)
	refused(t, err, pgerr.LedgerBehind, "lab")
	_, err = w.ask(1)
	refused(t, err, pgerr.LedgerBehind, "lab")
}

// Budgets come from every owner, of the gateway's own analysts only.
func TestBudget(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	got, err := w.nodes[0].Budget(t.Context(), "trial", "mia@clinic")
	must(t, err)
	if len(got) != 2 || got[1].Owner != "lab" || got[1].Err != nil || len(got[1].Remainders) != 1 || got[1].Remainders[0].Epsilon != 7 {
		t.Errorf("budget %+v", got)
	}
	got, err = w.nodes[0].Budget(t.Context(), "trial", "mia@registry")
	must(t, err)
	for _, b := range got {
		refused(t, b.Err, pgerr.InsufficientPrivilege, b.Owner)
	}
	w.stop(1)
	eventually(t, "lab gone", func() bool { return !w.nodes[0].Peers()[0].Reachable })
	got, err = w.nodes[0].Budget(t.Context(), "trial", "mia@clinic")
	must(t, err)
	refused(t, got[1].Err, pgerr.ConnectionFailure, "lab")
}

// Options that cannot work are refused.
func TestOptions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(o *Options){
		"name":    func(o *Options) { o.Self = "A b" },
		"key":     func(o *Options) { o.Identity = nil },
		"pin":     func(o *Options) { o.Peers[0].Key = "sha256:AA" },
		"connect": func(o *Options) { o.Peers[0].Connect = "" },
		"address": func(o *Options) { o.Peers[0].Connect = Dial; o.Peers[0].Address = "" },
		"twice":   func(o *Options) { o.Peers[1].Name = o.Peers[0].Name },
		"ledger":  func(o *Options) { o.Ledger = nil },
		"listen":  func(o *Options) { o.Listen = nil },
	} {
		w := newWorld(t, nil)
		o := w.nodes[0].options
		o.Peers = slices.Clone(o.Peers)
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

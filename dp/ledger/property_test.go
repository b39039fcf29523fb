package ledger

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/dp"
)

// model is the ledger in a dozen lines: what each execution is, and nothing else.
type model map[ID]*modelled

// modelled is one execution of the model.
type modelled struct {
	state   State
	r       Reservation
	expires time.Time
}

// sums returns ε charged and reserved of one analyst ("" is all) at one source.
func (m model) sums(analyst, source string) (charged, reserved dp.Epsilon) {
	for _, x := range m {
		for _, c := range x.r.Charges {
			if c.Source != source || analyst != "" && analyst != x.r.Analyst {
				continue
			}
			switch x.state {
			case StateReserved:
				reserved += c.Epsilon
			case StateStarted, StateFinal:
				charged += c.Epsilon
			}
		}
	}
	return charged, reserved
}

// expire gives up reservations past their expiry.
func (m model) expire(now time.Time) {
	for _, x := range m {
		if x.state == StateReserved && !x.expires.After(now) {
			x.state = StateDead
		}
	}
}

// reserve says whether the reservation must be accepted, and accepts it.
func (m model) reserve(r Reservation, now time.Time) bool {
	m.expire(now)
	if x, known := m[r.ID]; known {
		return x.state == StateReserved && x.r.fingerprint() == r.fingerprint()
	}
	for i, c := range r.Charges {
		own, ownReserved := m.sums(r.Analyst, c.Source)
		all, allReserved := m.sums("", c.Source)
		if own+ownReserved+c.Epsilon > r.Limits[i].AnalystEpsilon || all+allReserved+c.Epsilon > r.Limits[i].CapEpsilon {
			return false
		}
	}
	if !r.Expires.After(now) {
		return false
	}
	m[r.ID] = &modelled{StateReserved, r, r.Expires}
	return true
}

// start says whether the start must succeed.
func (m model) start(id ID, now time.Time, allowed bool) bool {
	x, known := m[id]
	if !known || x.state != StateReserved {
		return false
	}
	if !x.expires.After(now) {
		x.state = StateDead
		return false
	}
	if allowed {
		x.state = StateStarted
	}
	return allowed
}

// change moves an execution from one state to another, if it is there.
func (m model) change(id ID, from, to State) {
	if x, known := m[id]; known && x.state == from {
		x.state = to
	}
}

var (
	modelAnalysts = []string{"mia@clinic", "eve@lab"}
	modelSources  = []string{"a", "b", "c"}
)

// randomReservation asks for one to three sources, of an id that often exists already.
func randomReservation(rng *rand.Rand, now time.Time) Reservation {
	n := rng.IntN(60)
	own := rand.New(rand.NewPCG(uint64(n), uint64(rng.IntN(8)/7))) // mostly the same contents for an id
	r := Reservation{ID: id(n), Study: "s", Analyst: modelAnalysts[own.IntN(2)], Statement: "SELECT"}
	for _, s := range own.Perm(3)[:1+own.IntN(3)] {
		r.Charges = append(r.Charges, Charge{modelSources[s], dp.Epsilon(own.IntN(20)), 0})
		r.Limits = append(r.Limits, Limit{modelSources[s], dp.Epsilon(60 + 20*s), 0, dp.Epsilon(90 + 20*s), 0})
	}
	r.Expires = now.Truncate(time.Hour).Add(time.Duration(rng.IntN(4)) * time.Hour)
	return r
}

// TestProperty runs random operations, crashes among them, on a ledger and on the model:
// results, states and balances agree after each.
func TestProperty(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 7))
		l, path, c := fresh(t)
		m := model{}
		for step := range 250 {
			l = randomStep(t, rng, l, m, path, c)
			compare(t, l, m, step)
		}
		must(t, l.Verify())
	}
}

// randomStep does one operation on both; it returns the ledger, a new one after a crash.
func randomStep(t *testing.T, rng *rand.Rand, l *Ledger, m model, path string, c *clock) *Ledger {
	t.Helper()
	target, now := id(rng.IntN(60)), c.Now()
	switch rng.IntN(12) {
	case 0, 1, 2, 3:
		r := randomReservation(rng, now)
		if err, ok := l.Reserve(r), m.reserve(r, now); (err == nil) != ok {
			t.Fatalf("Reserve: %v, the model says %v", err, ok)
		}
	case 4, 5, 6:
		refusal := errors.New("no")
		recheck, allowed := func() error { return nil }, rng.IntN(4) > 0
		if !allowed {
			recheck = func() error { return refusal }
		}
		if err, ok := l.Start(target, nil, recheck), m.start(target, now, allowed); (err == nil) != ok {
			t.Fatalf("Start: %v, the model says %v", err, ok)
		}
	case 7:
		err := l.Finish(target)
		if x := m[target]; (err == nil) != (x != nil && (x.state == StateStarted || x.state == StateFinal)) {
			t.Fatalf("Finish: %v, the model has %+v", err, x)
		}
		m.change(target, StateStarted, StateFinal)
	case 8:
		must(t, l.Abandon(target))
		m.change(target, StateReserved, StateDead)
	case 9:
		c.Advance(time.Duration(rng.IntN(40)) * time.Minute)
	case 10:
		must(t, l.RecordPeer("lab", uint64(now.Unix()), id(1), nil))
	default: // a crash: nothing in memory survives
		must(t, l.store.db.Close())
		l = open(t, path, c)
		m.expire(now)
		for _, x := range m {
			if x.state == StateStarted {
				x.state = StateFinal
			}
		}
	}
	return l
}

// compare holds balances and states to the model.
func compare(t *testing.T, l *Ledger, m model, step int) {
	t.Helper()
	for _, source := range modelSources {
		for _, analyst := range append(modelAnalysts, "") {
			charged, reserved := m.sums(analyst, source)
			b, err := l.Spent(analyst, source)
			if err != nil || b.Epsilon != charged || b.ReservedEpsilon != reserved {
				t.Fatalf("step %d: %q at %s has %+v, %v; want %d and %d", step, analyst, source, b, err, charged, reserved)
			}
		}
	}
	for _, analyst := range modelAnalysts {
		h, err := l.History(analyst, 1000)
		must(t, err)
		for _, r := range h {
			if r.State != m[r.ID].state {
				t.Fatalf("step %d: %x is %s, want %s", step, r.ID[:4], r.State, m[r.ID].state)
			}
		}
	}
}

package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/c2dproxy/c2dproxy/dp"
)

// State is where an execution stands.
type State string

// States (RULES 2).
const (
	StateReserved State = "RESERVED" // set aside; refundable
	StateStarted  State = "STARTED"  // charged; data may have been read
	StateFinal    State = "FINAL"    // charged; over
	StateDead     State = "DEAD"     // refunded; nothing was read
)

// Balance is what has been charged and what is set aside.
type Balance struct {
	Epsilon         dp.Epsilon // charged
	Delta           dp.Delta
	ReservedEpsilon dp.Epsilon // set aside, not yet charged
	ReservedDelta   dp.Delta
}

// account names a balance: an analyst's at a source, or, with no analyst, the source's own.
type account struct{ analyst, source string }

// execution is what the fold keeps of one id.
type execution struct {
	state       State
	entry       uint64 // of its reservation
	started     uint64 // its entry; 0: not started
	analyst     string
	charges     []Charge
	expires     time.Time
	fingerprint [32]byte
	released    *Released
}

// fold is the meaning of a chain: balances and states after its entries.
type fold struct {
	owner      string
	seq        uint64
	hash       [32]byte
	balances   map[account]Balance
	executions map[ID]*execution
	open       map[ID]*execution // those RESERVED or STARTED
	byAnalyst  map[string][]ID   // in order of reservation
	peers      map[string]PeerSeen
}

// newFold returns the meaning of the empty chain.
func newFold() *fold {
	return &fold{
		balances:   map[account]Balance{},
		executions: map[ID]*execution{},
		open:       map[ID]*execution{},
		byAnalyst:  map[string][]ID{},
		peers:      map[string]PeerSeen{},
	}
}

// check reports why an event may not come next, or nil. It is asked before an entry is written
// and again when it is read back, so that a chain cannot hold what the ledger would have
// refused.
func (f *fold) check(event Event, now time.Time) error {
	if _, first := event.(Created); first != (f.seq == 0) {
		return fmt.Errorf("%w: the chain does not begin with its creation", ErrCorrupt)
	}
	switch ev := event.(type) {
	case Created, HandedOver: // who may hand over, signatures say
		return nil
	case Reserved:
		return f.checkReserved(ev.Reservation, now)
	case Started:
		return f.checkStarted(ev.ID, now)
	case Finished:
		return f.inState(ev.ID, StateStarted, ErrNotStarted)
	case Recovered:
		return f.inState(ev.ID, StateStarted, ErrNotStarted)
	case Abandoned:
		return f.inState(ev.ID, StateReserved, ErrUsed)
	case Expired:
		return f.inState(ev.ID, StateReserved, ErrUsed)
	case PeerSeen:
		old, seen := f.peers[ev.Peer]
		if seen && (ev.Seq < old.Seq || ev.Seq == old.Seq && ev.Hash != old.Hash) {
			return &PeerError{Peer: ev.Peer, Recorded: old.Seq, Seen: ev.Seq}
		}
		return nil
	case Released:
		x, known := f.executions[ev.ID]
		switch {
		case !known:
			return ErrUnknown
		case x.state != StateStarted && x.state != StateFinal:
			return ErrNotStarted
		case x.released != nil:
			return ErrChanged
		}
		return nil
	default:
		return fmt.Errorf("ledger: unknown event %T", event)
	}
}

// checkReserved holds a new reservation to form, novelty, expiry and limits.
func (f *fold) checkReserved(r Reservation, now time.Time) error {
	if err := r.check(); err != nil {
		return err
	}
	if x, known := f.executions[r.ID]; known {
		if x.state == StateReserved && x.fingerprint != r.fingerprint() {
			return ErrChanged
		}
		return ErrUsed
	}
	if !r.Expires.After(now) {
		return ErrExpired
	}
	return f.fits(r.Analyst, r.Charges, r.Limits)
}

// checkStarted allows the one start of a live reservation.
func (f *fold) checkStarted(id ID, now time.Time) error {
	if err := f.inState(id, StateReserved, ErrUsed); err != nil {
		return err
	}
	if !f.executions[id].expires.After(now) {
		return ErrExpired
	}
	return nil
}

// inState returns otherwise unless the execution is in the state.
func (f *fold) inState(id ID, want State, otherwise error) error {
	x, known := f.executions[id]
	if !known {
		return ErrUnknown
	}
	if x.state != want {
		return otherwise
	}
	return nil
}

// fits returns a *LimitError if the charges exceed a limit. The analyst's own total is looked
// at before the source's cap, so that who has nothing left learns nothing about others.
func (f *fold) fits(analyst string, charges []Charge, limits []Limit) error {
	for _, scope := range []Scope{ScopeAnalyst, ScopeSource} {
		for _, c := range charges {
			i := slices.IndexFunc(limits, func(l Limit) bool { return l.Source == c.Source })
			if i < 0 {
				return fmt.Errorf("%w: no limit of source %q", ErrInvalid, c.Source)
			}
			limit := limits[i]
			epsilon, delta := f.remaining(account{analyst, c.Source}, limit.AnalystEpsilon, limit.AnalystDelta)
			refusal := &LimitError{Source: c.Source, Scope: scope, RemainingEpsilon: epsilon, RemainingDelta: delta}
			if scope == ScopeSource {
				epsilon, delta = f.remaining(account{"", c.Source}, limit.CapEpsilon, limit.CapDelta)
			}
			if c.Epsilon > epsilon || c.Delta > delta {
				return refusal
			}
		}
	}
	return nil
}

// remaining returns what is left of a limit, never less than 0. Balances are sums of amounts
// that once fitted a limit, so they do not overflow.
func (f *fold) remaining(a account, epsilon dp.Epsilon, delta dp.Delta) (dp.Epsilon, dp.Delta) {
	b := f.balances[a]
	return max(0, epsilon-b.Epsilon-b.ReservedEpsilon), max(0, delta-b.Delta-b.ReservedDelta)
}

// apply adds a checked event as entry seq with its hash.
func (f *fold) apply(event Event, seq uint64, hash [32]byte) {
	f.seq, f.hash = seq, hash
	switch ev := event.(type) {
	case Created:
		f.owner = ev.Owner
	case Reserved:
		r := ev.Reservation
		x := &execution{
			state: StateReserved, entry: seq, analyst: r.Analyst, charges: slices.Clone(r.Charges),
			expires: r.Expires, fingerprint: r.fingerprint(),
		}
		f.executions[r.ID], f.open[r.ID] = x, x
		f.byAnalyst[r.Analyst] = append(f.byAnalyst[r.Analyst], r.ID)
		f.move(x, func(b *Balance, c Charge) {
			b.ReservedEpsilon += c.Epsilon
			b.ReservedDelta += c.Delta
		})
	case Started:
		x := f.executions[ev.ID]
		x.state, x.started = StateStarted, seq
		f.move(x, func(b *Balance, c Charge) {
			b.ReservedEpsilon -= c.Epsilon
			b.ReservedDelta -= c.Delta
			b.Epsilon += c.Epsilon
			b.Delta += c.Delta
		})
	case Finished:
		f.close(ev.ID, StateFinal)
	case Recovered:
		f.close(ev.ID, StateFinal)
	case Abandoned:
		f.refund(ev.ID)
	case Expired:
		f.refund(ev.ID)
	case PeerSeen:
		f.peers[ev.Peer] = ev
	case Released:
		f.executions[ev.ID].released = &ev
	case HandedOver: // changes no account
	}
}

// refund gives back what a reservation set aside.
func (f *fold) refund(id ID) {
	f.move(f.executions[id], func(b *Balance, c Charge) {
		b.ReservedEpsilon -= c.Epsilon
		b.ReservedDelta -= c.Delta
	})
	f.close(id, StateDead)
}

// close puts an execution into its last state.
func (f *fold) close(id ID, last State) {
	f.executions[id].state = last
	delete(f.open, id)
}

// move changes the two balances that each charge touches.
func (f *fold) move(x *execution, change func(*Balance, Charge)) {
	for _, c := range x.charges {
		for _, a := range []account{{x.analyst, c.Source}, {"", c.Source}} {
			b := f.balances[a]
			change(&b, c)
			f.balances[a] = b
		}
	}
}

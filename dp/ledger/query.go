package ledger

import (
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/c2dproxy/c2dproxy/dp"
)

// Record is one execution as an owner's history shows it.
type Record struct {
	ID        ID
	Study     string
	Analyst   string
	Statement string
	Charges   []Charge
	State     State
	Time      time.Time // of the reservation
	Released  *Released // the gateway's receipt; nil: none
}

// Spent returns what an analyst was charged at a source, and has set aside there.
func (l *Ledger) Spent(analyst, source string) (Balance, error) {
	return l.balance(account{analyst, source})
}

// SpentAtSource returns what all analysts together were charged at a source. For the owner
// only.
func (l *Ledger) SpentAtSource(source string) (Balance, error) {
	return l.balance(account{"", source})
}

// balance reads one balance.
func (l *Ledger) balance(a account) (Balance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return Balance{}, err
	}
	return l.fold.balances[a], nil
}

// Remaining returns what is left of an analyst's own total at a source; never below 0.
func (l *Ledger) Remaining(analyst string, limit Limit) (dp.Epsilon, dp.Delta, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return 0, 0, err
	}
	epsilon, delta := l.fold.remaining(account{analyst, limit.Source}, limit.AnalystEpsilon, limit.AnalystDelta)
	return epsilon, delta, nil
}

// Fits returns nil if a reservation of these charges would fit now, or the *LimitError that it
// would meet. It sets nothing aside.
func (l *Ledger) Fits(analyst string, charges []Charge, limits []Limit) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.fold.fits(analyst, charges, limits)
}

// History returns an analyst's last executions, the newest first.
func (l *Ledger) History(analyst string, limit int) ([]Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return nil, err
	}
	ids := l.fold.byAnalyst[analyst]
	var records []Record
	for i := len(ids) - 1; i >= 0 && len(records) < limit; i-- {
		x := l.fold.executions[ids[i]]
		entry, err := l.entry(x.entry)
		if err != nil {
			return nil, err
		}
		reserved, ok := entry.Event.(Reserved)
		if !ok {
			return nil, fmt.Errorf("%w (entry %d is no reservation)", ErrCorrupt, x.entry)
		}
		r := reserved.Reservation
		records = append(records, Record{
			ID: r.ID, Study: r.Study, Analyst: r.Analyst, Statement: r.Statement, Charges: r.Charges,
			State: x.state, Time: entry.Time, Released: x.released,
		})
	}
	return records, nil
}

// Execution is all that the ledger holds of one execution.
type Execution struct {
	Reservation Reservation
	State       State
	Reserved    time.Time
	Started     time.Time // zero: it was not
	Approvals   []byte    // as Start got them; nil: none
	Released    *Released // nil: none
}

// Execution returns what the ledger holds of one execution; ErrUnknown if it never heard of it.
func (l *Ledger) Execution(id ID) (Execution, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return Execution{}, err
	}
	x, known := l.fold.executions[id]
	if !known {
		return Execution{}, ErrUnknown
	}
	entry, err := l.entry(x.entry)
	if err != nil {
		return Execution{}, err
	}
	reserved, ok := entry.Event.(Reserved)
	if !ok {
		return Execution{}, fmt.Errorf("%w (entry %d is no reservation)", ErrCorrupt, x.entry)
	}
	out := Execution{Reservation: reserved.Reservation, State: x.state, Reserved: entry.Time, Released: x.released}
	if x.started == 0 {
		return out, nil
	}
	if entry, err = l.entry(x.started); err != nil {
		return Execution{}, err
	}
	started, ok := entry.Event.(Started)
	if !ok {
		return Execution{}, fmt.Errorf("%w (entry %d is no start)", ErrCorrupt, x.started)
	}
	out.Started, out.Approvals = entry.Time, started.Approvals
	return out, nil
}

// entry reads one entry.
func (l *Ledger) entry(seq uint64) (Entry, error) {
	k, found, err := l.store.get(seq)
	if err != nil {
		return Entry{}, err
	}
	if !found {
		return Entry{}, fmt.Errorf("%w (entry %d is missing)", ErrCorrupt, seq)
	}
	entry, err := decodeEntry(k.bytes)
	if err != nil {
		return Entry{}, fmt.Errorf("%w (entry %d)", ErrCorrupt, seq)
	}
	return entry, nil
}

// Head returns the newest entry's number and hash, which seals the whole chain.
func (l *Ledger) Head() (seq uint64, hash [32]byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return 0, [32]byte{}, err
	}
	return l.fold.seq, l.fold.hash, nil
}

// Walk calls visit with every entry in order, for the owner's eyes. visit must not call the
// ledger.
func (l *Ledger) Walk(visit func(Entry) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	return l.store.walk(func(k link) error {
		entry, err := decodeEntry(k.bytes)
		if err != nil {
			return fmt.Errorf("%w (entry %d)", ErrCorrupt, k.seq)
		}
		return visit(entry)
	})
}

// Verify reads the whole chain from disk again, checks every hash, signature and transition,
// recomputes all balances and compares them with those in use.
func (l *Ledger) Verify() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	f, _, err := l.refold()
	if err != nil {
		return err
	}
	if f.seq != l.fold.seq || f.hash != l.fold.hash || !maps.Equal(f.balances, l.fold.balances) {
		return fmt.Errorf("%w (the chain on disk is not the one in use)", ErrCorrupt)
	}
	return nil
}

// Backup writes a copy of the ledger's file, consistent and complete, while it is in use. A
// restored copy that is older than a peer's receipt is refused by that peer.
func (l *Ledger) Backup(w io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if err := l.store.backup(w); err != nil {
		return fmt.Errorf("ledger: backup: %w", err)
	}
	return nil
}

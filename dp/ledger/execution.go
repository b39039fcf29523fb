package ledger

import (
	"errors"
	"fmt"
	"slices"
)

// Reserve sets an execution's charges aside, durably. The identical reservation again, while it
// is RESERVED, changes nothing and succeeds; with other contents it is ErrChanged; once started
// or dead, ErrUsed. What does not fit a limit is a *LimitError, and nothing is set aside.
func (l *Ledger) Reserve(r Reservation) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if err := r.check(); err != nil {
		return err
	}
	if err := l.expire(); err != nil {
		return err
	}
	if x, known := l.fold.executions[r.ID]; known && x.state == StateReserved && x.fingerprint == r.fingerprint() {
		return nil
	}
	r.Charges, r.Limits = slices.Clone(r.Charges), slices.Clone(r.Limits)
	return l.append(Reserved{r})
}

// Start makes an execution's charge final, durably, before its data is read. It succeeds once
// in an id's life: any other start is ErrUsed. recheck (may be nil) runs while nothing else can
// change the ledger, and its error refuses and leaves the reservation as it was; it must not
// call the ledger. Past the expiry the reservation is refunded and Start is ErrExpired. The approvals of all participants
// (may be nil) become durable in the same entry, so that nothing was ever read without them.
func (l *Ledger) Start(id ID, approvals []byte, recheck func() error) error {
	if len(approvals) > maxApprovals {
		return fmt.Errorf("%w: the approvals are too long", ErrInvalid)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	switch err := l.fold.checkStarted(id, l.options.Clock()); {
	case errors.Is(err, ErrExpired):
		return errors.Join(ErrExpired, l.append(Expired{id}))
	case err != nil:
		return err
	}
	if recheck != nil {
		if err := recheck(); err != nil {
			return err
		}
	}
	return l.append(Started{ID: id, Approvals: slices.Clone(approvals)})
}

// Finish records that a started execution ended; a second time it does nothing.
func (l *Ledger) Finish(id ID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if x, known := l.fold.executions[id]; known && x.state == StateFinal {
		return nil
	}
	return l.append(Finished{id})
}

// Abandon refunds a reservation that was never started. Anything else, an unknown id too, it
// leaves as it is: who gives up need not know how far it came.
func (l *Ledger) Abandon(id ID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if x, known := l.fold.executions[id]; !known || x.state != StateReserved {
		return nil
	}
	return l.append(Abandoned{id})
}

// Receipt records the gateway's signed hash of the batch that a started execution released
// (RULES 23). The identical receipt again does nothing; another one is ErrChanged.
func (l *Ledger) Receipt(id ID, batchHash [32]byte, signature []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if len(signature) > maxName {
		return ErrInvalid
	}
	if x, known := l.fold.executions[id]; known && x.released != nil &&
		x.released.BatchHash == batchHash && slices.Equal(x.released.Signature, signature) {
		return nil
	}
	return l.append(Released{ID: id, BatchHash: batchHash, Signature: slices.Clone(signature)})
}

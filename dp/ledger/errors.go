package ledger

import (
	"errors"
	"fmt"

	"github.com/c2dproxy/c2dproxy/dp"
)

// Errors of opening and of states. Returned errors wrap them.
var (
	ErrMissing    = errors.New("ledger: the ledger file is missing although a ledger existed here; restore the newest copy")
	ErrCorrupt    = errors.New("ledger: the ledger file is damaged; restore the newest copy")
	ErrLocked     = errors.New("ledger: another process holds the ledger")
	ErrKey        = errors.New("ledger: the ledger was handed over to another key")
	ErrOwner      = errors.New("ledger: the ledger belongs to another owner")
	ErrUnusable   = errors.New("ledger: an earlier commit failed or the ledger is closed; open it again")
	ErrReadOnly   = errors.New("ledger: opened read-only")
	ErrInvalid    = errors.New("ledger: invalid reservation")
	ErrUsed       = errors.New("ledger: this execution was already started or given up")
	ErrChanged    = errors.New("ledger: this execution was already recorded with other contents")
	ErrUnknown    = errors.New("ledger: unknown execution")
	ErrExpired    = errors.New("ledger: the reservation has expired")
	ErrNotStarted = errors.New("ledger: the execution was not started")
)

// Scope says whose limit refused.
type Scope string

// Scopes.
const (
	ScopeAnalyst Scope = "analyst" // the analyst's total at this source
	ScopeSource  Scope = "source"  // the source's cap over all analysts
)

// LimitError says that a reservation does not fit. It shows the analyst's own remainder only
// (RULES 25): what others have spent is not in it.
type LimitError struct {
	Source           string
	Scope            Scope
	RemainingEpsilon dp.Epsilon // of the analyst at this source
	RemainingDelta   dp.Delta
}

// Error implements error.
func (e *LimitError) Error() string {
	if e.Scope == ScopeSource {
		return fmt.Sprintf("ledger: the budget of source %q over all analysts does not cover the question", e.Source)
	}
	return fmt.Sprintf("ledger: the analyst's budget at source %q does not cover the question: epsilon %v and delta %v are left",
		e.Source, e.RemainingEpsilon, e.RemainingDelta)
}

// BehindError says that this ledger does not contain an entry that a peer has a receipt of: it
// is older than the receipt, or another chain.
type BehindError struct {
	Receipt uint64 // the entry of the receipt
	Head    uint64 // the newest entry of this ledger
}

// Error implements error.
func (e *BehindError) Error() string {
	if e.Receipt > e.Head {
		return fmt.Sprintf("ledger: a peer has a receipt of entry %d, but this ledger ends at %d", e.Receipt, e.Head)
	}
	return fmt.Sprintf("ledger: a peer has a receipt of another entry %d", e.Receipt)
}

// PeerError says that a peer's ledger went back, or forked, since its last receipt.
type PeerError struct {
	Peer           string
	Recorded, Seen uint64
}

// Error implements error.
func (e *PeerError) Error() string {
	return fmt.Sprintf("ledger: the ledger of %s shows entry %d, which contradicts its earlier entry %d", e.Peer, e.Seen, e.Recorded)
}

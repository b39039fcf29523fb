package federation

import (
	"context"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Source reads an owner's data. federationtest.TestSource holds every implementation to it.
//
// Contract: Read runs the task's SQL in one read-only, repeatable-read snapshot by
// a role that can only read, and returns its rows (not padded) as one record of int64
// and binary columns in the order of task.Columns. Errors never carry row data. The
// caller releases the record.
type Source interface {
	Read(ctx context.Context, task sqlplan.LocalTask) (arrow.Record, error)
}

// Ledger is the owner's durable account of what was released (RULES 2, 3, 19).
// Package proxy implements it on a *ledger.Ledger, which federation does not see.
type Ledger interface {
	// Reserve sets the charges of a new execution aside. It is idempotent for the same
	// reservation and refuses (ZD010) what does not fit. Durable before it returns.
	Reserve(ctx context.Context, r Reservation) error
	// Start makes the charge final, once: a second Start of an id is refused. recheck
	// runs in the same transaction and its error refuses. The approvals of all participants
	// (see DecodeApprovals) are kept with it. Durable before it returns.
	Start(ctx context.Context, id ExecutionID, approvals []byte, recheck func() error) error
	// Finish records that a started execution ended.
	Finish(ctx context.Context, id ExecutionID) error
	// Abandon refunds a reservation that was never started; on a started one it does nothing.
	Abandon(ctx context.Context, id ExecutionID) error
	// Head is the ledger's sequence number and the hash of its chain up to there.
	Head(ctx context.Context) (seq uint64, hash [32]byte, err error)
}

// ExecutionID is the hash of every participant's nonce and the participants (RULES 1).
type ExecutionID [32]byte

// Reservation is what a party sets aside for one execution.
type Reservation struct {
	ID      ExecutionID
	Study   string
	Analyst string
	SQL     string           // for the owner's own history
	Charges []sqlplan.Charge // of this owner; empty at a helper
	Expires time.Time
}

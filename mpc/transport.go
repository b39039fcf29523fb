package mpc

import "context"

// Transport carries whole rounds between the three compute parties of one
// execution, so that rounds and lengths can be counted, compared and shown.
//
// Contract: the parties are numbered 0, 1, 2 in the order that the plan names
// them; next is self+1 and prev is self-1, modulo 3. All three parties call
// Round in the same order with matching lengths. A Transport authenticates and
// encrypts; it neither pads nor reorders. After an error it is unusable. One
// goroutine calls Round at a time.
type Transport interface {
	// Self is this party's number, 0 to 2.
	Self() int
	// Round sends r.ToNext and r.ToPrev and fills r.FromNext and r.FromPrev
	// exactly. Any of the four may be empty; a length is public. The buffers
	// belong to the caller again when Round returns.
	Round(ctx context.Context, r Round) error
}

// Round is one exchange; all lengths are in 64-bit words.
type Round struct {
	ToNext, ToPrev     []uint64
	FromNext, FromPrev []uint64
}

// Seeds derives the secrets that two parties share for one execution
// (RULES 1): both ends of a pair get the same 32 bytes for the same purpose,
// the third party learns nothing about them, and no other execution, pair or
// purpose gets related bytes.
type Seeds interface {
	Seed(peer int, purpose string) ([32]byte, error)
}

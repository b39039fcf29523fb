// Package pgerr holds the one error type that reaches clients, and the one list
// of the codes that C2DProxy itself raises.
//
// Contract: every text in an [Error] is a constant plus words of the
// statement that the analyst typed, declared catalog names and declared numbers.
// Row data, exact answers and counts never enter an Error (errors are an output
// channel). Any other error that arrives at the wire is sent as XX000 with a
// reference number, and its text goes to the operator's log only.
//
// The package imports nothing but the standard library; anyone may import it.
package pgerr

import (
	"errors"
	"fmt"
)

// Error is an error as PostgreSQL reports it.
type Error struct {
	Code     string // SQLSTATE, five characters
	Message  string // one sentence, lower case, no full stop
	Detail   string // may be empty
	Hint     string // what to type or whom to ask; may be empty
	Position int    // 1-based position in characters (not bytes) in the statement text; 0 means unknown
}

// New returns an Error with a formatted message.
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithDetail returns a copy with the detail set.
func (e *Error) WithDetail(format string, args ...any) *Error {
	c := *e
	c.Detail = fmt.Sprintf(format, args...)
	return &c
}

// WithHint returns a copy with the hint set.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// At returns a copy with the position set (1-based, characters).
func (e *Error) At(position int) *Error {
	c := *e
	c.Position = position
	return &c
}

// Error implements error; the hint is not part of it.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (SQLSTATE %s)", e.Message, e.Code)
}

// SQLState returns the code; pgx and lib/pq errors have the same method.
func (e *Error) SQLState() string { return e.Code }

// As finds an *Error in the chain of err.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

package federation

import (
	"context"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// failureMessage is an error as it travels between parties. Every field is foreign to
// whoever receives it.
type failureMessage struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Detail   string `json:"detail,omitempty"`
	Hint     string `json:"hint,omitempty"`
	Position int    `json:"position,omitempty"`
}

// Caps on a peer's words, in characters. Longer ones are cut.
const (
	maxMessage = 400
	maxDetail  = 800
)

// failureOf reduces an error to what may leave this party: a *pgerr.Error as it is,
// anything else as one constant text (its words are for this party's log only).
func failureOf(err error) failureMessage {
	if e, ok := pgerr.As(err); ok {
		return failureMessage{e.Code, e.Message, e.Detail, e.Hint, e.Position}
	}
	if errors.Is(err, context.Canceled) {
		return failureMessage{Code: pgerr.ConnectionFailure, Message: "this party is stopping"}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return failureMessage{Code: pgerr.QueryCanceled, Message: "did not finish in time"}
	}
	return failureMessage{Code: pgerr.SystemError, Message: "failed while it worked on the question; its log has the cause"}
}

// errorFrom makes a peer's failure an error that names the peer. Codes that are not
// SQLSTATEs of the kinds a party raises become 58000.
func errorFrom(party string, f failureMessage) *pgerr.Error {
	code := f.Code
	if !foreignCode(code) {
		code = pgerr.SystemError
	}
	e := &pgerr.Error{Code: code, Message: "owner \"" + party + "\": " + clean(f.Message, maxMessage)}
	e.Detail = clean(f.Detail, maxDetail)
	e.Hint = clean(f.Hint, maxDetail)
	if f.Position > 0 && f.Position <= 1<<20 {
		e.Position = f.Position
	}
	return e
}

// foreignCode reports whether a peer may raise a code here. 00 to 02 mean success,
// a warning or no data, and would let a client go on as if nothing had failed.
func foreignCode(code string) bool {
	if len(code) != 5 || code[:2] == "00" || code[:2] == "01" || code[:2] == "02" {
		return false
	}
	for _, c := range []byte(code) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// clean keeps at most limit printable characters of a peer's words, on one line.
func clean(s string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == limit {
			b.WriteString("…")
			break
		}
		switch {
		case r == utf8.RuneError || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs):
			r = '?' // among Cf are the controls that reorder text on a terminal
		case unicode.IsSpace(r):
			r = ' '
		case !unicode.IsPrint(r):
			r = '?'
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// unreachable says that a party has no connection; reason is a constant, or "".
func unreachable(party, reason string) *pgerr.Error {
	e := pgerr.New(pgerr.ConnectionFailure, "owner %q cannot be reached", party).
		WithHint("Try again later, or ask the operator of %q, who runs c2dproxy doctor.", party)
	if reason == "" {
		return e
	}
	return e.WithDetail("%s", reason)
}

// lost says that the connection to a party broke while a question ran.
func lost(party string) *pgerr.Error {
	return pgerr.New(pgerr.ConnectionFailure, "the connection to owner %q was lost while the question ran", party).
		WithHint("SELECT * FROM c2d.history says whether it was charged; then ask again.")
}

// slow says that a party missed the time of a step.
func slow(party, step string) *pgerr.Error {
	return pgerr.New(pgerr.QueryCanceled, "owner %q did not %s in time", party, step).
		WithHint("Ask again; if it happens again, tell the operator of %q.", party)
}

// errAborted means that somebody else's failure ended the work; it never hides that failure.
var errAborted = errors.New("aborted by another party")

// weight orders failures of one query: the larger one is told to the analyst. A refusal
// explains more than the broken connection or the abort that it caused elsewhere.
func weight(err error) int {
	var e *pgerr.Error
	switch {
	case err == nil:
		return -1
	case errors.Is(err, errAborted):
		return 0
	case errors.As(err, &e) && e.Code == pgerr.ConnectionFailure:
		return 2
	case errors.As(err, &e):
		return 3
	}
	return 1
}

package wire

import (
	"context"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Handler is what stands behind the wire: who may log in, where a session's shadow is,
// and what becomes of each statement text. Package proxy implements it.
//
// Errors that are a *pgerr.Error reach the client as they are; any other
// error becomes XX000 with a reference number.
type Handler interface {
	// Login says what a login requires. For an unknown one ok is false, and the wire refuses it in the same
	// way as a known one whose password or certificate is wrong.
	Login(name string) (login Login, ok bool)

	// Connect opens the proxy's side of an authenticated session and says where its
	// shadow is: 3D000 for a study that does not exist or that the analyst has no
	// grant in.
	Connect(ctx context.Context, login, database string) (Session, error)
}

// Session is the proxy's side of one analyst connection. The relay calls its methods
// from one goroutine, except Close.
type Session interface {
	// Shadow says how to reach the session's shadow server.
	Shadow() Endpoint

	// Attached tells the session its backend in the shadow, once, before any Rewrite:
	// statement ids are bound to it.
	Attached(backendPID uint32)

	// Rewrite splits text into statements and says what becomes of each. types are
	// the parameter oids that the client gave (0 = infer; nil for the simple protocol).
	// An error refuses the whole text; its position counts characters of text. Within a
	// session the result depends on text and types only: the relay remembers texts that are Relay altogether.
	Rewrite(ctx context.Context, text string, types []uint32) ([]Statement, error)

	// Close ends the session and cancels what it still runs.
	Close()
}

// Endpoint is a shadow server on a unix socket, and the analyst's role there.
type Endpoint struct {
	SocketDir string
	Port      int
	Database  string
	Role      string
	Password  string // random, of this shadow; never shown
}

// Kind says who answers a statement.
type Kind int

// Kinds. The zero value is refused by the relay, so that a forgotten Kind never runs.
const (
	_ Kind = iota
	// Relay goes to the shadow untouched.
	Relay
	// Federated reads federated tables: the relay describes Describe on the shadow and
	// sends what Finish returns in the statement's place.
	Federated
)

// Statement is one statement of a text.
type Statement struct {
	Start, End int // byte span in the text, without the semicolon
	Kind       Kind

	// Describe is the SELECT inside a Federated statement, to be parsed and described
	// in the session (so that names, types and semantic errors are PostgreSQL's own).
	// DescribeAt is the byte offset of its first byte in the text: positions of errors are moved by it.
	Describe   string
	DescribeAt int
	// DescribeTypes are parameter oids for Describe where the statement declares them itself
	// (PREPARE name(int) AS …); nil: those that the client gave.
	DescribeTypes []uint32

	// Finish returns the text that replaces the span.
	Finish func(ctx context.Context, d Description) (string, error)

	// Tag, if not empty, replaces the verb of CommandComplete ("EXPLAIN" for a rewritten EXPLAIN).
	Tag string
}

// Description is what the shadow said of a Describe text.
type Description struct {
	ParamTypes []uint32
	Fields     []pgproto3.FieldDescription // valid until Finish returns
}

// Callback answers the functions of schema c2d that the shadow calls back: c2d.run,
// c2d.explain and the system views. Package proxy implements it.
type Callback interface {
	// Call runs one call to its end. ctx ends when the backend goes away or is
	// cancelled. Each row is a text array; the relay sends them as they are.
	Call(ctx context.Context, call Call) (rows [][]*string, err error)
}

// Call is one call from inside a shadow. All fields but Args were fixed by our own function
// in the shadow, not by the analyst's text.
type Call struct {
	BackendPID uint32
	Name       string            // run, explain, budget, last, history, columns, tables, studies
	Statement  string            // run, explain: statement id
	Args       []*string         // run, explain: values of $1, $2, …, text format
	Settings   map[string]string // search_path, TimeZone, DateStyle, IntervalStyle, now (µs since 1970 UTC), c2d.epsilon, c2d.mode
}

package wire

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// relay is one authenticated session between a client and its shadow. One goroutine reads the
// client (requests), one the shadow (replies); each writes to the other side.
type relay struct {
	opts    *Options
	session Session
	client  *pgproto3.Backend
	out     *writer // to the client
	shadow  *shadowConn
	answers *answers
	mark    string // random; names what the relay injects
	probes  int

	encoding atomic.Value // codec of client_encoding

	timer    *time.Timer
	timerMu  sync.Mutex
	timedOut atomic.Bool

	// Of the replies goroutine: what became of the client's prepared statements and portals.
	statements map[string]*rewritten
	portals    map[string]*rewritten
	told       bool // the shadow ended its session with an error of its own
}

// errDesync says that the shadow answered what nobody asked.
var errDesync = errors.New("wire: unexpected message from the shadow")

// errCopyIn says that the shadow waits for rows of COPY FROM, which a handler should have refused.
var errCopyIn = errors.New("wire: COPY FROM reached the shadow")

// newRelay prepares a session.
func newRelay(o *Options, s Session, client *pgproto3.Backend, out *writer, shadow *shadowConn) (*relay, error) {
	var b [12]byte
	if _, err := io.ReadFull(o.Random, b[:]); err != nil {
		return nil, fmt.Errorf("reading randomness: %w", err)
	}
	r := &relay{
		opts: o, session: s, client: client, out: out, shadow: shadow,
		mark:       "c2d_" + hex.EncodeToString(b[:]),
		statements: map[string]*rewritten{}, portals: map[string]*rewritten{},
	}
	r.encoding.Store(codecOf(shadow.params["client_encoding"]))
	r.answers = newAnswers(shadow.status, r.busy)
	return r, nil
}

// run relays until either side ends. The shadow's work is cancelled when the client goes.
func (r *relay) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	replied := make(chan error, 1)
	go func() {
		err := r.replies()
		cancel(fmt.Errorf("shadow session ended: %w", err))
		r.shadowEnded(err)
		replied <- err
	}()
	err := r.requests(ctx)
	cancel(err)
	if _, waiting := r.answers.head(); waiting {
		if cerr := r.shadow.cancel(); cerr != nil && !errors.Is(err, io.EOF) {
			err = errors.Join(err, cerr)
		}
	}
	_ = r.shadow.conn.Close() // ends replies; the shadow rolls back
	_ = r.out.conn.Close()
	rerr := <-replied
	r.busy(false)
	if errors.Is(rerr, errDesync) {
		return rerr
	}
	return err
}

// shadowEnded tells the client, unless the relay ended first, and closes its connection,
// which ends requests.
func (r *relay) shadowEnded(err error) {
	switch {
	case r.told || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded):
		_ = r.out.flush() // the connection closes either way
		_ = r.out.conn.Close()
	case errors.Is(err, errCopyIn):
		r.out.last(newErrorResponse(severityFatal, pgerr.New(pgerr.FeatureNotSupported, "COPY FROM STDIN is not supported")))
	case errors.Is(err, errDesync):
		r.out.last(r.opts.errorResponse(context.Background(), severityFatal, err))
	default:
		r.out.last(newErrorResponse(severityFatal, pgerr.New(pgerr.AdminShutdown, "terminating connection because the session's server stopped").
			WithHint("Reconnect and try again.")))
	}
}

// busy starts and stops the gateway's own clock.
func (r *relay) busy(on bool) {
	r.timerMu.Lock()
	defer r.timerMu.Unlock()
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	if on {
		r.timedOut.Store(false)
		r.timer = time.AfterFunc(r.opts.QueryTimeout, r.expire)
	}
}

// expire cancels what runs too long, and ends the session if that does not help.
func (r *relay) expire() {
	r.timedOut.Store(true)
	err := r.shadow.cancel()
	r.timerMu.Lock()
	defer r.timerMu.Unlock()
	if r.timer == nil {
		return
	}
	grace := 10 * time.Second
	if err != nil {
		grace = 0
	}
	r.timer = time.AfterFunc(grace, func() {
		r.out.last(newErrorResponse(severityFatal, pgerr.New(pgerr.QueryCanceled, "terminating connection due to statement timeout")))
	})
}

// requests reads the client's messages until it ends. It returns nil after Terminate.
func (r *relay) requests(ctx context.Context) error {
	for {
		msg, err := r.client.Receive()
		if err != nil {
			return r.badMessage(err)
		}
		if _, ok := msg.(*pgproto3.Terminate); ok {
			return nil
		}
		if err := r.request(ctx, msg); err != nil {
			return err
		}
	}
}

// badMessage tells a client that broke the protocol, if it is still there.
func (r *relay) badMessage(err error) error {
	var long *pgproto3.ExceededMaxBodyLenErr
	switch {
	case errors.As(err, &long):
		r.out.last(newErrorResponse(severityFatal, pgerr.New(pgerr.ProgramLimitExceeded, "message is longer than %d bytes", r.opts.MaxBody)))
	case !isConnectionError(err):
		r.out.last(newErrorResponse(severityFatal, pgerr.New(pgerr.ProtocolViolation, "invalid frontend message")))
	}
	return err
}

// request handles one message.
func (r *relay) request(ctx context.Context, msg pgproto3.FrontendMessage) error {
	switch m := msg.(type) {
	case *pgproto3.Query:
		return r.query(ctx, m.String)
	case *pgproto3.FunctionCall:
		return r.functionCall(ctx)
	case *pgproto3.Parse:
		return r.parse(ctx, m)
	case *pgproto3.Bind:
		return r.forward(m, answer{kind: answerBind, name: m.PreparedStatement, portal: m.DestinationPortal})
	case *pgproto3.Describe:
		if m.ObjectType == 'S' {
			return r.forward(m, answer{kind: answerStmt, name: m.Name})
		}
		return r.forward(m, answer{kind: answerPortal, portal: m.Name})
	case *pgproto3.Execute:
		return r.forward(m, answer{kind: answerExecute, portal: m.Portal})
	case *pgproto3.Close:
		if m.ObjectType == 'S' {
			return r.forward(m, answer{kind: answerClose, name: m.Name})
		}
		return r.forward(m, answer{kind: answerClosePortal, portal: m.Name})
	case *pgproto3.Sync:
		if err := r.forward(m, answer{kind: answerSync}); err != nil {
			return err
		}
		return r.shadow.out.flush()
	case *pgproto3.Flush:
		return sendNow(r.shadow.out, m)
	case *pgproto3.CopyData, *pgproto3.CopyDone, *pgproto3.CopyFail:
		return nil // PostgreSQL ignores them outside COPY FROM, which never starts here
	default:
		return r.badMessage(fmt.Errorf("unexpected frontend message %T", msg))
	}
}

// forward sends a message and expects its answer.
func (r *relay) forward(m pgproto3.FrontendMessage, a answer) error {
	r.answers.push(a)
	return r.shadow.out.send(m)
}

// sendProbe injects Parse, Describe and Close of a statement's Describe text.
func (r *relay) sendProbe(text string, s Statement, types []uint32, passError bool) (*probe, error) {
	c := r.codec()
	described, err := c.encode(s.Describe)
	if err != nil {
		return nil, err
	}
	if s.DescribeTypes != nil {
		types = s.DescribeTypes
	}
	r.probes++
	name := r.mark + "_" + strconv.Itoa(r.probes)
	p := &probe{text: text, at: s.DescribeAt, passError: passError, done: make(chan struct{})}
	r.answers.push(answer{kind: answerParse, probe: p}, answer{kind: answerStmt, probe: p}, answer{kind: answerClose, probe: p})
	return p, r.shadow.out.send(
		&pgproto3.Parse{Name: name, Query: described, ParameterOIDs: types},
		&pgproto3.Describe{ObjectType: 'S', Name: name},
		&pgproto3.Close{ObjectType: 'S', Name: name})
}

// provocation is a text that fails in the shadow, so that its transaction ends as PostgreSQL would end
// it; the error carries the session's mark and is replaced. A syntax error is one even in an
// aborted transaction; for anything else the shadow says 25P02 there, as it should.
func (r *relay) provocation(e *pgproto3.ErrorResponse) string {
	if e.Code == pgerr.SyntaxError {
		return r.mark
	}
	return "SELECT " + r.mark
}

// codec is that of the client_encoding last reported.
func (r *relay) codec() codec {
	c, _ := r.encoding.Load().(codec)
	return c
}

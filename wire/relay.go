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
	client  *frames
	out     *writer // to the client
	shadow  *shadowConn
	answers *answers
	mark    string // random; names what the relay injects
	probes  int

	encoding atomic.Value // codec of client_encoding
	clock    *clock
	timedOut atomic.Bool // the running statement was cancelled by the clock
	texts    texts       // of the requests goroutine

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
func newRelay(o *Options, s Session, client *frames, out *writer, shadow *shadowConn) (*relay, error) {
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
	r.clock = newClock(o.limits(), r.expire)
	r.answers = newAnswers(shadow.status, r.clock)
	return r, nil
}

// run relays until either side ends. The shadow's work is cancelled when the client goes.
func (r *relay) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var rerr error
	replied := make(chan struct{})
	go func() {
		defer close(replied)
		rerr = r.replies()
		cancel(fmt.Errorf("shadow session ended: %w", rerr))
		r.shadowEnded(rerr)
	}()
	err := r.requests(ctx)
	cancel(err)
	if _, waiting := r.answers.head(); waiting {
		if cerr := r.shadow.cancel(); cerr != nil && !errors.Is(err, io.EOF) {
			err = errors.Join(err, cerr)
		}
	}
	if r.shadow.out.broken() { // the shadow went first: replies has seen it too, and tells the client
		select {
		case <-replied:
		case <-time.After(time.Second):
		}
	}
	_ = r.shadow.conn.Close() // ends replies; the shadow rolls back
	_ = r.out.conn.Close()
	<-replied
	r.clock.stop()
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

// expire acts on a time limit that has passed: what runs too long is cancelled, and the
// session ends if that does not help, or if it was idle too long.
func (r *relay) expire(p phase) {
	switch p {
	case phaseRunning:
		if !r.clock.overdue() {
			return
		}
		r.timedOut.Store(true)
		if r.shadow.cancel() != nil {
			r.end(pgerr.QueryCanceled, "terminating connection due to statement timeout")
		}
	case phaseOverdue:
		r.end(pgerr.QueryCanceled, "terminating connection due to statement timeout")
	case phaseIdle:
		r.end("57P05", "terminating connection due to idle-session timeout")
	case phaseInBlock:
		r.end("25P03", "terminating connection due to idle-in-transaction timeout")
	}
}

// end tells the client why its session is over and closes its connection, which ends requests.
func (r *relay) end(code, message string) {
	r.out.last(newErrorResponse(severityFatal, pgerr.New(code, "%s", message)))
}

// requests reads the client's messages until it ends. It returns nil after Terminate.
func (r *relay) requests(ctx context.Context) error {
	for {
		f, err := r.client.next()
		if err != nil {
			return r.badMessage(err)
		}
		if f.kind() == 'X' {
			return nil
		}
		if err := r.request(ctx, f); err != nil {
			if errors.Is(err, errFrame) {
				return r.badMessage(err)
			}
			return err
		}
	}
}

// badMessage tells a client that broke the protocol, if it is still there.
func (r *relay) badMessage(err error) error {
	var long *pgproto3.ExceededMaxBodyLenErr
	switch {
	case errors.As(err, &long):
		r.out.farewell(newErrorResponse(severityFatal, pgerr.New(pgerr.ProgramLimitExceeded, "message is longer than %d bytes", r.opts.MaxBody)), r.client.in)
	case !isConnectionError(err):
		said, ok := pgerr.As(err)
		if !ok {
			said = pgerr.New(pgerr.ProtocolViolation, "invalid frontend message")
		}
		r.out.last(newErrorResponse(severityFatal, said))
	}
	return err
}

// request handles one message. Only those that carry a text are decoded.
func (r *relay) request(ctx context.Context, f frame) error {
	switch f.kind() {
	case 'Q':
		return r.query(ctx, f)
	case 'P':
		return r.parse(ctx, f)
	case 'B', 'D', 'E', 'C':
		a, err := named(f)
		if err != nil {
			return err
		}
		return r.forward(f, a)
	case 'S':
		if err := r.forward(f, answer{kind: answerSync}); err != nil {
			return err
		}
		return r.shadow.out.flush()
	case 'H':
		return sendNow(r.shadow.out, f)
	case 'F':
		return r.functionCall(ctx)
	case 'd', 'c', 'f':
		return nil // PostgreSQL ignores rows of COPY FROM outside of it, and it never starts here
	default:
		return errors.Join(errFrame, pgerr.New(pgerr.ProtocolViolation, "invalid frontend message type %d", f.kind()))
	}
}

// named is the answer to Bind, Describe, Execute and Close, whose names come first.
func named(f frame) (answer, error) {
	if f.kind() == 'B' || f.kind() == 'E' {
		n, kind := 1, answerExecute
		if f.kind() == 'B' {
			n, kind = 2, answerBind
		}
		names, err := f.names(0, n)
		return answer{kind: kind, portal: names[0], name: names[1]}, err
	}
	names, err := f.names(1, 1)
	if err != nil {
		return answer{}, err
	}
	statement := f.body()[0] == 'S'
	switch {
	case f.kind() == 'D' && statement:
		return answer{kind: answerStmt, name: names[0]}, nil
	case f.kind() == 'D':
		return answer{kind: answerPortal, portal: names[0]}, nil
	case statement:
		return answer{kind: answerClose, name: names[0]}, nil
	default:
		return answer{kind: answerClosePortal, portal: names[0]}, nil
	}
}

// settled waits until everything before is answered, so that transaction status and encoding are known.
func (r *relay) settled(ctx context.Context) (byte, error) {
	if _, waiting := r.answers.head(); waiting {
		if err := sendNow(r.shadow.out, &pgproto3.Flush{}); err != nil {
			return 0, err
		}
	}
	return r.answers.idle(ctx)
}

// forward sends a message and expects its answer.
func (r *relay) forward(m encoder, a answer) error {
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

package federation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// conversation is one end of a query's stream of messages. One goroutine sends and one
// receives at a time.
type conversation struct {
	conn net.Conn
	peer string // the other end's name
}

// send writes one message; body may be nil. It ends with ctx.
func (c *conversation) send(ctx context.Context, kind messageType, body any) error {
	e := envelope{Type: kind}
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode %s: %w", kind, err)
		}
		e.Body = data
	}
	release := bound(ctx, c.conn.SetWriteDeadline)
	defer release()
	if err := writeJSON(c.conn, e, maxQueryFrame); err != nil {
		return c.broken(ctx, err)
	}
	return nil
}

// receive reads one message of the wanted kind into body (nil: it has none). A failure
// or abort of the other end becomes an error.
func (c *conversation) receive(ctx context.Context, want messageType, body any) error {
	release := bound(ctx, c.conn.SetReadDeadline)
	defer release()
	var e envelope
	if err := readJSON(c.conn, &e, maxQueryFrame); err != nil {
		return c.broken(ctx, err)
	}
	switch e.Type {
	case want:
		if body == nil {
			return nil
		}
		if err := decodeStrict(e.Body, body); err != nil {
			return c.malformed()
		}
		return nil
	case msgFailure:
		var f failureMessage
		if err := decodeStrict(e.Body, &f); err != nil {
			return c.malformed()
		}
		return errorFrom(c.peer, f)
	case msgAbort:
		return errAborted
	}
	return c.malformed()
}

// broken explains an error of the connection: our own deadline or cancel, the peer's bytes,
// or a connection that is gone.
func (c *conversation) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, errFrame) {
		return c.malformed()
	}
	return lost(c.peer)
}

// malformed is the error for a peer that does not keep the protocol.
func (c *conversation) malformed() error {
	return pgerr.New(pgerr.ProtocolViolation, "owner %q sent a message that is not of the protocol", c.peer)
}

// give sends a last message, failure or abort, and gives it up to a second.
func (c *conversation) give(ctx context.Context, kind messageType, body any) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	// The other end may be gone already; it then learns the same from the closed stream.
	_ = c.send(ctx, kind, body)
}

// bound makes a connection's blocking call end with ctx, by its deadline setter. The
// returned function undoes that.
func bound(ctx context.Context, set func(time.Time) error) (release func()) {
	_ = set(time.Time{}) // fails on a closed connection only, and then the call itself fails
	ran := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = set(time.Unix(1, 0))
		close(ran)
	})
	return func() {
		if !stop() {
			<-ran // else it could end a later call's time
		}
	}
}

// expire makes every blocked and later call on a connection fail.
func expire(conn net.Conn) { _ = conn.SetDeadline(time.Unix(1, 0)) }

package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// pendingCall is a call of a callback connection from its start until its answer is sent.
type pendingCall struct {
	stop context.CancelFunc
	done chan struct{} // closed when rows and err are there
	rows [][]*string
	err  error
}

// answer does what one query asks. Its error is the connection's.
func (c *callbackConn) answer(ctx context.Context, text string) error {
	switch {
	case text == queryState:
		tag := tagBusy
		if c.current == nil {
			tag = tagDone
		}
		return sendNow(c.out, &pgproto3.CommandComplete{CommandTag: []byte(tag)}, &pgproto3.ReadyForQuery{TxStatus: 'I'})
	case text == queryWait && c.current != nil:
		return c.progress(ctx)
	}
	c.drop()
	call, err := decodeCall(text)
	if err != nil {
		return c.fail(err)
	}
	c.start(ctx, call)
	return c.progress(ctx)
}

// start begins a call.
func (c *callbackConn) start(ctx context.Context, call Call) {
	ctx, end := c.calls.begin(ctx, c.id)
	p := &pendingCall{stop: end, done: make(chan struct{})}
	c.current = p
	go func() {
		defer close(p.done)
		defer end()
		p.rows, p.err = c.cb.Call(ctx, call)
	}()
}

// drop ends the call that nobody waited for, if there is one, and waits until it has ended.
func (c *callbackConn) drop() {
	if c.current != nil {
		c.current.stop()
		<-c.current.done
		c.current = nil
	}
}

// progress waits a little for the call's end and sends its rows, or none if it goes on.
func (c *callbackConn) progress(ctx context.Context) error {
	hold := time.NewTimer(callbackHold)
	defer hold.Stop()
	p := c.current
	select {
	case <-p.done:
		c.current = nil
		if p.err != nil {
			return c.fail(p.err)
		}
		return c.rows(p.rows)
	case <-hold.C:
		return c.rows(nil)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// rows sends the rows of an answer.
func (c *callbackConn) rows(rows [][]*string) error {
	field := pgproto3.FieldDescription{Name: []byte("row"), DataTypeOID: oidTextArray, DataTypeSize: -1, TypeModifier: -1}
	if err := c.out.send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{field}}); err != nil {
		return err
	}
	var buf []byte
	for _, row := range rows {
		buf = arrayLiteral(buf[:0], row)
		if err := c.out.send(&pgproto3.DataRow{Values: [][]byte{buf}}); err != nil {
			return err
		}
	}
	return sendNow(c.out, &pgproto3.CommandComplete{CommandTag: fmt.Appendf(nil, "SELECT %d", len(rows))}, &pgproto3.ReadyForQuery{TxStatus: 'I'})
}

// fail tells the backend why its call has no answer.
func (c *callbackConn) fail(err error) error {
	e, ok := pgerr.As(err)
	switch {
	case ok:
	case errors.Is(err, context.Canceled):
		e = pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
	default:
		e = pgerr.New(pgerr.InternalError, "internal error")
	}
	return sendNow(c.out, newErrorResponse(severityError, e), &pgproto3.ReadyForQuery{TxStatus: 'I'})
}

package wire

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Limits of the callback socket. Its peers are functions of our own shadow.
const (
	maxCallbackBody  = 64 << 20 // parameters of a statement travel in the call
	callbackDeadline = 15 * time.Second
	oidTextArray     = 1009

	// callbackHold bounds how long a backend sits inside libpq, where it sees neither cancel nor statement_timeout.
	callbackHold = 25 * time.Millisecond
)

// What a backend asks of its call, and the command tags that tell it how that is.
const (
	queryWait  = "wait"
	queryState = "state"
	tagBusy    = "BUSY"
	tagDone    = "DONE"
)

// ServeCallback serves the functions of schema c2d of a shadow on l, a unix socket, until
// ctx ends; it closes l, cancels running calls and waits for them. It is as much of a PostgreSQL server as libpq
// needs: one password in the clear (the socket is private and the password random), then simple
// queries. A JSON object
//
//	{"call": "run", "pid": 4711, "statement": "…", "args": ["…", null], "settings": {"TimeZone": "UTC"}}
//
// starts a call and ends the one before, if nobody waited for it; args may be null or missing. It and the query wait
// are answered with one column of type text[], a row for each of Callback.Call's; with none if the call goes on after
// callbackHold. The query state tells the two apart by its command tag, BUSY or DONE. Anything else is refused. The
// call's context ends when the client goes away or asks for cancellation (dblink_cancel_query).
//
// Errors that are not a *pgerr.Error reach the client as XX000 with the error's text withheld.
func ServeCallback(ctx context.Context, l net.Listener, cb Callback, password string) error {
	if password == "" {
		return errors.New("wire: the callback needs a password")
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	running := newCalls(password)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if exhausted(err) {
				pause(ctx, acceptPause)
				continue
			}
			_ = l.Close()
			return fmt.Errorf("accepting callbacks: %w", err)
		}
		c := &callbackConn{conn: conn, out: newWriter(conn), cb: cb, password: sha256.Sum256([]byte(password)), calls: running, id: running.open()}
		wg.Go(func() { c.serve(ctx) })
	}
}

// callbackConn is one connection of the shadow.
type callbackConn struct {
	conn     net.Conn
	in       *pgproto3.Backend
	out      *writer
	cb       Callback
	password [sha256.Size]byte
	calls    *calls
	id       uint32 // among calls

	current *pendingCall // of the answering goroutine; nil: none, or answered
}

// serve handles one connection; its errors have nobody to be told to but the client.
func (c *callbackConn) serve(ctx context.Context) {
	defer c.conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.conn.Close() })
	defer stop()
	if err := c.login(); err != nil {
		if e, ok := pgerr.As(err); ok {
			c.out.last(newErrorResponse(severityFatal, e))
		}
		return
	}
	c.in.SetMaxBodyLen(maxCallbackBody)
	c.queries(ctx)
}

// login takes startup packet and password.
func (c *callbackConn) login() error {
	if err := deadline(c.conn, callbackDeadline); err != nil {
		return err
	}
	for {
		code, body, err := readPacket(c.conn)
		if err != nil {
			return err
		}
		if code == codeSSL || code == codeGSSENC {
			if _, err := c.conn.Write([]byte{'N'}); err != nil {
				return err
			}
			continue
		}
		if code == codeCancel {
			if key, err := decodeCancel(body); err == nil {
				c.calls.cancel(key)
			}
			return errStartup // it has no answer
		}
		if code>>16 != 3 {
			return errStartup
		}
		if _, err := decodeStartup(code, body); err != nil {
			return err
		}
		break
	}
	c.in = pgproto3.NewBackend(c.conn, c.conn)
	c.in.SetMaxBodyLen(maxStartupPacket)
	if err := c.in.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return err
	}
	if err := sendNow(c.out, &pgproto3.AuthenticationCleartextPassword{}); err != nil {
		return err
	}
	msg, err := c.in.Receive()
	if err != nil {
		return err
	}
	m, ok := msg.(*pgproto3.PasswordMessage)
	if !ok {
		return pgerr.New(pgerr.ProtocolViolation, "expected a password")
	}
	got := sha256.Sum256([]byte(m.Password))
	if subtle.ConstantTimeCompare(got[:], c.password[:]) != 1 {
		return pgerr.New(pgerr.InvalidPassword, "password authentication failed")
	}
	if err := deadline(c.conn, 0); err != nil {
		return err
	}
	return sendNow(c.out, &pgproto3.AuthenticationOk{},
		&pgproto3.ParameterStatus{Name: "server_version", Value: "15.0"},
		&pgproto3.ParameterStatus{Name: "server_encoding", Value: "UTF8"},
		&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"},
		&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"},
		&pgproto3.BackendKeyData{ProcessID: c.id, SecretKey: c.calls.secret(c.id)},
		&pgproto3.ReadyForQuery{TxStatus: 'I'})
}

// queries reads messages in one goroutine, so that a client that goes away during a call
// ends it, and answers in another.
func (c *callbackConn) queries(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	texts := make(chan string)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer c.drop()
		for text := range texts {
			if err := c.answer(ctx, text); err != nil {
				_ = c.conn.Close() // ends the reader
				cancel()
			}
		}
	})
	defer wg.Wait()
	defer close(texts)
	defer cancel()
	for {
		msg, err := c.in.Receive()
		if err != nil {
			return
		}
		q, ok := msg.(*pgproto3.Query)
		if !ok {
			if _, bye := msg.(*pgproto3.Terminate); !bye {
				c.out.last(newErrorResponse(severityFatal, pgerr.New(pgerr.FeatureNotSupported, "only calls are served here")))
			}
			return
		}
		select {
		case texts <- q.String:
		case <-ctx.Done():
			return
		}
	}
}

// decodeCall reads the JSON object of a call. Unknown members, a second object and a
// call without name or pid are refused; the error never quotes the text.
func decodeCall(text string) (Call, error) {
	refused := pgerr.New(pgerr.SyntaxError, "only calls are served here")
	var v struct {
		Call      string            `json:"call"`
		PID       uint32            `json:"pid"`
		Statement string            `json:"statement"`
		Args      []*string         `json:"args"`
		Settings  map[string]string `json:"settings"`
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return Call{}, refused
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) || v.Call == "" || v.PID == 0 {
		return Call{}, refused
	}
	return Call{BackendPID: v.PID, Name: v.Call, Statement: v.Statement, Args: v.Args, Settings: v.Settings}, nil
}

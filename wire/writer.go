package wire

import (
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// flushAt is the number of buffered bytes at which a writer writes on its own.
const flushAt = 32 << 10

// encoder is either direction's message.
type encoder interface {
	Encode(dst []byte) ([]byte, error)
}

// writer buffers whole messages for one connection. Its first error sticks. It is safe
// for concurrent use, so that a shutdown notice can follow whatever was relayed.
type writer struct {
	mu   sync.Mutex
	conn net.Conn
	buf  []byte
	err  error
}

// newWriter returns a writer on conn.
func newWriter(conn net.Conn) *writer { return &writer{conn: conn} }

// send buffers messages and writes when enough has gathered.
func (w *writer) send(msgs ...encoder) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range msgs {
		if w.err != nil {
			return w.err
		}
		buf, err := m.Encode(w.buf)
		if err != nil {
			w.err = err
			return err
		}
		w.buf = buf
		if len(w.buf) >= flushAt {
			w.flushLocked()
		}
	}
	return w.err
}

// broken says whether a write has failed.
func (w *writer) broken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err != nil
}

// flush writes what is buffered.
func (w *writer) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flushLocked()
	return w.err
}

// flushLocked is flush for a caller that holds mu.
func (w *writer) flushLocked() {
	if w.err != nil || len(w.buf) == 0 {
		return
	}
	if _, err := w.conn.Write(w.buf); err != nil {
		w.err = err
	}
	if cap(w.buf) > 4*flushAt {
		w.buf = nil // one large row must not stay for the rest of the session
	} else {
		w.buf = w.buf[:0]
	}
}

// farewell is last for a client that is still sending: closing at once would reset the connection and lose
// the message on its way, so what comes is thrown away for up to a second.
func (w *writer) farewell(msg pgproto3.BackendMessage, in io.Reader) {
	defer w.conn.Close()
	_ = w.conn.SetDeadline(time.Now().Add(time.Second)) // a failure shows as an error of the write
	if w.send(msg) != nil || w.flush() != nil {
		return
	}
	if half, ok := w.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, in) // ends with the client or the deadline
	}
}

// last writes a final message within a second, even to a client that stopped reading,
// and closes the connection.
func (w *writer) last(msg pgproto3.BackendMessage) {
	deadline := time.Now().Add(time.Second)
	_ = w.conn.SetWriteDeadline(deadline) // a failure shows as an error of the write
	if w.send(msg) == nil {
		_ = w.flush() // the connection closes either way
	}
	_ = w.conn.Close()
}

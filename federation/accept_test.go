package federation

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
)

// failingListener fails some times, then accepts.
type failingListener struct {
	net.Listener
	failures atomic.Int32
	err      error
	closed   atomic.Bool
}

// Accept implements net.Listener.
func (l *failingListener) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: l.err}
	}
	return l.Listener.Accept()
}

// Close implements net.Listener.
func (l *failingListener) Close() error {
	l.closed.Store(true)
	return l.Listener.Close()
}

// failing puts a failingListener in the place of the gateway's.
func failing(err error) (*failingListener, func(i int, o *Options)) {
	l := &failingListener{err: err}
	l.failures.Store(2)
	return l, func(i int, o *Options) {
		if i == 0 {
			l.Listener = o.Listen
			o.Listen = l
		}
	}
}

// Want of file descriptors passes: the party stays, and its peers connect afterwards.
func TestAcceptOutlivesExhaustion(t *testing.T) {
	t.Parallel()
	_, change := failing(syscall.EMFILE)
	w := running(t, change)
	w.answers(0)
}

// Any other failure of the listener ends Serve, which closes it.
func TestAcceptFails(t *testing.T) {
	t.Parallel()
	l, change := failing(syscall.EINVAL)
	w := newWorld(t, change)
	if err := w.nodes[0].Serve(context.Background()); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Serve returned %v", err)
	}
	if !l.closed.Load() {
		t.Error("the listener is still open")
	}
}

package wire

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
)

// fullListener fails as the system does when a process has no file descriptor left, then accepts.
type fullListener struct {
	net.Listener
	failures atomic.Int32
	err      error
}

func (l *fullListener) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: l.err}
	}
	return l.Listener.Accept()
}

// TestAcceptOutlivesExhaustion: want of file descriptors passes; any other failure of the listener ends Serve.
func TestAcceptOutlivesExhaustion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		ends bool
	}{{syscall.EMFILE, false}, {syscall.ENFILE, false}, {syscall.EINVAL, true}} {
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l := &fullListener{Listener: inner, err: c.err}
		l.failures.Store(1)
		s, err := NewServer(Options{Handler: &testHandler{}, PlaintextLoopback: true, Logger: slog.New(slog.DiscardHandler), Random: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, l) }()
		if !c.ends {
			if got := exchange(t, inner.Addr().String(), []byte{0, 0, 0, 8, 4, 210, 22, 48}, 1); string(got) != "N" {
				t.Errorf("%v: the next client got %q", c.err, got)
			}
			cancel()
		}
		if err := <-ended; (err != nil) != c.ends || c.ends && !errors.Is(err, c.err) {
			t.Errorf("%v: Serve returned %v", c.err, err)
		}
		cancel()
	}
}

package wire

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// handshakes is the number of connections beyond MaxConnections that may be short of
// authentication or carry a cancel request.
const handshakes = 64

// Server serves analysts. Make one with NewServer.
type Server struct {
	opts     Options
	open     atomic.Int64 // connections, authenticated or not
	throttle *throttle
	gate     gate

	mu       sync.Mutex
	sessions map[uint32]*live
	logins   map[string]int
}

// live is a running session as a CancelRequest finds it.
type live struct {
	secret []byte
	shadow *shadowConn
}

// NewServer checks the options.
func NewServer(o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Server{
		opts: o, throttle: newThrottle(time.Now, o.FreeFailures, o.MaxDelay),
		sessions: map[uint32]*live{}, logins: map[string]int{},
	}, nil
}

// Serve accepts connections on l until ctx ends, then tells every session 57P01, waits for
// all of them, and returns nil. It closes l. Nobody gets in until Open. A server can have several listeners.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
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
				s.opts.Logger.LogAttrs(ctx, slog.LevelError, "a connection was not accepted", slog.String("error", err.Error()))
				pause(ctx, acceptPause)
				continue
			}
			_ = l.Close()
			return fmt.Errorf("accepting analysts: %w", err)
		}
		if s.open.Add(1) > int64(s.opts.MaxConnections+handshakes) {
			s.open.Add(-1)
			_ = conn.Close() // a flood gets no answer
			continue
		}
		wg.Go(func() {
			defer s.open.Add(-1)
			s.serve(ctx, conn)
		})
	}
}

// acceptPause lets connections end before the next one is accepted, when the system has no room for it.
const acceptPause = 100 * time.Millisecond

// exhausted says that accepting failed for want of file descriptors or memory: that passes, and a flood
// of connections must not end the party.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// serve handles one connection to its end.
func (s *Server) serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	c := &connection{server: s, conn: conn, address: addressOf(conn), socket: onSocket(conn), loopback: onLoopback(conn.RemoteAddr(), conn.LocalAddr())}
	if err := c.run(ctx); err != nil && !isConnectionError(err) {
		s.opts.Logger.LogAttrs(ctx, slog.LevelInfo, "session ended", slog.String("login", c.login), slog.String("error", err.Error()))
	}
}

// register makes a session known under a key of its own.
func (s *Server) register(shadow *shadowConn) (*pgproto3.BackendKeyData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		var b [8]byte
		if _, err := io.ReadFull(s.opts.Random, b[:]); err != nil {
			return nil, fmt.Errorf("reading randomness: %w", err)
		}
		pid := binary.BigEndian.Uint32(b[:4]) & 0x7fffffff
		if _, taken := s.sessions[pid]; taken || pid == 0 {
			continue
		}
		s.sessions[pid] = &live{secret: b[4:], shadow: shadow}
		return &pgproto3.BackendKeyData{ProcessID: pid, SecretKey: b[4:]}, nil
	}
}

// unregister forgets a session.
func (s *Server) unregister(pid uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, pid)
}

// cancel passes a CancelRequest on. It never answers; a wrong key has no effect.
func (s *Server) cancel(key cancelKey) error {
	s.mu.Lock()
	found := s.sessions[key.pid]
	s.mu.Unlock()
	if found == nil || subtle.ConstantTimeCompare(found.secret, key.secret) != 1 {
		return nil
	}
	return found.shadow.cancel()
}

// admit counts a session of a login.
func (s *Server) admit(login string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for _, n := range s.logins {
		total += n
	}
	switch {
	case total >= s.opts.MaxConnections:
		return pgerr.New(pgerr.TooManyConnections, "sorry, too many clients already")
	case s.logins[login] >= s.opts.MaxPerLogin:
		return pgerr.New(pgerr.TooManyConnections, "too many connections for role %q", login)
	}
	s.logins[login]++
	return nil
}

// dismiss is the reverse of admit.
func (s *Server) dismiss(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logins[login]--; s.logins[login] <= 0 {
		delete(s.logins, login)
	}
}

// isConnectionError says that a peer went away, which nobody needs to be told.
func isConnectionError(err error) bool {
	var ne net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, errStartup) || errors.As(err, &ne)
}

// deadline sets or clears the deadline of both directions.
func deadline(conn net.Conn, d time.Duration) error {
	if d == 0 {
		return conn.SetDeadline(time.Time{})
	}
	return conn.SetDeadline(time.Now().Add(d))
}

package wire

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// refused tries to connect and returns code and message of the refusal.
func refused(ctx context.Context, dsn string) string {
	c, err := pgconn.Connect(ctx, dsn)
	var pe *pgconn.PgError
	switch {
	case err == nil:
		_ = c.Close(context.Background())
		return "in"
	case errors.As(err, &pe):
		return pe.Severity + " " + pe.Code + " " + pe.Message
	}
	return err.Error()
}

// TestStartingAndStopping: before Open and after its end, who connects hears what PostgreSQL says, over TLS; sessions end with 57P01,
// idle ones and those that are logging in too.
func TestStartingAndStopping(t *testing.T) {
	t.Parallel()
	h := &testHandler{}
	server, err := NewServer(Options{Handler: h, TLS: fixed(testTLS(t)), PlaintextLoopback: true, Logger: slog.New(slog.DiscardHandler), Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving, end := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(serving, l) }()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	dsn := "host=127.0.0.1 port=" + port + " user=mia password=secret dbname=postgres sslmode="
	for _, mode := range []string{"require", "disable"} {
		if got := refused(t.Context(), dsn+mode); got != "FATAL 57P03 the database system is starting up" {
			t.Errorf("starting, sslmode=%s: %s", mode, got)
		}
	}
	open, stop := context.WithCancel(t.Context())
	server.Open(open)
	idle, err := pgx.Connect(t.Context(), dsn+"require")
	if err != nil {
		t.Fatal(err)
	}
	half, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer half.Close()
	if _, err := half.Write(startupPacket(t, 3<<16, map[string]string{"user": "mia"})); err != nil {
		t.Fatal(err)
	}
	front := pgproto3.NewFrontend(half, half)
	if m, err := front.Receive(); err != nil {
		t.Fatalf("%T %v", m, err)
	}
	stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Wait(open)
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("sessions do not end")
	}
	for name, receive := range map[string]func() (pgproto3.BackendMessage, error){
		"idle": func() (pgproto3.BackendMessage, error) { return idle.PgConn().Frontend().Receive() }, "logging in": front.Receive,
	} {
		m, err := receive()
		e, ok := m.(*pgproto3.ErrorResponse)
		if !ok || e.Severity != "FATAL" || e.Code != "57P01" || e.Message != "terminating connection due to administrator command" {
			t.Errorf("%s: %#v %v", name, m, err)
		}
	}
	if n := h.sessions.Load(); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
	for _, mode := range []string{"require", "disable"} {
		if got := refused(t.Context(), dsn+mode); got != "FATAL 57P03 the database system is shutting down" {
			t.Errorf("stopping, sslmode=%s: %s", mode, got)
		}
	}
	end()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestPlaintext: without TLS from loopback only, and from there only where it is allowed; never from elsewhere.
func TestPlaintext(t *testing.T) {
	t.Parallel()
	const refusal = "FATAL 28000 connection is not encrypted"
	for _, c := range []struct {
		name    string
		allowed bool
		far     bool
		want    string
	}{
		{"loopback", true, false, "in"},
		{"loopback, TLS required", false, false, refusal},
		{"another machine", true, true, refusal},
		{"another machine, TLS required", false, true, refusal},
	} {
		s := serve(t, func(o *Options) { o.PlaintextLoopback = c.allowed })
		if c.far {
			s = serveOn(t, s.server, func(l net.Listener) net.Listener { return farListener{l} })
		}
		plain := strings.Replace(s.dsn(), "sslmode=require", "sslmode=disable", 1)
		if got := refused(t.Context(), plain); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
		if got := refused(t.Context(), s.dsn()); got != "in" {
			t.Errorf("%s, with TLS: %s", c.name, got)
		}
		if got := refused(t.Context(), strings.Replace(plain, "password=secret", "password=wrong", 1)); c.want == "in" && !strings.Contains(got, "28P01") {
			t.Errorf("%s, wrong password: %s", c.name, got)
		}
	}
}

// serveOn serves a running server on another listener.
func serveOn(t *testing.T, s *Server, wrap func(net.Listener) net.Listener) *testServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, wrap(l)) }()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return &testServer{addr: l.Addr().String(), port: port, server: s}
}

// farListener accepts connections that come from another machine, as far as their address tells.
type farListener struct{ net.Listener }

func (l farListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return farConn{c}, err
}

type farConn struct{ net.Conn }

func (farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 4711} }

// TestOnLoopback is the classifier itself.
func TestOnLoopback(t *testing.T) {
	t.Parallel()
	home := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5432}
	for _, c := range []struct {
		ip   string
		want bool
	}{
		{"127.0.0.1", true}, {"127.255.0.9", true}, {"::1", true}, {"::ffff:127.0.0.1", true},
		{"10.0.0.1", false}, {"0.0.0.0", false}, {"::", false}, {"128.0.0.1", false}, {"fe80::1", false}, {"::ffff:10.0.0.1", false}, {"2001:db8::1", false},
	} {
		peer := &net.TCPAddr{IP: net.ParseIP(c.ip), Port: 1234}
		if peer.IP == nil || onLoopback(peer, home) != c.want {
			t.Errorf("%s: %v", c.ip, !c.want)
		}
		if onLoopback(home, peer) != c.want {
			t.Errorf("on %s: %v", c.ip, !c.want)
		}
	}
	if other := (&net.UnixAddr{Name: "127.0.0.1:1", Net: "unix"}); onLoopback(other, home) {
		t.Error("a socket named like an address is loopback")
	}
}

// TestUnixSocket: psql and pgx log in over a socket by password, without TLS; the answer to an SSLRequest is N, and a
// login that requires a certificate has no way in. The log names the account.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	ca := newAuthority(t, "CA")
	s := serve(t, func(o *Options) {
		o.TLS, o.Logger = fixed(ca.server()), slog.New(slog.NewTextHandler(&log, nil))
		o.Handler.(*testHandler).logins = certificateLogins()
	})
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.server.Serve(ctx, l) }()
	defer func() {
		cancel()
		<-done
	}()
	dsn := "host=" + dir + " port=5432 dbname=postgres user="
	if got := psql(t, s, "SELECT 1;", "-d", dsn+"word password=secret"); got != "1\n" {
		t.Errorf("psql: %s", got)
	}
	for user, want := range map[string]string{
		"word password=secret": "in", "word password=wrong": `FATAL 28P01 password authentication failed for user "word"`,
		"both password=secret": `FATAL 28P01 password authentication failed for user "both"`,
		"cert password=secret": `FATAL 28P01 password authentication failed for user "cert"`,
	} {
		if got := refused(t.Context(), dsn+user); got != want {
			t.Errorf("%s: %s", user, got)
		}
	}
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	answer := make([]byte, 1)
	if _, err := c.Write(sslRequest); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(answer); err != nil || answer[0] != 'N' {
		t.Errorf("SSLRequest: %q %v", answer, err)
	}
	if !strings.Contains(log.String(), "msg=login login=word address=\"unix:uid=") {
		t.Errorf("the log lacks the account:\n%s", log.String())
	}
}

// TestConfiguredThrottle: the limits of the options are the throttle's.
func TestConfiguredThrottle(t *testing.T) {
	t.Parallel()
	s := serve(t, func(o *Options) { o.FreeFailures, o.MaxDelay = 1, 3*time.Second })
	for range 20 {
		s.server.throttle.failed(attempt{"mia", "127.0.0.1"})
	}
	if d := s.server.throttle.reserve(attempt{"mia", "127.0.0.1"}); d <= time.Second || d > 3*time.Second {
		t.Errorf("after many failures an attempt waits %v", d)
	}
	long := serve(t, func(o *Options) { o.FreeFailures, o.MaxDelay = 1, time.Hour })
	for range 4 {
		long.server.throttle.failed(attempt{"mia", "127.0.0.1"})
	}
	if got := refused(t.Context(), long.dsn()); !strings.Contains(got, "53300 too many failed login attempts") {
		t.Errorf("after four failures: %s", got)
	}
}

// TestConnectionLimit is the one over all logins, in PostgreSQL's words.
func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	s := serve(t, func(o *Options) {
		o.MaxConnections = 1
		o.Handler.(*testHandler).logins = map[string]Login{"mia": {Verifier: mockVerifier}, "tom": {Verifier: mockVerifier}}
	})
	c, err := pgx.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if got := refused(t.Context(), strings.Replace(s.dsn(), "user=mia", "user=tom", 1)); got != "FATAL 53300 sorry, too many clients already" {
		t.Errorf("one more: %s", got)
	}
}

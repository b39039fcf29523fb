package wire

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestChannelBinding: libpq and pgx insist on SCRAM-SHA-256-PLUS and get it.
func TestChannelBinding(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	if got := psql(t, s, "SELECT 1;", "-d", s.dsn()+" channel_binding=require"); got != "1\n" {
		t.Errorf("psql: %s", got)
	}
	for _, mode := range []string{"require", "disable"} {
		c, err := pgx.Connect(t.Context(), s.dsn()+" channel_binding="+mode)
		if err != nil {
			t.Errorf("pgx, channel_binding=%s: %v", mode, err)
			continue
		}
		_ = c.Close(context.Background())
	}
}

// TestChannelBindingChoice holds mechanism against flag, and refuses a client from which
// somebody hid the offer.
func TestChannelBindingChoice(t *testing.T) {
	with := endpointBinding(testTLS(t))
	if !with.IsSupported() {
		t.Fatal("a certificate signed with ECDSA has a binding")
	}
	plain := endpointBinding(nil)
	for _, c := range []struct {
		mechanism, data, code string
		offered               bool
	}{
		{scramPlus, "p=tls-server-end-point,,n=,r=x", "", true},
		{scramPlus, "n,,n=,r=x", "08P01", true},
		{scramPlus, "p=tls-server-end-point,,n=,r=x", "08P01", false},
		{scramMechanism, "n,,n=,r=x", "", true},
		{scramMechanism, "y,,n=,r=x", "28000", true},
		{scramMechanism, "y,,n=,r=x", "", false},
		{scramMechanism, "p=tls-server-end-point,,n=,r=x", "08P01", true},
		{"PLAIN", "", "08P01", true},
	} {
		x := &scramExchange{binding: plain}
		if c.offered {
			x.binding = with
		}
		code := ""
		if e, ok := pgerr.As(x.checkChoice(pgproto3.SASLInitialResponse{AuthMechanism: c.mechanism, Data: []byte(c.data)})); ok {
			code = e.Code
		}
		if code != c.code {
			t.Errorf("%s %q offered=%v: %q, want %q", c.mechanism, c.data, c.offered, code, c.code)
		}
	}
}

// TestNoBindingForEd25519: its signature has no digest for tls-server-end-point, and libpq would fail on the offer.
func TestNoBindingForEd25519(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
	if endpointBinding(config).IsSupported() {
		t.Error("binding is offered")
	}
	s := serve(t, func(o *Options) { o.TLS = fixed(config) })
	if got := psql(t, s, "SELECT 1;"); got != "1\n" {
		t.Errorf("psql: %s", got)
	}
}

// TestManInTheMiddle: a relay with a certificate of its own between client and server does not get in with the
// client's proof.
func TestManInTheMiddle(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	foreign := testTLS(t)
	go func() {
		for {
			victim, err := l.Accept()
			if err != nil {
				return
			}
			go intercept(victim, s.addr, foreign)
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_, err = pgx.Connect(t.Context(), strings.Replace(s.dsn(), "port="+s.port, "port="+port, 1))
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "28000" || !strings.Contains(pe.Message, "channel binding check failed") {
		t.Errorf("got %v", err)
	}
}

// intercept ends the victim's TLS and opens its own to the server.
func intercept(victim net.Conn, server string, foreign *tls.Config) {
	defer victim.Close()
	up, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer up.Close()
	answer := make([]byte, 1)
	if _, err := io.ReadFull(victim, make([]byte, len(sslRequest))); err != nil {
		return
	}
	if _, err := up.Write(sslRequest); err != nil {
		return
	}
	if _, err := io.ReadFull(up, answer); err != nil {
		return
	}
	if _, err := victim.Write(answer); err != nil {
		return
	}
	a, b := tls.Server(victim, foreign), tls.Client(up, &tls.Config{InsecureSkipVerify: true})
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(b, a); _ = b.CloseWrite() })
	_, _ = io.Copy(a, b)
	_ = victim.Close()
	wg.Wait()
}

// TestThrottle follows the delays with a clock of its own.
func TestThrottle(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	th := newThrottle(func() time.Time { return now }, freeFailures, maxDelay)
	mia := attempt{"mia", "10.0.0.1"}
	for i := range freeFailures {
		if d := th.reserve(mia); d != 0 {
			t.Fatalf("attempt %d waits %v", i, d)
		}
		th.failed(mia)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16} {
		if d := th.reserve(mia); d != want*time.Second {
			t.Errorf("waits %v, want %v s", d, want)
		}
		now = now.Add(want * time.Second)
		th.failed(mia)
	}
	if err := th.wait(t.Context(), mia); err == nil {
		t.Error("a long delay is no error")
	}
	for _, other := range []attempt{{"mia", "10.0.0.2"}, {"rosa", "10.0.0.1"}} {
		if d := th.reserve(other); d != 0 {
			t.Errorf("%v waits %v", other, d)
		}
	}
	now = now.Add(maxDelay)
	first, second := th.reserve(mia), th.reserve(mia)
	if first != 0 || second == 0 {
		t.Errorf("side by side: %v and %v", first, second)
	}
	th.succeeded(mia)
	if d := th.reserve(mia); d != 0 {
		t.Errorf("after success: %v", d)
	}
	for i := range 3 * throttledPairs {
		th.failed(attempt{"x", big.NewInt(int64(i)).String()})
	}
	if n := len(th.young) + len(th.old); n > 2*throttledPairs {
		t.Errorf("%d pairs are remembered", n)
	}
}

// lockedBuffer is a log that tests read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestLongLoginsAreCut: what a stranger sends as a login does not fill the throttle's memory.
func TestLongLoginsAreCut(t *testing.T) {
	t.Parallel()
	if got := attemptOf(strings.Repeat("x", maxStartupPacket), "::1"); len(got.login) != maxLogin || got.address != "::1" {
		t.Errorf("%d bytes are kept", len(got.login))
	}
	if got := attemptOf("mia", "::1"); got.login != "mia" {
		t.Errorf("login %q", got.login)
	}
}

// TestLoginsAreLogged: every login and every failure, with its address and never the password.
func TestLoginsAreLogged(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s := serve(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	began := time.Now()
	for range freeFailures + 1 {
		if _, err := pgx.Connect(t.Context(), strings.Replace(s.dsn(), "password=secret", "password=hunter2", 1)); err == nil {
			t.Fatal("a wrong password is accepted")
		}
	}
	if d := time.Since(began); d < firstDelay {
		t.Errorf("%d failures took %v", freeFailures+1, d)
	}
	c, err := pgx.Connect(t.Context(), strings.Replace(s.dsn(), "password=secret", "password=hunter2", 1))
	if err == nil {
		_ = c.Close(context.Background())
	}
	got := log.String()
	for _, want := range []string{`msg="login failed" login=mia address=127.0.0.1 failures=1`, "failures=4"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "hunter2") {
		t.Error("the log has a password")
	}
}

// TestSlowPeers: who does not log in in time is cut off, however it dawdles.
func TestSlowPeers(t *testing.T) {
	t.Parallel()
	s := serve(t, func(o *Options) { o.PlaintextLoopback = true; o.HandshakeTimeout = 400 * time.Millisecond })
	packet := startupPacket(t, 3<<16, map[string]string{"user": "mia"})
	for name, send := range map[string][]byte{"silent": nil, "half a packet": packet[:6], "no password": packet, "TLS": sslRequest} {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		go func() { // a byte now and then must not prolong it
			for _, b := range send {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		_ = c.SetReadDeadline(began.Add(10 * time.Second)) // without a limit it would come to that
		_, err = io.Copy(io.Discard, c)
		if d := time.Since(began); d > 8*time.Second {
			t.Errorf("%s: cut off after %v (%v)", name, d, err)
		}
		_ = c.Close()
	}
}

// TestIdleTimeouts: the gateway's own clock ends idle sessions and idle transactions, and no others.
func TestIdleTimeouts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ begin, code string }{{"SELECT 1", "57P05"}, {"BEGIN", "25P03"}} {
		s := serve(t, func(o *Options) {
			o.IdleTimeout, o.IdleInBlock = time.Hour, time.Hour
			if c.begin == "BEGIN" {
				o.IdleInBlock = time.Second
			} else {
				o.IdleTimeout = time.Second
			}
		})
		conn, err := pgconn.Connect(t.Context(), s.dsn())
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range []string{c.begin, "SELECT pg_sleep(1.5)"} {
			if _, err := conn.Exec(t.Context(), sql).ReadAll(); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		_ = conn.Conn().SetReadDeadline(time.Now().Add(15 * time.Second))
		msg, err := conn.ReceiveMessage(t.Context())
		var pe *pgconn.PgError
		if e, ok := msg.(*pgproto3.ErrorResponse); ok {
			pe = pgconn.ErrorResponseToPgError(e)
		} else if !errors.As(err, &pe) {
			t.Fatalf("%s: %T %v", c.begin, msg, err)
		}
		if pe.Code != c.code || pe.Severity != "FATAL" {
			t.Errorf("%s: %+v", c.begin, pe)
		}
	}
}

package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// The shadow of all tests: a real PostgreSQL with an empty table patients that analyst mia
// may describe and not read.
var (
	shadowServer *pgserver.Server
	mockVerifier string
)

func TestMain(m *testing.M) {
	code, err := withShadow(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func withShadow(run func() int) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	scratch, err := pgserver.NewScratch("", "c2d-wire")
	if err != nil {
		return 1, err
	}
	defer scratch.Close()
	shadowServer, err = pgserver.Start(ctx, pgserver.Options{Dir: scratch.Dir + "/pg", Random: rand.Reader, Throwaway: true,
		Settings: map[string]string{"max_connections": "120"}})
	if err != nil {
		return 1, err
	}
	defer shadowServer.Stop(context.Background())
	c, err := pgx.Connect(ctx, shadowServer.DSN("postgres"))
	if err != nil {
		return 1, err
	}
	for _, sql := range []string{
		"CREATE ROLE mia LOGIN PASSWORD 'secret'",
		"CREATE TABLE patients (id int PRIMARY KEY, name text, score numeric(6,2))",
		"REVOKE ALL ON patients FROM PUBLIC; GRANT REFERENCES ON patients TO mia",
		"CREATE TABLE counted (id int); REVOKE ALL ON counted FROM PUBLIC; GRANT REFERENCES ON counted TO mia",
		"CREATE SEQUENCE executions",
		`CREATE FUNCTION released() RETURNS SETOF int LANGUAGE plpgsql SECURITY DEFINER AS
			'BEGIN PERFORM nextval(''executions''); RETURN QUERY SELECT generate_series(1, 10); END'`,
	} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return 1, err
		}
	}
	if err := c.QueryRow(ctx, "SELECT rolpassword FROM pg_authid WHERE rolname = 'mia'").Scan(&mockVerifier); err != nil {
		return 1, err
	}
	if err := c.Close(ctx); err != nil {
		return 1, err
	}
	return run(), nil
}

// testHandler stands in for package proxy: what names patients reads generated rows.
type testHandler struct {
	sessions atomic.Int64
	logins   map[string]Login // nil: mia, with a password
}

func (h *testHandler) Login(name string) (Login, bool) {
	if h.logins != nil {
		login, ok := h.logins[name]
		return login, ok
	}
	return Login{Verifier: mockVerifier}, name == "mia"
}

func (h *testHandler) Connect(_ context.Context, login, database string) (Session, error) {
	if database != "postgres" {
		return nil, pgerr.New(pgerr.UnknownDatabase, "database %q does not exist", database)
	}
	h.sessions.Add(1)
	return &testSession{h: h}, nil
}

type testSession struct{ h *testHandler }

func (s *testSession) Shadow() Endpoint {
	return Endpoint{SocketDir: shadowServer.SocketDir(), Port: shadowServer.Port(), Database: "postgres", Role: "mia", Password: "secret"}
}
func (s *testSession) Attached(uint32) {}
func (s *testSession) Close()          { s.h.sessions.Add(-1) }

var (
	marker   = regexp.MustCompile(`(?i)\b(from\s+)(patients|counted)\b`)
	selectRE = regexp.MustCompile(`(?is)^\s*(?:PREPARE\s+\w+(?:\s*\(.*?\))?\s+AS\s+|DECLARE\s+.*?\bFOR\s+|EXPLAIN\s+|COPY\s*\()?(SELECT\b.*)$`)
)

const generated = "(SELECT g AS id, 'n' || g AS name, (g / 4.0)::numeric(6,2) AS score FROM generate_series(1,1000) g) AS patients"

// executed stands for c2d.run: each execution is counted in the sequence executions.
const executed = "(SELECT id FROM released() AS r(id)) AS counted"

func (s *testSession) Rewrite(_ context.Context, text string, _ []uint32) ([]Statement, error) {
	var out []Statement
	for _, sp := range split(text) {
		sql := text[sp[0]:sp[1]]
		if i := strings.Index(sql, "insert"); i >= 0 {
			return nil, pgerr.New(pgerr.ReadOnlyTransaction, "cannot execute INSERT in a read-only transaction").At(sp[0] + i + 1)
		}
		if strings.Contains(sql, "selekt") {
			return nil, pgerr.New(pgerr.SyntaxError, "syntax error at or near \"selekt\"").At(1)
		}
		if strings.Contains(sql, "explode") {
			return nil, fmt.Errorf("secret detail")
		}
		m := selectRE.FindStringSubmatchIndex(sql)
		if m == nil || !marker.MatchString(sql) {
			out = append(out, Statement{Start: sp[0], End: sp[1], Kind: Relay})
			continue
		}
		inner, tail := sql[m[2]:], ""
		if strings.HasPrefix(strings.ToUpper(strings.TrimSpace(sql)), "COPY") {
			i := strings.Index(inner, ") TO")
			inner, tail = inner[:i], inner[i:]
		}
		tag := ""
		if strings.HasPrefix(strings.ToUpper(strings.TrimSpace(sql)), "EXPLAIN") {
			tag = "EXPLAIN"
		}
		out = append(out, Statement{Start: sp[0], End: sp[1], Kind: Federated, Describe: inner, DescribeAt: sp[0] + m[2], Tag: tag,
			Finish: func(_ context.Context, d Description) (string, error) {
				if strings.Contains(inner, "finishfails") {
					return "", pgerr.New("ZD001", "rows").At(1)
				}
				source := generated
				if strings.Contains(strings.ToLower(inner), "counted") {
					source = executed
				}
				body := marker.ReplaceAllString(inner, "${1}"+source)
				if tag != "" {
					return "SELECT 'the plan' AS \"QUERY PLAN\"", nil
				}
				return sql[:m[2]] + body + tail, nil
			}})
	}
	return out, nil
}

// split cuts at semicolons outside of quotes.
func split(text string) (spans [][2]int) {
	start, quoted := 0, false
	for i := 0; i <= len(text); i++ {
		if i < len(text) && text[i] == '\'' {
			quoted = !quoted
		}
		if i == len(text) || text[i] == ';' && !quoted {
			if strings.TrimSpace(text[start:i]) != "" {
				spans = append(spans, [2]int{start, i})
			}
			start = i + 1
		}
	}
	return spans
}

// testServer is a running Server.
type testServer struct {
	addr    string
	port    string
	handler *testHandler
	server  *Server
	stop    func()
}

func serve(t testing.TB, change func(*Options)) *testServer {
	t.Helper()
	h := &testHandler{}
	o := Options{Handler: h, TLS: fixed(testTLS(t)), Logger: slog.New(slog.DiscardHandler), Random: rand.Reader,
		MaxConnections: 90, MaxPerLogin: 90}
	if change != nil {
		change(&o)
	}
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s.Open(ctx)
	go func() { done <- s.Serve(ctx, l) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Serve: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Serve does not stop")
		}
		if n := h.sessions.Load(); n != 0 {
			t.Errorf("%d sessions left", n)
		}
	}
	t.Cleanup(stop)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return &testServer{addr: l.Addr().String(), port: port, handler: h, server: s, stop: stop}
}

func (s *testServer) dsn() string {
	return "host=127.0.0.1 port=" + s.port + " user=mia password=secret dbname=postgres sslmode=require"
}

// fixed is a configuration that does not change.
func fixed(c *tls.Config) func() *tls.Config { return func() *tls.Config { return c } }

func testTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// Of the throttle by default.
const (
	freeFailures = 3
	maxDelay     = 5 * time.Minute
)

// labelled makes a session's statements known to onceAsleep by the test's name.
func labelled(t testing.TB, c *pgx.Conn) {
	t.Helper()
	if _, err := c.Exec(t.Context(), "SELECT set_config('application_name', $1, false)", t.Name()); err != nil {
		t.Fatal(err)
	}
}

// onceAsleep calls do when a statement of the test's labelled session sleeps in the shadow, however long a busy
// machine takes to get there.
func onceAsleep(t testing.TB, do func()) {
	t.Helper()
	watcher, err := pgx.Connect(t.Context(), shadowServer.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { <-done })
	go func() {
		defer close(done)
		defer watcher.Close(context.Background())
		asleep := false
		for !asleep {
			err := watcher.QueryRow(t.Context(), "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = $1 AND wait_event = 'PgSleep'", t.Name()).Scan(&asleep)
			if err != nil {
				return // the test is over, and says itself what it missed
			}
			time.Sleep(10 * time.Millisecond)
		}
		do()
	}()
}

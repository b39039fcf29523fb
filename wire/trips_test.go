package wire

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// counted is a testHandler whose shadow is reached through a socket that counts round trips: how often the gateway wrote
// after the shadow had.
type counted struct {
	*testHandler
	dir   string
	trips atomic.Int64

	mu    sync.Mutex
	conns []net.Conn // to the shadow
}

// cut ends the n-th connection to the shadow as a server does that dies.
func (c *counted) cut(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.conns[n].Close()
}

// countTrips listens in front of the tests' PostgreSQL.
func countTrips(t testing.TB) *counted {
	t.Helper()
	c := &counted{testHandler: &testHandler{}, dir: t.TempDir()}
	l, err := net.Listen("unix", filepath.Join(c.dir, ".s.PGSQL."+strconv.Itoa(shadowServer.Port())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(conn)
		}
	}()
	return c
}

// pass copies one connection both ways.
func (c *counted) pass(conn net.Conn) {
	defer conn.Close()
	server, err := net.Dial("unix", filepath.Join(shadowServer.SocketDir(), ".s.PGSQL."+strconv.Itoa(shadowServer.Port())))
	if err != nil {
		return
	}
	c.mu.Lock()
	c.conns = append(c.conns, server)
	c.mu.Unlock()
	var spoken atomic.Bool
	go func() {
		defer server.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			if spoken.Swap(false) {
				c.trips.Add(1)
			}
			if _, err := server.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	_, _ = io.Copy(conn, readerFunc(func(p []byte) (int, error) {
		n, err := server.Read(p)
		spoken.Store(true)
		return n, err
	}))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Connect implements Handler.
func (c *counted) Connect(ctx context.Context, login, database string) (Session, error) {
	s, err := c.testHandler.Connect(ctx, login, database)
	return countedSession{s, c.dir}, err
}

type countedSession struct {
	Session
	dir string
}

func (s countedSession) Shadow() Endpoint {
	e := s.Session.Shadow()
	e.SocketDir = s.dir
	return e
}

// tripsOf counts the round trips of do. A trip that begins is counted at once, so none can be missed.
func (c *counted) tripsOf(do func()) int64 {
	before := c.trips.Load()
	do()
	return c.trips.Load() - before
}

// describedTwice is how many round trips a description of a federated statement costs, the first time and later.
func describedTwice(t testing.TB) (first, later int64) {
	t.Helper()
	h := countTrips(t)
	s := serve(t, func(o *Options) { o.Handler = h })
	c := connectRaw(t, s)
	text := "SELECT id, name FROM patients WHERE id = $1"
	ask := func(name string) func() {
		return func() {
			c.send("1tTZ", &pgproto3.Parse{Name: name, Query: text}, &pgproto3.Describe{ObjectType: 'S', Name: name}, &pgproto3.Sync{})
		}
	}
	c.send("TDCZ", &pgproto3.Query{String: "SELECT 1"})
	return h.tripsOf(ask("a")), h.tripsOf(ask("b"))
}

// TestKnownStatementCostsNoTrip: the first description of a federated statement costs a round trip more than PostgreSQL's own, any
// further one none, in both protocols; and whatever can change what a statement means makes it unknown.
func TestKnownStatementCostsNoTrip(t *testing.T) {
	if first, later := describedTwice(t); first != 2 || later != 1 {
		t.Errorf("%d round trips, then %d", first, later)
	}
	h := countTrips(t)
	s := serve(t, func(o *Options) { o.Handler = h })
	for _, c := range []struct {
		before string
		known  bool
	}{
		{"SELECT 1", true}, {"BEGIN", true}, {"SET application_name = 'x'", true}, {"SET c2d.epsilon = 1", true},
		{"BEGIN; COMMIT", true}, {"DISCARD ALL", true}, {"FETCH 0 FROM c", true},
		{"SET search_path = public, pg_catalog", false}, {"SET LOCAL search_path = public", false}, {"SET /* c2d */ DateStyle = ISO", false},
		{"SELECT set_config('search_path', 'public', false)", false},
		{"PREPARE p AS SELECT set_config('search_path', 'public', false)", false},
	} {
		conn, err := pgx.Connect(t.Context(), s.dsn())
		if err != nil {
			t.Fatal(err)
		}
		const text = "SELECT max(id) FROM patients"
		query := func(sql string) {
			if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil && sql == text {
				t.Fatal(err)
			}
		}
		query(text)
		query(c.before)
		want := int64(2)
		if c.known {
			want = 1
		}
		if n := h.tripsOf(func() { query(text) }); n != want {
			t.Errorf("after %s: %d round trips, expected %d", c.before, n, want)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestSearchPathIsHeeded: a statement that is known does not keep the meaning that it had under another search_path.
func TestSearchPathIsHeeded(t *testing.T) {
	t.Parallel()
	c := connectRaw(t, serve(t, nil))
	ask := []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT max(id) FROM patients"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{}}
	c.send("12DCZ", ask...)
	c.send("1Z", &pgproto3.Parse{Name: "path", Query: "SET search_path = nowhere"}, &pgproto3.Sync{})
	c.send("12DCZ", ask...)
	c.send("2CZ", &pgproto3.Bind{PreparedStatement: "path"}, &pgproto3.Execute{}, &pgproto3.Sync{})
	if got := c.send("EZ", ask...); len(got) != 1 || got[0] != "42P01" {
		t.Errorf("answers %q", got)
	}
}

// BenchmarkDescribe prints how many round trips to the shadow a description of a known statement costs beside the one that
// PostgreSQL's own description costs.
func BenchmarkDescribe(b *testing.B) {
	for b.Loop() {
		first, later := describedTwice(b)
		fmt.Printf("bench-wire describe: %d trips more than PostgreSQL's own for a known statement, %d for a new one\n", later-1, first-1)
	}
}

// TestNamingOf reads names as PostgreSQL does.
func TestNamingOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]naming{
		"PREPARE p AS SELECT 1":                          {name: "p", defines: true},
		" /* fetch x */ prepare P(int) AS SELECT 1":      {name: "p", defines: true},
		`PREPARE "P ""q" AS SELECT 1`:                    {name: `P "q`, defines: true},
		"EXECUTE p":                                      {name: "p"},
		"EXECUTE p('a', 2)":                              {name: "p"},
		"DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT 1": {name: "c", portal: true, defines: true},
		"FETCH c":                                        {name: "c", portal: true},
		"FETCH -1 c":                                     {name: "c", portal: true},
		"FETCH BACKWARD ALL IN \"My c\" -- end":          {name: "My c", portal: true},
		"FETCH ABSOLUTE -3 FROM/**/c$1é":                 {name: "c$1é", portal: true},
		"EXPLAIN EXECUTE p":                              {name: "p", explains: true},
		"EXPLAIN ANALYZE VERBOSE EXECUTE p (1)":          {name: "p", explains: true},
		"EXPLAIN (ANALYZE, COSTS off) /* x */ EXECUTE P": {name: "p", explains: true},
		"FETCH aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": {name: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", portal: true},
	} {
		if got := namingOf(text); got == nil || *got != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for _, text := range []string{"", "SELECT 1", "EXPLAIN SELECT 1", "EXPLAIN SELECT execute p", "MOVE c", `PREPARE "p`, "EXPLAIN (", "/*"} {
		if got := namingOf(text); got != nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// FuzzNamingOf: no text of a client makes the reader of names fail or loop.
func FuzzNamingOf(f *testing.F) {
	for _, s := range []string{"FETCH 2 FROM c", `DECLARE "a""b" CURSOR`, "EXPLAIN (x) EXECUTE p", `FETCH "`, "FETCH é-é", "PREPARE /*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n := namingOf(text); n != nil && (n.name == "" || len(n.name) > 63) {
			t.Errorf("%+v", n)
		}
	})
}

// TestReplacing: what a statement and its replacement have in common is no part of the span.
func TestReplacing(t *testing.T) {
	t.Parallel()
	const text = "SELECT 1; COPY (SELECT 'é', x FROM t) TO STDOUT (FORMAT q)"
	for _, with := range []string{"COPY (SELECT 'è', y FROM u) TO STDOUT (FORMAT q)", "COPY (SELECT 1) TO STDOUT (FORMAT q)", "", "COPY ()", text[10:], text[10:] + text[10:]} {
		q := &queryText{spans: []span{replacing(text, 10, len(text), with)}}
		q.text = splice(text, q.spans)
		if q.text != text[:10]+with {
			t.Errorf("%q became %q", with, q.text)
		}
		if at := q.original(1); at != 1 {
			t.Errorf("%q: position 1 is %d", with, at)
		}
	}
	q := &queryText{spans: []span{replacing(text, 10, len(text), "COPY (SELECT 1) TO STDOUT (FORMAT q)")}}
	q.text = splice(text, q.spans)
	if at := q.original(len("SELECT 1; COPY (SELECT 1) TO STDOUT (F")); at != len([]rune("SELECT 1; COPY (SELECT 'é', x FROM t) TO STDOUT (F")) {
		t.Errorf("position %d", at)
	}
}

package wire

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// rawClient speaks the protocol message by message.
type rawClient struct {
	t  testing.TB
	fe *pgproto3.Frontend
}

func connectRaw(t testing.TB, s *testServer) rawClient {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.Hijack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Conn.Close() })
	if err := h.Conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return rawClient{t, h.Frontend}
}

// send writes messages and expects these answers, one letter each; equal letters in a row count once. It
// returns the errors' codes and the rows' first values.
func (c rawClient) send(want string, msgs ...pgproto3.FrontendMessage) (values []string) {
	c.t.Helper()
	for _, m := range msgs {
		c.fe.Send(m)
	}
	if err := c.fe.Flush(); err != nil {
		c.t.Fatal(err)
	}
	var got strings.Builder
	for got.Len() < len(want) || c.fe.ReadBufferLen() > 0 {
		m, err := c.fe.Receive()
		if err != nil {
			c.t.Fatalf("after %q: %v", got.String(), err)
		}
		letter := "?"
		switch m := m.(type) {
		case *pgproto3.ParseComplete:
			letter = "1"
		case *pgproto3.BindComplete:
			letter = "2"
		case *pgproto3.CloseComplete:
			letter = "3"
		case *pgproto3.ParameterDescription:
			letter = "t"
		case *pgproto3.RowDescription:
			letter = "T"
		case *pgproto3.NoData:
			letter = "n"
		case *pgproto3.DataRow:
			letter = "D"
			values = append(values, string(m.Values[0]))
		case *pgproto3.PortalSuspended:
			letter = "s"
		case *pgproto3.CommandComplete:
			letter = "C"
		case *pgproto3.ReadyForQuery:
			letter = "Z"
		case *pgproto3.ErrorResponse:
			letter = "E"
			values = append(values, m.Code)
		}
		if !strings.HasSuffix(got.String(), letter) || letter != "D" {
			got.WriteString(letter)
		}
	}
	if got.String() != want {
		c.t.Errorf("answers %q, want %q", got.String(), want)
	}
	return values
}

// TestFlushWithoutSync is how asyncpg, node and postgres.js speak: Parse and Describe, then Flush, and Bind only
// when the description is there.
func TestFlushWithoutSync(t *testing.T) {
	t.Parallel()
	c := connectRaw(t, serve(t, nil))
	c.send("1tT", &pgproto3.Parse{Name: "a", Query: "SELECT name, id FROM patients WHERE id <= $1"}, &pgproto3.Describe{ObjectType: 'S', Name: "a"}, &pgproto3.Flush{})
	got := c.send("2DCZ", &pgproto3.Bind{PreparedStatement: "a", Parameters: [][]byte{[]byte("2")}}, &pgproto3.Execute{}, &pgproto3.Sync{})
	if !slices.Equal(got, []string{"n1", "n2"}) {
		t.Errorf("rows %q", got)
	}
	c.send("1tn3Z", &pgproto3.Parse{Name: "b", Query: "SET DateStyle = ISO"}, &pgproto3.Describe{ObjectType: 'S', Name: "b"},
		&pgproto3.Close{ObjectType: 'S', Name: "b"}, &pgproto3.Sync{})
}

// TestPortalLimits reads a federated result a few rows at a time, two portals side by side.
func TestPortalLimits(t *testing.T) {
	t.Parallel()
	c := connectRaw(t, serve(t, nil))
	c.send("CZ", &pgproto3.Query{String: "BEGIN"})
	c.send("122TDsDsZ", &pgproto3.Parse{Query: "SELECT id FROM patients"}, &pgproto3.Bind{DestinationPortal: "p"}, &pgproto3.Bind{DestinationPortal: "q"},
		&pgproto3.Describe{ObjectType: 'P', Name: "p"}, &pgproto3.Execute{Portal: "p", MaxRows: 3}, &pgproto3.Execute{Portal: "q", MaxRows: 2}, &pgproto3.Sync{})
	if got := c.send("DsZ", &pgproto3.Execute{Portal: "p", MaxRows: 2}, &pgproto3.Sync{}); !slices.Equal(got, []string{"4", "5"}) {
		t.Errorf("rows %q", got)
	}
	if got := c.send("TDCZ", &pgproto3.Query{String: "FETCH 2 FROM q"}); !slices.Equal(got, []string{"3", "4"}) {
		t.Errorf("rows %q", got)
	}
	if got := c.send("DCZ", &pgproto3.Execute{Portal: "p"}, &pgproto3.Sync{}); len(got) != 995 {
		t.Errorf("%d rows", len(got))
	}
	c.send("CZ", &pgproto3.Query{String: "COMMIT"})
	if got := c.send("EZ", &pgproto3.Execute{Portal: "q"}, &pgproto3.Sync{}); got[0] != "34000" {
		t.Errorf("a portal survives its transaction: %q", got)
	}
}

// TestPipelineErrors: after an error nothing is answered up to Sync, and the session goes on.
func TestPipelineErrors(t *testing.T) {
	t.Parallel()
	c := connectRaw(t, serve(t, nil))
	count := func() []pgproto3.FrontendMessage {
		return []pgproto3.FrontendMessage{&pgproto3.Parse{Query: "SELECT count(*) FROM patients"}, &pgproto3.Bind{}, &pgproto3.Execute{}}
	}
	for _, bad := range []pgproto3.FrontendMessage{
		&pgproto3.Parse{Query: "SELECT qqqq FROM patients"}, &pgproto3.Parse{Query: "insert"}, &pgproto3.Bind{PreparedStatement: "none"},
		&pgproto3.Execute{Portal: "none"}, &pgproto3.Describe{ObjectType: 'S', Name: "none"}, &pgproto3.Bind{Parameters: [][]byte{{1}}},
	} {
		msgs := append(append(append(count(), bad), count()...), &pgproto3.Sync{})
		if got := c.send("12DCEZ", msgs...); len(got) != 2 || got[0] != "1000" {
			t.Errorf("%T: %q", bad, got)
		}
		c.send("12DCZ", append(count(), &pgproto3.Sync{})...)
	}
}

// TestIsolationLevels: federated statements run in transactions of every kind.
func TestIsolationLevels(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	for _, level := range []string{"READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SERIALIZABLE READ ONLY DEFERRABLE"} {
		got := psql(t, s, "BEGIN ISOLATION LEVEL "+level+"; SHOW transaction_isolation; SELECT count(*) FROM patients; END;")
		want := strings.ToLower(strings.TrimSuffix(level, " READ ONLY DEFERRABLE"))
		if got != "BEGIN\n"+want+"\n1000\nCOMMIT\n" {
			t.Errorf("%s: %s", level, got)
		}
	}
}

// TestOneExecution: however a cursor is moved, the function in the statement's place runs once. Each further
// execution would cost an analyst another answer.
func TestOneExecution(t *testing.T) {
	s := serve(t, nil)
	admin, err := pgx.Connect(t.Context(), shadowServer.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	executions := func() (n int) {
		t.Helper()
		if err := admin.QueryRow(t.Context(), "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM executions").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	moves := "FETCH ALL IN c; FETCH FIRST FROM c; MOVE BACKWARD ALL IN c; FETCH FORWARD 2 FROM c; FETCH LAST FROM c; FETCH PRIOR FROM c; FETCH ABSOLUTE 5 FROM c; " +
		"FETCH RELATIVE -2 FROM c; MOVE ABSOLUTE 0 IN c; FETCH NEXT FROM c; FETCH BACKWARD 1 FROM c; FETCH ABSOLUTE -1 FROM c; FETCH 0 FROM c; "
	want := "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n" + "1\n" + "MOVE 0\n" + "1\n2\n" + "10\n" + "9\n" + "5\n" + "3\n" + "MOVE 0\n" + "1\n" + "" + "10\n" + "10\n"
	for _, c := range []struct{ name, script, want string }{
		{"scroll", "BEGIN; DECLARE c SCROLL CURSOR FOR SELECT id FROM counted; " + moves + "COMMIT;", "BEGIN\nDECLARE CURSOR\n" + want + "COMMIT\n"},
		{"hold", "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM counted; " + moves + "CLOSE c;", "DECLARE CURSOR\n" + want + "CLOSE CURSOR\n"},
		{"sorted", "BEGIN; DECLARE c SCROLL CURSOR FOR SELECT id FROM counted ORDER BY id; " + moves + "COMMIT;", "BEGIN\nDECLARE CURSOR\n" + want + "COMMIT\n"},
		{"one string", `BEGIN\; DECLARE c CURSOR FOR SELECT id FROM counted\; FETCH 2 IN c\; COMMIT;`, "BEGIN\nDECLARE CURSOR\n1\n2\nCOMMIT\n"},
	} {
		before := executions()
		if got := psql(t, s, c.script); got != c.want {
			t.Errorf("%s: got:\n%s\nwant:\n%s", c.name, got, c.want)
		}
		if n := executions() - before; n != 1 {
			t.Errorf("%s: %d executions", c.name, n)
		}
	}
	before := executions()
	if got := psql(t, s, "PREPARE p AS SELECT id FROM counted LIMIT 1; EXECUTE p; EXECUTE p; DEALLOCATE p;"); got != "PREPARE\n1\n1\nDEALLOCATE\n" || executions()-before != 2 {
		t.Errorf("two EXECUTE: %d executions\n%s", executions()-before, got)
	}
	before = executions()
	c := connectRaw(t, s)
	c.send("1tTZ", &pgproto3.Parse{Query: "SELECT id FROM counted"}, &pgproto3.Describe{ObjectType: 'S'}, &pgproto3.Sync{})
	if n := executions() - before; n != 0 {
		t.Errorf("a description executes %d times", n)
	}
}

// TestCancelMeetsNoNextStatement: while a cancel request runs, no statement ends, so that PostgreSQL's second
// signal cannot meet the next one.
func TestCancelMeetsNoNextStatement(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c, err := pgx.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	s.server.mu.Lock()
	session := s.server.sessions[c.PgConn().PID()]
	s.server.mu.Unlock()
	if session == nil {
		t.Fatal("no session")
	}
	session.shadow.cancelling.Lock()
	time.AfterFunc(300*time.Millisecond, session.shadow.cancelling.Unlock)
	began := time.Now()
	if _, err := c.Exec(t.Context(), "SELECT 1"); err != nil || time.Since(began) < 250*time.Millisecond {
		t.Errorf("ended %v after it began, while a cancel request ran: %v", time.Since(began), err)
	}
}

// TestCancelIsQuick: a cancelled federated statement ends within a second. A busy machine may need a second
// or third try to show it.
func TestCancelIsQuick(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c, err := pgx.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	labelled(t, c)
	var took time.Duration
	for range 3 {
		asked := make(chan time.Time, 1)
		onceAsleep(t, func() {
			asked <- time.Now()
			_ = c.PgConn().CancelRequest(context.Background())
		})
		_, err = c.Exec(t.Context(), "SELECT pg_sleep(30), id FROM patients")
		took = time.Since(<-asked)
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != "57014" {
			t.Fatalf("ended %v after the request: %v", took, err)
		}
		if took <= time.Second {
			return
		}
	}
	t.Errorf("ended %v after the request", took)
}

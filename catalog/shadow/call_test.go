package shadow_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestCall holds rows, arguments and settings of a call.
func TestCall(t *testing.T) {
	conn := connect(t)
	ctx := t.Context()
	if _, err := conn.Exec(ctx, "SET search_path = c2d_private, 'x y', public; SET TimeZone = 'Europe/Berlin'; SET DateStyle = 'German'; SET c2d.epsilon = 0.5"); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(ctx, `SELECT r[1], r[2]::int, r[3]::numeric::text FROM c2d.run('rows', ARRAY['a"\', NULL, 'é']) AS r ORDER BY 2`)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Sex    string
		Count  int
		Number *string
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Sex != `m, "x"` || got[0].Count != 7 || *got[0].Number != "1.5" || got[1].Number != nil {
		t.Errorf("rows %+v", got)
	}
	r := running.gateway.last()
	if r.Call != "run" || r.Statement != "rows" || r.PID != conn.PgConn().PID() {
		t.Errorf("request %+v", r)
	}
	if len(r.Args) != 3 || *r.Args[0] != `a"\` || r.Args[1] != nil || *r.Args[2] != "é" {
		t.Errorf("args %v", r.Args)
	}
	want := map[string]string{"search_path": `c2d_private, "x y", public`, "TimeZone": "Europe/Berlin", "DateStyle": "German, DMY",
		"IntervalStyle": "postgres", "c2d.epsilon": "0.5", "c2d.mode": ""}
	for name, value := range want {
		if r.Settings[name] != value {
			t.Errorf("setting %s: %q, expected %q", name, r.Settings[name], value)
		}
	}
	now, err := strconv.ParseInt(r.Settings["now"], 10, 64)
	if d := time.Since(time.UnixMicro(now)); err != nil || d < 0 || d > time.Minute {
		t.Errorf("now %q is %v ago, %v", r.Settings["now"], d, err)
	}
}

// TestCallNow holds that now is exactly PostgreSQL's now(), in microseconds.
func TestCallNow(t *testing.T) {
	conn := connect(t)
	var micros string
	err := conn.QueryRow(t.Context(), "SELECT (extract(epoch FROM now()) * 1000000)::bigint::text FROM (SELECT count(*) FROM c2d.explain('none', NULL)) x").Scan(&micros)
	if r := running.gateway.last(); err != nil || r.Call != "explain" || r.Args != nil || r.Settings["now"] != micros {
		t.Errorf("now() is %s, the call said %+v, %v", micros, r, err)
	}
}

// TestCallShapes holds cursors, COPY and prepared statements over a call.
func TestCallShapes(t *testing.T) {
	conn := connect(t)
	for _, c := range []struct {
		sql  string
		rows int
	}{
		{"SELECT count(*) FROM c2d.run('many', NULL)", 1},
		{"SELECT r[1]::int FROM c2d.run('many', NULL) r ORDER BY 1 DESC LIMIT 3", 3},
		{"BEGIN; DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT r FROM c2d.run('rows', NULL) r; COMMIT; FETCH ALL FROM c", 2},
		{"PREPARE a AS SELECT r FROM c2d.run('rows', NULL) r; EXECUTE a; EXECUTE a", 2},
		{"SELECT r FROM c2d.run('none', NULL) r", 0},
		{"SELECT a[1] FROM c2d.run('rows', NULL) a JOIN c2d.run('rows', ARRAY['x']) b ON a[2] = b[2]", 2},
	} {
		if rows, _, err := runText(t.Context(), conn, c.sql); err != nil || rows != c.rows {
			t.Errorf("%s: %d rows, %v", c.sql, rows, err)
		}
	}
}

// TestCallErrors holds that errors pass through whole, that the session goes on, and
// that a gateway that hangs up is told without the machine's paths.
func TestCallErrors(t *testing.T) {
	conn := connect(t)
	for _, c := range []struct{ statement, code, message, detail, hint string }{
		{"error", "ZD010", "budget is spent", "at lab", "ask lab"},
		{"drop", "57P03", "the gateway does not answer", "", "Reconnect and try again."},
	} {
		_, err := conn.Exec(t.Context(), "SELECT * FROM c2d.run('"+c.statement+"', NULL)")
		var e *pgconn.PgError
		if !errors.As(err, &e) {
			t.Fatalf("%s: %v", c.statement, err)
		}
		if e.Code != c.code || e.Message != c.message || e.Detail != c.detail || e.Hint != c.hint {
			t.Errorf("%s: %+v", c.statement, e)
		}
		if rows, _, err := runText(t.Context(), conn, "SELECT r FROM c2d.run('rows', NULL) r"); err != nil || rows != 2 {
			t.Errorf("after %s: %d rows, %v", c.statement, rows, err)
		}
	}
}

// TestCallConnection holds that a session calls over one connection as long as its calls succeed, and over a new one
// after a call that failed.
func TestCallConnection(t *testing.T) {
	conn := connect(t)
	for i, c := range []struct {
		statement string
		opened    int
	}{{"rows", 1}, {"many", 1}, {"none", 1}, {"error", 1}, {"rows", 2}, {"rows", 2}} {
		_, _, err := runText(t.Context(), conn, "SELECT r FROM c2d.run('"+c.statement+"', NULL) r")
		if (err != nil) != (c.statement == "error") {
			t.Fatalf("call %d: %v", i, err)
		}
		if got := running.gateway.connections(conn.PgConn().PID()); got != c.opened {
			t.Errorf("after call %d, %s: %d connections, expected %d", i, c.statement, got, c.opened)
		}
	}
}

// TestCallInterrupted holds that statement_timeout and cancel end a call at once, and that
// the gateway notices.
func TestCallInterrupted(t *testing.T) {
	conn := connect(t)
	for _, c := range []struct {
		name, before, message string
		cancel                bool
	}{
		{"timeout", "SET statement_timeout = 200", "canceling statement due to statement timeout", false},
		{"cancel", "SET statement_timeout = 0", "canceling statement due to user request", true},
	} {
		if _, err := conn.Exec(t.Context(), c.before); err != nil {
			t.Fatal(err)
		}
		if c.cancel {
			asked := running.gateway.count()
			go func() { // a cancel that came before the call would end nothing
				for running.gateway.count() == asked && t.Context().Err() == nil {
					time.Sleep(10 * time.Millisecond)
				}
				_ = conn.PgConn().CancelRequest(context.Background())
			}()
		}
		began := time.Now()
		_, err := conn.Exec(t.Context(), "SELECT * FROM c2d.run('hang', NULL)")
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != "57014" || e.Message != c.message {
			t.Errorf("%s: %v", c.name, err)
		}
		if d := time.Since(began); d > 10*time.Second { // a call that nothing ends takes for ever
			t.Errorf("%s took %v", c.name, d)
		}
		select {
		case <-running.gateway.gone:
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the gateway was not told", c.name)
		}
	}
	// The postmaster signals a cancel twice (process and group): on a busy machine the
	// second may meet the next statement, here as on every PostgreSQL.
	rows, _, err := runText(t.Context(), conn, "SELECT r FROM c2d.run('rows', NULL) r")
	if err != nil {
		rows, _, err = runText(t.Context(), conn, "SELECT r FROM c2d.run('rows', NULL) r")
	}
	if err != nil || rows != 2 {
		t.Errorf("afterwards: %d rows, %v", rows, err)
	}
}

// TestHostileNames holds that objects and settings of the caller do not change what our functions run.
func TestHostileNames(t *testing.T) {
	conn := connect(t)
	if _, err := conn.Exec(t.Context(), "SET search_path = pg_temp, c2d, public, pg_catalog"); err != nil {
		t.Fatal(err)
	}
	if rows, _, err := runText(t.Context(), conn, "SELECT r FROM c2d.run('rows', NULL) r"); err != nil || rows != 2 {
		t.Errorf("%d rows, %v", rows, err)
	}
	var password int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_proc WHERE prosrc LIKE '%password%' AND pronamespace = 'c2d_private'::regnamespace`).Scan(&password); err != nil || password != 0 {
		t.Errorf("a function's text names a password: %d, %v", password, err)
	}
}

// TestViews holds the typed columns of c2d's views and tables.
func TestViews(t *testing.T) {
	conn := connect(t)
	var left string
	var questions int64
	var open bool
	if err := conn.QueryRow(t.Context(), "SELECT epsilon_left::text, default_questions_left, table_cap_open FROM c2d.budget").Scan(&left, &questions, &open); err != nil || left != "2.5" || questions != 25 || !open {
		t.Errorf("budget %s %d %t, %v", left, questions, open, err)
	}
	rows, err := conn.Query(t.Context(), "SELECT concat_ws('|', table_name, column_name, lower_bound, upper_bound, bounds_by, domain, uses, selectable) FROM c2d.columns ORDER BY table_name, position")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"cohort|pid|t", "cohort|at|t", "measurements|id|{join}|f", "measurements|test|t", "measurements|value|test: dbp 0..200, sbp 0..300|t",
		"patients|id|{join}|f", "patients|age|0|120|{filter,aggregate}|t", "patients|sex|{f,m}|t", "patients|weight|-1.5|250.0|t",
		"patients|born|1969-12-31|1971-01-01|t", "patients|flag|t"}
	if !slices.Equal(got, want) {
		t.Errorf("columns\n%q\nexpected\n%q", got, want)
	}
}

// TestWords holds that nothing of ours that analysts see speaks of cryptography or of our machinery.
func TestWords(t *testing.T) {
	conn := connect(t)
	rows, err := conn.Query(t.Context(), `
		SELECT text FROM (
		  SELECT prosrc AS text FROM pg_proc WHERE pronamespace IN ('c2d'::regnamespace, 'c2d_private'::regnamespace) AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c')
		  UNION ALL SELECT proname || array_to_string(proargnames, ' ') || coalesce(pg_get_function_sqlbody(oid), '') FROM pg_proc WHERE pronamespace IN ('c2d'::regnamespace, 'c2d_private'::regnamespace)
		  UNION ALL SELECT relname || coalesce(pg_get_viewdef(oid), '') FROM pg_class WHERE relnamespace = 'c2d'::regnamespace AND relkind IN ('v', 'r')
		  UNION ALL SELECT attname FROM pg_attribute WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN ('c2d'::regnamespace, 'public'::regnamespace))
		  UNION ALL SELECT description FROM pg_description WHERE objoid >= 16384
		  UNION ALL SELECT rolname FROM pg_roles WHERE oid >= 16384 OR oid = 10
		) AS t WHERE text ~* '\m(shares?|prf|epochs?|shadows?|tails?|manifests?)\M'`)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(bad) != 0 {
		t.Errorf("%q, %v", bad, err)
	}
}

// TestMemory holds that a statement cannot take more than its process may.
func TestMemory(t *testing.T) {
	conn := connect(t)
	_, err := conn.Exec(t.Context(), "SELECT length(repeat('x', 600000000))")
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "53200" {
		t.Errorf("600 MB in one value: %v", err)
	}
	if _, err := conn.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

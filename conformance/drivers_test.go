package conformance

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
)

// refusals are statements and the SQLSTATE that a client sees for them.
var refusals = map[string]string{
	"SELECT * FROM people":                             "ZD001",
	"DELETE FROM people":                               "25006",
	"SELECT note, count(*) FROM people GROUP BY note":  "42501",
	"SELECT sum(age / income) FROM people":             "0A000",
	"SELECT count(*) FROM people WHERE nothing":        "42703",
	"SELECT count(*) FROM people WHERE born < 'never'": "22007",
}

// TestPgx asks in each of pgx's ways to run a statement.
func TestPgx(t *testing.T) {
	long(t)
	f := running(t)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			config, err := pgx.ParseConfig(f.URI("clinic", "rosa", "trial"))
			if err != nil {
				t.Fatal(err)
			}
			config.DefaultQueryExecMode = mode
			conn, err := pgx.ConnectConfig(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			pgxSession(t, conn)
		})
	}
}

func pgxSession(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	ctx := t.Context()
	for _, least := range []int{0, 101} { // twice: the second time statements are cached
		var n int64
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM people WHERE age >= $1", least).Scan(&n); err != nil || n != map[int]int64{0: 137, 101: 0}[least] {
			t.Errorf("age >= %d: %d, %v", least, n, err)
		}
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for text, state := range refusals {
		inner, err := tx.Begin(ctx) // a savepoint
		if err != nil {
			t.Fatal(err)
		}
		if _, err := inner.Exec(ctx, text); code(err) != state {
			t.Errorf("%s: %v, expected %s", text, err, state)
		}
		if err := inner.Rollback(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.Exec(ctx, "DECLARE c CURSOR FOR SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex"); err != nil {
		t.Fatal(err)
	}
	rows, err := tx.Query(ctx, "FETCH 2 FROM c")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Sex string
		N   int64
	}])
	if err != nil || fmt.Sprint(got) != "[{f 85} {m 44}]" {
		t.Errorf("cursor: %v, %v", got, err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := conn.PgConn().CopyTo(ctx, &out, "COPY (SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex) TO STDOUT"); err != nil || out.String() != "f\t85\nm\t44\n\\N\t21\n" {
		t.Errorf("COPY: %q, %v", out.String(), err)
	}
	var asked int
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM c2d.history WHERE statement LIKE '%age >= $1%' AND outcome = 'answered'").Scan(&asked); err != nil || asked == 0 {
		t.Errorf("history: %d, %v", asked, err)
	}
}

// TestPgxBinary reads the binary format of every type that leaves.
func TestPgxBinary(t *testing.T) {
	long(t)
	f := running(t)
	conn, oracle := f.connect(t, "clinic", "rosa", "trial"), f.askOracle(t, "trial")
	const text = "SELECT born, active, city, count(*), avg(weight), extract(dow FROM born), date_trunc('month', born), sum(income) FROM people WHERE born < '1990-01-10' GROUP BY born, active, city, extract(dow FROM born), date_trunc('month', born) ORDER BY 1, 2, 3"
	values := func(conn *pgx.Conn) string {
		rows, err := conn.Query(t.Context(), text, pgx.QueryResultFormats{pgx.BinaryFormatCode})
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var all []string
		for rows.Next() {
			row, err := rows.Values()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprint(row))
		}
		if rows.Err() != nil || len(all) < 5 {
			t.Fatalf("%d rows, %v", len(all), rows.Err())
		}
		return strings.Join(all, "\n")
	}
	if got, want := values(conn), values(oracle); got != want {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

// TestPgxCancel cancels by a cancel request and by the context's deadline.
func TestPgxCancel(t *testing.T) {
	long(t)
	f := running(t)
	conn := f.connect(t, "clinic", "rosa", "trial")
	time.AfterFunc(200*time.Millisecond, func() { _ = conn.PgConn().CancelRequest(context.Background()) })
	if _, err := conn.Exec(t.Context(), "SELECT count(*) FROM people JOIN visits USING (id)"); code(err) != "57014" {
		t.Errorf("cancel: %v", err)
	}
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM people").Scan(&n); err != nil || n != 150 {
		t.Errorf("after a cancel: %d, %v", n, err)
	}
}

// TestLibPQ asks through database/sql.
func TestLibPQ(t *testing.T) {
	long(t)
	f := running(t)
	db, err := sql.Open("postgres", f.URI("clinic", "rosa", "trial"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := t.Context()
	statement, err := db.PrepareContext(ctx, "SELECT count(*) FROM people WHERE age >= $1")
	if err != nil {
		t.Fatal(err)
	}
	defer statement.Close()
	var n int
	if err := statement.QueryRowContext(ctx, 0).Scan(&n); err != nil || n != 137 {
		t.Errorf("%d, %v", n, err)
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	for text, state := range refusals {
		if _, err := tx.ExecContext(ctx, "SAVEPOINT s"); err != nil {
			t.Fatal(err)
		}
		_, err := tx.ExecContext(ctx, text)
		var e *pq.Error
		if !errors.As(err, &e) || string(e.Code) != state {
			t.Errorf("%s: %v, expected %s", text, err, state)
		}
		if _, err := tx.ExecContext(ctx, "ROLLBACK TO s"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.ExecContext(ctx, "DECLARE c CURSOR WITH HOLD FOR SELECT city, count(*) FROM people GROUP BY city ORDER BY city"); err != nil {
		t.Fatal(err)
	}
	var city string
	if err := tx.QueryRowContext(ctx, "FETCH 1 FROM c").Scan(&city, &n); err != nil || city == "" || n == 0 {
		t.Errorf("cursor: %s %d %v", city, n, err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for _, view := range []string{"budget", "last", "history", "studies", "tables", "columns"} {
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM c2d."+view).Scan(&n); err != nil {
			t.Errorf("c2d.%s: %v", view, err)
		}
	}
}

// TestBudget: what a question costs is in c2d.last, c2d.budget and c2d.history; one that the
// budget does not cover is ZD010 and costs nothing.
func TestBudget(t *testing.T) {
	long(t)
	f := running(t)
	conn := f.connect(t, "clinic", "tom", "trial")
	spent := func() (spent string) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT epsilon_spent::float8::text FROM c2d.budget WHERE source = 'trial_people'").Scan(&spent); err != nil {
			t.Fatal(err)
		}
		return spent
	}
	ask := func(epsilon, wantCode, wantSpent string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), "SET c2d.epsilon = "+epsilon); err != nil {
			t.Fatal(err)
		}
		_, err := simple(t.Context(), conn, "SELECT count(*) FROM people")
		if code(err) != wantCode || spent() != wantSpent {
			t.Errorf("ε %s: %v, %s spent; expected %q and %s", epsilon, err, spent(), wantCode, wantSpent)
		}
		var e *pgconn.PgError
		if wantCode == "ZD010" && (!errors.As(err, &e) || !strings.Contains(e.Message, "clinic") || e.Hint == "") {
			t.Errorf("the refusal should name the owner and give a hint: %v", wholeError(err))
		}
	}
	ask("0.6", "", "0.6")
	ask("0.6", "ZD010", "0.6")
	ask("2", "22023", "0.6")
	ask("0.4", "", "1")
	ask("0.000000001", "ZD010", "1")
	var epsilon float64
	if err := conn.QueryRow(t.Context(), "SELECT sum(epsilon) FROM c2d.history WHERE outcome = 'answered'").Scan(&epsilon); err != nil || epsilon != 1 {
		t.Errorf("history: ε %v, %v", epsilon, err)
	}
	// Of a question that reads nothing of the gateway's own, the price at the owner is shown.
	const elsewhere = "SELECT count(*) FROM visits"
	for _, text := range []string{"SET c2d.epsilon = 0.25", elsewhere} {
		if _, err := simple(t.Context(), conn, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.QueryRow(t.Context(), "SELECT epsilon FROM c2d.history WHERE statement = $1", elsewhere).Scan(&epsilon); err != nil || epsilon != 0.25 {
		t.Errorf("history of a question elsewhere: ε %v, %v", epsilon, err)
	}
}

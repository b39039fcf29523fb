package wire

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/lib/pq" // the second, independent client
)

// psql runs one script and returns both outputs.
func psql(t *testing.T, s *testServer, script string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("psql")
	if err != nil {
		t.Fatal("psql is missing: apt-get install postgresql-client")
	}
	cmd := exec.Command(path, append([]string{"-X", "-At", s.dsn()}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "PGCLIENTENCODING=UTF8")
	cmd.Stdin = strings.NewReader(script)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // errors of statements are in the output
	return out.String()
}

func TestPsql(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	for _, c := range []struct{ name, script, want string }{
		{"relay", "SELECT 1;", "1\n"},
		{"federated", "SELECT count(*), max(name) FROM patients;", "1000|n999\n"},
		{"no rows leak", "BEGIN; SELECT 1/0; SELECT * FROM patients;", "25P02-or-abort"},
		{"two in a string", `SELECT 1\; SELECT count(*) FROM patients\; SELECT 3;`, "1\n1000\n3\n"},
		{"empty", ";", ""},
		{"describe", `SELECT id, score FROM patients \gdesc`, "id|integer\nscore|numeric(6,2)\n"},
		{"caret", "SELECT 'é', qqqq FROM patients;", "ERROR:  column \"qqqq\" does not exist\nLINE 1: SELECT 'é', qqqq FROM patients;\n                    ^\n"},
		{"caret second", `SELECT 'é'\; SELECT qqqq FROM patients;`, "é\nERROR:  column \"qqqq\" does not exist\nLINE 1: SELECT 'é'; SELECT qqqq FROM patients;\n                           ^\n"},
		{"caret after replacement", `SELECT count(*) FROM patients\; SELECT qqqq;`, "1000\nERROR:  column \"qqqq\" does not exist\nLINE 1: SELECT count(*) FROM patients; SELECT qqqq;\n                                              ^\n"},
		{"copy", "COPY (SELECT id, name FROM patients ORDER BY id LIMIT 2) TO STDOUT CSV;", "1,n1\n2,n2\n"},
		{"cursor", "BEGIN; DECLARE c CURSOR FOR SELECT id FROM patients; FETCH 2 FROM c; MOVE 10 IN c; FETCH 1 FROM c; COMMIT;", "BEGIN\nDECLARE CURSOR\n1\n2\nMOVE 10\n13\nCOMMIT\n"},
		{"hold", "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM patients; FETCH LAST FROM c; CLOSE c;", "DECLARE CURSOR\n1000\nCLOSE CURSOR\n"},
		{"prepare", "PREPARE p(int) AS SELECT id FROM patients WHERE id = $1; EXECUTE p(7); DEALLOCATE p;", "PREPARE\n7\nDEALLOCATE\n"},
		{"explain", "EXPLAIN SELECT id FROM patients;", "the plan\n"},
		{"fetch count", "\\set FETCH_COUNT 300\nSELECT id FROM patients OFFSET 998;", "999\n1000\n"},
		{"savepoint", "BEGIN; SAVEPOINT a; SELECT qqqq FROM patients; ROLLBACK TO a; SELECT count(*) FROM patients; COMMIT;",
			"BEGIN\nSAVEPOINT\nERROR:  column \"qqqq\" does not exist\nLINE 1: SELECT qqqq FROM patients;\n               ^\nROLLBACK\n1000\nCOMMIT\n"},
		{"refusal", "insert into patients values (1);", "ERROR:  cannot execute INSERT in a read-only transaction\nLINE 1: insert into patients values (1);\n        ^\n"},
		{"refusal aborts", "BEGIN; insert into x values (1); SELECT 1; COMMIT;",
			"BEGIN\nERROR:  cannot execute INSERT in a read-only transaction\nLINE 1: insert into x values (1);\n        ^\nERROR:  current transaction is aborted, commands ignored until end of transaction block\nROLLBACK\n"},
		{"set", "SET c2d.epsilon = 0.5; SHOW c2d.epsilon;", "SET\n0.5\n"},
		{"set before", `SET search_path = nowhere\; SELECT count(*) FROM patients;`,
			"SET\nERROR:  relation \"patients\" does not exist\nLINE 1: SET search_path = nowhere; SELECT count(*) FROM patients;\n                                                        ^\n"},
		{"set before, rolled back", `SET search_path = nowhere\; SELECT count(*) FROM patients; SHOW search_path;`, "search_path-stays"},
		{"steps", `SELECT 1\; SET DateStyle = 'German'\; SELECT count(*), date '2020-02-01' FROM patients\; SHOW DateStyle\; COPY (SELECT id FROM patients WHERE id < 3) TO STDOUT;`,
			"1\nSET\n1000|01.02.2020\nGerman, DMY\n1\n2\n"},
		{"steps in a block", `BEGIN\; SET LOCAL search_path = nowhere\; SET LOCAL search_path = public\; SELECT max(id) FROM patients\; COMMIT;`,
			"BEGIN\nSET\nSET\n1000\nCOMMIT\n"},
		{"steps, error", `RESET ALL\; SELECT 'é', 1/0\; SELECT count(*) FROM patients;`, "RESET\nERROR:  division by zero\n"},
		{"steps, position", `RESET ALL\; SELECT 'é', qqqq\; SELECT count(*) FROM patients;`,
			"RESET\nERROR:  column \"qqqq\" does not exist\nLINE 1: RESET ALL; SELECT 'é', qqqq; SELECT count(*) FROM patients;\n                               ^\n"},
		{"steps, finish fails", `RESET ALL\; SELECT finishfails FROM (SELECT 1 AS finishfails) x, (SELECT id FROM patients) y\; SELECT 2; SELECT 3;`, "RESET\nERROR:  rows\nLINE 1: RESET ALL; SELECT finishfails FROM (SELECT 1 AS finishfails)...\n        ^\n3\n"},
		{"rollback in front", `BEGIN; SELECT 1/0; ROLLBACK\; SELECT count(*) FROM patients; SELECT 4;`, "BEGIN\nERROR:  division by zero\nROLLBACK\n1000\n4\n"},
		{"aborted", `BEGIN; SELECT 1/0; SELECT 2\; SELECT count(*) FROM patients; ROLLBACK;`,
			"BEGIN\nERROR:  division by zero\nERROR:  current transaction is aborted, commands ignored until end of transaction block\nROLLBACK\n"},
		{"latin1", "SET client_encoding TO 'LATIN1'; SELECT length('\xe9'), count(*) FROM patients;", "SET\n1|1000\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := psql(t, s, c.script)
			if c.want == "25P02-or-abort" {
				if !strings.Contains(got, "current transaction is aborted") {
					t.Errorf("got %q", got)
				}
				return
			}
			if c.want == "search_path-stays" {
				if !strings.HasSuffix(got, "\"$user\", public\n") {
					t.Errorf("got %q", got)
				}
				return
			}
			if got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
	if got := psql(t, s, "\\d patients"); !strings.Contains(got, "score|numeric(6,2)") {
		t.Errorf("\\d: %s", got)
	}
	got := psql(t, s, "SELECT explode;")
	if !strings.Contains(got, "internal error (ref ") || strings.Contains(got, "secret detail") {
		t.Errorf("internal error: %s", got)
	}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	ctx := t.Context()
	for _, c := range []struct{ from, to, code, message string }{
		{"password=secret", "password=wrong", "28P01", `password authentication failed for user "mia"`},
		{"user=mia", "user=nobody", "28P01", `password authentication failed for user "nobody"`},
		{"dbname=postgres", "dbname=other", "3D000", `database "other" does not exist`},
		{"sslmode=require", "sslmode=disable", "28000", "connection is not encrypted"},
		{"sslmode=require", "sslmode=require nonsense=1", "42704", `unrecognized configuration parameter "nonsense"`},
		{"sslmode=require", "sslmode=require replication=database", "0A000", "replication connections are not supported"},
	} {
		_, err := pgx.Connect(ctx, strings.Replace(s.dsn(), c.from, c.to, 1))
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != c.code || pe.Message != c.message || pe.Severity != "FATAL" {
			t.Errorf("%s: %v", c.to, err)
		}
	}
}

func TestPgxModes(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		t.Run(mode.String(), func(t *testing.T) {
			cfg, err := pgx.ParseConfig(s.dsn())
			if err != nil {
				t.Fatal(err)
			}
			cfg.DefaultQueryExecMode = mode
			c, err := pgx.ConnectConfig(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close(t.Context())
			for range 3 {
				rows, err := c.Query(t.Context(), "SELECT id, name FROM patients WHERE id > $1 ORDER BY id", 997)
				if err != nil {
					t.Fatal(err)
				}
				fields := rows.FieldDescriptions()
				n := 0
				for rows.Next() {
					n++
				}
				if rows.Err() != nil || n != 3 {
					t.Fatalf("%d rows, %v", n, rows.Err())
				}
				if fields[1].TableOID == 0 || fields[1].TableAttributeNumber != 2 {
					t.Errorf("origin of the column is lost: %+v", fields[1])
				}
			}
			_, err = c.Exec(t.Context(), "SELECT 'é', qqqq FROM patients")
			var pe *pgconn.PgError
			if !errors.As(err, &pe) || pe.Code != "42703" || pe.Position != 13 {
				t.Errorf("error: %+v", err)
			}
			var one int
			if err := c.QueryRow(t.Context(), "SELECT 1").Scan(&one); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPgxBatch(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c, err := pgx.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	for _, fail := range []string{"SELECT count(qqqq) FROM patients", "SELECT finishfails FROM patients", "SELECT 1/0", "insert"} {
		p := c.PgConn().StartPipeline(t.Context())
		for _, q := range []string{"SELECT count(*) FROM patients", "SELECT 2", fail, "SELECT count(*) FROM patients"} {
			p.SendQueryParams(q, nil, nil, nil, nil)
		}
		if err := p.Sync(); err != nil {
			t.Fatal(err)
		}
		p.SendQueryParams("SELECT max(id) FROM patients", nil, nil, nil, nil)
		if err := p.Sync(); err != nil {
			t.Fatal(err)
		}
		results, failures, syncs := 0, 0, 0
		for syncs < 2 {
			res, err := p.GetResults()
			switch r := res.(type) {
			case *pgconn.ResultReader:
				if rr := r.Read(); rr.Err == nil {
					results++
				} else {
					failures++
				}
			case *pgconn.PipelineSync:
				syncs++
			default:
				var pe *pgconn.PgError
				if !errors.As(err, &pe) {
					t.Fatalf("%s: %T %v", fail, res, err)
				}
				failures++
			}
		}
		if results != 3 || failures != 1 {
			t.Errorf("%s: %d results, %d failures", fail, results, failures)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLibPQ(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	db, err := sql.Open("postgres", s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRow("SELECT count(*) FROM patients WHERE id <= $1", 10).Scan(&n); err != nil || n != 10 {
		t.Errorf("%d, %v", n, err)
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	st, err := tx.Prepare("SELECT name FROM patients WHERE id = $1")
	if err != nil {
		t.Fatal(err)
	}
	var name string
	if err := st.QueryRow(5).Scan(&name); err != nil || name != "n5" {
		t.Errorf("%q, %v", name, err)
	}
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
}

func TestCancelAndTimeout(t *testing.T) {
	t.Parallel()
	connect := func(change func(*Options)) *pgx.Conn {
		c, err := pgx.Connect(t.Context(), serve(t, change).dsn())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(context.Background()) })
		return c
	}
	c := connect(nil)
	labelled(t, c)
	onceAsleep(t, func() { _ = c.PgConn().CancelRequest(context.Background()) })
	_, err := c.Exec(t.Context(), "SELECT pg_sleep(20)")
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "57014" || !strings.Contains(pe.Message, "user request") {
		t.Errorf("cancel: %v", err)
	}
	_, err = connect(func(o *Options) { o.QueryTimeout = time.Second }).Exec(t.Context(), "SELECT pg_sleep(20)")
	if !errors.As(err, &pe) || pe.Code != "57014" || !strings.Contains(pe.Message, "statement timeout") {
		t.Errorf("timeout: %v", err)
	}
}

// TestLargeResult streams a million rows and holds the heap small.
func TestLargeResult(t *testing.T) {
	if testing.Short() {
		t.SkipNow()
	}
	s := serve(t, nil)
	c, err := pgx.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	rr := c.PgConn().ExecParams(t.Context(), "SELECT id, repeat('x', 100) FROM patients, generate_series(1, 1000)", nil, nil, nil, nil)
	n, peak := 0, uint64(0)
	for rr.NextRow() {
		if n++; n%100_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
		}
	}
	if _, err := rr.Close(); err != nil || n != 1_000_000 {
		t.Fatalf("%d rows, %v", n, err)
	}
	if peak > 64<<20 {
		t.Errorf("heap grew to %d bytes", peak)
	}
}

func TestParallelSessions(t *testing.T) {
	s := serve(t, nil)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			c, err := pgx.Connect(t.Context(), s.dsn())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close(context.Background())
			var n int
			if err := c.QueryRow(t.Context(), "SELECT count(*) FROM patients WHERE id > $1", i).Scan(&n); err != nil || n != 1000-i {
				t.Errorf("%d: %d, %v", i, n, err)
			}
		})
	}
	wg.Wait()
}

func TestShutdownAndDisconnect(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c, err := pgx.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	gone, err := pgx.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	raw := gone.PgConn().Conn()
	labelled(t, gone)
	closed := make(chan struct{})
	onceAsleep(t, func() {
		_ = raw.Close()
		close(closed)
	})
	go func() { _, _ = gone.Exec(context.Background(), "SELECT pg_sleep(60)") }()
	<-closed
	for range 500 {
		if s.handler.sessions.Load() == 1 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if n := s.handler.sessions.Load(); n != 1 {
		t.Errorf("%d sessions after a disconnect", n)
	}
	labelled(t, c)
	onceAsleep(t, s.stop)
	_, err = c.Exec(t.Context(), "SELECT pg_sleep(30)")
	var pe *pgconn.PgError
	if !errors.As(err, &pe) || pe.Code != "57P01" {
		t.Errorf("shutdown: %v", err)
	}
}

// TestPsqlInterrupt presses Ctrl-C in psql.
func TestPsqlInterrupt(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	cmd := exec.Command("psql", "-X", "-At", s.dsn(), "-c", "SELECT pg_sleep(30), count(*) FROM patients")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), "PGAPPNAME="+t.Name())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	onceAsleep(t, func() { _ = cmd.Process.Signal(os.Interrupt) })
	_ = cmd.Wait() // psql exits with 1
	if !strings.Contains(out.String(), "canceling statement due to user request") {
		t.Errorf("got %s", out.String())
	}
}

// TestImplicitTransaction: what stands before a federated statement that fails has its effect
// on the transaction status, as in PostgreSQL.
func TestImplicitTransaction(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	for _, c := range []struct {
		sql, code string
		status    byte
	}{
		{"BEGIN; SELECT qqqq FROM patients", "42703", 'E'},
		{"SELECT 1; SELECT qqqq FROM patients", "42703", 'I'},
		{"SELECT 1/0; SELECT qqqq FROM patients", "22012", 'I'},
		{"BEGIN; SELECT finishfails FROM (SELECT 1 AS finishfails) x, (SELECT id FROM patients) y", "ZD001", 'E'},
		{"insert", "25006", 'I'},
		{"selekt", "42601", 'I'},
		{"BEGIN; SELECT count(*) FROM patients", "", 'T'},
	} {
		conn, err := pgconn.Connect(t.Context(), s.dsn())
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Exec(t.Context(), c.sql).ReadAll()
		var pe *pgconn.PgError
		code := ""
		if errors.As(err, &pe) {
			code = pe.Code
		}
		if code != c.code || conn.TxStatus() != c.status {
			t.Errorf("%s: %v, status %c", c.sql, err, conn.TxStatus())
		}
		if pe != nil && pe.Where != "" {
			t.Errorf("%s: context %q", c.sql, pe.Where)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := serve(t, func(o *Options) { o.MaxPerLogin = 1; o.MaxBody = 20_000 })
	c, err := pgx.Connect(t.Context(), s.dsn())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	var pe *pgconn.PgError
	if _, err := pgx.Connect(t.Context(), s.dsn()); !errors.As(err, &pe) || pe.Code != "53300" {
		t.Errorf("second session: %v", err)
	}
	_, err = c.Exec(t.Context(), "SELECT '"+strings.Repeat("x", 30_000)+"'")
	if !errors.As(err, &pe) || pe.Code != "54000" {
		t.Errorf("long message: %v", err)
	}
}

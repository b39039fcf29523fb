package conformance

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/cmd/c2dproxy/demo"
)

// browsers may see made-up rows at these gateways: rosa gets exact answers, mia answers with noise.
var browsers = map[string]string{"lab": "rosa", "registry": "mia"}

// deployBrowsing starts a federation of its own in which browsers browse.
func deployBrowsing(t *testing.T) *federation {
	t.Helper()
	return ownWith(t, func(p *demo.Party) error {
		if err := addStudy(p); err != nil {
			return err
		}
		text, err := os.ReadFile(p.Config)
		if err != nil {
			return err
		}
		login := browsers[p.Name]
		line := login + ".verifier}"
		if login != "" && !bytes.Contains(text, []byte(line)) {
			return fmt.Errorf("%s has no login %s", p.Name, login)
		}
		text = bytes.Replace(text, []byte(line), []byte(login+".verifier, browse: synthetic}"), 1)
		return os.WriteFile(p.Config, text, 0o600)
	})
}

// heard collects the notices of a connection.
type heard struct {
	mu   sync.Mutex
	text []string
}

// take returns what was heard since.
func (h *heard) take() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := strings.Join(h.text, "\n")
	h.text = nil
	return text
}

// listening opens an analyst's connection that keeps its notices.
func (f *federation) listening(t *testing.T, gateway, login, study string) (*pgx.Conn, *heard) {
	t.Helper()
	config, err := pgx.ParseConfig(f.URI(gateway, login, study))
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.text = append(h.text, n.Message)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn, h
}

// must runs a statement that has to work.
func must(t *testing.T, conn *pgx.Conn, sql string) answer {
	t.Helper()
	a, err := simple(t.Context(), conn, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return a
}

// TestSynthetic holds made-up rows and answers from made-up rows to what docs/sql.md says of them, in a federation whose owners'
// data are taken away meanwhile.
func TestSynthetic(t *testing.T) {
	long(t)
	t.Parallel()
	f := deployBrowsing(t)
	browsing(t, f)
	rehearsals(t, f)
	rehearsedRefusals(t, f)
	before := madeUpRows(t, f)
	f.withoutData(t, "lab")
	if after := madeUpRows(t, f); after != before {
		t.Error("made-up rows have changed with the owner's data")
	}
	f.Party("clinic").Kill()
	f.Party("registry").Kill()
	alone(t, f)
}

// browsing holds a login that browses to rows that are marked, and one that does not to what it was told before.
func browsing(t *testing.T, f *federation) {
	t.Helper()
	conn, notices := f.listening(t, "lab", "rosa", "trial")
	for _, sql := range []string{
		"SELECT * FROM people LIMIT 7", "TABLE visits", `SELECT "t".* FROM "public"."people" "t" ORDER BY age OFFSET 3 LIMIT 200`,
		"SELECT * FROM (SELECT kind, value, c2d_synthetic FROM visits WHERE value IS NOT NULL) AS x ORDER BY value",
		"SELECT p.sex, v.kind, v.c2d_synthetic FROM people p LEFT JOIN visits v USING (id)",
		"PREPARE q (int) AS SELECT age, c2d_synthetic FROM people WHERE age > $1; EXECUTE q(20)",
		"BEGIN; DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT * FROM people; FETCH ALL FROM c; COMMIT; FETCH ABSOLUTE 2 FROM c",
	} {
		notices.take()
		a := must(t, conn, sql)
		at := slices.Index(a.names, "c2d_synthetic")
		if at < 0 || len(a.rows) == 0 {
			t.Errorf("%s: %d rows of %q", sql, len(a.rows), a.names)
			continue
		}
		for _, row := range a.rows {
			if row[at] != "t" {
				t.Fatalf("%s: a row is not marked: %q", sql, row)
			}
		}
		if !strings.Contains(notices.take(), "made up") {
			t.Errorf("%s: no notice", sql)
		}
	}
	var out bytes.Buffer
	if _, err := conn.PgConn().CopyTo(t.Context(), &out, "COPY (SELECT * FROM people) TO STDOUT WITH CSV"); err != nil || strings.Count(out.String(), ",t\n") != strings.Count(out.String(), "\n") {
		t.Errorf("COPY: %.80s, %v", out.String(), err)
	}
	a, err := extended(t.Context(), conn, "SELECT id, city, c2d_synthetic FROM people WHERE city = $1 LIMIT $2", []string{"it's", "5"})
	if err != nil || len(a.rows) != 5 {
		t.Errorf("parameters: %d rows, %v", len(a.rows), err)
	}
	origin := must(t, conn, "SELECT 'people'::regclass::oid::text").rows[0][0]
	if d, err := conn.PgConn().Prepare(t.Context(), "", "SELECT * FROM people", nil); err != nil || fmt.Sprint(d.Fields[0].TableOID) != origin {
		t.Errorf("the columns' table is not people: %v", err)
	}
	for sql, want := range map[string]string{
		"SELECT age FROM people": "ZD001", "SELECT count(*) FROM people WHERE c2d_synthetic": "0A000", "SELECT * FROM c2d.made_up_0()": "42501",
		"SELECT * FROM c2d_private.made_up": "42501", "SELECT secret, c2d_synthetic FROM people": "42703", "SELECT * FROM people, pg_class": "0A000",
	} {
		if _, err := simple(t.Context(), conn, sql); code(err) != want {
			t.Errorf("%s: %v, expected %s", sql, err, want)
		}
	}
	notices.take()
	live := must(t, conn, "SELECT count(*) FROM visits")
	if n := notices.take(); n != "" || live.rows[0][0] == "0" {
		t.Errorf("the owners' answer: %v, %s", live.rows, n)
	}
	othersBrowse(t, f)
}

// othersBrowse holds that the gateway's word on a login decides, and that rows without the mark are refused to all.
func othersBrowse(t *testing.T, f *federation) {
	t.Helper()
	for gateway, login := range map[string]string{"clinic": "rosa", "registry": "mia"} {
		other := f.connect(t, gateway, login, "trial")
		want := map[string]string{"clinic": "42703", "registry": ""}[gateway]
		if _, err := simple(t.Context(), other, "SELECT age, c2d_synthetic FROM people"); code(err) != want {
			t.Errorf("%s@%s: %v", login, gateway, err)
		}
		if _, err := simple(t.Context(), other, "SELECT age FROM people"); code(err) != "ZD001" {
			t.Errorf("%s@%s: %v", login, gateway, err)
		}
	}
}

// rehearsedQuestions are asked in mode dummy; each names a query over made-up rows that gives the exact answer, or nothing.
var rehearsedQuestions = [][2]string{
	{"SELECT count(*) FROM people", "SELECT * FROM people"},
	{"SELECT sex, count(*), avg(age) FROM people WHERE age > 20 GROUP BY sex ORDER BY sex", ""},
	{"SELECT kind, count(*), round(avg(value), 2) FROM visits WHERE kind IN ('bmi', 'sbp') GROUP BY kind ORDER BY kind", ""},
	{"SELECT count(*) FROM people p JOIN visits v USING (id)", "SELECT p.sex, v.c2d_synthetic FROM people p JOIN visits v USING (id)"},
	{"SELECT v.kind, count(DISTINCT p.id) FROM people p JOIN visits v USING (id) GROUP BY v.kind ORDER BY 1", ""},
	{"SELECT region, count(*), sum(cost) FROM sites GROUP BY region HAVING count(*) > 1 ORDER BY region", ""},
	{"SELECT count(*) FROM sites WHERE flag", "SELECT * FROM sites WHERE flag"},
}

// rehearsals holds answers in mode dummy to made-up rows, at no cost, in every way to run a statement.
func rehearsals(t *testing.T, f *federation) {
	t.Helper()
	for _, who := range []struct{ gateway, login string }{{"lab", "rosa"}, {"registry", "mia"}, {"clinic", "tom"}} {
		conn, notices := f.listening(t, who.gateway, who.login, "trial")
		if who.login == "mia" {
			must(t, conn, "SELECT count(*) FROM sites") // a live question before, and one after
		}
		budget, history := must(t, conn, "SELECT * FROM c2d.budget ORDER BY 1, 2"), must(t, conn, "SELECT * FROM c2d.history")
		must(t, conn, "SET c2d.mode = 'dummy'; SET TimeZone = 'UTC'")
		for _, q := range rehearsedQuestions {
			if who.login == "tom" && !strings.HasPrefix(q[0], "SELECT count(*) FROM sites") {
				continue // he is granted counts without joins
			}
			notices.take()
			a := must(t, conn, q[0])
			if !strings.Contains(notices.take(), "made up") || len(a.rows) == 0 {
				t.Errorf("%s: %d rows, or no notice", q[0], len(a.rows))
			}
			if who.login == "rosa" && q[1] != "" {
				if rows := must(t, conn, q[1]).rows; a.rows[0][0] != fmt.Sprint(len(rows)) || len(rows) == 0 {
					t.Errorf("%s: %s; there are %d made-up rows", q[0], a.rows[0][0], len(rows))
				}
			}
		}
		inEveryWay(t, conn)
		last := must(t, conn, "SELECT owner, epsilon, execution, mode, live_epsilon FROM c2d.last WHERE owner IS NOT NULL")
		if len(last.rows) == 0 || last.rows[0][1] != "0" || last.rows[0][2] != null || last.rows[0][3] != "dummy" || who.login != "rosa" && last.rows[0][4] == "0" {
			t.Errorf("c2d.last: %q", last.rows)
		}
		if b := must(t, conn, "SELECT * FROM c2d.budget ORDER BY 1, 2"); fmt.Sprint(b.rows) != fmt.Sprint(budget.rows) || len(b.rows) == 0 {
			t.Errorf("the budget has changed: %v, before %v", b.rows, budget.rows)
		}
		if h := must(t, conn, "SELECT * FROM c2d.history"); fmt.Sprint(h.rows) != fmt.Sprint(history.rows) {
			t.Errorf("%d questions in the history, before %d", len(h.rows), len(history.rows))
		}
		if who.login == "mia" {
			notices.take()
			must(t, conn, "RESET c2d.mode; SELECT count(*) FROM sites WHERE NOT flag")
			last = must(t, conn, "SELECT mode, epsilon = live_epsilon FROM c2d.last WHERE owner IS NOT NULL")
			if n := notices.take(); n != "" || len(last.rows) == 0 || last.rows[0][0] != "live" || last.rows[0][1] != "t" {
				t.Errorf("after RESET: %q, %v", n, last.rows)
			}
		}
	}
}

// inEveryWay runs a question in mode dummy through cursors, COPY, PREPARE and parameters.
func inEveryWay(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	must(t, conn, "PREPARE d (int) AS SELECT count(*) FROM people WHERE age > $1")
	if a := must(t, conn, "EXECUTE d(50)"); len(a.rows) != 1 {
		t.Errorf("EXECUTE: %v", a.rows)
	}
	must(t, conn, "DEALLOCATE d")
	must(t, conn, "BEGIN; DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT region, count(*) FROM sites GROUP BY region ORDER BY 1; COMMIT")
	first := must(t, conn, "FETCH 2 FROM c")
	if again := must(t, conn, "MOVE ABSOLUTE 0 FROM c; FETCH 2 FROM c"); fmt.Sprint(again.rows) != fmt.Sprint(first.rows) || len(first.rows) == 0 {
		t.Errorf("a cursor gives %v, then %v", first.rows, again.rows)
	}
	must(t, conn, "CLOSE c")
	var out bytes.Buffer
	if _, err := conn.PgConn().CopyTo(t.Context(), &out, "COPY (SELECT count(*) FROM people) TO STDOUT"); err != nil || out.Len() < 2 {
		t.Errorf("COPY: %q, %v", out.String(), err)
	}
	if a, err := extended(t.Context(), conn, "SELECT count(*) FROM people WHERE born < $1", []string{"1990-02-14"}); err != nil || len(a.rows) != 1 {
		t.Errorf("parameters: %v, %v", a.rows, err)
	}
	if a := must(t, conn, "EXPLAIN SELECT count(*) FROM people"); len(a.rows) < 5 {
		t.Errorf("EXPLAIN: %v", a.rows)
	}
}

// rehearsedRefusals holds mode dummy to the codes of mode live: a script that runs in the one runs in the other.
func rehearsedRefusals(t *testing.T, f *federation) {
	t.Helper()
	dry, live := f.connect(t, "registry", "mia", "trial"), f.connect(t, "registry", "mia", "trial")
	must(t, dry, "SET c2d.mode = 'dummy'")
	refused := 0
	for _, sql := range []string{
		"SELECT age FROM people", "SELECT sum(income / 0) FROM people", "SELECT min(age) FROM people", "SELECT note, count(*) FROM people GROUP BY note",
		"SELECT count(*) FROM people, visits", "SELECT count(*) FROM people LEFT JOIN visits USING (id)", "SELECT count(*) FROM people WHERE id = 3",
		"SELECT sum(value) FROM visits", "SELECT secret FROM people", "SELECT count(*) FROM people WHERE note LIKE 'a%'", "SELECT count(DISTINCT sex) FROM people",
		"SET c2d.epsilon = 1000; SELECT count(*) FROM people", "SET c2d.epsilon = 'x'; SELECT count(*) FROM people",
		"SET c2d.epsilon = 1; SELECT born, income, count(*) FROM people GROUP BY 1, 2", "INSERT INTO people (id) VALUES (1)",
	} {
		_, errDry := simple(t.Context(), dry, sql)
		_, errLive := simple(t.Context(), live, sql)
		if code(errDry) != code(errLive) || code(errDry) == "" {
			t.Errorf("%s: %v in mode dummy, %v live", sql, errDry, errLive)
		}
		refused++
	}
	if _, err := simple(t.Context(), dry, "RESET c2d.epsilon; SET c2d.mode = 'x'; SELECT count(*) FROM people"); code(err) != "22023" {
		t.Errorf("an unknown mode: %v", err)
	}
	if refused == 0 {
		t.Error("nothing was compared")
	}
}

// madeUpRows is all that rosa sees at the lab in three tables, to the byte.
func madeUpRows(t *testing.T, f *federation) string {
	t.Helper()
	conn := f.connect(t, "lab", "rosa", "trial")
	var out bytes.Buffer
	for _, table := range []string{"people", "visits", "sites"} {
		if _, err := conn.PgConn().CopyTo(t.Context(), &out, "COPY (SELECT * FROM "+table+") TO STDOUT"); err != nil {
			t.Fatal(err)
		}
	}
	if out.Len() < 10_000 {
		t.Errorf("%d bytes of made-up rows", out.Len())
	}
	return out.String()
}

// withoutData deletes every row of an owner's database, and restarts the owner's program.
func (f *federation) withoutData(t *testing.T, name string) {
	t.Helper()
	p := f.Party(name)
	conn, err := pgx.Connect(t.Context(), p.DatabaseDSN())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	list := must(t, conn, "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
	for _, table := range list.rows {
		must(t, conn, "DELETE FROM "+table[0])
	}
	if len(list.rows) == 0 || must(t, conn, "SELECT count(*) FROM trial_visits").rows[0][0] != "0" {
		t.Fatal("the owner has data still")
	}
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := f.StartParty(p); err != nil {
		t.Fatal(err)
	}
	if err := f.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// alone asks in mode dummy where no other party runs any more.
func alone(t *testing.T, f *federation) {
	t.Helper()
	config, err := pgx.ParseConfig(f.URI("lab", "rosa", "trial"))
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["options"] = "-c c2d.mode=dummy"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if a := must(t, conn, "SELECT count(*) FROM people p JOIN visits v USING (id)"); a.rows[0][0] == "0" {
		t.Errorf("without the others: %v", a.rows)
	}
	must(t, conn, "EXPLAIN SELECT count(*) FROM people")
	if _, err := simple(t.Context(), conn, "SET c2d.mode = 'live'; SELECT count(*) FROM people"); code(err) == "" {
		t.Error("the owners answered, who do not run")
	}
}

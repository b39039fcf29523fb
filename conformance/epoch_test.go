package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/cmd/c2dproxy/demo"
)

// change restarts a party with another file: each old text must be in it, and is replaced.
func (f *federation) change(t *testing.T, p *demo.Party, edits ...string) {
	t.Helper()
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(p.Config)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("the file of %s does not hold %q", p.Name, edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	if err := os.WriteFile(p.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.StartParty(p); err != nil {
		t.Fatal(err)
	}
	if err := f.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// spentOn is what a session's analyst has spent on the source of the table visits.
func spentOn(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	a, err := simple(t.Context(), conn, "SELECT epsilon_spent FROM c2d.budget WHERE source = 'trial_visits'")
	if err != nil || len(a.rows) != 1 {
		t.Fatalf("c2d.budget: %v, %v", a.rows, err)
	}
	return a.rows[0][0]
}

// refusedAfterChange asks in a session that began before a change, which must refuse, say what to do, and charge nothing.
func refusedAfterChange(t *testing.T, conn *pgx.Conn, sql string, codes string) {
	t.Helper()
	_, err := simple(t.Context(), conn, sql)
	var e *pgconn.PgError
	if !errors.As(err, &e) || !strings.Contains(codes, e.Code) || !strings.Contains(e.Hint, "econnect") {
		t.Errorf("%s in a session of before: %s", sql, wholeError(err))
	}
}

// TestStudyChanges restarts an owner with a column more, a column fewer and a grant fewer. New sessions at the gateway, which
// runs on, see it; old ones go on where nothing changed for them, fail clearly where it did, and are not charged for that.
func TestStudyChanges(t *testing.T) {
	long(t)
	t.Parallel()
	f := own(t)
	const columns = "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'visits'::regclass AND attnum > 0"
	old, tom := f.connect(t, "clinic", "mia", "trial"), f.connect(t, "clinic", "tom", "trial")
	a, err := simple(t.Context(), old, columns)
	if err != nil || a.rows[0][0] != "id kind value score at day ok rank" {
		t.Fatalf("before: %v, %v", a.rows, err)
	}
	if _, err := simple(t.Context(), old, "PREPARE p AS SELECT avg(score) FROM visits"); err != nil {
		t.Fatal(err)
	}
	before := len(catalogServers(t, f.Party("clinic")))
	grant := "      - analysts: [tom@clinic]\n        tables: [visits, sites]\n"
	f.change(t, f.Party("lab"),
		"ok, rank FROM trial_visits", "ok, rank, 3 AS extra FROM trial_visits",
		"          score: {type: double precision, scale: 2, visibility: visible, uses: [filter, aggregate], bounds: [-100, 100]}\n",
		"          score: {type: double precision, scale: 2}\n          extra: {type: integer, nullable: false, visibility: visible, uses: [group, filter, aggregate], bounds: [0, 5]}\n",
		grant, strings.Replace(grant, "visits, sites", "sites", 1))

	next := f.seesExtra(t, columns)
	if _, err := simple(t.Context(), next, "SELECT avg(score) FROM visits"); code(err) != "42703" {
		t.Errorf("a hidden column in a new session: %v", err)
	}
	if _, err := simple(t.Context(), next, "SELECT sum(extra) FROM visits"); err != nil {
		t.Errorf("a new column: %s", wholeError(err))
	}
	other := f.connect(t, "clinic", "tom", "trial")
	if _, err := simple(t.Context(), other, "SELECT count(*) FROM visits"); code(err) != "42P01" {
		t.Errorf("a table without grant in a new session: %v", err)
	}

	spent := spentOn(t, next)
	refusedAfterChange(t, old, "SELECT avg(score) FROM visits", "42703")
	refusedAfterChange(t, old, "EXECUTE p", "42703")
	refusedAfterChange(t, tom, "SELECT count(*) FROM visits", "42501 42P01")
	if now := spentOn(t, next); now != spent {
		t.Errorf("what was refused is charged: %s, then %s", spent, now)
	}
	if _, err := simple(t.Context(), old, "SELECT kind, count(*) FROM visits GROUP BY kind"); err != nil {
		t.Errorf("a session of before, a question that means the same: %s", wholeError(err))
	}
	for _, conn := range []*pgx.Conn{old, tom} {
		_ = conn.Close(context.Background())
	}
	f.serversOf(t, before)
}

// seesExtra connects until the gateway knows the change; the owner tells it when it connects.
func (f *federation) seesExtra(t *testing.T, columns string) *pgx.Conn {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		conn := f.connect(t, "clinic", "mia", "trial")
		a, err := simple(t.Context(), conn, columns)
		if err != nil {
			t.Fatal(err)
		}
		if a.rows[0][0] == "id kind value extra at day ok rank" {
			return conn
		}
		_ = conn.Close(t.Context())
		if time.Now().After(deadline) {
			t.Fatalf("new sessions see %v", a.rows)
		}
	}
}

// serversOf waits until the gateway runs as many catalog servers again as are needed now: one for each profile.
func (f *federation) serversOf(t *testing.T, before int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		servers := catalogServers(t, f.Party("clinic"))
		if len(servers) == 2 { // mia's and tom's differ now
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%d servers before, %s now: those of before run on", before, fmt.Sprint(servers))
			return
		}
	}
}

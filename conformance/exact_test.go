package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// statement is one entry of a corpus.
type statement struct {
	sql    string
	args   []string // NULL is the null value
	state  string   // SQLSTATE of a refusal
	line   int
	params bool
}

// corpus reads testdata/corpus/name: statements separated by empty lines. A line "-- $ a | b"
// gives the parameters, a line "-- 0A000" the SQLSTATE of a refusal; other comments are for readers.
func corpus(t *testing.T, name string, atLeast int) []statement {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []statement
	var one statement
	for i, line := range append(strings.Split(string(text), "\n"), "") {
		comment, isComment := strings.CutPrefix(line, "-- ")
		values, isParams := strings.CutPrefix(comment, "$ ")
		switch {
		case isComment && isParams:
			one.params = true
			one.args = strings.Split(values, " | ")
		case isComment && len(comment) == 5 && !strings.Contains(comment, " "):
			one.state = comment
		case isComment:
		case strings.TrimSpace(line) != "":
			if one.sql == "" {
				one.line = i + 1
			}
			one.sql += line + "\n"
		case one.sql != "":
			one.sql = strings.TrimSuffix(strings.TrimSpace(one.sql), ";")
			all = append(all, one)
			one = statement{}
		}
	}
	if len(all) < atLeast {
		t.Fatalf("%s has %d statements, expected %d at least", name, len(all), atLeast)
	}
	return all
}

// differ compares the federation's answer with the oracle's: names, type oids and modifiers, text
// values; the order of rows where the statement orders them.
func differ(got, want answer, ordered bool) string {
	switch {
	case !slices.Equal(got.names, want.names):
		return fmt.Sprintf("columns %q, expected %q", got.names, want.names)
	case !slices.Equal(got.types, want.types) || !slices.Equal(got.mods, want.mods):
		return fmt.Sprintf("types %v %v, expected %v %v", got.types, got.mods, want.types, want.mods)
	case got.tag != want.tag:
		return fmt.Sprintf("tag %s, expected %s", got.tag, want.tag)
	}
	a, b := lines(got), lines(want)
	if !ordered {
		slices.Sort(a)
		slices.Sort(b)
	}
	if !slices.Equal(a, b) {
		return fmt.Sprintf("rows\n%s\nexpected\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
	return ""
}

func lines(a answer) []string {
	var out []string
	for _, row := range a.rows {
		out = append(out, strings.ReplaceAll(strings.Join(row, " | "), null, "NULL"))
	}
	return out
}

// workers run statements side by side; a question waits for its read phase most of the time.
const workers = 4

// inParallel runs do for every index below n on the workers. do must not end its goroutine (no t.Fatal).
func inParallel(n int, do func(worker, i int)) {
	next := make(chan int, n)
	for i := range n {
		next <- i
	}
	close(next)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range next {
				do(w, i)
			}
		})
	}
	group.Wait()
}

// pair is a connection to the federation and one to the oracle.
type pair struct{ federation, oracle *pgx.Conn }

// pairs opens one for each worker.
func (f *federation) pairs(t *testing.T, login, study string) []pair {
	t.Helper()
	var all []pair
	for range workers {
		all = append(all, pair{f.connect(t, "clinic", login, study), f.askOracle(t, study)})
	}
	return all
}

// both asks the federation and the oracle the same.
func (p pair) both(ctx context.Context, s statement) (got, want answer, err, oracleErr error) {
	ask := func(conn *pgx.Conn) (answer, error) {
		if s.params {
			return extended(ctx, conn, s.sql, s.args)
		}
		return simple(ctx, conn, s.sql)
	}
	want, oracleErr = ask(p.oracle)
	got, err = ask(p.federation)
	return got, want, err, oracleErr
}

// TestExactCorpus: under a policy that releases exact values with cohort 1, the federation
// returns what one PostgreSQL with everybody's tables returns.
func TestExactCorpus(t *testing.T) {
	long(t)
	all := corpus(t, "exact.sql", 80)
	f := running(t)
	connections := f.pairs(t, "rosa", "trial")
	inParallel(len(all), func(worker, i int) {
		s := all[i]
		got, want, err, oracleErr := connections[worker].both(t.Context(), s)
		if oracleErr != nil {
			t.Errorf("exact.sql:%d: the oracle says %v", s.line, oracleErr)
			return
		}
		if err != nil {
			t.Errorf("exact.sql:%d: %v\n%s\n%s", s.line, err, s.sql, f.causes(err))
			return
		}
		if d := differ(got, want, strings.Contains(s.sql, "ORDER BY")); d != "" {
			t.Errorf("exact.sql:%d: %s\n%s", s.line, s.sql, d)
		}
	})
}

// TestRefusals: what is not supported or not allowed is refused with its code, before anything is charged.
func TestRefusals(t *testing.T) {
	long(t)
	all := corpus(t, "refused.sql", 40)
	f := running(t)
	for _, login := range []string{"rosa", "mia"} {
		conn := f.connect(t, "clinic", login, "trial")
		before, err := simple(t.Context(), conn, "SELECT * FROM c2d.budget ORDER BY 1, 2")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			if got, err := simple(t.Context(), conn, s.sql); code(err) != s.state {
				t.Errorf("%s: refused.sql:%d: %v %v, expected %s\n%s", login, s.line, err, got.rows, s.state, s.sql)
			}
		}
		after, err := simple(t.Context(), conn, "SELECT * FROM c2d.budget ORDER BY 1, 2")
		if err != nil {
			t.Fatal(err)
		}
		if login == "mia" && len(before.rows) == 0 || fmt.Sprint(before.rows) != fmt.Sprint(after.rows) {
			t.Errorf("%s: refusals changed the budget from %v to %v", login, before.rows, after.rows)
		}
	}
}

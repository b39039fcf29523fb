package conformance

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// ours are words of the cryptography inside, which analysts and owners never need.
var ours = regexp.MustCompile(`(?i)\b(shares?|prf|epochs?|shadows?|tails?|manifests?)\b`)

// TestOurs makes sure that the search can find, and does not find too much.
func TestOurs(t *testing.T) {
	for text, found := range map[string]bool{
		"the shadow session": true, "A share of it": true, "PRF(key)": true, "by epoch, not": true, "the Tail": true, "manifests": true,
		"see the detail": false, "retail": false, "he shared it": false, "overshadowed": false,
	} {
		if ours.MatchString(text) != found {
			t.Errorf("%q: found is %v", text, !found)
		}
	}
}

// plain checks a text that people see.
func plain(t *testing.T, where, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if word := ours.FindString(line); word != "" {
			t.Errorf("%s says %q: %s", where, word, strings.TrimSpace(line))
		}
	}
}

// TestWordsOfErrors checks the list of codes and the page about them.
func TestWordsOfErrors(t *testing.T) {
	codes := pgerr.Codes()
	if len(codes) == 0 {
		t.Fatal("no codes")
	}
	for _, c := range codes {
		plain(t, c.SQLState, c.Name+"\n"+c.Cause+"\n"+c.Remedy)
	}
	page, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	plain(t, "docs/errors.md", string(page))
}

// TestErrorsPage holds docs/errors.md to the list of codes, each once and in full.
func TestErrorsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	codes := pgerr.Codes()
	if len(codes) < 10 {
		t.Fatalf("%d codes only", len(codes))
	}
	known := map[string]bool{}
	for _, c := range codes {
		known[c.SQLState] = true
		row := fmt.Sprintf("| `%s` | %s | %s | %s |\n", c.SQLState, c.Name, c.Cause, c.Remedy)
		if strings.Count(string(page), row) != 1 {
			t.Errorf("docs/errors.md should have this row once:\n%s", row)
		}
	}
	for _, found := range regexp.MustCompile("(?m)^\\| `(ZD[0-9A-Z]{3})`").FindAllStringSubmatch(string(page), -1) {
		if !known[found[1]] {
			t.Errorf("docs/errors.md explains %s, which nobody raises", found[1])
		}
	}
	for _, state := range ordinary(t) {
		if !strings.Contains(string(page), "| `"+state+"` |") {
			t.Errorf("docs/errors.md does not explain %s", state)
		}
	}
}

// ordinary reads PostgreSQL's codes that pgerr declares from its source.
func ordinary(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("../internal/pgerr/codes.go")
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, found := range regexp.MustCompile(`(?m)^\t[A-Z]\w+\s+= "([0-9A-Z]{5})"`).FindAllStringSubmatch(string(source), -1) {
		states = append(states, found[1])
	}
	if len(states) < 20 {
		t.Fatalf("found %d codes only", len(states))
	}
	return states
}

// TestWordsOfCommands checks the help of every command.
func TestWordsOfCommands(t *testing.T) {
	long(t)
	help, err := command(t, "help")
	if err != nil {
		t.Fatal(err)
	}
	plain(t, "c2dproxy help", help)
	names := regexp.MustCompile(`(?m)^  ([a-z]+) {2,}`).FindAllStringSubmatch(help, -1)
	if len(names) < 8 {
		t.Fatalf("help lists %d commands only:\n%s", len(names), help)
	}
	for _, name := range append(names, []string{"", "ledger show"}, []string{"", "ledger backup"}, []string{"", "ledger verify"}, []string{"", "ledger proof"}, []string{"", "ledger verify-proof"}, []string{"", "ledger hand-over"}, []string{"", "analyst add"}) {
		text, err := command(t, append(strings.Fields(name[1]), "--help")...)
		if err != nil || text == "" {
			t.Errorf("%s --help: %v", name[1], err)
		}
		plain(t, "c2dproxy "+name[1]+" --help", text)
	}
}

// TestWordsOfAnswers checks what an analyst reads in a session: EXPLAIN, comments, system views,
// refusals; and what an owner reads on the terminal.
func TestWordsOfAnswers(t *testing.T) {
	long(t)
	f := running(t)
	seen := 0
	for _, login := range []string{"mia", "rosa"} {
		conn := f.connect(t, "clinic", login, "trial")
		for _, sql := range []string{
			"EXPLAIN SELECT sex, count(*), avg(age) FROM people GROUP BY sex",
			"EXPLAIN (FORMAT JSON) SELECT sex, count(*), avg(age) FROM people GROUP BY sex",
			"EXPLAIN SELECT p.sex, v.kind, count(DISTINCT p.id), sum(v.score) FROM people p JOIN visits v USING (id) GROUP BY 1, 2 HAVING count(*) > 3",
			"EXPLAIN SELECT region, count(*), avg(cost) FROM sites GROUP BY region",
			"SELECT description FROM pg_description WHERE objoid >= 16384",
			"SELECT nspname FROM pg_namespace UNION SELECT datname FROM pg_database UNION SELECT attname FROM pg_attribute WHERE attrelid >= 16384",
			"SELECT * FROM c2d.tables", "SELECT * FROM c2d.columns", "SELECT * FROM c2d.studies", "SELECT * FROM c2d.budget",
		} {
			a, err := simple(t.Context(), conn, sql)
			if err != nil || len(a.rows) == 0 && login == "mia" {
				t.Errorf("%s: %s: %d rows, %v", login, sql, len(a.rows), err)
			}
			plain(t, sql, strings.Join(lines(a), "\n"))
			seen += len(a.rows)
		}
		for _, s := range corpus(t, "refused.sql", 40) {
			_, err := simple(t.Context(), conn, s.sql)
			plain(t, s.sql, wholeError(err))
		}
	}
	if seen < 200 {
		t.Errorf("looked at %d lines only", seen)
	}
	for _, p := range f.Parties {
		for _, args := range [][]string{{"check", p.Config}, {"status", p.Config}, {"doctor", p.Config}} {
			text, err := command(t, args...)
			if text == "" || err != nil && args[0] != "check" { // check fails on data outside its declared bounds
				t.Errorf("c2dproxy %s: %v\n%s", args, err, text)
			}
			plain(t, "c2dproxy "+args[0], text)
		}
	}
}

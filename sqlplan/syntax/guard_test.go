package syntax

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strings"
	"testing"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// shape is a statement that nests n times: head, n times before, middle, n times after.
type shape struct{ head, before, middle, after string }

func (s shape) text(n int) string {
	return s.head + strings.Repeat(s.before, n) + s.middle + strings.Repeat(s.after, n)
}

// shapes are one form of recursion each. A chain grows to the left without a bracket; the others nest in brackets, in
// CASE, or behind a prefix.
var shapes = map[string]shape{
	"sum":                    {"SELECT 1", "+1", "", ""},
	"power":                  {"SELECT 1", "^1", "", ""},
	"concat":                 {"SELECT ''", "||''", "", ""},
	"cast":                   {"SELECT a", "::b", "", ""},
	"not":                    {"SELECT ", "NOT ", "a", ""},
	"minus":                  {"SELECT ", "- ", "a", ""},
	"qualified operator":     {"SELECT 1", " OPERATOR(pg_catalog.+) 1", "", ""},
	"is null":                {"SELECT 1", " IS NULL", "", ""},
	"isnull":                 {"SELECT 1", " ISNULL", "", ""},
	"collate":                {"SELECT ''", " COLLATE \"C\"", "", ""},
	"at":                     {"SELECT a", " AT TIME ZONE 'x'", "", ""},
	"any":                    {"SELECT a", " = ANY (b)", "", ""},
	"or, grouped":            {"SELECT ", "a OR (a AND (", "a", "))"},
	"union":                  {"SELECT 1", " UNION SELECT 1", "", ""},
	"except":                 {"SELECT 1, 1", " EXCEPT SELECT 1, 1", "", ""},
	"join":                   {"SELECT 1 FROM a", " CROSS JOIN a", "", ""},
	"join using":             {"SELECT 1 FROM a", " JOIN a USING (x, y)", "", ""},
	"join on the right":      {"SELECT 1 FROM ", "a JOIN ", "a", " ON true"},
	"join behind a comma":    {"SELECT 1 FROM a, b", " JOIN a ON true", "", ""},
	"parentheses":            {"SELECT ", "(", "1", ")"},
	"sums in parentheses":    {"SELECT ", "(1+", "1", ")"},
	"row":                    {"SELECT ", "ROW(", "1", ")"},
	"case when":              {"SELECT ", "CASE WHEN ", "a", " THEN 1 END"},
	"case then":              {"SELECT ", "CASE WHEN true THEN ", "a", " END"},
	"case else":              {"SELECT ", "CASE WHEN a THEN 1 ELSE ", "a", " END"},
	"case of":                {"SELECT ", "CASE ", "a", " WHEN 1 THEN 1 END"},
	"case of end":            {"SELECT ", "CASE a.end WHEN 1 THEN ", "a", " END"},
	"case of when":           {"SELECT ", "CASE a.when WHEN 1 THEN ", "a", " END"},
	"case and case":          {"SELECT a", " + CASE WHEN a THEN 1 ELSE 2 END", "", ""},
	"case after an end":      {"SELECT ", "(SELECT 1 end, CASE WHEN a THEN ", "a", " END)"},
	"array":                  {"SELECT ", "ARRAY[", "1", "]"},
	"array of arrays":        {"SELECT ARRAY", "[", "1", "]"},
	"second element":         {"SELECT ", "f(1,", "1", ")"},
	"slice":                  {"SELECT ", "a[1:", "1", "]"},
	"field":                  {"SELECT ", "(", "a", ").b"},
	"function":               {"SELECT ", "f(", "1", ")"},
	"window":                 {"SELECT ", "f(1) OVER (ORDER BY ", "1", ")"},
	"in":                     {"SELECT ", "a IN (", "1", ")"},
	"subquery":               {"", "SELECT (", "SELECT 1", ")"},
	"subquery in from":       {"", "SELECT 1 FROM (", "SELECT 1", ") x"},
	"subquery after a comma": {"", "SELECT 1, (", "SELECT 1", ")"},
	"with":                   {"", "WITH x AS (", "SELECT 1", ") SELECT 1"},
	"union in parentheses":   {"", "(SELECT 1 UNION ", "SELECT 1", ")"},
	"exists":                 {"", "SELECT EXISTS (", "SELECT 1", ")"},
	"function bodies":        {"", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1, 2; ", "SELECT 1", "; END"},
	"case as names":          {"SELECT 1 case", " UNION SELECT 1 case", "", ""},
	"end as names":           {"SELECT ", "(SELECT 1 AS end, 1 + ", "1", ")"},
	"when as names":          {"SELECT 1 case, 1 when", " UNION SELECT 1 when, 1 then", "", ""},
	"select of nothing":      {"SELECT", " UNION SELECT", "", ""},
	"union of values":        {"VALUES (1)", " UNION VALUES (1), (2)", "", ""},
	"union and intersect":    {"SELECT 1, 1", " UNION (SELECT 1, 2 INTERSECT SELECT 1, 2)", "", ""},
	"natural join":           {"SELECT 1 FROM a", " NATURAL JOIN a", "", ""},
	"plus":                   {"SELECT ", "+ ", "a", ""},
	"rows in":                {"SELECT (1, 2)", " IN ((1, 2)) ISNULL", "", ""},
	"between":                {"SELECT a", " BETWEEN 1 AND 2 ISNULL", "", ""},
	"like any":               {"SELECT a", " LIKE ANY (b) ISNULL", "", ""},
	"slices of slices":       {"SELECT ", "a[", "1", ":2]"},
	"array of a subquery":    {"SELECT ", "ARRAY(SELECT ", "1", ")"},
	"lateral":                {"SELECT 1 FROM ", "(SELECT 1 FROM b, LATERAL ", "(SELECT 1) x", ") x"},
	"case of end of case":    {"SELECT ", "CASE WHEN 1 = 1 THEN 2 WHEN a THEN ", "1", " WHEN 2 = 3 THEN 4 END"},
	"grouping sets":          {"SELECT 1 FROM a GROUP BY ", "GROUPING SETS (b, ", "a", ")"},
}

// flat are lists, which the parser reads without recursion.
var flat = map[string]shape{
	"and":   {"SELECT a", " AND a", "", ""},
	"or":    {"SELECT a", " OR a", "", ""},
	"field": {"SELECT a", ".b", "", ""},
	"index": {"SELECT a", "[1]", "", ""},
}

// longest returns the largest n at which Guard accepts a shape.
func longest(t *testing.T, s shape) int {
	lo, hi := 1, MaxPath+1000
	if err := Guard(s.text(lo)); err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; Guard(s.text(mid)) == nil {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

const childVariable = "C2DPROXY_GUARD_CHILD"

// TestGuardMargin finds for each shape the deepest text that Guard accepts, and has a child process parse one
// that is more than twice as deep: it must survive. It also holds that what kills a parser is refused: the same
// child dies of a chain of 60 kB, so that the test is known to see such a death.
func TestGuardMargin(t *testing.T) {
	t.Parallel()
	if out, err := child(t, "60 kB"); err == nil {
		t.Errorf("a chain of 60 kB does not overflow the stack here: %s", out)
	}
	if out, err := child(t, "margin"); err != nil {
		t.Errorf("%v; the last shape begun overflows the stack\n%s", err, out)
	}
}

func child(t *testing.T, what string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestGuardChild$", "-test.v")
	c.Env = append(os.Environ(), childVariable+"="+what)
	out, err := c.CombinedOutput()
	if len(out) > 2000 {
		out = out[:2000]
	}
	return string(out), err
}

// TestGuardChild is the child of TestGuardMargin; on its own it checks that there is work for it.
func TestGuardChild(t *testing.T) {
	switch os.Getenv(childVariable) {
	case "60 kB":
		_ = parses(shapes["sum"].text(30_000))
		return
	case "margin":
		for _, all := range []map[string]shape{shapes, flat} {
			for _, name := range sortedNames(all) {
				n := longest(t, all[name])
				fmt.Println(name, n)
				_ = parses(all[name].text(2*n + 10))
			}
		}
		return
	}
	if len(shapes) < 40 {
		t.Fatal("there are too few shapes")
	}
}

// parses does all that is done with a text in C, on a thread as Go makes it.
func parses(text string) error {
	done := make(chan error)
	go func() {
		tree, err := pg.Parse(text)
		if err == nil {
			_, err = pg.Deparse(tree)
		}
		done <- err
	}()
	return <-done
}

func sortedNames(m map[string]shape) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// TestShapesAreSQL holds that the parser reads each shape, so that its depth is one of a tree.
func TestShapesAreSQL(t *testing.T) {
	t.Parallel()
	for name, s := range shapes {
		if _, err := pg.Parse(s.text(3)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, s.text(3))
		}
	}
}

// TestGuardedTexts does everything that this package does with the deepest texts that Guard accepts.
func TestGuardedTexts(t *testing.T) {
	t.Parallel()
	for name, s := range shapes {
		text := s.text(longest(t, s))
		if _, err := Split(text); err != nil {
			t.Logf("%s: %v", name, err)
		}
		if _, err := ParseSelect(text, nil); err != nil {
			t.Logf("%s: %v", name, err)
		}
	}
}

// TestGuardRefuses holds that every shape of 60 kB, and of 2,000 brackets, is refused before the parser.
func TestGuardRefuses(t *testing.T) {
	t.Parallel()
	refused := func(name, text string) {
		e, ok := pgerr.As(Guard(text))
		if !ok || e.Code != pgerr.ProgramLimitExceeded || e.Hint == "" {
			t.Errorf("%s: %v", name, Guard(text))
		}
	}
	for name, s := range shapes {
		n := 60_000 / len(s.before+s.after)
		if n > 1900 { // the longer shapes have fewer levels in 60 kB, far below what overflows
			refused(name, s.text(n))
		}
	}
	for _, name := range []string{"and", "or"} {
		refused(name, flat[name].text(10_000))
	}
	refused("bytes", "SELECT '"+strings.Repeat("x", MaxBytes)+"'")
}

// TestGuardAccepts holds that long flat statements of real clients pass.
func TestGuardAccepts(t *testing.T) {
	t.Parallel()
	var udts strings.Builder // what pgjdbc 42.5 sends for DatabaseMetaData.getUDTs once it knows all types
	udts.WriteString("select null as type_cat, n.nspname as type_schem, t.typname as type_name,  null as class_name, CASE WHEN t.typtype='c' then 2002 else 2001 end as data_type, pg_catalog.obj_description(t.oid, 'pg_type')  as remarks, CASE WHEN t.typtype = 'd' then  (select CASE")
	for i := range 900 {
		fmt.Fprintf(&udts, " when base_type.oid = %d then %d", 16+i, i%2000-7)
	}
	udts.WriteString(" else 1111 end from pg_type base_type where base_type.oid=t.typbasetype) else null end as base_type from pg_catalog.pg_type t, pg_catalog.pg_namespace n where t.typnamespace = n.oid and n.nspname != 'pg_catalog' and n.nspname != 'pg_toast' and t.typtype IN ('c','d') order by data_type, type_schem, type_name")
	for name, text := range map[string]string{
		"getUDTs": udts.String(),
		"IN":      "SELECT a FROM t WHERE a IN (1" + strings.Repeat(",1", 30_000) + ")",
		"VALUES":  "SELECT * FROM (VALUES (1, 2)" + strings.Repeat(", (1, 2)", 8000) + ") AS t",
		"columns": "SELECT 1" + strings.Repeat(", a AS b", 8000),
		"script":  strings.Repeat("SELECT 1 + 1;", 5000),
	} {
		if err := Guard(text); err != nil {
			t.Errorf("%s, %d bytes: %v", name, len(text), err)
		}
		start := time.Now()
		if parts, err := Split(text); err != nil || len(parts) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// treeDepth counts the levels of the parser's tree.
func treeDepth(text string) int {
	tree, err := pg.Parse(text)
	if err != nil {
		return 0
	}
	return messageDepth(tree.ProtoReflect())
}

// messageDepth counts nested messages that the C code recurses into: nodes, and the sides of UNION and its like, which are none.
func messageDepth(m protoreflect.Message) int {
	deepest := 0
	m.Range(func(d protoreflect.FieldDescriptor, x protoreflect.Value) bool {
		switch {
		case d.Kind() != protoreflect.MessageKind:
		case d.IsList():
			for i := range x.List().Len() {
				deepest = max(deepest, messageDepth(x.List().Get(i).Message()))
			}
		default:
			deepest = max(deepest, messageDepth(x.Message()))
		}
		return true
	})
	switch m.Interface().(type) {
	case *pg.Node, *pg.SelectStmt:
		return deepest + 1
	}
	return deepest
}

// levels is the most levels of the tree that one token on a path, or one bracket, stands for. FROM (SELECT …) alone
// makes four.
const levels = 8

// FuzzGuard holds what the limits rest on: the tree of a text is not deeper than levels times the longest path that
// the lexer sees.
func FuzzGuard(f *testing.F) {
	for _, n := range []int{1, 3, 40} {
		for _, s := range shapes {
			f.Add(s.text(n))
		}
		for _, s := range flat {
			f.Add(s.text(n))
		}
	}
	f.Add("SELECT CASE a.end WHEN CASE b.end WHEN 1 THEN 2 END THEN 3 END, 4 case, 5 AS when, (6) end")
	f.Add("CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 1, 2)")
	f.Fuzz(func(t *testing.T, text string) {
		if Guard(text) != nil {
			return
		}
		tokens, err := scan(text)
		if err != nil {
			t.Fatal("Guard accepted what cannot be read")
		}
		var p path
		most := 0
		for i, token := range tokens {
			p.step(token.Token, i > 0 && (tokens[i-1].Token == pg.Token_ASCII_46 || tokens[i-1].Token == pg.Token_AS))
			if p.above < 0 || p.length() < 0 {
				t.Fatal("the path has a negative length")
			}
			most = max(most, p.length())
		}
		if d := treeDepth(text); d > levels*(most+2) {
			t.Fatalf("the tree has %d levels, the path %d tokens", d, most)
		}
	})
}

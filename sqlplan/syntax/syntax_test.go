package syntax

import (
	"strings"
	"testing"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// deep are texts that nest as far as the lexer-only guard lets them, one form of recursion each.
func deep() map[string]string {
	n := MaxTokens/2 - 10
	return map[string]string{
		"sum":         "SELECT 1" + strings.Repeat("+1", n),
		"power":       "SELECT 1" + strings.Repeat("^1", n),
		"concat":      "SELECT ''" + strings.Repeat("||''", n),
		"cast":        "SELECT 1" + strings.Repeat("::int", n),
		"not":         "SELECT " + strings.Repeat("NOT ", 10*MaxDepth-5) + "true",
		"minus":       "SELECT " + strings.Repeat("- ", 10*MaxDepth-5) + "1",
		"and":         "SELECT true" + strings.Repeat(" AND true", n),
		"or":          "SELECT true" + strings.Repeat(" OR true", n),
		"is null":     "SELECT 1" + strings.Repeat(" IS NULL", n),
		"collate":     "SELECT ''" + strings.Repeat(` COLLATE "C"`, n),
		"union":       "SELECT 1" + strings.Repeat(" UNION SELECT 1", MaxTokens/3-10),
		"join":        "SELECT 1 FROM a" + strings.Repeat(" CROSS JOIN a", MaxTokens/3-10),
		"parentheses": "SELECT " + strings.Repeat("(", MaxDepth-1) + "1" + strings.Repeat(")", MaxDepth-1),
		"case":        "SELECT " + strings.Repeat("CASE WHEN true THEN ", MaxDepth-1) + "1" + strings.Repeat(" END", MaxDepth-1),
		"case open":   "SELECT " + strings.Repeat("CASE ", MaxDepth-1),
		"subquery":    strings.Repeat("SELECT (", MaxDepth-1) + "SELECT 1" + strings.Repeat(")", MaxDepth-1),
		"index":       "SELECT a" + strings.Repeat("[1]", MaxTokens/3-10),
		"else":        "SELECT " + strings.Repeat("CASE WHEN true THEN 1 ELSE ", MaxDepth-1) + "1" + strings.Repeat(" END", MaxDepth-1),
		"list":        "SELECT 1" + strings.Repeat(",1", n),
		"at":          "SELECT now()" + strings.Repeat(" AT TIME ZONE 'UTC'", MaxTokens/4-10),
	}
}

// TestParserSurvivesGuard holds that a text which Guard accepts cannot kill the process in the
// C parser, the decoder or the deparser.
func TestParserSurvivesGuard(t *testing.T) {
	t.Parallel()
	for name, text := range deep() {
		if err := Guard(text); err != nil {
			if len(text) <= MaxBytes {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		tree, err := pg.Parse(text)
		if err != nil {
			continue
		}
		if _, err := pg.Deparse(tree); err != nil {
			t.Logf("%s: deparse: %v", name, err)
		}
		if _, err := Split(text); err != nil {
			t.Logf("%s: %v", name, err)
		}
		if _, err := ParseSelect(text, nil); err != nil {
			t.Logf("%s: %v", name, err)
		}
	}
}

func TestGuardRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"bytes":   "SELECT '" + strings.Repeat("x", MaxBytes) + "'",
		"tokens":  "SELECT 1" + strings.Repeat("+1", MaxTokens),
		"depth":   "SELECT " + strings.Repeat("(", MaxDepth+1) + "1" + strings.Repeat(")", MaxDepth+1),
		"case":    "SELECT " + strings.Repeat("CASE ", MaxDepth+1),
		"prefix":  "SELECT " + strings.Repeat("NOT ", 10*MaxDepth+1) + "true",
		"60 kB":   "SELECT " + strings.Repeat("(", 30000) + "1" + strings.Repeat(")", 30000),
		"bracket": "SELECT " + strings.Repeat("ARRAY[", MaxDepth+1),
	} {
		e, ok := pgerr.As(Guard(text))
		if !ok || e.Code != pgerr.ProgramLimitExceeded {
			t.Errorf("%s: %v", name, Guard(text))
		}
	}
}

func TestQuoteHasNoDollar(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"$1", `a\b`, "it's $1 \\ '"} {
		if strings.Contains(Quote(s), "$") || strings.Contains(Ident(s), "$") {
			t.Errorf("%s: %s %s", s, Quote(s), Ident(s))
		}
		tree, err := ParseSelect("SELECT "+Quote(s)+" AS "+Ident(s), nil)
		if err != nil {
			t.Fatal(err)
		}
		if l := tree.Targets[0].Expr.(*Literal); l.Text != s || tree.Targets[0].Name != s {
			t.Errorf("%q became %q and %q", s, l.Text, tree.Targets[0].Name)
		}
	}
}

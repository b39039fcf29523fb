package syntax

import (
	"strings"
	"testing"
)

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

package proxy

import (
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestBooksHints: a refusal says what to type: the ε that still fits, or whom to ask where none does; and why an analyst
// with an exact grant over the same source gets no noisy answer.
func TestBooksHints(t *testing.T) {
	b := testBooks(t)
	told := func(err error, code string, words ...string) {
		t.Helper()
		e, ok := pgerr.As(err)
		if !ok || e.Code != code {
			t.Fatalf("%v, want %s", err, code)
		}
		for _, w := range words {
			if !strings.Contains(e.Message+"|"+e.Detail+"|"+e.Hint, w) {
				t.Errorf("%q is not in %q, %q, %q", w, e.Message, e.Detail, e.Hint)
			}
		}
	}
	if err := b.ask(t, 1, "mia@b", "t", dp.OneEpsilon*3/2, 1); err != nil {
		t.Fatal(err)
	}
	told(b.ask(t, 2, "mia@b", "t", dp.OneEpsilon, 1), pgerr.BudgetExhausted, "ε = 0.5 is left", "SET c2d.epsilon = 0.5 fits")
	told(b.ask(t, 3, "mia@b", "t", dp.OneEpsilon/2, 100), pgerr.BudgetExhausted, "δ", "delta.total")
	if err := b.ask(t, 4, "mia@b", "t", dp.OneEpsilon/2, 1); err != nil {
		t.Fatalf("what the hint said does not fit: %v", err)
	}
	told(b.ask(t, 5, "mia@b", "t", dp.OneEpsilon, 1), pgerr.BudgetExhausted, "nothing is left", "epsilon.total")
	told(b.ask(t, 7, "eve@b", "t", 4*dp.OneEpsilon, 1), pgerr.BudgetExhausted, "over all analysts", "Ask a to raise the cap")
	study, _ := b.study("s")
	study.Grants = append(study.Grants, catalog.Grant{Owner: "a", Analyst: "eve@b", Tables: []string{"alias"}, Release: catalog.ReleaseExact})
	told(b.ask(t, 6, "eve@b", "t", dp.OneEpsilon, 1), pgerr.InsufficientPrivilege, "both exact and noisy", `"t"`, "Ask a to grant one release")
}

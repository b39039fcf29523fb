package syntax

import pg "github.com/pganalyze/pg_query_go/v5"

// AlwaysEmpty reports whether a SELECT returns no row whatever its tables hold: LIMIT 0, or WHERE false
// or 1 = 0 without anything that would make a row of nothing. Tools ask so for the names and types of columns.
func AlwaysEmpty(text string) bool {
	if Guard(text) != nil {
		return false
	}
	tree, err := pg.Parse(text)
	if err != nil || len(tree.Stmts) != 1 || tree.Stmts[0].Stmt.GetSelectStmt() == nil {
		return false
	}
	s := tree.Stmts[0].Stmt.GetSelectStmt()
	if l, ok := convert(s.LimitCount).(*Literal); ok && l.Kind == Integer && l.Text == "0" && s.LimitOption == pg.LimitOption_LIMIT_OPTION_COUNT {
		return true
	}
	if s.Op != pg.SetOperation_SETOP_NONE || s.HavingClause != nil || len(s.GroupClause) > 0 || s.WhereClause == nil {
		return false
	}
	for _, t := range s.TargetList {
		if _, ok := convert(t.GetResTarget().GetVal()).(*Column); !ok {
			return false
		}
	}
	return isFalse(convert(s.WhereClause))
}

// isFalse recognises false and 1 = 0 (or any two different whole numbers).
func isFalse(e Expr) bool {
	switch x := e.(type) {
	case *Literal:
		return x.Kind == Boolean && x.Text == "false"
	case *Call:
		if !x.Construct || x.Name != "=" || len(x.Args) != 2 {
			return false
		}
		a, okA := x.Args[0].(*Literal)
		b, okB := x.Args[1].(*Literal)
		return okA && okB && a.Kind == Integer && b.Kind == Integer && len(a.Text) == 1 && len(b.Text) == 1 && a.Text != b.Text
	}
	return false
}

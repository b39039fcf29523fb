package syntax

import pg "github.com/pganalyze/pg_query_go/v5"

// one guards and parses a text that must be one SELECT; nil if it is not.
func one(text string) *pg.SelectStmt {
	if Guard(text) != nil {
		return nil
	}
	tree, err := pg.Parse(text)
	if err != nil || len(tree.Stmts) != 1 {
		return nil
	}
	return tree.Stmts[0].Stmt.GetSelectStmt()
}

// Browses tells of one SELECT two things, both false of a text that is none.
//
// empty: it returns no row whatever its tables hold: LIMIT 0, or WHERE false or 1 = 0 without anything that would make a row
// of nothing. Tools ask so for the names and types of columns.
//
// rows: it reads tables, and groups and aggregates nothing at any level: it can only return rows as they are. aggregate
// knows the names of aggregates.
func Browses(text string, aggregate func(string) bool) (empty, rows bool) {
	s := one(text)
	return alwaysEmpty(s), asksRows(s, aggregate)
}

func alwaysEmpty(s *pg.SelectStmt) bool {
	if s == nil {
		return false
	}
	if l, ok := convert(s.LimitCount).(*Literal); ok && l.Kind == Integer && l.Text == "0" && s.LimitOption == pg.LimitOption_LIMIT_OPTION_COUNT {
		return true
	}
	if s.Op != pg.SetOperation_SETOP_NONE || s.HavingClause != nil || len(s.GroupClause) > 0 {
		return false
	}
	for _, t := range s.TargetList {
		if !oneRow(t) {
			return false
		}
	}
	for _, n := range s.FromClause {
		if alwaysEmpty(n.GetRangeSubselect().GetSubquery().GetSelectStmt()) {
			return true
		}
	}
	return s.WhereClause != nil && isFalse(convert(s.WhereClause))
}

// isFalse recognises false, 1 = 0 (or any two different digits), 1 <> 1, and AND with one of them.
func isFalse(e Expr) bool {
	switch x := e.(type) {
	case *Literal:
		return x.Kind == Boolean && x.Text == "false"
	case *Call:
		if x.Construct && x.Name == "and" {
			for _, a := range x.Args {
				if isFalse(a) {
					return true
				}
			}
		}
		if !x.Construct || x.Name != "=" && x.Name != "<>" || len(x.Args) != 2 {
			return false
		}
		a, okA := x.Args[0].(*Literal)
		b, okB := x.Args[1].(*Literal)
		return okA && okB && a.Kind == Integer && b.Kind == Integer && len(a.Text) == 1 && len(b.Text) == 1 && (a.Text != b.Text) == (x.Name == "=")
	}
	return false
}

func asksRows(s *pg.SelectStmt, aggregate func(string) bool) bool {
	if s == nil || s.Op == pg.SetOperation_SETOP_NONE && len(s.FromClause) == 0 {
		return false
	}
	return !groups(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s}}, aggregate)
}

// groups reports whether something inside groups or aggregates.
func groups(n *pg.Node, aggregate func(string) bool) bool {
	if s := n.GetSelectStmt(); s != nil && (len(s.GroupClause) > 0 || len(s.DistinctClause) > 0 || s.HavingClause != nil) {
		return true
	}
	if c := n.GetFuncCall(); c != nil {
		parts := names(c.Funcname)
		if c.Over == nil && (c.AggStar || c.AggDistinct || c.AggWithinGroup || c.AggFilter != nil || aggregate(parts[len(parts)-1])) {
			return true
		}
	}
	return children(n.ProtoReflect(), func(c *pg.Node) error {
		if groups(c, aggregate) {
			return errNested
		}
		return nil
	}) != nil
}

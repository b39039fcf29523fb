package syntax

import (
	"cmp"
	"fmt"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TailColumn is how one output column leaves the tail.
type TailColumn struct {
	Name string
	Type string // SQL type that it is cast to; "" leaves it
}

// Tail rewrites the SELECT into its public rest over released rows: each expression of
// replace becomes the given SQL, FROM becomes from (an SQL FROM item), WHERE and GROUP BY go,
// HAVING becomes WHERE. The Select must not be used again.
func (s *Select) Tail(replace map[Expr]string, columns []TailColumn, from string) (string, error) {
	if len(columns) != len(s.stmt.TargetList) {
		return "", pgerr.New(pgerr.InternalError, "the described columns do not fit the statement")
	}
	var list []string // parsed together: each parse has a price of its own
	var placed []Expr
	for e, text := range replace {
		list, placed = append(list, text), append(placed, e)
	}
	for _, c := range columns {
		list = append(list, "CAST(NULL AS "+cmp.Or(c.Type, "text")+")")
	}
	nodes, source, err := expressions(list, from)
	if err != nil {
		return "", err
	}
	for i, e := range placed {
		e.raw().Node = nodes[i].Node
	}
	for i, t := range s.stmt.TargetList {
		r := t.GetResTarget()
		r.Name = columns[i].Name
		if columns[i].Type == "" {
			continue
		}
		cast := nodes[len(placed)+i]
		cast.GetTypeCast().Arg = r.Val
		r.Val = cast
	}
	s.stmt.FromClause = source
	s.stmt.WhereClause, s.stmt.GroupClause, s.stmt.HavingClause = s.stmt.HavingClause, nil, nil
	return deparse(s.stmt)
}

// Keep makes conditions decide beside HAVING which released rows stay.
func (s *Select) Keep(conditions []Expr) {
	var list []*pg.Node
	for _, c := range conditions {
		list = append(list, c.raw())
	}
	if s.stmt.HavingClause != nil {
		list = append(list, s.stmt.HavingClause)
	}
	s.stmt.HavingClause = and(list)
}

// DropHaving removes HAVING, where it has been decided before.
func (s *Select) DropHaving() { s.stmt.HavingClause = nil }

// expressions parses expressions and a FROM clause.
func expressions(list []string, from string) (nodes, source []*pg.Node, err error) {
	tree, err := pg.Parse("SELECT " + strings.Join(list, ", ") + " FROM " + from)
	if err != nil {
		return nil, nil, fmt.Errorf("tail: %w", err)
	}
	s := tree.Stmts[0].Stmt.GetSelectStmt()
	if len(tree.Stmts) != 1 || len(s.TargetList) != len(list) {
		return nil, nil, fmt.Errorf("tail: %d expressions are read as %d", len(list), len(s.TargetList))
	}
	for _, t := range s.TargetList {
		nodes = append(nodes, t.GetResTarget().Val)
	}
	return nodes, s.FromClause, nil
}

// Ident quotes an identifier, always. Like Quote it never writes a dollar sign, so that $1 in an
// owner's SQL is the owner's salt and nothing else.
func Ident(name string) string {
	quoted := `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	if strings.Contains(name, "$") {
		return "U&" + strings.ReplaceAll(strings.ReplaceAll(quoted, `\`, `\\`), "$", `\0024`)
	}
	return quoted
}

// Quote quotes a text literal so that no setting changes its meaning.
func Quote(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.ContainsAny(text, `\$`) {
		return " E" + strings.ReplaceAll(strings.ReplaceAll(quoted, `\`, `\\`), "$", `\x24`)
	}
	return quoted
}

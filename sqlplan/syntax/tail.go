package syntax

import (
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
	for e, text := range replace {
		n, err := expression(text)
		if err != nil {
			return "", err
		}
		e.raw().Node = n.Node
	}
	for i, t := range s.stmt.TargetList {
		r := t.GetResTarget()
		r.Name = columns[i].Name
		if columns[i].Type == "" {
			continue
		}
		cast, err := expression("CAST(NULL AS " + columns[i].Type + ")")
		if err != nil {
			return "", err
		}
		cast.GetTypeCast().Arg = r.Val
		r.Val = cast
	}
	source, err := pg.Parse("SELECT FROM " + from)
	if err != nil {
		return "", fmt.Errorf("tail source: %w", err)
	}
	s.stmt.FromClause = source.Stmts[0].Stmt.GetSelectStmt().FromClause
	s.stmt.WhereClause, s.stmt.GroupClause, s.stmt.HavingClause = s.stmt.HavingClause, nil, nil
	return pg.Deparse(&pg.ParseResult{Stmts: []*pg.RawStmt{{Stmt: &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s.stmt}}}}})
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

func expression(text string) (*pg.Node, error) {
	tree, err := pg.Parse("SELECT " + text)
	if err != nil {
		return nil, fmt.Errorf("tail expression: %w", err)
	}
	return tree.Stmts[0].Stmt.GetSelectStmt().TargetList[0].GetResTarget().Val, nil
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

package syntax

import (
	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// OverFunctions rewrites a SELECT to read set-returning functions in the place of tables: function gives the SQL name of the
// one that stands for a table, or "" where there is none, which refuses. Names of CTEs stay.
func OverFunctions(text string, function func(schema, table string) string) (string, error) {
	s := one(text)
	if s == nil {
		return "", pgerr.New(pgerr.FeatureNotSupported, "the statement's form is not supported")
	}
	root := &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s}}
	found := Statement{}
	w := walker{s: &found}
	w.message(root.ProtoReflect(), nil)
	r := replacer{text: text, function: function, tables: map[int32]bool{}}
	for _, t := range found.Tables {
		r.tables[int32(t.At)] = true
	}
	if err := r.node(root); err != nil {
		return "", err
	}
	return deparse(root.GetSelectStmt())
}

// replacer puts functions in the place of tables.
type replacer struct {
	text     string
	function func(schema, table string) string
	tables   map[int32]bool // by place: those that are no CTE
}

func (r *replacer) node(n *pg.Node) error {
	switch v := n.GetNode().(type) {
	case *pg.Node_RangeTableSample:
		return pgerr.New(pgerr.FeatureNotSupported, "TABLESAMPLE is not supported").
			WithHint("Leave TABLESAMPLE out.").At(Position(r.text, int(v.RangeTableSample.Location)))
	case *pg.Node_ColumnRef:
		// A function has no schema that public.t.x could name.
		if f := v.ColumnRef.Fields; len(f) > 2 {
			v.ColumnRef.Fields = f[len(f)-2:]
		}
		return nil
	case *pg.Node_RangeVar:
		if r.tables[v.RangeVar.Location] {
			return r.table(n, v.RangeVar)
		}
		return nil
	}
	return children(n.ProtoReflect(), r.node)
}

// table replaces one table of FROM, under the name that it had.
func (r *replacer) table(n *pg.Node, v *pg.RangeVar) error {
	name := r.function(v.Schemaname, v.Relname)
	if name == "" {
		return pgerr.New(pgerr.UndefinedTable, "relation %q has no rows to show", v.Relname).At(Position(r.text, int(v.Location)))
	}
	source, err := pg.Parse("SELECT FROM " + name + "() AS " + Ident(v.Relname))
	if err != nil {
		return pgerr.New(pgerr.InternalError, "the statement cannot be rewritten")
	}
	item := source.Stmts[0].Stmt.GetSelectStmt().FromClause[0]
	if v.Alias != nil {
		item.GetRangeFunction().Alias = v.Alias
	}
	n.Node = item.Node
	return nil
}

// Mention finds the first place where a text's expressions name a column; -1 if none does.
func Mention(text, column string) int {
	s := one(text)
	if s == nil {
		return -1
	}
	return mention(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s}}, column)
}

func mention(n *pg.Node, column string) int {
	if ref := n.GetColumnRef(); ref != nil {
		if parts := names(ref.Fields); len(parts) > 0 && parts[len(parts)-1] == column {
			return int(ref.Location)
		}
	}
	at := -1
	_ = children(n.ProtoReflect(), func(c *pg.Node) error {
		if found := mention(c, column); found >= 0 && (at < 0 || found < at) {
			at = found
		}
		return nil
	})
	return at
}

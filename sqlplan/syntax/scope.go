package syntax

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// relation is what an item of FROM offers under its name: columns, each an expression over base tables.
type relation struct {
	alias  string
	names  []string
	values []*pg.Node
}

// scope is what the expressions of one level can name.
type scope struct {
	relations []relation
	merged    []string // USING columns: the first relation's stand for all
}

func (sc *scope) add(other *scope) {
	sc.relations = append(sc.relations, other.relations...)
	sc.merged = append(sc.merged, other.merged...)
}

// found is a column's expression, and how many columns have the name.
type found struct {
	value *pg.Node
	n     int
}

// find resolves a name, perhaps qualified.
func (sc *scope) find(parts []string) found {
	var out found
	name := parts[len(parts)-1]
	for _, r := range sc.relations {
		if len(parts) > 1 && parts[len(parts)-2] != r.alias {
			continue
		}
		for i, n := range r.names {
			if n != name || out.n == 1 && len(parts) == 1 && slices.Contains(sc.merged, name) {
				continue
			}
			out = found{r.values[i], out.n + 1}
		}
	}
	return out
}

// star lists the columns that * or alias.* stands for, merged ones first and once.
func (sc *scope) star(qualifier []string) (names []string, values []*pg.Node) {
	if len(qualifier) == 0 {
		for _, m := range sc.merged {
			if !slices.Contains(names, m) {
				names, values = append(names, m), append(values, sc.find([]string{m}).value)
			}
		}
	}
	for _, r := range sc.relations {
		if len(qualifier) > 0 && qualifier[len(qualifier)-1] != r.alias {
			continue
		}
		for i, n := range r.names {
			if len(qualifier) == 0 && slices.Contains(sc.merged, n) {
				continue
			}
			names, values = append(names, n), append(values, r.values[i])
		}
	}
	return names, values
}

// replace puts the expressions behind the column names of n in their place.
func (f *flattener) replace(sc *scope, n *pg.Node) error {
	switch v := n.GetNode().(type) {
	case *pg.Node_SubLink: // refused where it stands
		return nil
	case *pg.Node_ColumnRef:
		parts := names(v.ColumnRef.Fields)
		if parts[len(parts)-1] == "*" {
			return nil
		}
		c := sc.find(parts)
		switch {
		case c.n == 0:
			return pgerr.New(pgerr.UndefinedColumn, "column %q does not exist", parts[len(parts)-1]).At(Position(f.text, int(v.ColumnRef.Location)))
		case c.n > 1:
			return pgerr.New("42702", "column reference %q is ambiguous", parts[len(parts)-1]).At(Position(f.text, int(v.ColumnRef.Location)))
		}
		return f.put(n, c.value, v.ColumnRef.Location)
	}
	return children(n.ProtoReflect(), func(c *pg.Node) error { return f.replace(sc, c) })
}

// put copies an expression into a node that stood at a place of the text.
func (f *flattener) put(n, value *pg.Node, at int32) error {
	if f.bytes += proto.Size(value); f.bytes > maxFlatBytes {
		return pgerr.New(pgerr.ProgramLimitExceeded, "the statement is too complex").WithHint("Nest fewer subqueries.")
	}
	c := proto.Clone(value).(*pg.Node)
	if ref := c.GetColumnRef(); ref != nil {
		ref.Location = at
	}
	n.Node = c.Node
	return nil
}

// children calls do for the nodes right below a message.
func children(m protoreflect.Message, do func(*pg.Node) error) error {
	var err error
	visit := func(x protoreflect.Message) {
		if n, ok := x.Interface().(*pg.Node); ok && err == nil {
			err = do(n)
		} else if err == nil {
			err = children(x, do)
		}
	}
	m.Range(func(d protoreflect.FieldDescriptor, x protoreflect.Value) bool {
		switch {
		case d.Kind() != protoreflect.MessageKind:
		case d.IsList():
			for i := range x.List().Len() {
				visit(x.List().Get(i).Message())
			}
		default:
			visit(x.Message())
		}
		return err == nil
	})
	return err
}

// depth counts nested messages.
func depth(m protoreflect.Message, above int) int {
	deepest := above
	_ = children(m, func(n *pg.Node) error {
		deepest = max(deepest, depth(n.ProtoReflect(), above+1))
		return nil
	})
	return deepest
}

// targets writes out stars and replaces names; a column keeps its name.
func (f *flattener) targets(sc *scope, list []*pg.Node) ([]*pg.Node, error) {
	var out []*pg.Node
	for _, t := range list {
		r := t.GetResTarget()
		ref := r.Val.GetColumnRef()
		parts := names(ref.GetFields())
		if ref == nil || parts[len(parts)-1] != "*" {
			if ref != nil && r.Name == "" {
				r.Name = parts[len(parts)-1]
			}
			if err := f.replace(sc, r.Val); err != nil {
				return nil, err
			}
			out = append(out, t)
			continue
		}
		columns, values := sc.star(parts[:len(parts)-1])
		for i, name := range columns {
			val := &pg.Node{}
			if err := f.put(val, values[i], ref.Location); err != nil {
				return nil, err
			}
			out = append(out, &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Name: name, Val: val, Location: ref.Location}}})
		}
	}
	return out, nil
}

// group resolves an item of GROUP BY: input columns come before output names.
func (f *flattener) group(sc *scope, s *pg.SelectStmt, n *pg.Node) error {
	if t := output(s, n); t != nil && sc.find(names(n.GetColumnRef().Fields)).n == 0 {
		return f.put(n, typed(t.Val), n.GetColumnRef().Location)
	}
	return f.replace(sc, n)
}

// output finds the output column that a bare name means; nil if none.
func output(s *pg.SelectStmt, n *pg.Node) *pg.ResTarget {
	parts := names(n.GetColumnRef().GetFields())
	if len(parts) != 1 {
		return nil
	}
	for _, t := range s.TargetList {
		if r := t.GetResTarget(); r.Name == parts[0] {
			return r
		}
	}
	return nil
}

// scalars are the functions that a subquery may call to be flattened: they return one row each.
var scalars = []string{"abs", "ceil", "ceiling", "char_length", "date_part", "date_trunc", "extract", "floor", "length", "lower", "round", "trunc", "upper", "width_bucket"}

// plain reports whether a subquery's rows are those of its FROM and WHERE.
func plain(s *pg.SelectStmt) bool {
	if s.Op != pg.SetOperation_SETOP_NONE || len(s.ValuesLists) > 0 || len(s.DistinctClause) > 0 || len(s.GroupClause) > 0 || s.HavingClause != nil ||
		len(s.WindowClause) > 0 || s.LimitCount != nil || s.LimitOffset != nil || len(s.LockingClause) > 0 || s.IntoClause != nil {
		return false
	}
	for _, n := range append(slices.Clone(s.TargetList), s.SortClause...) {
		if !oneRow(n) {
			return false
		}
	}
	return true
}

// oneRow reports whether an expression calls nothing that could return several rows, or aggregate them.
func oneRow(n *pg.Node) bool {
	if n.GetSubLink() != nil {
		return false
	}
	if c := n.GetFuncCall(); c != nil {
		parts := names(c.Funcname)
		if len(parts) > 1 && parts[0] != "pg_catalog" || !slices.Contains(scalars, parts[len(parts)-1]) || c.Over != nil || c.AggStar || c.AggFilter != nil {
			return false
		}
	}
	return children(n.ProtoReflect(), func(c *pg.Node) error {
		if !oneRow(c) {
			return errNested
		}
		return nil
	}) == nil
}

// outputName is the name that PostgreSQL gives a column; "" where it is not needed here.
func outputName(r *pg.ResTarget) string {
	if r.Name != "" {
		return r.Name
	}
	n := r.Val
	for n.GetTypeCast() != nil && (n.GetTypeCast().Arg.GetFuncCall() != nil || n.GetTypeCast().Arg.GetTypeCast() != nil) {
		n = n.GetTypeCast().Arg
	}
	if c := n.GetFuncCall(); c != nil {
		parts := names(c.Funcname)
		return parts[len(parts)-1]
	}
	return ""
}

// typed gives a bare constant the type that it has as a column of a subquery. It is no position of
// GROUP BY or ORDER BY then.
func typed(n *pg.Node) *pg.Node {
	c, kind := n.GetAConst(), "text"
	switch {
	case c == nil || c.GetBoolval() != nil || c.GetFval() != nil || c.GetBsval() != nil:
		return n
	case c.GetIval() != nil:
		kind = "int4"
	}
	list := []*pg.Node{stringNode("pg_catalog"), stringNode(kind)}
	return &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: n, Location: c.Location, TypeName: &pg.TypeName{Names: list, Typemod: -1, Location: -1}}}}
}

func stringNode(s string) *pg.Node {
	return &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: s}}}
}

func columnNode(table, column string) *pg.Node {
	return &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: &pg.ColumnRef{Fields: []*pg.Node{stringNode(table), stringNode(column)}, Location: -1}}}
}

// equal is l = r.
func (f *flattener) equal(l, r *pg.Node) (*pg.Node, error) {
	e := &pg.A_Expr{Kind: pg.A_Expr_Kind_AEXPR_OP, Name: []*pg.Node{stringNode("=")}, Lexpr: &pg.Node{}, Rexpr: &pg.Node{}, Location: -1}
	if err := f.put(e.Lexpr, l, -1); err != nil {
		return nil, err
	}
	return &pg.Node{Node: &pg.Node_AExpr{AExpr: e}}, f.put(e.Rexpr, r, -1)
}

// and combines conditions; nil if there are none.
func and(list []*pg.Node) *pg.Node {
	if len(list) < 2 {
		for _, n := range list {
			return n
		}
		return nil
	}
	return &pg.Node{Node: &pg.Node_BoolExpr{BoolExpr: &pg.BoolExpr{Boolop: pg.BoolExprType_AND_EXPR, Args: list, Location: -1}}}
}

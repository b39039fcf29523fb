package syntax

import (
	"errors"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
	"github.com/pganalyze/pg_query_go/v5/parser"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

func syntaxError(err error) error {
	var p *parser.Error
	if errors.As(err, &p) {
		return pgerr.New(pgerr.SyntaxError, "%s", p.Message).At(p.Cursorpos)
	}
	return pgerr.New(pgerr.SyntaxError, "the statement cannot be read")
}

// unsupported is 0A000 at a byte offset of text.
func unsupported(text string, at int, what, hint string) error {
	return pgerr.New(pgerr.FeatureNotSupported, "%s is not supported over federated tables", what).
		WithHint("%s", hint).At(Position(text, at))
}

const simpler = "Use a plain SELECT with WHERE, GROUP BY, HAVING, ORDER BY and LIMIT over one table or a join of two."

// ParseSelect guards and parses text, which must be one SELECT, into the supported form. With columns, subqueries that
// only filter, rename and compute columns are merged into it.
func ParseSelect(text string, columns Columns) (*Select, error) {
	if err := Guard(text); err != nil {
		return nil, err
	}
	tree, err := pg.Parse(text)
	if err != nil {
		return nil, syntaxError(err)
	}
	if len(tree.Stmts) != 1 || tree.Stmts[0].Stmt.GetSelectStmt() == nil {
		return nil, pgerr.New(pgerr.FeatureNotSupported, "only one SELECT can be computed over federated tables").WithHint("%s", simpler)
	}
	flat, err := flatten(text, tree.Stmts[0].Stmt.GetSelectStmt(), columns)
	if err != nil {
		return nil, err
	}
	return convertSelect(text, flat)
}

// maxTargets is PostgreSQL's limit of output columns.
const maxTargets = 1664

func convertSelect(text string, s *pg.SelectStmt) (*Select, error) {
	switch {
	case s.WithClause != nil:
		return nil, unsupported(text, int(s.WithClause.Location), "WITH", "Aggregate in one query of WITH and compute on its rows in the others, or write one SELECT.")
	case s.Op != pg.SetOperation_SETOP_NONE:
		return nil, unsupported(text, -1, "UNION, INTERSECT or EXCEPT", "Send one statement for each part.")
	case len(s.ValuesLists) > 0:
		return nil, unsupported(text, -1, "VALUES", "Write IN (…) or = ANY (ARRAY[…]).")
	case s.GroupDistinct:
		return nil, unsupported(text, -1, "GROUP BY DISTINCT", simpler)
	case len(s.DistinctClause) == 1 && s.DistinctClause[0].GetNode() != nil, len(s.DistinctClause) > 1:
		return nil, unsupported(text, -1, "DISTINCT ON", "Use GROUP BY.")
	}
	if len(s.TargetList) > maxTargets || len(s.GroupClause) > maxTargets {
		return nil, pgerr.New("54011", "target lists can have at most %d entries", maxTargets).WithHint("Ask in several statements.")
	}
	out := &Select{stmt: s, Limit: s.LimitCount != nil || s.LimitOffset != nil, Distinct: len(s.DistinctClause) > 0}
	for _, f := range s.FromClause {
		if err := out.from(text, f); err != nil {
			return nil, err
		}
	}
	for _, t := range s.TargetList {
		r := t.GetResTarget()
		out.Targets = append(out.Targets, Target{Name: r.Name, Expr: convert(r.Val)})
	}
	if s.WhereClause != nil {
		out.Where = convert(s.WhereClause)
	}
	for _, g := range s.GroupClause {
		if set := g.GetGroupingSet(); set != nil {
			return nil, unsupported(text, int(set.Location), "GROUPING SETS", "Send one statement for each grouping set, or add up released rows: SELECT a, b, sum(n) FROM (SELECT a, b, count(*) AS n FROM … GROUP BY a, b) AS t GROUP BY ROLLUP (a, b).")
		}
		out.GroupBy = append(out.GroupBy, convert(g))
	}
	if s.HavingClause != nil {
		out.Having = convert(s.HavingClause)
	}
	for _, w := range s.WindowClause {
		out.Windows = append(out.Windows, convertWindow(w.GetWindowDef())...)
	}
	for _, o := range s.SortClause {
		out.OrderBy = append(out.OrderBy, convert(o.GetSortBy().Node))
	}
	return out, nil
}

// from flattens FROM into tables and inner join conditions.
func (s *Select) from(text string, n *pg.Node) error {
	switch {
	case n.GetRangeVar() != nil:
		r := n.GetRangeVar()
		t := Table{Schema: r.Schemaname, Name: r.Relname, Alias: r.Relname, At: int(r.Location)}
		if r.Alias != nil {
			if len(r.Alias.Colnames) > 0 {
				return unsupported(text, t.At, "a column alias list", simpler)
			}
			t.Alias = r.Alias.Aliasname
		}
		s.From = append(s.From, t)
		return nil
	case n.GetJoinExpr() != nil:
		return s.join(text, n.GetJoinExpr())
	case n.GetRangeSubselect() != nil:
		return unsupported(text, -1, "a subquery in FROM", "Aggregate in one subquery and compute on its rows around it, or let subqueries only filter, rename and compute columns.")
	}
	return unsupported(text, -1, "this item in FROM", simpler)
}

func (s *Select) join(text string, j *pg.JoinExpr) error {
	at := -1
	if r := j.Rarg.GetRangeVar(); r != nil {
		at = int(r.Location)
	}
	if j.Jointype != pg.JoinType_JOIN_INNER {
		return pgerr.New(pgerr.OuterJoinSide, "an outer join would keep persons of one owner only").
			WithHint("Use an inner join; ask about each table on its own for those without a match.").At(Position(text, at))
	}
	if j.IsNatural || j.Alias != nil || j.JoinUsingAlias != nil {
		return unsupported(text, at, "NATURAL JOIN or a join alias", "Join with USING (id) or ON a.id = b.id.")
	}
	if err := s.from(text, j.Larg); err != nil {
		return err
	}
	if err := s.from(text, j.Rarg); err != nil {
		return err
	}
	switch {
	case len(j.UsingClause) > 0:
		s.Joins = append(s.Joins, Join{Using: names(j.UsingClause), At: at})
	case j.Quals != nil:
		s.Joins = append(s.Joins, Join{On: convert(j.Quals), At: at})
	}
	return nil
}

func names(nodes []*pg.Node) []string {
	var out []string
	for _, n := range nodes {
		if n.GetAStar() != nil {
			out = append(out, "*")
			continue
		}
		out = append(out, n.GetString_().GetSval())
	}
	return out
}

func convertAll(nodes []*pg.Node) []Expr {
	var out []Expr
	for _, n := range nodes {
		out = append(out, convert(n))
	}
	return out
}

// convert turns a parser node into an expression; what has no form here is Other.
func convert(n *pg.Node) Expr {
	switch v := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		return &Column{base{n, int(v.ColumnRef.Location)}, names(v.ColumnRef.Fields)}
	case *pg.Node_ParamRef:
		return &Param{base{n, int(v.ParamRef.Location)}, int(v.ParamRef.Number)}
	case *pg.Node_AConst:
		return convertLiteral(n, v.AConst)
	case *pg.Node_FuncCall:
		return convertCall(n, v.FuncCall)
	case *pg.Node_AExpr:
		return convertOperator(n, v.AExpr)
	case *pg.Node_BoolExpr:
		name := map[pg.BoolExprType]string{pg.BoolExprType_AND_EXPR: "and", pg.BoolExprType_OR_EXPR: "or", pg.BoolExprType_NOT_EXPR: "not"}[v.BoolExpr.Boolop]
		return construct(n, int(v.BoolExpr.Location), name, v.BoolExpr.Args...)
	case *pg.Node_NullTest:
		name := "isnull"
		if v.NullTest.Nulltesttype == pg.NullTestType_IS_NOT_NULL {
			name = "isnotnull"
		}
		return construct(n, int(v.NullTest.Location), name, v.NullTest.Arg)
	case *pg.Node_BooleanTest:
		name := map[pg.BoolTestType]string{pg.BoolTestType_IS_TRUE: "istrue", pg.BoolTestType_IS_NOT_TRUE: "isnottrue",
			pg.BoolTestType_IS_FALSE: "isfalse", pg.BoolTestType_IS_NOT_FALSE: "isnotfalse",
			pg.BoolTestType_IS_UNKNOWN: "isunknown", pg.BoolTestType_IS_NOT_UNKNOWN: "isnotunknown"}[v.BooleanTest.Booltesttype]
		return construct(n, int(v.BooleanTest.Location), name, v.BooleanTest.Arg)
	case *pg.Node_CoalesceExpr:
		return construct(n, int(v.CoalesceExpr.Location), "coalesce", v.CoalesceExpr.Args...)
	case *pg.Node_MinMaxExpr:
		name := "greatest"
		if v.MinMaxExpr.Op == pg.MinMaxOp_IS_LEAST {
			name = "least"
		}
		return construct(n, int(v.MinMaxExpr.Location), name, v.MinMaxExpr.Args...)
	case *pg.Node_CaseExpr:
		return convertCase(n, v.CaseExpr)
	case *pg.Node_TypeCast:
		return convertCast(n, v.TypeCast)
	case *pg.Node_AArrayExpr:
		return &Array{base: base{n, int(v.AArrayExpr.Location)}, Items: convertAll(v.AArrayExpr.Elements)}
	case *pg.Node_SubLink:
		return &Other{base{n, int(v.SubLink.Location)}, "a subquery in an expression"}
	case *pg.Node_SqlvalueFunction:
		return &Other{base{n, int(v.SqlvalueFunction.Location)}, "CURRENT_DATE and its like"}
	}
	return &Other{base{n, -1}, "this expression"}
}

func construct(n *pg.Node, at int, name string, args ...*pg.Node) Expr {
	return &Call{base: base{n, at}, Name: name, Construct: true, Args: convertAll(args), Plain: true}
}

func convertLiteral(n *pg.Node, c *pg.A_Const) Expr {
	b := base{n, int(c.Location)}
	switch v := c.Val.(type) {
	case *pg.A_Const_Ival:
		return &Literal{b, Integer, itoa(int64(v.Ival.Ival))}
	case *pg.A_Const_Fval:
		kind := Decimal
		if strings.Trim(v.Fval.Fval, "0123456789") == "" {
			kind = Integer
		}
		return &Literal{b, kind, v.Fval.Fval}
	case *pg.A_Const_Sval:
		return &Literal{b, String, v.Sval.Sval}
	case *pg.A_Const_Boolval:
		if v.Boolval.Boolval {
			return &Literal{b, Boolean, "true"}
		}
		return &Literal{b, Boolean, "false"}
	}
	if c.Isnull {
		return &Literal{b, Null, ""}
	}
	return &Other{b, "this literal"}
}

func convertCall(n *pg.Node, f *pg.FuncCall) Expr {
	parts := names(f.Funcname)
	c := &Call{base: base{n, int(f.Location)}, Name: parts[len(parts)-1], Args: convertAll(f.Args),
		Star: f.AggStar, Distinct: f.AggDistinct,
		Plain: f.Over == nil && len(f.AggOrder) == 0 && !f.AggWithinGroup && !f.FuncVariadic}
	if len(parts) > 1 {
		c.Schema = parts[len(parts)-2]
	}
	if f.AggFilter != nil {
		c.Filter = convert(f.AggFilter)
	}
	if f.Over != nil {
		c.Over, c.Window = true, convertWindow(f.Over)
	}
	return c
}

// convertWindow lists the expressions of a window definition.
func convertWindow(w *pg.WindowDef) []Expr {
	out := convertAll(w.PartitionClause)
	for _, o := range w.OrderClause {
		out = append(out, convert(o.GetSortBy().Node))
	}
	for _, n := range []*pg.Node{w.StartOffset, w.EndOffset} {
		if n != nil {
			out = append(out, convert(n))
		}
	}
	return out
}

func convertOperator(n *pg.Node, a *pg.A_Expr) Expr {
	at := int(a.Location)
	op := names(a.Name)
	symbol := ""
	if len(op) > 0 {
		symbol = op[len(op)-1]
	}
	switch a.Kind {
	case pg.A_Expr_Kind_AEXPR_OP:
		if a.Lexpr == nil {
			operand := convert(a.Rexpr) // once: nested operators would take exponential time
			if lit, ok := operand.(*Literal); ok && symbol == "-" && (lit.Kind == Integer || lit.Kind == Decimal) && !strings.HasPrefix(lit.Text, "-") {
				return &Literal{base{n, at}, lit.Kind, "-" + lit.Text}
			}
			return &Call{base: base{n, at}, Name: symbol, Construct: true, Args: []Expr{operand}, Plain: true}
		}
		return construct(n, at, symbol, a.Lexpr, a.Rexpr)
	case pg.A_Expr_Kind_AEXPR_DISTINCT:
		return construct(n, at, "distinct", a.Lexpr, a.Rexpr)
	case pg.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return construct(n, at, "notdistinct", a.Lexpr, a.Rexpr)
	case pg.A_Expr_Kind_AEXPR_NULLIF:
		return construct(n, at, "nullif", a.Lexpr, a.Rexpr)
	case pg.A_Expr_Kind_AEXPR_IN:
		args := append([]*pg.Node{a.Lexpr}, a.Rexpr.GetList().GetItems()...)
		return negatedIf(symbol == "<>", construct(n, at, "in", args...))
	case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN:
		args := append([]*pg.Node{a.Lexpr}, a.Rexpr.GetList().GetItems()...)
		return negatedIf(a.Kind == pg.A_Expr_Kind_AEXPR_NOT_BETWEEN, construct(n, at, "between", args...))
	}
	if a.Kind == pg.A_Expr_Kind_AEXPR_OP_ANY || a.Kind == pg.A_Expr_Kind_AEXPR_OP_ALL {
		return convertAny(n, a, symbol)
	}
	if a.Kind == pg.A_Expr_Kind_AEXPR_LIKE || a.Kind == pg.A_Expr_Kind_AEXPR_ILIKE {
		return construct(n, at, symbol, a.Lexpr, a.Rexpr) // ~~, !~~, ~~* or !~~*
	}
	return &Other{base{n, at}, "the operator " + symbol}
}

func negatedIf(not bool, e Expr) Expr {
	if !not {
		return e
	}
	return &Call{base: base{e.raw(), e.At()}, Name: "not", Construct: true, Args: []Expr{e}, Plain: true}
}

// convertAny is x op ANY (array) or ALL (array).
func convertAny(n *pg.Node, a *pg.A_Expr, symbol string) Expr {
	name := "any"
	if a.Kind == pg.A_Expr_Kind_AEXPR_OP_ALL {
		name = "all"
	}
	list := asArray(convert(a.Rexpr), "")
	if list == nil {
		return &Other{base{n, int(a.Location)}, symbol + " " + strings.ToUpper(name) + " of this"}
	}
	return &Call{base: base{n, int(a.Location)}, Name: name, Operator: symbol, Construct: true, Args: []Expr{convert(a.Lexpr), list}, Plain: true}
}

// asArray takes an expression for an array of a type; nil where its elements are not known.
func asArray(e Expr, elements string) Expr {
	switch x := e.(type) {
	case *Array:
		if elements != "" {
			x.Type = elements
		}
		return x
	case *Param:
		return &Array{base: base{x.node, x.at}, Of: x, Type: elements}
	case *Literal:
		if x.Kind == String || x.Kind == Null {
			return &Array{base: base{x.node, x.at}, Of: x, Type: elements}
		}
	}
	return nil
}

func convertCase(n *pg.Node, c *pg.CaseExpr) Expr {
	out := &Case{base: base{n, int(c.Location)}}
	if c.Arg != nil {
		out.Operand = convert(c.Arg)
	}
	for _, w := range c.Args {
		out.When = append(out.When, convert(w.GetCaseWhen().Expr))
		out.Then = append(out.Then, convert(w.GetCaseWhen().Result))
	}
	if c.Defresult != nil {
		out.Else = convert(c.Defresult)
	}
	return out
}

func convertCast(n *pg.Node, c *pg.TypeCast) Expr {
	out := &Cast{base: base{n, int(c.Location)}, Arg: convert(c.Arg), Type: typeName(c.TypeName)}
	if len(c.TypeName.ArrayBounds) == 0 {
		out.Bare = bareName(c.TypeName)
	}
	if elements := elementName(c.TypeName); elements != "" {
		if list := asArray(out.Arg, elements); list != nil {
			list.(*Array).base = out.base
			return list
		}
	}
	if lit, ok := out.Arg.(*Literal); ok && lit.Kind == String && out.Type == "bool" && (lit.Text == "t" || lit.Text == "f") {
		return &Literal{base{n, out.at}, Boolean, map[string]string{"t": "true", "f": "false"}[lit.Text]}
	}
	return out
}

// typeName returns a plain type's last name, "" for arrays and types with modifiers.
func typeName(t *pg.TypeName) string {
	if len(t.ArrayBounds) > 0 {
		return ""
	}
	return plainName(t)
}

// elementName returns the last name of a one-dimensional array's elements, "" for anything else.
func elementName(t *pg.TypeName) string {
	if len(t.ArrayBounds) != 1 {
		return ""
	}
	return plainName(t)
}

func plainName(t *pg.TypeName) string {
	if len(t.Typmods) > 0 {
		return ""
	}
	return bareName(t)
}

// bareName returns a type's last name, whatever its modifiers.
func bareName(t *pg.TypeName) string {
	parts := names(t.Names)
	if len(parts) == 0 || t.Setof || len(parts) > 1 && parts[0] != "pg_catalog" {
		return ""
	}
	return parts[len(parts)-1]
}

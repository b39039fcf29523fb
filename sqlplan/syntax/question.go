package syntax

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Question narrows a statement that reads federated tables to the one SELECT in it that asks about persons, where what
// is around it only computes on that SELECT's rows: SELECT … FROM (SELECT sex, count(*) … GROUP BY sex) AS t, the same
// in WITH, or a scalar subquery. PostgreSQL itself then runs what is around it. It returns the byte span of that SELECT;
// without one inside, the span of the whole. federated are the offsets of federated tables, aggregate knows the names
// of aggregates.
func Question(text string, s Statement, federated []int, aggregate func(string) bool) (from, to int) {
	from, to = s.Inner, s.InnerEnd
	tokens, err := scan(text)
	if err != nil {
		return from, to
	}
	inside := subqueries(tokens, from, to)
	if len(inside) == 0 {
		return from, to
	}
	whole := one(text[from:to])
	if whole == nil || alwaysEmpty(whole) {
		return from, to
	}
	at := aggregates(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: whole}}, aggregate, from, nil)
	tries := maxTries
	for _, c := range slices.Backward(inside) {
		if !c.holds(federated) || !slices.ContainsFunc(at, c.has) {
			continue
		}
		if sameTables(text[c.from:c.to], c.from, s.Tables) {
			return c.from, c.to
		}
		if tries--; tries == 0 {
			break
		}
	}
	return from, to
}

// maxTries bounds the subqueries that are parsed on their own: each may be nearly as long as the statement.
const maxTries = 8

// span is a part of a text, in bytes.
type span struct{ from, to int }

// holds reports whether all places are in the span.
func (c span) holds(places []int) bool {
	for _, p := range places {
		if !c.has(p) {
			return false
		}
	}
	return len(places) > 0
}

func (c span) has(place int) bool { return c.from <= place && place < c.to }

// subqueries lists what stands in parentheses and begins like a SELECT, in the order of beginnings: the outer ones
// before those inside them.
func subqueries(tokens []*pg.ScanToken, from, to int) []span {
	var out []span
	var open []int // index in out, -1: no subquery
	for i, t := range tokens {
		if int(t.Start) < from || int(t.End) > to {
			continue
		}
		switch t.Token {
		case pg.Token_ASCII_40:
			at := -1
			if i+1 < len(tokens) && (tokens[i+1].Token == pg.Token_SELECT || tokens[i+1].Token == pg.Token_WITH) {
				at = len(out)
				out = append(out, span{from: int(tokens[i+1].Start)})
			}
			open = append(open, at)
		case pg.Token_ASCII_41:
			if len(open) == 0 {
				return nil
			}
			if at := open[len(open)-1]; at >= 0 {
				out[at].to = int(t.Start)
			}
			open = open[:len(open)-1]
		}
	}
	return out
}

// aggregates adds the places of the aggregates inside a node to a list; from is where its text begins.
func aggregates(n *pg.Node, aggregate func(string) bool, from int, list []int) []int {
	if c := n.GetFuncCall(); c != nil && c.Over == nil {
		parts := names(c.Funcname)
		if c.AggStar || aggregate(parts[len(parts)-1]) {
			list = append(list, from+int(c.Location))
		}
	}
	_ = children(n.ProtoReflect(), func(c *pg.Node) error {
		list = aggregates(c, aggregate, from, list)
		return nil
	})
	return list
}

// sameTables reports whether the tables that a part of a text names on its own are those that it names within the
// whole: a query of WITH outside of the part may bear a table's name.
func sameTables(sub string, at int, whole []Named) bool {
	parts, err := Split(sub)
	if err != nil || len(parts) != 1 {
		return false
	}
	for _, t := range parts[0].Tables {
		found := false
		for _, w := range whole {
			found = found || w.At == at+t.At && w.Name == t.Name && w.Schema == t.Schema
		}
		if !found {
			return false
		}
	}
	return true
}

// Copied reports the place of an expression around a question that PostgreSQL copies before it plans, and with it the
// question: x BETWEEN a AND b is x >= a AND x <= b to it, and (x).* is (x).a, (x).b. Each copy would be asked, charged and
// answered on its own. -1: none. places are offsets of the tables in the question.
func Copied(text string, s Statement, places []int) int {
	whole := one(text[s.Inner:s.InnerEnd])
	if whole == nil {
		return -1
	}
	within := span{s.Inner, s.InnerEnd}
	var inside []int32
	for _, p := range places {
		if within.has(p) {
			inside = append(inside, int32(p-s.Inner))
		}
	}
	c := copies{places: inside, at: -1}
	c.node(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: whole}})
	if c.at < 0 {
		return -1
	}
	return s.Inner + c.at
}

// copies looks for expressions that are copied with one of the tables at places in them.
type copies struct {
	places []int32
	at     int
}

// node reports whether one of the tables is inside.
func (c *copies) node(n *pg.Node) bool {
	if n == nil {
		return false
	}
	switch v := n.GetNode().(type) {
	case *pg.Node_RangeVar:
		return slices.Contains(c.places, v.RangeVar.Location)
	case *pg.Node_AExpr:
		left, right := c.node(v.AExpr.Lexpr), c.node(v.AExpr.Rexpr)
		switch v.AExpr.Kind {
		case pg.A_Expr_Kind_AEXPR_BETWEEN_SYM, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN_SYM:
			c.copied(left || right, int(v.AExpr.Location))
		case pg.A_Expr_Kind_AEXPR_BETWEEN, pg.A_Expr_Kind_AEXPR_NOT_BETWEEN, pg.A_Expr_Kind_AEXPR_IN:
			c.copied(left, int(v.AExpr.Location))
		}
		return left || right
	}
	inside := false
	_ = children(n.ProtoReflect(), func(child *pg.Node) error {
		inside = c.node(child) || inside
		return nil
	})
	if list := n.GetAIndirection().GetIndirection(); len(list) > 0 && list[len(list)-1].GetAStar() != nil && len(c.places) > 0 {
		c.copied(inside, int(c.places[0]))
	}
	return inside
}

func (c *copies) copied(inside bool, at int) {
	if inside {
		c.at = at
	}
}

// ParamsOutside reports the place of a parameter outside of a span, or -1.
func ParamsOutside(text string, start, end, from, to int) int {
	tokens, err := scan(text)
	if err != nil {
		return start
	}
	for _, t := range tokens {
		at := int(t.Start)
		if t.Token == pg.Token_PARAM && at >= start && at < end && (at < from || at >= to) {
			return at
		}
	}
	return -1
}

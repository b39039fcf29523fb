package syntax

import (
	pg "github.com/pganalyze/pg_query_go/v5"
)

// Question narrows a statement that reads federated tables to the one SELECT in it that asks about persons, where what
// is around it only computes on that SELECT's rows: SELECT … FROM (SELECT sex, count(*) … GROUP BY sex) AS t, the same
// in WITH, or a scalar subquery. PostgreSQL itself then runs what is around it. It returns the byte span of that SELECT;
// without one inside, the span of the whole. federated are the offsets of federated tables, aggregate knows the names
// of aggregates.
func Question(text string, s Statement, federated []int, aggregate func(string) bool) (from, to int) {
	from, to = s.Inner, s.InnerEnd
	if AlwaysEmpty(text[from:to]) {
		return from, to
	}
	tokens, err := scan(text)
	if err != nil {
		return from, to
	}
	for _, c := range subqueries(tokens, from, to) {
		if !c.holds(federated) {
			continue
		}
		sub := text[c.from:c.to]
		if q := one(sub); q == nil || !aggregates(&pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: q}}, aggregate) || !sameTables(sub, c.from, s.Tables) {
			break
		}
		from, to = c.from, c.to
	}
	return from, to
}

// span is a part of a text, in bytes.
type span struct{ from, to int }

// holds reports whether all places are in the span.
func (c span) holds(places []int) bool {
	for _, p := range places {
		if p < c.from || p >= c.to {
			return false
		}
	}
	return len(places) > 0
}

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

// aggregates reports whether something inside is an aggregate.
func aggregates(n *pg.Node, aggregate func(string) bool) bool {
	if c := n.GetFuncCall(); c != nil && c.Over == nil {
		parts := names(c.Funcname)
		if c.AggStar || aggregate(parts[len(parts)-1]) {
			return true
		}
	}
	return children(n.ProtoReflect(), func(c *pg.Node) error {
		if aggregates(c, aggregate) {
			return errNested
		}
		return nil
	}) != nil
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

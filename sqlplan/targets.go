package sqlplan

import (
	"fmt"
	"slices"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// bindTargets binds the select list.
func (b *binder) bindTargets(a *analysis) error {
	for _, t := range a.sel.Targets {
		k, err := b.outer(a, t.Expr)
		if err != nil {
			return err
		}
		a.kinds = append(a.kinds, k)
	}
	return b.outerAll(a, a.sel.Windows)
}

// bindOrder binds ORDER BY; ordinals and output names stay as they are.
func (b *binder) bindOrder(a *analysis) error {
	for _, e := range a.sel.OrderBy {
		if _, ok := e.(*syntax.Literal); ok || isOutputName(a.sel, e) {
			continue
		}
		if _, err := b.outer(a, e); err != nil {
			return err
		}
	}
	return nil
}

func isOutputName(s *syntax.Select, e syntax.Expr) bool {
	c, ok := e.(*syntax.Column)
	if !ok || len(c.Parts) != 1 {
		return false
	}
	for _, t := range s.Targets {
		if t.Name == c.Parts[0] {
			return true
		}
		if tc, ok := t.Expr.(*syntax.Column); ok && t.Name == "" && tc.Parts[len(tc.Parts)-1] == c.Parts[0] {
			return true
		}
	}
	return false
}

// isAggregate reports whether an expression is a call of an aggregate.
func isAggregate(e syntax.Expr) (*syntax.Call, bool) {
	c, ok := e.(*syntax.Call)
	return c, ok && !c.Construct && !c.Over && slices.Contains(aggregates, c.Name)
}

// outer binds an expression over released values: group keys and aggregates are replaced, the rest stays
// PostgreSQL's.
func (b *binder) outer(a *analysis, e syntax.Expr) (kind, error) {
	if c, ok := isAggregate(e); ok {
		return b.aggregate(a, c)
	}
	if i := b.keyOf(a, e); i >= 0 {
		a.replace[e] = fmt.Sprintf("c2d.k%d", i+1)
		return a.keys[i].k, nil
	}
	switch x := e.(type) {
	case *syntax.Column:
		if _, _, err := b.column(x); err != nil {
			return "", err
		}
		return "", b.fail(x.At(), pgerr.NotAggregated, "Use count, sum or avg, and name every other column in GROUP BY.",
			"column %q must appear in GROUP BY or be used in an aggregate; persons' rows are not released", x.Parts[len(x.Parts)-1])
	case *syntax.Literal:
		v, err := b.literal(x)
		return v.k, err
	case *syntax.Param:
		if x.Number < 1 || x.Number > len(b.query.ArgTypes) || b.query.ArgTypes[x.Number-1] == 0 {
			return unknown, nil
		}
		k := kindOfOID(b.query.ArgTypes[x.Number-1])
		if k == "" {
			return "", b.unsupported(x.At(), "Cast the parameter.", "the type of parameter $%d is not supported", x.Number)
		}
		return k, nil
	case *syntax.Cast:
		return b.outerCast(a, x)
	case *syntax.Case:
		return b.outerCase(a, x)
	case *syntax.Array:
		return unknown, b.outerAll(a, x.Items)
	case *syntax.Call:
		if x.Over {
			return b.window(a, x)
		}
		if x.Distinct || x.Filter != nil || x.Star || !x.Plain {
			return "", b.unsupported(x.At(), "Use count, sum or avg.", "function %s is not supported in this form", x.Name)
		}
		var kinds []kind
		for _, arg := range x.Args {
			k, err := b.outer(a, arg)
			if err != nil {
				return "", err
			}
			kinds = append(kinds, k)
		}
		return b.outerCall(x, kinds)
	case *syntax.Other:
		return "", b.unsupported(x.At(), otherHint(x), "%s is not supported over federated tables", x.What)
	}
	return "", b.unsupported(e.At(), "Compute it in a statement around this one: SELECT … FROM (SELECT …) AS t.", "this expression is not supported over federated tables")
}

// outerCast types a cast of a released value.
func (b *binder) outerCast(a *analysis, x *syntax.Cast) (kind, error) {
	if _, err := b.outer(a, x.Arg); err != nil {
		return "", err
	}
	if x.Type == "" && x.Bare == string(numeric) {
		return numeric, nil
	}
	if x.Type == "varchar" || x.Type == "bpchar" || x.Type == "" {
		return "", b.unsupported(x.At(), "Cast to a plain type such as numeric or text.", "this cast is not supported over federated tables")
	}
	return kind(x.Type), nil
}

// outerAll binds expressions whose types do not matter.
func (b *binder) outerAll(a *analysis, list []syntax.Expr) error {
	for _, e := range list {
		if _, err := b.outer(a, e); err != nil {
			return err
		}
	}
	return nil
}

func (b *binder) outerCase(a *analysis, x *syntax.Case) (kind, error) {
	conditions := x.When
	if x.Operand != nil {
		conditions = append([]syntax.Expr{x.Operand}, conditions...)
	}
	for _, e := range conditions {
		if _, err := b.outer(a, e); err != nil {
			return "", err
		}
	}
	var kinds []kind
	results := x.Then
	if x.Else != nil {
		results = append(slices.Clone(results), x.Else)
	}
	for _, e := range results {
		k, err := b.outer(a, e)
		if err != nil {
			return "", err
		}
		kinds = append(kinds, k)
	}
	return common(kinds), nil
}

// common is the result type of CASE and its like.
func common(kinds []kind) kind {
	out := unknown
	for _, k := range kinds {
		switch {
		case out == unknown:
			out = k
		case out.number() && k.number():
			out = wider(out, k)
		}
	}
	if out == unknown {
		return text
	}
	return out
}

// outerCall types a public function or operator; PostgreSQL itself computes it.
func (b *binder) outerCall(c *syntax.Call, k []kind) (kind, error) {
	all := common(k)
	if c.Construct {
		if _, ok := comparisons[c.Name]; ok {
			return boolean, nil
		}
		switch c.Name {
		case "+", "-", "*", "/", "%":
			if all.number() {
				return all, nil
			}
		case "||":
			return text, nil
		case "^":
			if all == numeric {
				return numeric, nil
			}
			return float8, nil
		case "coalesce", "greatest", "least":
			return all, nil
		case "nullif":
			return common(k[:1]), nil
		case "and", "or", "not", "isnull", "isnotnull", "istrue", "isnottrue", "isfalse", "isnotfalse", "isunknown", "isnotunknown",
			"between", "in", "distinct", "notdistinct", "any", "all", "~~", "~~*", "!~~", "!~~*":
			return boolean, nil
		}
	}
	switch {
	case c.Construct || c.Schema != "" && c.Schema != "pg_catalog":
	case (c.Name == "round" || c.Name == "trunc") && len(k) == 2:
		return numeric, nil
	case slices.Contains([]string{"round", "trunc", "ceil", "ceiling", "floor", "sqrt", "ln", "exp", "sign"}, c.Name) && len(k) == 1:
		if k[0] == numeric {
			return numeric, nil
		}
		return float8, nil
	case c.Name == "abs" && len(k) == 1:
		return all, nil
	case slices.Contains([]string{"to_char", "lower", "upper", "concat", "concat_ws", "format", "initcap", "left", "right", "replace", "btrim", "trim", "substring"}, c.Name):
		return text, nil
	case c.Name == "length" || c.Name == "char_length" || c.Name == "width_bucket":
		return int4, nil
	case c.Name == "extract":
		return numeric, nil
	case c.Name == "date_trunc" && len(k) == 2 && k[1] == timestamp:
		return timestamp, nil
	case c.Name == "date_trunc" && len(k) == 2:
		return timestamptz, nil
	}
	return "", b.unsupported(c.At(), "Compute it in a statement around this one: SELECT … FROM (SELECT …) AS t.", "%s is not supported beside the aggregates themselves", c.Name)
}

// keyOf finds the group key that an expression is; -1 if none.
func (b *binder) keyOf(a *analysis, e syntax.Expr) int {
	if len(a.keys) == 0 {
		return -1
	}
	if _, ok := e.(*syntax.Literal); ok {
		return -1
	}
	pure := true
	visit(e, func(x syntax.Expr) {
		if _, agg := isAggregate(x); agg {
			pure = false
		}
	})
	if !pure {
		return -1
	}
	if i, ok := a.keyAt[e]; ok {
		return i
	}
	// Binding an expression binds what is inside it: noted, so that a chain of operators is bound once, not once
	// for each.
	if a.keyAt == nil {
		a.keyAt = map[syntax.Expr]int{}
	}
	saved := b.used
	b.note = func(e syntax.Expr, v value, err error) { a.keyAt[e] = a.keyLike(v, err) }
	_, _ = b.scalar(e, useGroup) // an error was noted as well: it is no key
	b.used, b.note = saved, nil
	return a.keyAt[e]
}

// keyLike finds the group key that a bound expression is; -1 if none.
func (a *analysis) keyLike(v value, err error) int {
	if err != nil {
		return -1
	}
	for i, k := range a.keys {
		if k.sql == v.sql && 1<<k.side == v.sides {
			return i
		}
	}
	return -1
}

// aggregate binds one aggregate and returns its type.
func (b *binder) aggregate(a *analysis, c *syntax.Call) (kind, error) {
	a.hasAgg = true
	if c.Name != "count" && c.Name != "sum" && c.Name != "avg" {
		return "", b.fail(c.At(), pgerr.NotPrivate, aggregateHint(c.Name), "%s has no form here that protects persons", c.Name)
	}
	if !c.Plain || c.Schema != "" && c.Schema != "pg_catalog" {
		return "", b.unsupported(c.At(), "Use count, sum or avg in its plain form.", "this form of %s is not supported over federated tables", c.Name)
	}
	if a.policy.preset == catalog.Counts && c.Name != "count" {
		return "", b.fail(c.At(), pgerr.InsufficientPrivilege, "Use count, or ask "+b.countsOnly()+".", "permission denied: %s allows counts only", b.countsOnly())
	}
	var filter [2]string
	if c.Filter != nil {
		for _, e := range conjuncts(c.Filter) {
			v, err := b.truth(e, useFilter)
			if err != nil {
				return "", err
			}
			if v.sides == 3 {
				return "", b.unsupported(e.At(), "Write conditions on one table's columns, joined by AND.", "a condition on two owners' columns is not supported")
			}
			side := max(v.sides-1, 0)
			if filter[side] != "" {
				filter[side] += " AND "
			}
			filter[side] += "(" + v.sql + ")"
		}
	}
	m := measure{b: b, a: a, call: c, filter: filter}
	switch {
	case c.Star:
		m.persons(0, "")
		return m.finish(m.count("", 0, "count(*)"), int8)
	case len(c.Args) != 1:
		return "", b.fail(c.At(), "42883", "", "function %s with %d arguments does not exist", c.Name, len(c.Args))
	case c.Distinct:
		return m.distinct()
	}
	return m.argument()
}

// countsOnly names an owner that allows counts only.
func (b *binder) countsOnly() string {
	for _, t := range b.tables {
		for _, p := range t.Partitions {
			if g, err := b.grant(p.Owner, t.Name, false); err == nil && g.Preset == catalog.Counts {
				return p.Owner
			}
		}
	}
	return "an owner"
}

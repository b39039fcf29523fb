package sqlplan

import (
	"fmt"
	"slices"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
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
	return nil
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
	return c, ok && !c.Construct && slices.Contains(aggregates, c.Name)
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
		if _, err := b.outer(a, x.Arg); err != nil {
			return "", err
		}
		if x.Type == "varchar" || x.Type == "bpchar" || x.Type == "" {
			return "", b.unsupported(x.At(), "Cast to a plain type such as numeric or text.", "this cast is not supported over federated tables")
		}
		return kind(x.Type), nil
	case *syntax.Case:
		return b.outerCase(a, x)
	case *syntax.Call:
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
		return "", b.unsupported(x.At(), "", "%s is not supported over federated tables", x.What)
	}
	return "", b.unsupported(e.At(), "", "this expression is not supported over federated tables")
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
			"between", "in", "distinct", "notdistinct":
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
	return "", b.unsupported(c.At(), "Compute it from the released values on your side.", "%s is not supported over released values", c.Name)
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
	saved := b.used
	v, err := b.scalar(e, useGroup)
	b.used = saved
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
		return "", b.fail(c.At(), pgerr.NotPrivate, "Use count, sum or avg.", "%s has no form here that protects persons", c.Name)
	}
	if !c.Plain || c.Schema != "" && c.Schema != "pg_catalog" {
		return "", b.unsupported(c.At(), "Use count, sum or avg in its plain form.", "this form of %s is not supported over federated tables", c.Name)
	}
	if a.policy.preset == catalog.Counts && c.Name != "count" {
		return "", b.fail(c.At(), pgerr.InsufficientPrivilege, "Use count, or ask the owners.", "permission denied: %s allows counts only", b.countsOnly())
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

// measure builds one aggregate's partials, vectors and released values.
type measure struct {
	b      *binder
	a      *analysis
	call   *syntax.Call
	filter [2]string
}

// on wraps a row expression in the side's filter.
func (m measure) on(side int, row string) string {
	if m.filter[side] == "" {
		return row
	}
	return "CASE WHEN " + m.filter[side] + " THEN " + row + " ELSE 0::pg_catalog.int8 END"
}

const one = "1::pg_catalog.int8"

// pair makes the vector of a row expression on one side and the count on the other.
func (m measure) pair(side int, row, label string, most int64, scale int, counts bool) int {
	v := vector{label: label, max: most, scale: scale, joined: m.a.join, counts: counts}
	v.part[side] = m.a.addPartial(side, partial{row: m.on(side, row)})
	if m.a.join {
		v.part[1-side] = m.a.addPartial(1-side, partial{row: m.on(1-side, one)})
	}
	return m.a.addVector(v)
}

// count is the vector of rows where an expression is not NULL; "" counts all.
func (m measure) count(nonNull string, side int, label string) int {
	row := one
	if nonNull != "" {
		row = "CASE WHEN (" + nonNull + ") IS NULL THEN 0::pg_catalog.int8 ELSE " + one + " END"
	}
	return m.pair(side, row, label, 1, 0, true)
}

// finish releases a vector as the aggregate's value.
func (m measure) finish(vec int, k kind) (kind, error) {
	i := m.a.release(released{vec: vec, nonNull: -1})
	m.a.replace[m.call] = fmt.Sprintf("c2d.v%d", i+1)
	return k, nil
}

// distinct binds COUNT(DISTINCT unit).
func (m measure) distinct() (kind, error) {
	c, b := m.call, m.b
	col, ok := c.Args[0].(*syntax.Column)
	if !ok || c.Name != "count" {
		return "", b.unsupported(c.At(), "Use count(DISTINCT id) of the column that identifies the person.", "DISTINCT is not supported here")
	}
	side, def, err := b.column(col)
	if err != nil {
		return "", err
	}
	t := b.tables[side]
	if def.Name != t.Unit {
		return "", b.unsupported(c.At(), "Use count(DISTINCT id) of the column that identifies the person.", "count(DISTINCT %s) is not supported", def.Name)
	}
	if !m.a.join && t.Partitioned() && t.UnitIDs == catalog.Shared && !t.Disjoint {
		return "", b.fail(c.At(), pgerr.UnitsShared, "Use count(*), or ask one owner's table alone.", "a person may be at several owners of %q, so distinct persons cannot be counted by adding up", t.Name)
	}
	return m.finish(m.a.unitVector(m.filter), int8)
}

// unitVector is the vector of distinct units where each side's filter holds.
func (a *analysis) unitVector(filter [2]string) int {
	v := vector{label: "count(distinct persons)", max: 1, units: true, counts: true, joined: a.join}
	for side := range 2 {
		if side == 1 && !a.join {
			break
		}
		cond := filter[side]
		if cond == "" {
			cond = "true"
		}
		v.part[side] = a.addPartial(side, partial{units: true, row: cond})
	}
	return a.addVector(v)
}

// argument binds COUNT(x), SUM(x) and AVG(x).
func (m measure) argument() (kind, error) {
	b, a, c := m.b, m.a, m.call
	b.fresh = ""
	v, err := b.scalar(c.Args[0], useAggregate)
	if err != nil {
		return "", err
	}
	loose := b.fresh
	if v.sides == 3 {
		return "", b.unsupported(c.At(), "Aggregate one table's columns.", "an aggregate over two owners' columns is not supported")
	}
	side := max(v.sides-1, 0)
	label := c.Name + "(" + m.words(v) + ")"
	nonNull := ""
	switch {
	case v.null && (v.k == numeric || v.k == float8):
		nonNull = v.clamped().sql // NaN counts as NULL
	case v.null:
		nonNull = v.sql
	}
	if c.Name == "count" {
		return m.finish(m.count(nonNull, side, label), int8)
	}
	if v, err = b.coerce(c.At(), v, float8); err != nil {
		return "", err
	}
	if !v.k.number() {
		return "", b.fail(c.At(), "42883", "", "function %s(%s) does not exist", c.Name, typeWord(v.k))
	}
	lo, hi, ok := v.iv.int64s()
	if loose != "" && (a.policy.kind == catalog.ReleaseDP || !ok) || !ok {
		return "", b.fail(c.At(), pgerr.UnboundedColumn, "Aggregate a column with bounds (see c2d.columns), or filter to a value for which bounds are declared.",
			"%s needs bounds that the owner declared for %s", c.Name, m.words(v))
	}
	return m.sum(v, side, lo, hi, label, nonNull)
}

// words names an argument.
func (m measure) words(v value) string {
	if v.name != "" && v.raw {
		return v.name
	}
	return "expression"
}

// sum binds SUM and AVG over values in [lo, hi].
func (m measure) sum(v value, side int, lo, hi int64, label, nonNull string) (kind, error) {
	a, c, result := m.a, m.call, sumKind(v.k)
	if c.Name == "avg" && v.k != float8 {
		result = numeric
	}
	if c.Name == "avg" && a.policy.kind == catalog.ReleaseDP {
		return m.privateAverage(v, side, lo, hi, nonNull, result)
	}
	most, err := dp.MaxAbs(lo, hi)
	if err != nil {
		return "", m.b.fail(c.At(), pgerr.UnboundedColumn, "", "the declared bounds are too wide")
	}
	row := "coalesce(" + v.lattice() + ", 0::pg_catalog.int8)"
	if c.Name == "avg" {
		label = "sum(" + m.words(v) + ")"
	}
	sum := m.pair(side, row, label, max(most, 1), v.scale, false)
	non := -1
	if a.policy.kind == catalog.ReleaseExact {
		non = a.release(released{vec: m.count(nonNull, side, "count("+m.words(v)+")"), nonNull: -1})
	}
	i := a.release(released{vec: sum, nonNull: non})
	if c.Name == "sum" {
		a.replace[c] = fmt.Sprintf("CAST(c2d.v%d AS %s)", i+1, result.sql())
		return result, nil
	}
	a.replace[c] = fmt.Sprintf("(CAST(c2d.v%d AS %s) OPERATOR(pg_catalog./) CAST(nullif(c2d.v%d, 0) AS %s))", i+1, result.sql(), non+1, result.sql())
	return result, nil
}

// privateAverage is AVG under dp (RULES 18).
func (m measure) privateAverage(v value, side int, lo, hi int64, nonNull string, result kind) (kind, error) {
	mid, reach, err := dp.Centre(lo, hi)
	if err != nil {
		return "", m.b.fail(m.call.At(), pgerr.UnboundedColumn, "", "the declared bounds are too wide")
	}
	row := fmt.Sprintf("coalesce(%s OPERATOR(pg_catalog.-) (%d)::pg_catalog.int8, 0::pg_catalog.int8)", v.lattice(), mid)
	a := m.a
	s := a.release(released{vec: m.pair(side, row, "sum for avg("+m.words(v)+")", reach, v.scale, false), nonNull: -1})
	n := a.release(released{vec: m.count(nonNull, side, "count("+m.words(v)+")"), nonNull: -1})
	var at [3]int
	for i, x := range []int64{mid, lo, hi} {
		at[i] = a.release(released{vec: -1, constant: decimalText(newInterval(x, x).lo, v.scale), nonNull: -1}) + 1
	}
	a.replace[m.call] = fmt.Sprintf("CAST(least(greatest(c2d.v%d OPERATOR(pg_catalog./) CAST(greatest(1, c2d.v%d) AS pg_catalog.numeric) OPERATOR(pg_catalog.+) c2d.v%d, c2d.v%d), c2d.v%d) AS %s)",
		s+1, n+1, at[0], at[1], at[2], result.sql())
	return result, nil
}

// sumKind is the type of SUM in PostgreSQL.
func sumKind(k kind) kind {
	switch k {
	case int2, int4:
		return int8
	case float8:
		return float8
	}
	return numeric
}

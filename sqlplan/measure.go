package sqlplan

import (
	"fmt"
	"slices"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

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

// persons makes a cell wait for the cohort among those whom this aggregate reads: behind FILTER, and behind NULL,
// there may be far fewer than in the group (RULES 21).
func (m measure) persons(side int, nonNull string) {
	if m.a.policy.kind != catalog.ReleaseExact || m.a.policy.cohort <= 1 {
		return
	}
	who := m.filter
	if nonNull != "" {
		test := "(" + nonNull + ") IS NOT NULL"
		if who[side] != "" {
			test = "(" + who[side] + ") AND " + test
		}
		who[side] = test
	}
	if v := m.a.unitVector(who); !slices.Contains(m.a.cohorts, v) {
		m.a.cohorts = append(m.a.cohorts, v)
	}
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
	m.persons(side, "")
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
	m.persons(side, nonNull)
	if c.Name == "count" {
		return m.finish(m.count(nonNull, side, label), int8)
	}
	if v, err = b.coerce(c.At(), v, float8); err != nil {
		return "", err
	}
	if !v.k.number() {
		return "", b.fail(c.At(), "42883", "Cast it to a number, or count it.", "function %s(%s) does not exist", c.Name, typeWord(v.k))
	}
	lo, hi, ok := v.iv.int64s()
	if loose != "" && (a.policy.kind == catalog.ReleaseDP || !ok) || !ok {
		return "", b.fail(c.At(), pgerr.UnboundedColumn, b.boundsHint(unbounded(loose, v)),
			"%s needs bounds that the owner declared for %s", c.Name, m.words(v))
	}
	return m.sum(v, side, lo, hi, label, nonNull)
}

// unbounded names the column whose bounds an aggregate lacks.
func unbounded(loose string, v value) string {
	if loose == "" {
		return v.name
	}
	return loose
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
		return "", m.b.fail(c.At(), pgerr.UnboundedColumn, "Use least(greatest(x, low), high), or ask the owner for narrower bounds.", "the declared bounds are too wide")
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
		return "", m.b.fail(m.call.At(), pgerr.UnboundedColumn, "Use least(greatest(x, low), high), or ask the owner for narrower bounds.", "the declared bounds are too wide")
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

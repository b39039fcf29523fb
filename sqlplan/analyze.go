package sqlplan

import (
	"fmt"
	"slices"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// partial is one aggregate over one side's rows: the sum of row, or the number of units
// with a row where cond holds.
type partial struct {
	units bool
	row   string // int8 SQL, not null; for units a condition
}

// vector is one number a cell: a partial, or the product of one partial a side of a join.
type vector struct {
	label  string
	part   [2]int // index into analysis.partials[side]; part[1] unused without a join
	max    int64  // largest magnitude of one row's contribution, lattice steps
	scale  int
	units  bool
	joined bool
	counts bool // a number of rows or persons: bigint
}

// released is one value that leaves: a vector, or a declared constant of an average.
type released struct {
	vec      int
	constant string
	nonNull  int // index of the released value that counts non-null inputs; -1
}

// analysis is a bound statement.
type analysis struct {
	sel      *syntax.Select
	policy   policy
	where    [2][]string
	keys     []key
	partials [2][]partial
	vectors  []vector
	values   []released
	cohorts  []int // exact: vectors of persons, each of which must reach the cohort in a released cell
	replace  map[syntax.Expr]string
	keyAt    map[syntax.Expr]int // the group key that an expression is, of those looked at; -1: none
	kinds    []kind
	having   []havingTest
	grand    bool
	join     bool
	hasAgg   bool
}

func (a *analysis) cells(side int) int64 {
	d := int64(1)
	for _, k := range a.keys {
		if k.side == side {
			d = min(d*int64(len(k.cells)), tooMany)
		}
	}
	return d
}

// tooMany is beyond every limit of groups; its square still fits.
const tooMany = 1 << 30

func (a *analysis) domain() int64 { return a.cells(0) * a.cells(1) }

// analyze binds a SELECT. With b.shape it needs neither arguments nor settings: what it
// returns of names, types and released columns is the same.
func (b *binder) analyze(s *syntax.Select) (*analysis, error) {
	a := &analysis{sel: s, replace: map[syntax.Expr]string{}}
	if err := b.bindFrom(s); err != nil {
		return nil, err
	}
	a.join = len(b.tables) == 2
	var err error
	if a.policy, err = b.grants(!b.shape); err != nil {
		return nil, err
	}
	steps := []func(*analysis) error{b.bindConditions, b.bindKeys, b.bindTargets, b.bindHaving, b.bindOrder, b.checkShape}
	for _, step := range steps {
		if err := step(a); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// checkShape refuses what has no aggregate, and what would be decided after opening under exact.
func (b *binder) checkShape(a *analysis) error {
	a.grand = len(a.sel.GroupBy) == 0
	if !a.hasAgg {
		return b.fail(-1, pgerr.NotAggregated, "Use count, sum or avg, and name every other column in GROUP BY.", "persons' rows are not released")
	}
	if a.policy.kind == catalog.ReleaseExact && a.sel.Limit {
		return b.unsupported(-1, "Leave LIMIT and OFFSET out.", "LIMIT is not supported where exact values are released")
	}
	return b.checkCells(a)
}

// checkCells bounds the declared groups.
func (b *binder) checkCells(a *analysis) error {
	if a.domain() > maxCells {
		return b.fail(-1, pgerr.ProgramLimitExceeded, "Group by fewer columns, or by coarser values.", "GROUP BY has %d declared groups; at most %d are supported", a.domain(), maxCells)
	}
	return nil
}

// maxCells bounds the declared groups of a statement.
const maxCells = 100_000

// conjuncts splits a condition at AND.
func conjuncts(e syntax.Expr) []syntax.Expr {
	c, ok := e.(*syntax.Call)
	if !ok || !c.Construct || c.Name != "and" {
		return []syntax.Expr{e}
	}
	var out []syntax.Expr
	for _, x := range c.Args {
		out = append(out, conjuncts(x)...)
	}
	return out
}

// conditions binds what joins in WHERE and ON, and returns the other conditions.
func (b *binder) conditions(a *analysis) ([]syntax.Expr, error) {
	var list []syntax.Expr
	joined := false
	for _, j := range a.sel.Joins {
		if j.On != nil {
			list = append(list, conjuncts(j.On)...)
			continue
		}
		if err := b.bindUsing(j); err != nil {
			return nil, err
		}
		joined = true
	}
	if a.sel.Where != nil {
		list = append(list, conjuncts(a.sel.Where)...)
	}
	var filters []syntax.Expr
	for _, e := range list {
		is, err := b.joinCondition(e)
		if err != nil {
			return nil, err
		}
		if is {
			joined = true
			continue
		}
		b.pin(e)
		filters = append(filters, e)
	}
	if a.join && !joined {
		return nil, b.fail(a.sel.From[1].At, pgerr.JoinNeedsUnit, "Join with USING (id) or ON a.id = b.id on the columns that identify the person.",
			"a join of two owners' tables must equate the columns that identify the person")
	}
	return filters, nil
}

// bindConditions binds WHERE and ON.
func (b *binder) bindConditions(a *analysis) error {
	filters, err := b.conditions(a)
	if err != nil {
		return err
	}
	for _, e := range filters {
		v, err := b.truth(e, useFilter)
		if err != nil {
			return err
		}
		if v.sides == 3 {
			return b.unsupported(e.At(), "Write conditions on one table's columns, joined by AND.", "a condition on two owners' columns is not supported")
		}
		side := max(v.sides-1, 0)
		a.where[side] = append(a.where[side], v.sql)
	}
	return nil
}

// bindUsing checks USING (unit).
func (b *binder) bindUsing(j syntax.Join) error {
	if len(j.Using) != 1 || len(b.tables) != 2 {
		return b.fail(j.At, pgerr.JoinNeedsUnit, "Join on the columns that identify the person.", "a join must equate the person identifiers and nothing else")
	}
	for side := range b.tables {
		c := &syntax.Column{Parts: []string{b.aliases[side], j.Using[0]}}
		if err := b.joinUnit(j.At, c, side); err != nil {
			return err
		}
	}
	b.joinCols[j.Using[0]] = true
	return b.joinable(j.At)
}

// joinUnit checks that a column is a table's unit and may be joined.
func (b *binder) joinUnit(at int, c *syntax.Column, side int) error {
	_, col, err := b.column(c)
	if err != nil {
		return err
	}
	if col.Name != b.tables[side].Unit {
		return b.fail(at, pgerr.JoinNeedsUnit, "Join on the columns that identify the person.", "column %q does not identify the person in table %q", col.Name, b.tables[side].Name)
	}
	return b.need(at, side, col, useJoin)
}

// joinCondition recognises a.unit = b.unit.
func (b *binder) joinCondition(e syntax.Expr) (bool, error) {
	c, ok := e.(*syntax.Call)
	if !ok || !c.Construct || c.Name != "=" || len(c.Args) != 2 || len(b.tables) != 2 {
		return false, nil
	}
	x, okX := c.Args[0].(*syntax.Column)
	y, okY := c.Args[1].(*syntax.Column)
	if !okX || !okY {
		return false, nil
	}
	sx, _, err := b.column(x)
	if err != nil {
		return false, err
	}
	sy, _, err := b.column(y)
	if err != nil || sx == sy {
		return false, err
	}
	if err := b.joinUnit(x.At(), x, sx); err != nil {
		return false, err
	}
	if err := b.joinUnit(y.At(), y, sy); err != nil {
		return false, err
	}
	return true, b.joinable(c.At())
}

// joinable checks that two tables' units are the same kind of persons with the same numbers.
func (b *binder) joinable(at int) error {
	x, y := b.tables[0], b.tables[1]
	if x.UnitKind != y.UnitKind || x.UnitIDs != catalog.Shared || y.UnitIDs != catalog.Shared {
		return b.fail(at, pgerr.UnitMismatch, "Ask about each table on its own.", "tables %q and %q identify different kinds of persons, or number them on their own", x.Name, y.Name)
	}
	if x.Partitioned() || y.Partitioned() {
		return b.unsupported(at, "Ask about the partitioned table on its own.", "a join with a table that several owners hold parts of is not supported")
	}
	if x.Partitions[0].Owner == y.Partitions[0].Owner {
		return b.unsupported(at, "Ask the owner for a view that joins them.", "a join of two tables of one owner is not supported")
	}
	return nil
}

// pin remembers columns that a conjunct fixes to constants.
func (b *binder) pin(e syntax.Expr) {
	c, ok := e.(*syntax.Call)
	if ok && c.Construct && c.Name == "any" && c.Operator == "=" {
		b.pinArray(c)
		return
	}
	if !ok || !c.Construct || c.Name != "=" && c.Name != "in" {
		return
	}
	args := c.Args
	if _, isCol := args[0].(*syntax.Column); !isCol && c.Name == "=" {
		args = []syntax.Expr{args[1], args[0]}
	}
	col, ok := args[0].(*syntax.Column)
	if !ok {
		return
	}
	side, def, err := b.column(col)
	if err != nil {
		return
	}
	var values []string
	for _, x := range args[1:] {
		v, err := b.scalar(x, useFilter)
		if err != nil || !v.isLit {
			return
		}
		if v, err = b.coerce(x.At(), v, kindOf(def.Type)); err != nil || v.lit == nil {
			if b.shape && v.open {
				values = append(values, def.Domain...)
				continue
			}
			return
		}
		values = append(values, *v.lit)
	}
	b.pinned[fmt.Sprintf("%d.%s", side, def.Name)] = values
}

// addPartial returns the index of a partial, adding it where it is new.
func (a *analysis) addPartial(side int, p partial) int {
	if i := slices.Index(a.partials[side], p); i >= 0 {
		return i
	}
	a.partials[side] = append(a.partials[side], p)
	return len(a.partials[side]) - 1
}

// addVector returns the index of a vector, adding it where no equal one is drawn yet.
func (a *analysis) addVector(v vector) int {
	for i, w := range a.vectors {
		if w.part == v.part && w.scale == v.scale && w.counts == v.counts {
			return i
		}
	}
	a.vectors = append(a.vectors, v)
	return len(a.vectors) - 1
}

// release adds a released value and returns its index. Equal ones are not merged: the layout must
// not depend on arguments, which are unknown when the rest of the statement is written. What is equal
// is still one vector: computed, drawn and opened once.
func (a *analysis) release(r released) int {
	a.values = append(a.values, r)
	return len(a.values) - 1
}

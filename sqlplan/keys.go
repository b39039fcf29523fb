package sqlplan

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// key is one expression of GROUP BY with its declared values.
type key struct {
	value
	side  int
	cells []*string // nil is NULL
	code  string    // SQL of a cell number from 0, NULL outside the domain
}

// bindKeys binds GROUP BY: ordinals and output names too, input columns first as PostgreSQL does.
func (b *binder) bindKeys(a *analysis) error {
	for _, e := range a.sel.GroupBy {
		e, err := b.groupTarget(a.sel, e)
		if err != nil {
			return err
		}
		if hasParam(e) {
			return b.unsupported(e.At(), "Write constants in GROUP BY.", "a parameter in GROUP BY is not supported")
		}
		v, err := b.scalar(e, useGroup)
		if err != nil {
			return err
		}
		k, err := b.key(e.At(), v)
		if err != nil {
			return err
		}
		if !containsKey(a.keys, k) {
			a.keys = append(a.keys, k)
		}
	}
	return nil
}

func containsKey(keys []key, k key) bool {
	for _, x := range keys {
		if x.sql == k.sql && x.side == k.side {
			return true
		}
	}
	return false
}

// groupTarget resolves an ordinal or output name.
func (b *binder) groupTarget(s *syntax.Select, e syntax.Expr) (syntax.Expr, error) {
	if l, ok := e.(*syntax.Literal); ok && l.Kind == syntax.Integer {
		n, err := strconv.Atoi(l.Text)
		if err != nil || n < 1 || n > len(s.Targets) {
			return nil, b.fail(l.At(), "42P10", "Count the columns of the select list from 1.", "GROUP BY position %s is not in select list", l.Text)
		}
		return s.Targets[n-1].Expr, nil
	}
	c, ok := e.(*syntax.Column)
	if !ok || len(c.Parts) != 1 {
		return e, nil
	}
	if _, _, err := b.column(c); err == nil {
		return e, nil
	}
	for _, t := range s.Targets {
		if t.Name == c.Parts[0] {
			return t.Expr, nil
		}
	}
	return e, nil
}

// hasParam reports whether an expression contains $n.
func hasParam(e syntax.Expr) bool {
	found := false
	visit(e, func(x syntax.Expr) {
		if _, ok := x.(*syntax.Param); ok {
			found = true
		}
	})
	return found
}

// visit calls f for an expression and everything inside it.
func visit(e syntax.Expr, f func(syntax.Expr)) {
	if e == nil {
		return
	}
	f(e)
	switch x := e.(type) {
	case *syntax.Call:
		for _, a := range x.Args {
			visit(a, f)
		}
		visit(x.Filter, f)
		for _, w := range x.Window {
			visit(w, f)
		}
	case *syntax.Cast:
		visit(x.Arg, f)
	case *syntax.Case:
		visit(x.Operand, f)
		for i := range x.When {
			visit(x.When[i], f)
			visit(x.Then[i], f)
		}
		visit(x.Else, f)
	case *syntax.Array:
		for _, i := range x.Items {
			visit(i, f)
		}
		visit(x.Of, f)
	}
}

// key gives a bound expression its cells.
func (b *binder) key(at int, v value) (key, error) {
	if v.sides == 3 {
		return key{}, b.unsupported(at, "Group by expressions of one table's columns.", "a group key over two owners' columns is not supported")
	}
	if v.sides == 0 {
		return key{}, b.unsupported(at, "Group by a column.", "a constant in GROUP BY is not supported")
	}
	k := key{value: v, side: v.sides - 1}
	switch {
	case v.domain != nil && len(v.domain) <= maxCells && !k.consecutive():
		k.listed()
	case v.iv != nil && (v.k.integer() || v.k == date):
		if !k.counted() {
			return key{}, b.fail(at, pgerr.DomainRequired, "Group by coarser values: x / 10 * 10, width_bucket, date_trunc.", "the group key has too many declared values")
		}
	default:
		return key{}, b.fail(at, pgerr.DomainRequired, b.domainHint(v),
			"the owner declared no domain for this group key")
	}
	if v.null {
		k.cells = append(k.cells, nil)
	}
	return k, nil
}

// listed codes a key by its place in the list of declared values.
func (k *key) listed() {
	var list []string
	for i := range k.domain {
		k.cells = append(k.cells, &k.domain[i])
		list = append(list, syntax.Quote(k.domain[i]))
	}
	if k.null {
		list = append(list, "NULL")
	}
	in := fmt.Sprintf("(%s)::%s", k.sql, k.k.sql())
	if k.k == text {
		in = collated(k.value)
	}
	array := fmt.Sprintf("ARRAY[%s]::%s[]", strings.Join(list, ", "), k.k.sql())
	k.code = fmt.Sprintf("(pg_catalog.array_position(%s, %s) OPERATOR(pg_catalog.-) 1)", array, in)
	if k.ascending() {
		values := fmt.Sprintf("ARRAY[%s]::%s[]", strings.Join(list[:len(k.domain)], ", "), k.k.sql())
		place := fmt.Sprintf("pg_catalog.width_bucket(%s, %s)", in, values)
		k.code = fmt.Sprintf("CASE WHEN (%s)[%s] OPERATOR(pg_catalog.=) %s THEN %s OPERATOR(pg_catalog.-) 1 END", values, place, in, place)
		if k.null {
			k.code = fmt.Sprintf("CASE WHEN (%s) IS NULL THEN %d ELSE %s END", k.sql, len(k.domain), k.code)
		}
	}
}

// consecutive reports whether the declared values are all whole numbers of the interval in order, so that a place
// among them is a difference.
func (k *key) consecutive() bool {
	lo, hi, ok := k.iv.int64s()
	if !ok || !k.k.integer() || hi-lo != int64(len(k.domain))-1 {
		return false
	}
	for i, d := range k.domain {
		if d != strconv.FormatInt(lo+int64(i), 10) {
			return false
		}
	}
	return true
}

// ascending reports whether the declared values are many moments in order: then a binary search finds a place, where
// array_position would read the list from its start for each row (minutes, for a million rows and a year of hours),
// and longer for later moments.
func (k *key) ascending() bool {
	const many = 50
	if !k.k.moment() || len(k.domain) < many {
		return false
	}
	last := int64(-1 << 63)
	for _, d := range k.domain {
		at, ok := parseMoment(k.k, d)
		if !ok || at <= last {
			return false
		}
		last = at
	}
	return true
}

// counted codes a key by its distance from the lower bound.
func (k *key) counted() bool {
	lo, hi, ok := k.iv.int64s()
	if !ok || hi-lo >= maxCells {
		return false
	}
	for n := lo; n <= hi; n++ {
		t := decimalText(big.NewInt(n), 0)
		if k.k == date {
			t = dateText(n)
		}
		k.cells = append(k.cells, &t)
	}
	in := k.clamped().sql
	number := fmt.Sprintf("((%s)::pg_catalog.int8 OPERATOR(pg_catalog.-) (%d)::pg_catalog.int8)", in, lo)
	if k.k == date {
		number = fmt.Sprintf("((%s) OPERATOR(pg_catalog.-) '%s'::pg_catalog.date)", in, dateText(lo))
	}
	k.code = number
	if k.null {
		k.code = fmt.Sprintf("coalesce(%s, %d)", number, hi-lo+1)
	}
	return true
}

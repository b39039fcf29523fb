package sqlplan

import (
	"math/big"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// havingTest is one comparison inside the computation: vector ≥ bound, or its negation.
type havingTest struct {
	vec    int
	bound  int64
	negate bool
}

// bindHaving leaves HAVING to the released values under dp, and under exact compares inside the
// computation, so that groups that fail it never leave (RULES 23).
func (b *binder) bindHaving(a *analysis) error {
	if a.sel.Having == nil {
		return nil
	}
	if a.policy.kind != catalog.ReleaseExact {
		_, err := b.outer(a, a.sel.Having)
		return err
	}
	released := len(a.values)
	for _, e := range conjuncts(a.sel.Having) {
		if err := b.havingExact(a, e); err != nil {
			return err
		}
	}
	a.values = a.values[:released] // what only HAVING reads does not leave
	return nil
}

func (b *binder) havingExact(a *analysis, e syntax.Expr) error {
	refused := b.unsupported(e.At(), "Compare count(…) or sum(…) with a constant, joined by AND; put conditions on columns into WHERE.",
		"this HAVING is not supported where exact values are released")
	c, ok := e.(*syntax.Call)
	if !ok || !c.Construct || comparisons[c.Name] == "" || len(c.Args) != 2 {
		return refused
	}
	op, left, right := comparisons[c.Name], c.Args[0], c.Args[1]
	if _, agg := isAggregate(left); !agg {
		op = map[string]string{"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "<>": "<>"}[op]
		left, right = right, left
	}
	call, agg := isAggregate(left)
	if !agg || call.Name != "count" && call.Name != "sum" || op == "<>" {
		return refused
	}
	if _, err := b.aggregate(a, call); err != nil {
		return err
	}
	v, err := b.scalar(right, useFilter)
	if err != nil {
		return err
	}
	if v, err = b.coerce(right.At(), v, numeric); err != nil {
		return err
	}
	if v.sides != 0 || !v.isLit || v.lit == nil && !v.open || !v.k.number() {
		return refused
	}
	value := a.havingValue(call)
	if value < 0 {
		return refused
	}
	if non := a.values[value].nonNull; non >= 0 {
		a.having = append(a.having, havingTest{vec: a.values[non].vec, bound: 1}) // NULL is not true
	}
	return b.addTests(a, e, a.values[value].vec, op, v)
}

// havingValue finds the released value that an aggregate was bound to; -1 if none.
func (a *analysis) havingValue(c *syntax.Call) int {
	for i := range a.values {
		for _, cast := range []string{"", "int8", "numeric", "float8"} {
			want := valueName(i)
			if cast != "" {
				want = "CAST(" + want + " AS pg_catalog." + cast + ")"
			}
			if a.replace[c] == want {
				return i
			}
		}
	}
	return -1
}

// addTests turns a comparison with a constant into tests ≥ on the vector's lattice.
func (b *binder) addTests(a *analysis, e syntax.Expr, vec int, op string, v value) error {
	if v.iv == nil {
		return b.unsupported(e.At(), "Compare count(…) or sum(…) with a constant.", "this HAVING is not supported where exact values are released")
	}
	// bound·10^scale as floor and ceiling: vector ≥ x ⇔ vector ≥ ⌈x⌉, vector > x ⇔ vector ≥ ⌊x⌋+1.
	num := new(big.Int).Mul(v.iv.lo, pow10(a.vectors[vec].scale))
	floor := new(big.Int).Div(num, pow10(v.scale))
	whole := new(big.Int).Mul(floor, pow10(v.scale)).Cmp(num) == 0
	if _, _, ok := (&interval{floor, floor}).int64s(); !ok {
		return b.unsupported(e.At(), "Write a smaller constant.", "the constant in HAVING is out of range")
	}
	f := floor.Int64()
	ceil := f
	if !whole {
		ceil++
	}
	switch op {
	case ">=":
		a.having = append(a.having, havingTest{vec, ceil, false})
	case ">":
		a.having = append(a.having, havingTest{vec, f + 1, false})
	case "<":
		a.having = append(a.having, havingTest{vec, ceil, true})
	case "<=":
		a.having = append(a.having, havingTest{vec, f + 1, true})
	default:
		a.having = append(a.having, havingTest{vec, ceil, false}, havingTest{vec, f + 1, true})
	}
	return nil
}

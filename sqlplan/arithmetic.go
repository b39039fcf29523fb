package sqlplan

import (
	"fmt"
	"math/big"

	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// arithmetic computes on numeric, so that nothing overflows, and proves the result's interval.
func (b *binder) arithmetic(c *syntax.Call, vs []value, sides int) (value, error) {
	if len(vs) == 1 {
		if _, err := b.unify(c.At(), append([]value{{k: int4}}, vs...)); err != nil || !vs[0].k.number() {
			return value{}, b.unsupported(c.At(), allowHint, "operator %s is not supported here", c.Name)
		}
		vs = []value{{k: vs[0].k, iv: newInterval(0, 0), sql: "0"}, vs[0]}
	} else if !vs[0].k.moment() && !vs[1].k.moment() {
		if _, err := b.unify(c.At(), vs); err != nil {
			return value{}, err
		}
	}
	x, y := vs[0], vs[1]
	if !x.k.number() || !y.k.number() {
		return value{}, b.unsupported(c.At(), "Write dates and times as constants, such as DATE '2024-01-31', and compute with numbers.", "operator %s is not supported between %s and %s over federated tables", c.Name, typeWord(x.k), typeWord(y.k))
	}
	out := value{k: wider(x.k, y.k), sides: sides, null: x.null || y.null}
	if out.k == float8 {
		if v, ok := b.floatSteps(c, x, y, out); ok {
			return v, nil
		}
	}
	if x.iv == nil || y.iv == nil || x.k == float8 || y.k == float8 {
		return value{}, b.unsupported(c.At(), "Compute with columns that have declared bounds.", "operator %s needs integer or numeric columns with declared bounds", c.Name)
	}
	switch c.Name {
	case "*":
		out.scale, out.iv = x.scale+y.scale, x.iv.mul(y.iv)
	case "+", "-":
		out.scale = max(x.scale, y.scale)
		xi, yi := x.iv.rescale(out.scale-x.scale), y.iv.rescale(out.scale-y.scale)
		if c.Name == "-" {
			yi = yi.negate()
		}
		out.iv = xi.add(yi)
	default:
		return b.divide(c, x, y, out)
	}
	out.domain = b.mapped(c.Name, x, y, out)
	out.sql = fmt.Sprintf("(%s OPERATOR(pg_catalog.%s) %s)", x.numeric(), c.Name, y.numeric())
	return b.checkRange(c.At(), out)
}

// divide allows integers by a constant that is not zero.
func (b *binder) divide(c *syntax.Call, x, y, out value) (value, error) {
	if !out.k.integer() || !y.isLit || y.lit == nil || y.iv.lo.Sign() == 0 {
		if y.open {
			out.iv, out.sql = x.iv, x.numeric()
			return out, nil
		}
		return value{}, b.unsupported(c.At(), "Divide sums and counts, not rows; or divide whole numbers by a constant that is not zero.", "this division is not supported over federated rows")
	}
	a, z := new(big.Int).Quo(x.iv.lo, y.iv.lo), new(big.Int).Quo(x.iv.hi, y.iv.lo)
	if a.Cmp(z) > 0 {
		a, z = z, a
	}
	out.iv = &interval{a, z}
	out.domain = b.wholeNumbers(out.iv)
	out.sql = fmt.Sprintf("pg_catalog.div(%s, %s)", x.numeric(), y.numeric())
	return b.checkRange(c.At(), out)
}

// checkRange refuses integer results that their type might not hold.
func (b *binder) checkRange(at int, v value) (value, error) {
	if r := typeRange(v.k); r != nil && !v.iv.within(r) {
		return value{}, b.unsupported(at, "Cast to numeric, or use columns with tighter bounds.", "%s might be out of range here", typeWord(v.k))
	}
	if _, _, ok := v.iv.int64s(); !ok {
		return value{}, b.unsupported(at, "Use columns with tighter bounds.", "the value might be out of range here")
	}
	return v, nil
}

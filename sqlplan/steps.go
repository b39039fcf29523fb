package sqlplan

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"

	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// Bounds of the values that are listed on the way to a group key: for one expression, and for all of a statement, since a
// long chain of operators would list them again at each.
const (
	maxListed    = 10_000
	maxListedAll = 100 * maxListed
)

// mayList reports whether n more values may be listed.
func (b *binder) mayList(n int64) bool {
	if n > maxListed || b.listed+n > maxListedAll {
		return false
	}
	b.listed += n
	return true
}

// wholeNumbers lists the whole numbers of an interval; nil where they are too many.
func (b *binder) wholeNumbers(iv *interval) []string {
	lo, hi, ok := iv.int64s()
	if !ok || hi-lo >= maxListed || !b.mayList(hi-lo+1) {
		return nil
	}
	out := make([]string, 0, hi-lo+1)
	for n := lo; n <= hi; n++ {
		out = append(out, strconv.FormatInt(n, 10))
	}
	return out
}

// mapped is the list of values that an operation with a constant makes of a list; nil where there is none. So age / 10 * 10
// has the groups 0, 10, 20, … and not the numbers between them.
func (b *binder) mapped(op string, x, y, out value) []string {
	at, by := 0, 1
	if x.isLit {
		at, by = 1, 0
	}
	vs := [2]value{x, y}
	if vs[at].domain == nil || vs[at].isLit || !vs[by].isLit || vs[by].lit == nil || vs[by].iv == nil || !b.mayList(int64(len(vs[at].domain))) {
		return nil
	}
	var list []string
	for _, d := range vs[at].domain {
		n, scale, ok := parseDecimal(d)
		if !ok || scale > vs[at].scale {
			return nil
		}
		point := &interval{n, n}
		args := [2]*interval{}
		args[at], args[by] = point.rescale(vs[at].scale-scale), vs[by].iv
		if op != "*" {
			args[at], args[by] = args[at].rescale(out.scale-vs[at].scale), args[by].rescale(out.scale-vs[by].scale)
		}
		r := args[0]
		switch op {
		case "*":
			r = args[0].mul(args[1])
		case "+":
			r = args[0].add(args[1])
		case "-":
			r = args[0].add(args[1].negate())
		}
		if text := decimalText(r.lo, out.scale); !slices.Contains(list[max(len(list)-1, 0):], text) {
			list = append(list, text)
		}
	}
	return distinct(list)
}

// distinct drops what occurs before in a list.
func distinct(list []string) []string {
	seen := map[string]bool{}
	out := list[:0]
	for _, s := range list {
		if !seen[s] {
			seen[s], out = true, append(out, s)
		}
	}
	return out
}

// whole binds floor, ceil, trunc and round to whole numbers: numeric of a numeric, double precision of the others, as in
// PostgreSQL. Of a quotient by a constant too: FLOOR(x / 10.0), as tools write their bins.
func (b *binder) whole(c *syntax.Call, want use) (value, error) {
	v, sql, iv, err := b.wholeOf(c.Args[0], want)
	if err != nil {
		return value{}, err
	}
	if v.iv == nil || v.k == float8 || !v.k.number() {
		return value{}, b.unsupported(c.At(), "Use it on a whole or decimal number with declared bounds.", "%s of this is not supported over federated rows", c.Name)
	}
	name := c.Name
	if name == "ceiling" {
		name = "ceil"
	}
	k := numeric
	if v.k.integer() {
		k = float8
	}
	if v.open {
		return value{k: k, sql: "NULL::" + k.sql(), isLit: true, open: true, iv: newInterval(0, 0), null: true}, nil
	}
	out := value{k: k, null: v.null, sides: v.sides, iv: &interval{toWhole(name, iv[0]), toWhole(name, iv[1])}, sql: fmt.Sprintf("pg_catalog.%s((%s)::%s)", name, sql, k.sql())}
	out.domain = b.wholeNumbers(out.iv)
	return out, nil
}

// wholeOf binds the argument of floor and its like: its SQL, and the exact ends of its interval.
func (b *binder) wholeOf(e syntax.Expr, want use) (v value, sql string, ends [2]*big.Rat, err error) {
	if d, ok := e.(*syntax.Call); ok && d.Construct && d.Name == "/" && len(d.Args) == 2 {
		vs, sides, unbound := b.all(d.Args, want)
		if unbound != nil {
			return v, "", ends, unbound
		}
		if _, err := b.unify(d.At(), vs); err != nil {
			return v, "", ends, err
		}
		if x, y := vs[0], vs[1]; wider(x.k, y.k) == numeric && y.isLit && y.lit != nil && x.iv != nil {
			return b.quotient(d, x, y, sides)
		}
		// Not b.scalar(e): it would bind the operands again, and nested calls take exponential time.
		v, err = b.arithmetic(d, vs, sides)
	} else {
		v, err = b.scalar(e, want)
	}
	if err != nil || v.iv == nil {
		return v, "", ends, err
	}
	unit := new(big.Rat).SetInt(pow10(v.scale))
	for i, n := range []*big.Int{v.iv.lo, v.iv.hi} {
		ends[i] = new(big.Rat).Quo(new(big.Rat).SetInt(n), unit)
	}
	sql = v.clamped().sql
	if v.k == numeric {
		sql = v.numeric()
	}
	return v, sql, ends, nil
}

// quotient is a bounded number by a constant, as numeric. PostgreSQL computes 16 significant digits; within these bounds a
// quotient that is no whole number stays farther from one than that, so that its floor is exact.
func (b *binder) quotient(d *syntax.Call, x, y value, sides int) (v value, sql string, ends [2]*big.Rat, err error) {
	divisor := new(big.Rat).SetFrac(y.iv.lo, pow10(y.scale))
	steps := new(big.Int).Mul(new(big.Int).Abs(y.iv.lo), pow10(x.scale))
	if y.iv.lo.Sign() == 0 || steps.Cmp(pow10(9)) > 0 {
		return v, "", ends, b.unsupported(d.At(), "Divide by a constant that is not zero, with few digits.", "this division is not supported over federated rows")
	}
	for i, n := range []*big.Int{x.iv.lo, x.iv.hi} {
		ends[i] = new(big.Rat).Quo(new(big.Rat).SetFrac(n, pow10(x.scale)), divisor)
		if new(big.Rat).Abs(ends[i]).Cmp(big.NewRat(1_000_000, 1)) > 0 {
			return v, "", ends, b.unsupported(d.At(), "Divide by a larger constant, or use columns with tighter bounds.", "this division is not supported over federated rows")
		}
	}
	if ends[0].Cmp(ends[1]) > 0 {
		ends[0], ends[1] = ends[1], ends[0]
	}
	v = value{k: numeric, null: x.null, sides: sides, iv: x.iv, open: x.open || y.open}
	return v, fmt.Sprintf("%s OPERATOR(pg_catalog./) (%s)::pg_catalog.numeric", x.numeric(), y.sql), ends, nil
}

// toWhole is floor, ceil, trunc or round (half away from zero) of a rational number.
func toWhole(name string, r *big.Rat) *big.Int {
	floor := new(big.Int).Div(r.Num(), r.Denom())
	up := new(big.Int).Add(floor, big.NewInt(1))
	switch {
	case r.IsInt() || name == "floor" || name == "trunc" && r.Sign() >= 0:
		return floor
	case name == "ceil" || name == "trunc":
		return up
	}
	half := new(big.Rat).Sub(r, new(big.Rat).SetInt(floor))
	if c := half.Cmp(big.NewRat(1, 2)); c > 0 || c == 0 && r.Sign() > 0 {
		return up
	}
	return floor
}

// remainder binds x % c and mod(x, c) of whole numbers.
func (b *binder) remainder(at int, x, y value, sides int) (value, error) {
	if !x.k.integer() || !y.k.integer() || x.iv == nil || !y.isLit || y.lit == nil && !y.open || !y.open && y.iv.lo.Sign() == 0 {
		return value{}, b.unsupported(at, "Take the remainder of a whole number with declared bounds by a constant that is not zero.", "this remainder is not supported over federated rows")
	}
	k := wider(x.k, y.k)
	out := value{k: k, null: x.null, sides: sides, iv: x.iv}
	if y.open {
		out.sql = x.numeric()
		return out, nil
	}
	most := new(big.Int).Sub(new(big.Int).Abs(y.iv.lo), big.NewInt(1))
	limit := &interval{new(big.Int), new(big.Int)}
	if x.iv.hi.Sign() > 0 {
		limit.hi = most
		if x.iv.hi.Cmp(most) < 0 {
			limit.hi = x.iv.hi
		}
	}
	if x.iv.lo.Sign() < 0 {
		limit.lo = new(big.Int).Neg(most)
		if x.iv.lo.Cmp(limit.lo) > 0 {
			limit.lo = x.iv.lo
		}
	}
	out.iv = limit
	out.sql = fmt.Sprintf("pg_catalog.mod(%s, (%s)::pg_catalog.numeric)", x.numeric(), y.sql)
	return b.checkRange(at, out)
}

// floatSteps is + - * of a double precision that is known to be one of few whole numbers and a whole constant, as in
// floor(age / 10) * 10: exact in double precision.
func (b *binder) floatSteps(c *syntax.Call, x, y value, out value) (value, bool) {
	small := func(v value) bool {
		lo, hi, ok := v.iv.int64s()
		return ok && v.scale == 0 && lo > -1<<31 && hi < 1<<31
	}
	// What a factor below 1 makes of 0 is -0, which no list of values tells from 0.
	signed := func(v value) bool { return v.isLit && v.iv != nil && v.iv.lo.Sign() <= 0 }
	if c.Name == "/" || c.Name == "*" && (signed(x) || signed(y)) || !small(x) || !small(y) || x.isLit == y.isLit || x.domain == nil && !x.isLit || y.domain == nil && !y.isLit || x.open || y.open {
		return value{}, false
	}
	out.k, out.scale = float8, 0
	switch c.Name {
	case "*":
		out.iv = x.iv.mul(y.iv)
	case "+":
		out.iv = x.iv.add(y.iv)
	case "-":
		out.iv = x.iv.add(y.iv.negate())
	}
	out.domain = b.mapped(c.Name, x, y, out)
	out.sql = fmt.Sprintf("((%s)::pg_catalog.float8 OPERATOR(pg_catalog.%s) (%s)::pg_catalog.float8)", x.clamped().sql, c.Name, y.sql)
	if x.isLit {
		out.sql = fmt.Sprintf("((%s)::pg_catalog.float8 OPERATOR(pg_catalog.%s) (%s)::pg_catalog.float8)", x.sql, c.Name, y.clamped().sql)
	}
	return out, out.domain != nil
}

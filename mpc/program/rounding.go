package program

import (
	"fmt"
	mathbits "math/bits"
)

// Rounding says which integer a quotient becomes. The zero Rounding is none and is refused.
type Rounding int

// Roundings: that of integers in SQL, the next lower, and that of numeric in PostgreSQL.
const (
	TowardZero Rounding = iota + 1
	Down
	HalfAwayFromZero
)

// DivideBy defines Out = A / Divisor of signed words, exactly, rounded as Rounding says. Divisor
// is public, not 0 and at most MaxDivisor in absolute value, and |A| < 2^63 − |Divisor|, which
// the planner proves.
//
// Rounding is an offset before a FloorDivide (Warren, Hacker's Delight, §10): Divisor−1 on
// negative A toward zero; half the Divisor half away from zero, less one on negative A if the
// Divisor is even. A power of two is a ShiftRight instead. Rounds: 20 (25 for powers of two), 10
// more where the sign of A matters. Nothing is opened; NULL bits of A are those of Out.
type DivideBy struct {
	A        Reg
	Divisor  int64
	Rounding Rounding
	Out      Reg
}

// MulFixed defines Out = A·B / Unit, a product of fixed-point words of Unit steps to 1 (10^s for
// numeric of scale s), rounded as Rounding says; exact, where |A·B| < 2^63 − Unit, which the
// planner proves. A product and a DivideBy, one round more.
type MulFixed struct {
	A, B     Reg
	Unit     int64
	Rounding Rounding
	Out      Reg
}

func (DivideBy) isOp() {}
func (MulFixed) isOp() {}

// text names a rounding.
func (r Rounding) text() string {
	return [...]string{"unrounded", "toward_zero", "down", "half_away_from_zero"}[max(0, min(r, HalfAwayFromZero))]
}

func (op DivideBy) defines() []Reg { return []Reg{op.Out} }
func (op DivideBy) reads() []Reg   { return []Reg{op.A} }
func (op DivideBy) text() string {
	return fmt.Sprintf("r%d = divide_by r%d %d %s", op.Out, op.A, op.Divisor, op.Rounding.text())
}

func (op DivideBy) check(c *checker) error {
	n, err := c.arith(op.A)
	switch {
	case err != nil:
	case op.Divisor == 0 || op.Divisor < -MaxDivisor || op.Divisor > MaxDivisor:
		err = fmt.Errorf("divisor %d is 0 or larger than %d", op.Divisor, int64(MaxDivisor))
	case op.Rounding < TowardZero || op.Rounding > HalfAwayFromZero:
		err = fmt.Errorf("unknown rounding %d", op.Rounding)
	}
	return c.then(err, op.Out, words(n))
}

func (op DivideBy) eval(m *machine) error {
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { return uint64(op.Rounding.divide(int64(a), op.Divisor)) })
	return nil
}

// divide is a / d, rounded.
func (r Rounding) divide(a, d int64) int64 {
	q, rest := a/d, a%d
	away := int64(1)
	if (rest < 0) != (d < 0) {
		away = -1
	}
	size, half := max(rest, -rest), max(d, -d)-max(rest, -rest)
	switch {
	case rest == 0 || r == TowardZero:
		return q
	case r == Down:
		return q + min(away, 0)
	case size >= half:
		return q + away
	default:
		return q
	}
}

func (op DivideBy) expand(l *lowering) error {
	d := draft{lowering: l}
	a, size := op.A, op.Divisor
	if size < 0 {
		a, size = d.reg(func(out Reg) Op { return Negate{A: a, Out: out} }), -size
	}
	offset, negative := int64(0), int64(0) // added to all of A, and to negative A
	switch op.Rounding {
	case TowardZero:
		negative = size - 1
	case HalfAwayFromZero:
		offset, negative = size/2, size%2-1
	}
	if size == 1 {
		d.do(Scale{A: a, Factor: 1, Out: op.Out})
		return d.err
	}
	if negative != 0 { // negative − negative·[A ≥ 0] is 0 where A is not
		a2 := d.scale(d.wordAtLeast(a, 0), -uint64(negative))
		a, offset = d.add(a, a2), offset+negative
	}
	if offset != 0 {
		a = d.add(a, d.constant(uint64(offset), d.rows(a)))
	}
	if size&(size-1) == 0 {
		d.do(ShiftRight{A: a, By: mathbits.TrailingZeros64(uint64(size)), Out: op.Out})
	} else {
		d.do(FloorDivide{A: a, Divisor: size, Out: op.Out})
	}
	return d.err
}

func (op MulFixed) defines() []Reg { return []Reg{op.Out} }
func (op MulFixed) reads() []Reg   { return []Reg{op.A, op.B} }
func (op MulFixed) text() string {
	return fmt.Sprintf("r%d = mul_fixed r%d r%d unit=%d %s", op.Out, op.A, op.B, op.Unit, op.Rounding.text())
}

func (op MulFixed) check(c *checker) error {
	if _, err := c.arith(op.A, op.B); err != nil {
		return err
	}
	return DivideBy{A: op.A, Divisor: op.Unit, Rounding: op.Rounding, Out: op.Out}.check(c)
}

func (op MulFixed) eval(m *machine) error {
	m.values[op.Out] = zip(m.values[op.A], m.values[op.B], func(a, b uint64) uint64 { return uint64(op.Rounding.divide(int64(a*b), op.Unit)) })
	return nil
}

func (op MulFixed) expand(l *lowering) error {
	product := l.fresh()
	return l.emit(Mul{A: op.A, B: op.B, Out: product}, DivideBy{A: product, Divisor: op.Unit, Rounding: op.Rounding, Out: op.Out})
}

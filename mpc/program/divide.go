package program

import (
	"errors"
	"fmt"
)

// MaxDivideWidth bounds the operands of a Divide: four times a remainder stays in 63 bits.
const MaxDivideWidth = 60

// Divide defines, for signed words with |A|, |B| < 2^Width, which the planner proves, Quotient =
// A / B truncated toward zero, Remainder = A − B·Quotient with the sign of A, as PostgreSQL's / and
// % on integers, and Null, one bit a row: 1 where B is 0. There both words are 0: no error tells
// anybody that a divisor is 0, and division by zero is NULL, as everywhere in this engine.
//
// Long division in base 4 of absolute values (Knuth, The Art of Computer Programming 2, §4.3.1;
// on shares, restoring division as in Bogdanov, Niitsoo, Toft, Willemson, High-performance secure
// multi-party computation for data mining applications, 2012): a digit is how many of b, 2b and
// 3b the remainder reaches, three parallel comparisons, exact whatever the operands. A digit takes
// 11 rounds and 105 bytes a row and party; with signs, the bits of A and the zero test about 30 +
// 11·⌈Width/2⌉ rounds and 67·Width bytes. Nothing is opened and nothing leaks. NULLs of A or B are the
// program's: their bits are joined to Null.
type Divide struct {
	A, B                      Reg
	Width                     int
	Quotient, Remainder, Null Reg
}

func (Divide) isOp() {}

func (op Divide) defines() []Reg { return []Reg{op.Quotient, op.Remainder, op.Null} }
func (op Divide) reads() []Reg   { return []Reg{op.A, op.B} }
func (op Divide) text() string {
	return fmt.Sprintf("r%d r%d r%d = divide r%d r%d width=%d", op.Quotient, op.Remainder, op.Null, op.A, op.B, op.Width)
}

func (op Divide) check(c *checker) error {
	n, err := c.arith(op.A, op.B)
	if err == nil && (op.Width < 1 || op.Width > MaxDivideWidth) {
		err = fmt.Errorf("operands of %d bits, must have 1 to %d", op.Width, MaxDivideWidth)
	}
	if err != nil {
		return err
	}
	return errors.Join(c.define(op.Quotient, words(n)), c.define(op.Remainder, words(n)), c.define(op.Null, bit(n)))
}

func (op Divide) eval(m *machine) error {
	a, b := m.values[op.A], m.values[op.B]
	quotient, remainder, null := make([]uint64, len(a)), make([]uint64, len(a)), make([]uint64, len(a))
	for i := range a {
		if x, y := int64(a[i]), int64(b[i]); y == 0 {
			null[i] = 1
		} else {
			quotient[i], remainder[i] = uint64(x/y), uint64(x%y)
		}
		if limit := int64(1) << op.Width; max(int64(a[i]), -int64(a[i])) >= limit || max(int64(b[i]), -int64(b[i])) >= limit {
			return fmt.Errorf("an operand of a division has more than %d bits", op.Width)
		}
	}
	m.values[op.Quotient], m.values[op.Remainder], m.values[op.Null] = quotient, remainder, null
	return nil
}

func (op Divide) expand(l *lowering) error {
	d := draft{lowering: l}
	signA, signB := d.plusMinus(op.A), d.plusMinus(op.B)
	a, b := d.mul(signA, op.A), d.mul(signB, op.B)
	some := d.reg(func(out Reg) Op { return GreaterEqual{A: b, Bound: 1, Out: out} })
	d.do(Not{A: some, Out: op.Null})
	all := d.reg(func(out Reg) Op { return ToBits{A: a, Width: op.Width, Out: out} })
	var rest, quotient Reg
	for from := (op.Width - 1) / 2 * 2; from >= 0; from -= 2 {
		next := d.digit(all, from, min(2, op.Width-from))
		if from+2 < op.Width {
			next = d.add(d.scale(rest, 4), next)
		}
		reached := d.add(d.add(d.reaches(next, b, 1), d.reaches(next, b, 2)), d.reaches(next, b, 3))
		rest = d.sub(next, d.mul(reached, b))
		if from+2 < op.Width {
			reached = d.add(d.scale(quotient, 4), reached)
		}
		quotient = reached
	}
	sign := d.mul(signA, d.asWords(some))
	d.do(Mul{A: sign, B: rest, Out: op.Remainder})
	d.do(Mul{A: d.mul(sign, signB), B: quotient, Out: op.Quotient})
	return d.err
}

// digit is width bits of Boolean rows, one or two, as a word.
func (d *draft) digit(all Reg, from, width int) Reg {
	one := func(at int) Reg {
		return d.asWords(d.reg(func(out Reg) Op { return BitField{A: all, From: at, Width: 1, Out: out} }))
	}
	if width == 1 {
		return one(from)
	}
	return d.add(one(from), d.scale(one(from+1), 2))
}

// reaches is the word 1 where a ≥ times·b, else 0.
func (d *draft) reaches(a, b Reg, times uint64) Reg {
	return d.wordAtLeast(d.sub(a, d.scale(b, times)), 0)
}

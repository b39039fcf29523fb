package program

import "fmt"

// Negate defines Out = −A mod 2^64. No traffic. NULL bits of A are those of Out.
type Negate struct{ A, Out Reg }

// Abs defines Out = |A| of signed words. The least word, which has no absolute value, stays what
// it is; the planner proves that it does not occur. A comparison, a conversion and a product, 40
// bytes a row and party, 11 rounds; nothing is opened. NULL bits of A are those of Out.
type Abs struct{ A, Out Reg }

// Sign defines Out, words, as −1, 0 or 1: two comparisons and two conversions, 64 bytes a
// row and party, 10 rounds, A in −2^63+1 to 2^63−1. Nothing is opened. NULL bits of A are those of Out.
type Sign struct{ A, Out Reg }

// ShiftRight defines Out = ⌊A / 2^By⌋ of signed words, exactly: A becomes bits, of which the
// higher ones become words again with their sign. 60 bytes a row and party, 25 rounds. (Mohassel
// and Rindal, ABY3, CCS 2018, §5.1 truncate components and err in the last bit always and by
// 2^(64−By) with a probability that depends on |A|; nothing here errs.) Nothing is opened.
type ShiftRight struct {
	A   Reg
	By  int
	Out Reg
}

func (Negate) isOp()     {}
func (Abs) isOp()        {}
func (Sign) isOp()       {}
func (ShiftRight) isOp() {}

func (op Negate) defines() []Reg         { return []Reg{op.Out} }
func (op Negate) reads() []Reg           { return []Reg{op.A} }
func (op Negate) text() string           { return fmt.Sprintf("r%d = negate r%d", op.Out, op.A) }
func (op Negate) check(c *checker) error { return c.binary(op.A, op.A, op.Out) }
func (op Negate) eval(m *machine) error {
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { return -a })
	return nil
}
func (op Negate) expand(l *lowering) error {
	return l.emit(Scale{A: op.A, Factor: ^uint64(0), Out: op.Out})
}

func (op Abs) defines() []Reg         { return []Reg{op.Out} }
func (op Abs) reads() []Reg           { return []Reg{op.A} }
func (op Abs) text() string           { return fmt.Sprintf("r%d = abs r%d", op.Out, op.A) }
func (op Abs) check(c *checker) error { return c.binary(op.A, op.A, op.Out) }
func (op Abs) eval(m *machine) error {
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { return uint64(max(int64(a), -int64(a))) })
	return nil
}
func (op Abs) expand(l *lowering) error {
	d := draft{lowering: l}
	sign := d.plusMinus(op.A)
	d.do(Mul{A: sign, B: op.A, Out: op.Out})
	return d.err
}

func (op Sign) defines() []Reg         { return []Reg{op.Out} }
func (op Sign) reads() []Reg           { return []Reg{op.A} }
func (op Sign) text() string           { return fmt.Sprintf("r%d = sign r%d", op.Out, op.A) }
func (op Sign) check(c *checker) error { return c.binary(op.A, op.A, op.Out) }
func (op Sign) eval(m *machine) error {
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { return truth(int64(a) > 0) - truth(int64(a) < 0) })
	return nil
}
func (op Sign) expand(l *lowering) error {
	d := draft{lowering: l}
	both := d.add(d.wordAtLeast(op.A, 0), d.wordAtLeast(op.A, 1))
	d.do(Sub{A: both, B: d.constant(1, d.rows(op.A)), Out: op.Out})
	return d.err
}

func (op ShiftRight) defines() []Reg { return []Reg{op.Out} }
func (op ShiftRight) reads() []Reg   { return []Reg{op.A} }
func (op ShiftRight) text() string {
	return fmt.Sprintf("r%d = shift_right r%d %d", op.Out, op.A, op.By)
}
func (op ShiftRight) check(c *checker) error {
	n, err := c.arith(op.A)
	if err == nil && (op.By < 0 || op.By > 63) {
		err = fmt.Errorf("shift of words by %d bits", op.By)
	}
	return c.then(err, op.Out, words(n))
}
func (op ShiftRight) eval(m *machine) error {
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { return uint64(int64(a) >> op.By) })
	return nil
}
func (op ShiftRight) expand(l *lowering) error {
	all, high := l.fresh(), l.fresh()
	return l.emit(ToBits{A: op.A, Width: 64, Out: all}, BitField{A: all, From: op.By, Width: 64 - op.By, Out: high},
		ToArith{A: high, Signed: true, Out: op.Out})
}

// wordAtLeast is the word 1 where a ≥ bound, else 0.
func (d *draft) wordAtLeast(a Reg, bound int64) Reg {
	ge := d.reg(func(out Reg) Op { return GreaterEqual{A: a, Bound: bound, Out: out} })
	return d.asWords(ge)
}

// plusMinus is 1 where a ≥ 0, else −1.
func (d *draft) plusMinus(a Reg) Reg {
	return d.sub(d.scale(d.wordAtLeast(a, 0), 2), d.constant(1, d.rows(a)))
}

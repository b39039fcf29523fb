package program

import "fmt"

// Less defines Out, one bit a row: 1 where A < B, on Boolean rows of equal width, in two's
// complement where Signed. It is the borrow of A − B as a prefix circuit: at 64 bits 152
// ANDs a row (19 bytes sent by each party) in 7 rounds. NULLs are the program's: their rows
// compare as whatever bits they hold, and a null bit gates the result.
type Less struct {
	A, B   Reg
	Signed bool
	Out    Reg
}

// LessEqual defines Out = A ≤ B, as the complement of B < A.
type LessEqual struct {
	A, B   Reg
	Signed bool
	Out    Reg
}

func (Less) isOp()      {}
func (LessEqual) isOp() {}

func (op Less) defines() []Reg { return []Reg{op.Out} }
func (op Less) reads() []Reg   { return []Reg{op.A, op.B} }
func (op Less) text() string   { return compareText("less", op.A, op.B, op.Signed, op.Out) }

func (op Less) check(c *checker) error {
	s, err := c.boolean(op.A, op.B)
	return c.then(err, op.Out, bit(s.Rows))
}

func (op Less) eval(m *machine) error {
	flip := signFlip(m.shapes[op.A].Width, op.Signed)
	m.values[op.Out] = zip(m.values[op.A], m.values[op.B], func(a, b uint64) uint64 { return truth(a^flip < b^flip) })
	return nil
}

func (op Less) batch(shapes []Shape) Batch { return Batch{Kind: Borrow, Width: shapes[op.A].Width} }

func (op Less) cost(m *meter) int {
	s := m.shapes[op.A]
	gates, rounds := CarryCost(s.Width)
	m.direct.all(gates * planeWords(s.Rows))
	return rounds
}

func (op LessEqual) defines() []Reg         { return []Reg{op.Out} }
func (op LessEqual) reads() []Reg           { return []Reg{op.A, op.B} }
func (op LessEqual) text() string           { return compareText("less_equal", op.A, op.B, op.Signed, op.Out) }
func (op LessEqual) check(c *checker) error { return Less(op).check(c) }

func (op LessEqual) eval(m *machine) error {
	flip := signFlip(m.shapes[op.A].Width, op.Signed)
	m.values[op.Out] = zip(m.values[op.A], m.values[op.B], func(a, b uint64) uint64 { return truth(a^flip <= b^flip) })
	return nil
}

func (op LessEqual) expand(l *lowering) error {
	greater := l.fresh()
	return l.emit(Less{A: op.B, B: op.A, Signed: op.Signed, Out: greater}, Not{A: greater, Out: op.Out})
}

// compareText is the line of a comparison.
func compareText(name string, a, b Reg, signed bool, out Reg) string {
	if signed {
		name += "_signed"
	}
	return fmt.Sprintf("r%d = %s r%d r%d", out, name, a, b)
}

// signFlip is the bit that turns the order of two's complement into that of naturals.
func signFlip(width int, signed bool) uint64 {
	if !signed {
		return 0
	}
	return 1 << (width - 1)
}

// CarryCost is the words of AND gates a plane word, and the rounds, of the carry out of an
// addition of width bits in the engine's circuit: bits in pairs, then a tree over the pairs.
func CarryCost(width int) (gates, rounds int) {
	pairs := width / 2
	groups := (width + 1) / 2
	gates, rounds = width, 1 // the lower carry and P of each pair; the lowest group needs no P
	if width%2 == 0 {
		gates--
	}
	if pairs > 0 {
		gates, rounds = gates+pairs, rounds+1
	}
	for ; groups > 1; groups -= groups / 2 {
		gates, rounds = gates+2*(groups/2)-1, rounds+1
	}
	return gates, rounds
}

package program

import "fmt"

// ToBits defines Out as the low Width bits of the words of A, Boolean rows. The sum of two
// components enters privately, the third is added by a prefix adder: at 64 bits 220 ANDs a
// row, 30 bytes sent by each party.
type ToBits struct {
	A     Reg
	Width int
	Out   Reg
}

// ToArith defines Out as the Boolean rows of A as words, extended by their top bit where
// Signed, else by zeros. For a third of the rows each, two components are drawn from pairs'
// streams, their sum enters privately and is subtracted in the circuit; the difference,
// masked by a component that its recipient does not know, becomes the third.
type ToArith struct {
	A      Reg
	Signed bool
	Out    Reg
}

func (ToBits) isOp()  {}
func (ToArith) isOp() {}

func (op ToBits) defines() []Reg { return []Reg{op.Out} }
func (op ToBits) reads() []Reg   { return []Reg{op.A} }
func (op ToBits) text() string {
	return fmt.Sprintf("r%d = to_bits r%d width=%d", op.Out, op.A, op.Width)
}

func (op ToBits) check(c *checker) error {
	n, err := c.arith(op.A)
	if err == nil && (op.Width < 1 || op.Width > 64) {
		err = fmt.Errorf("rows of %d bits, must have 1 to 64", op.Width)
	}
	return c.then(err, op.Out, Shape{Boolean: true, Rows: n, Width: op.Width})
}

func (op ToBits) eval(m *machine) error {
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { return a & lowBits(op.Width) })
	return nil
}

func (op ToBits) batch([]Shape) Batch { return Batch{Kind: Split, Width: op.Width} }

func (op ToBits) cost(m *meter) int {
	m.width = op.Width
	m.split += planeWords(m.shapes[op.A].Rows)
	_, rounds := AdderCost(op.Width)
	return 1 + rounds
}

func (op ToArith) defines() []Reg { return []Reg{op.Out} }
func (op ToArith) reads() []Reg   { return []Reg{op.A} }
func (op ToArith) text() string {
	if op.Signed {
		return fmt.Sprintf("r%d = to_arith_signed r%d", op.Out, op.A)
	}
	return fmt.Sprintf("r%d = to_arith r%d", op.Out, op.A)
}

func (op ToArith) check(c *checker) error {
	s, err := c.boolean(op.A)
	return c.then(err, op.Out, words(s.Rows))
}

func (op ToArith) eval(m *machine) error {
	width := m.shapes[op.A].Width
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 {
		if op.Signed && a>>(width-1) == 1 {
			return a | ^lowBits(width)
		}
		return a
	})
	return nil
}

func (op ToArith) batch([]Shape) Batch { return Batch{Kind: Combine} }

func (op ToArith) cost(m *meter) int {
	m.combine += planeWords(m.shapes[op.A].Rows)
	_, rounds := AdderCost(64)
	return 2 + rounds
}

// AdderCost is the words of AND gates a plane word, and the rounds, of the engine's adder of
// width bits: bits in pairs, prefix carries over the pairs (Brent and Kung 1982), and the
// carries inside the pairs.
func AdderCost(width int) (gates, rounds int) {
	carries := width - 1 // into bits 1 to width-1
	pairs := carries / 2 // an odd highest carry is its own
	switch {
	case carries < 1:
		return 0, 0
	case carries == 1:
		return 1, 1
	}
	gates, rounds = prefixCost(pairs)
	gates, rounds = gates+3*pairs-1, rounds+2
	if inner := (carries+1)/2 - 1; inner > 0 {
		gates, rounds = gates+inner, rounds+1
	}
	return gates, rounds
}

// prefixCost is the gates and rounds of all prefixes of groups groups.
func prefixCost(groups int) (gates, rounds int) {
	if groups < 2 {
		return 0, 0
	}
	half := groups / 2
	gates, rounds = prefixCost(half)
	gates, rounds = gates+2*half-1, rounds+1
	if rest := (groups - 1) / 2; rest > 0 {
		gates, rounds = gates+rest, rounds+1
	}
	return gates, rounds
}

package program

import "fmt"

// BitOrder defines Out as the positions, words, to which Scatter moves rows so that those
// with bit 0 come first, then those with 1, each in their order: one stable pass of a radix
// sort. A conversion and one product a row, prefix sums for nothing; three rounds.
type BitOrder struct{ Bit, Out Reg }

// Compact defines Out as the rows of A with those where Valid is 1 in front, in their order,
// and the others behind, and OutValid as Valid moved likewise: how many there are is told to
// nobody. A BitOrder and a Scatter: O(rows), 7 rounds.
type Compact struct {
	Valid    Reg
	A, Out   []Reg
	OutValid Reg
}

func (BitOrder) isOp() {}
func (Compact) isOp()  {}

func (op BitOrder) defines() []Reg { return []Reg{op.Out} }
func (op BitOrder) reads() []Reg   { return []Reg{op.Bit} }
func (op BitOrder) text() string   { return fmt.Sprintf("r%d = bit_order r%d", op.Out, op.Bit) }
func (op BitOrder) check(c *checker) error {
	n, err := c.bit(op.Bit)
	return c.then(err, op.Out, words(n))
}

func (op BitOrder) eval(m *machine) error {
	bits := m.values[op.Bit]
	out, next := make([]uint64, len(bits)), uint64(0)
	for _, want := range []uint64{0, 1} {
		for i, b := range bits {
			if b == want {
				out[i] = next
				next++
			}
		}
	}
	m.values[op.Out] = out
	return nil
}

// expand writes i − S + x·(n − T + 2S − i), with S the ones before row i and T all ones: a
// row with bit 0 moves up by the ones before it, one with bit 1 to the zeros and those.
func (op BitOrder) expand(l *lowering) error {
	n := l.shapes[op.Bit].Rows
	x, err := l.word(op.Bit)
	if err != nil {
		return err
	}
	through, before, zero, skew := l.fresh(), l.fresh(), l.fresh(), l.fresh()
	last, total, row := l.fresh(), l.fresh(), l.fresh()
	size, zeros, rest, jump := l.fresh(), l.fresh(), l.fresh(), l.fresh()
	return l.emit(
		PrefixSum{A: x, Out: through}, Sub{A: through, B: x, Out: before},
		Iota{N: n, Out: row}, Sub{A: row, B: before, Out: zero}, Sub{A: before, B: zero, Out: skew},
		Slice{A: through, From: n - 1, To: n, Out: last},
		Constant{Values: []uint64{uint64(n)}, Out: size}, Sub{A: size, B: last, Out: zeros}, Repeat{A: zeros, N: n, Out: total},
		Add{A: total, B: skew, Out: rest}, Mul{A: x, B: rest, Out: jump}, Add{A: zero, B: jump, Out: op.Out},
	)
}

func (op Compact) defines() []Reg { return append(append([]Reg{}, op.Out...), op.OutValid) }
func (op Compact) reads() []Reg   { return append([]Reg{op.Valid}, op.A...) }
func (op Compact) text() string {
	return fmt.Sprintf("%s r%d = compact %s by r%d", list(op.Out, "r"), op.OutValid, list(op.A, "r"), op.Valid)
}

func (op Compact) check(c *checker) error {
	n, err := c.bit(op.Valid)
	if err != nil {
		return err
	}
	rows, err := c.columns(op.A, op.Out)
	if err == nil && rows != n {
		err = fmt.Errorf("%d rows are compacted by %d bits", rows, n)
	}
	return c.then(err, op.OutValid, bit(n))
}

func (op Compact) eval(m *machine) error {
	valid := m.values[op.Valid]
	for i, r := range append(append([]Reg{}, op.A...), op.Valid) {
		var front, back []uint64
		for row, v := range m.values[r] {
			if valid[row] == 1 {
				front = append(front, v)
			} else {
				back = append(back, v)
			}
		}
		m.values[append(append([]Reg{}, op.Out...), op.OutValid)[i]] = append(front, back...)
	}
	return nil
}

func (op Compact) expand(l *lowering) error {
	gone, to := l.fresh(), l.fresh()
	return l.emit(Not{A: op.Valid, Out: gone}, BitOrder{Bit: gone, Out: to},
		Scatter{By: to, A: append(append([]Reg{}, op.A...), op.Valid), Out: op.defines()})
}

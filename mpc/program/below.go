package program

import (
	"errors"
	"fmt"
)

// Below defines, for each public bound, one bit a row: Out[i] is 1 where the Boolean rows of A,
// as naturals, are less than Bounds[i]. With a bound's bit c at each position G = c ∧ ¬a and
// P = ¬(a ⊕ c) are linear, so that a comparison is a tree over the bits alone: at 64 bits 120
// ANDs a row and bound (15 bytes sent by each party), ⌈log2 bits⌉ rounds whatever the bounds.
// Nothing is opened; NULLs are the program's, as with Less.
type Below struct {
	A      Reg
	Bounds []uint64
	Out    []Reg
}

func (Below) isOp() {}

func (op Below) defines() []Reg { return op.Out }
func (op Below) reads() []Reg   { return []Reg{op.A} }
func (op Below) text() string {
	return fmt.Sprintf("%s = below r%d %s", list(op.Out, "r"), op.A, list(op.Bounds, ""))
}

func (op Below) check(c *checker) error {
	s, err := c.boolean(op.A)
	if err != nil {
		return err
	}
	if len(op.Bounds) == 0 || len(op.Bounds) != len(op.Out) {
		return errors.New("no bounds, or lists of different lengths")
	}
	for i, bound := range op.Bounds {
		if bound > lowBits(s.Width) {
			return fmt.Errorf("bound %d exceeds rows of %d bits", bound, s.Width)
		}
		if err := c.define(op.Out[i], bit(s.Rows)); err != nil {
			return err
		}
	}
	return nil
}

func (op Below) eval(m *machine) error {
	for i, bound := range op.Bounds {
		m.values[op.Out[i]] = each(m.values[op.A], func(a uint64) uint64 { return truth(a < bound) })
	}
	return nil
}

func (op Below) batch(shapes []Shape) Batch { return Batch{Kind: Bound, Width: shapes[op.A].Width} }

func (op Below) cost(m *meter) int {
	s := m.shapes[op.A]
	m.direct.all(foldGates(s.Width) * len(op.Bounds) * planeWords(s.Rows))
	return depth(s.Width)
}

// foldGates is the words of AND gates a plane word of a tree over groups, of which the lowest
// needs no P.
func foldGates(groups int) (gates int) {
	for ; groups > 1; groups -= groups / 2 {
		gates += 2*(groups/2) - 1
	}
	return gates
}

// bound is what a batch of comparisons with public bounds takes.
func (m memory) bound(b Batch) int64 {
	w := 0
	for _, op := range b.Ops {
		w += len(op.(Below).Bounds) * planeWords(m.shapes[op.(Below).A].Rows)
	}
	return 2*pair(b.Width*w) + foldMemory(b.Width, w) + pair(w)
}

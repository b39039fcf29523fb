package program

import (
	"errors"
	"fmt"
)

// SandwichSum defines for each right row the sums of A over all left rows with equal keys:
// a join of many left rows with many right rows that only feeds sums is never materialised.
// COUNT is the sum of ones; SUM(a·b) is one product a right row behind it.
//
// Sandwich join (Asharov, Hamada, Kikuchi, Nof, Pinkas, Tomida, Secure Statistical Analysis
// on Multiple Datasets: Join and Group-By, CCS 2023, Protocol 3.4): the keys L‖R‖L are
// ordered stably, the payload A‖0‖−A is moved into that order, a prefix sum then holds at a
// right row exactly the left rows of its key, and moves back. Costs an Order, or a Merge
// where both sides are Sorted by their keys, of 2·left + right rows, a Gather and a Scatter.
// Nothing is opened and nothing leaks: not how many rows match, nor how often.
//
// A key that is NULL must match nothing: the program enters A as 0 in left rows with a NULL,
// and gates the sums of right rows with one.
type SandwichSum struct {
	Left, Right []Reg // keys, Boolean, of equal widths, the first most significant
	Sorted      bool
	A           []Reg // words of left rows
	Out         []Reg // words of right rows
}

func (SandwichSum) isOp() {}

func (op SandwichSum) defines() []Reg { return op.Out }
func (op SandwichSum) reads() []Reg {
	return append(append(append([]Reg{}, op.Left...), op.Right...), op.A...)
}

func (op SandwichSum) text() string {
	sorted := ""
	if op.Sorted {
		sorted = " sorted"
	}
	return fmt.Sprintf("%s = sandwich_sum %s left=%s right=%s%s", list(op.Out, "r"), list(op.A, "r"), list(op.Left, "r"), list(op.Right, "r"), sorted)
}

func (op SandwichSum) check(c *checker) error {
	left, _, err := c.keys(asKeys(op.Left))
	if err != nil {
		return err
	}
	right, _, err := c.keys(asKeys(op.Right))
	if err != nil {
		return err
	}
	if len(op.Left) != len(op.Right) || len(op.A) == 0 || len(op.A) != len(op.Out) {
		return errors.New("no columns, or lists of different lengths")
	}
	for i := range op.Left {
		if c.shapes[op.Left[i]].Width != c.shapes[op.Right[i]].Width {
			return fmt.Errorf("keys r%d and r%d have different widths", op.Left[i], op.Right[i])
		}
	}
	if 2*left+right > MaxRows {
		return errors.New("join is too long")
	}
	for i, r := range op.A {
		n, err := c.arith(r)
		if err == nil && n != left {
			err = fmt.Errorf("%d rows of payload for %d of keys", n, left)
		}
		if err := c.then(err, op.Out[i], words(right)); err != nil {
			return err
		}
	}
	return nil
}

func (op SandwichSum) eval(m *machine) error {
	key := func(regs []Reg, row int) string {
		var k []uint64
		for _, r := range regs {
			k = append(k, m.values[r][row])
		}
		return fmt.Sprint(k)
	}
	rows := map[string][]int{}
	for i := range m.values[op.Left[0]] {
		k := key(op.Left, i)
		rows[k] = append(rows[k], i)
	}
	for c, a := range op.A {
		out := make([]uint64, len(m.values[op.Right[0]]))
		for i := range out {
			for _, row := range rows[key(op.Right, i)] {
				out[i] += m.values[a][row]
			}
		}
		m.values[op.Out[c]] = out
	}
	return nil
}

func (op SandwichSum) expand(l *lowering) error {
	left, right := l.shapes[op.Left[0]].Rows, l.shapes[op.Right[0]].Rows
	keys := make([]Reg, len(op.Left))
	for i := range keys {
		keys[i] = l.fresh()
		if err := l.emit(Concat{Parts: []Reg{op.Left[i], op.Right[i], op.Left[i]}, Out: keys[i]}); err != nil {
			return err
		}
	}
	by, zero, nothing := l.fresh(), l.fresh(), l.fresh()
	var order Op = Order{Keys: asKeys(keys), Out: by}
	if op.Sorted {
		order = Merge{Keys: asKeys(keys), Runs: []int{left, right, left}, Out: by}
	}
	if err := l.emit(order, Constant{Values: []uint64{0}, Out: zero}, Repeat{A: zero, N: right, Out: nothing}); err != nil {
		return err
	}
	in, sorted := make([]Reg, len(op.A)), make([]Reg, len(op.A))
	for i, a := range op.A {
		minus := l.fresh()
		in[i], sorted[i] = l.fresh(), l.fresh()
		if err := l.emit(Scale{A: a, Factor: ^uint64(0), Out: minus}, Concat{Parts: []Reg{a, nothing, minus}, Out: in[i]}); err != nil {
			return err
		}
	}
	if err := l.emit(Gather{By: by, A: in, Out: sorted}); err != nil {
		return err
	}
	through, back := make([]Reg, len(op.A)), make([]Reg, len(op.A))
	for i, r := range sorted {
		through[i], back[i] = l.fresh(), l.fresh()
		if err := l.emit(PrefixSum{A: r, Out: through[i]}); err != nil {
			return err
		}
	}
	if err := l.emit(Scatter{By: by, A: through, Out: back}); err != nil {
		return err
	}
	for i, r := range back {
		if err := l.emit(Slice{A: r, From: left, To: left + right, Out: op.Out[i]}); err != nil {
			return err
		}
	}
	return nil
}

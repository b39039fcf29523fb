package program

import (
	"errors"
	"fmt"
)

// Leading defines Out, one bit a row: 1 in the first K rows of each group of sorted rows, which
// begin where Starts is 1, and in the first row whatever Starts says: top-k a group,
// ROW_NUMBER() ≤ K. Compact by it, or gate by it.
//
// Composition of Shift and And: a row is among the first K where a group began in the last K
// rows; ⌈log2 K⌉ rounds of one bit a row. Nothing is opened and nothing leaks. NULLs lie where
// the order put them; rows of padding must be sorted behind, and gated by their own bit.
type Leading struct {
	Starts Reg
	K      int
	Out    Reg
}

func (Leading) isOp() {}

func (op Leading) defines() []Reg { return []Reg{op.Out} }
func (op Leading) reads() []Reg   { return []Reg{op.Starts} }
func (op Leading) text() string {
	return fmt.Sprintf("r%d = leading r%d k=%d", op.Out, op.Starts, op.K)
}

func (op Leading) check(c *checker) error {
	n, err := c.bit(op.Starts)
	if err == nil && (op.K < 1 || op.K > MaxRows) {
		err = errors.New("the first rows of groups, but not how many")
	}
	return c.then(err, op.Out, bit(n))
}

func (op Leading) eval(m *machine) error {
	first, _ := spans(m.values[op.Starts])
	out := make([]uint64, len(first))
	for i := range out {
		out[i] = truth(i-first[i] < op.K)
	}
	m.values[op.Out] = out
	return nil
}

func (op Leading) expand(l *lowering) error {
	d := &draft{lowering: l}
	d.do(Not{A: d.sameGroup(op.Starts, op.K), Out: op.Out})
	return d.err
}

package program

import (
	"errors"
	"fmt"
)

// Suppress defines the rows of A, registers of either kind, that are to be released: a row is
// kept where Valid is 1 and the signed word Count is at least AtLeast (COUNT(*) ≥ k, or a noisy
// count and the threshold that hides private keys); all others become zeros, Pad rows of zeros
// are added, and the rows get one uniformly random order. Keep, words, is 1 at kept rows. The
// program opens Out and Keep once, at this length, to the recipient (RULES 17): it sees which
// rows were kept, the compute parties nothing. In the clear the order stays.
//
// Composition of GreaterEqual, And, products and Shuffle: 48 bytes a row and party, and 24 for
// each column of words; 15 rounds. Nothing is opened here and nothing leaks. Padding has
// Valid = 0 and is never kept, whatever its count. NULLs are bits among the columns.
type Suppress struct {
	Valid, Count Reg
	AtLeast      int64
	A            []Reg
	Pad          int
	Out          []Reg
	Keep         Reg
}

func (Suppress) isOp() {}

func (op Suppress) defines() []Reg { return append(append([]Reg{}, op.Out...), op.Keep) }
func (op Suppress) reads() []Reg   { return append([]Reg{op.Valid, op.Count}, op.A...) }
func (op Suppress) text() string {
	return fmt.Sprintf("%s r%d = suppress %s valid=r%d r%d>=%d pad=%d", list(op.Out, "r"), op.Keep, list(op.A, "r"), op.Valid, op.Count, op.AtLeast, op.Pad)
}

func (op Suppress) check(c *checker) error {
	n, err := c.bit(op.Valid)
	if err != nil {
		return err
	}
	rows, err := c.arith(op.Count)
	if err == nil && (rows != n || op.Pad < 0 || op.Pad > MaxRows-n || len(op.A) != len(op.Out)) {
		err = errors.New("columns of different lengths, or padding without bound")
	}
	if err != nil {
		return err
	}
	for i, r := range op.A {
		s, err := c.read(r)
		if err == nil && s.Rows != n {
			err = errors.New("columns of different lengths")
		}
		s.Rows += op.Pad
		if err := c.then(err, op.Out[i], s); err != nil {
			return err
		}
	}
	return c.define(op.Keep, words(n+op.Pad))
}

func (op Suppress) eval(m *machine) error {
	keep := zip(m.values[op.Valid], m.values[op.Count], func(valid, count uint64) uint64 {
		return valid & truth(int64(count-uint64(op.AtLeast)) >= 0)
	})
	pad := make([]uint64, op.Pad)
	for i, r := range op.A {
		m.values[op.Out[i]] = append(zip(keep, m.values[r], func(k, a uint64) uint64 { return k * a }), pad...)
	}
	m.values[op.Keep] = append(keep, pad...)
	return nil
}

func (op Suppress) expand(l *lowering) error {
	d := &draft{lowering: l}
	keep := d.and(op.Valid, d.atLeast(op.Count, op.AtLeast))
	var columns []Reg
	for _, r := range op.A {
		columns = append(columns, d.longer(d.gated(keep, r), op.Pad))
	}
	columns = append(columns, d.longer(d.asWords(keep), op.Pad))
	d.do(Shuffle{A: columns, Out: op.defines()})
	return d.err
}

package program

import (
	"errors"
	"fmt"
)

// Quantile defines Out, one word, as the index of the Num/Den quantile (PERCENTILE_DISC: the
// first value that at least that part of the rows does not exceed) in a public ordered domain,
// and Valid, one bit, as whether there is any row; without one Out is 0. Counts holds how many
// rows have each value, added up over owners: numbers from 0, together below 2^31.
//
// The k-th ranked element by counting (Aggarwal, Mishra, Pinkas, Secure Computation of the k-th
// Ranked Element, EUROCRYPT 2004) with the search path kept secret: of D values, every √D-th
// cumulative count is compared with the rank, the block in which it is reached is selected by
// inner products, and all of the block are compared. About 2·√D comparisons and √D words, in 21
// rounds, beside what enters (0.3 bytes a value and party for 2^16); a search by opened
// comparisons would tell its path to the compute parties. Nothing is opened and nothing leaks.
// NULLs are not counted.
type Quantile struct {
	Counts   Reg
	Num, Den uint64
	Out      Reg
	Valid    Reg
}

// maxDen bounds the denominators of quantiles, and the rows behind them.
const maxDen = 1 << 31

func (Quantile) isOp() {}

func (op Quantile) defines() []Reg { return []Reg{op.Out, op.Valid} }
func (op Quantile) reads() []Reg   { return []Reg{op.Counts} }
func (op Quantile) text() string {
	return fmt.Sprintf("r%d r%d = quantile r%d %d/%d", op.Out, op.Valid, op.Counts, op.Num, op.Den)
}

func (op Quantile) check(c *checker) error {
	n, err := c.arith(op.Counts)
	if err == nil && n > 1<<24 {
		err = errors.New("the domain of a quantile is too large")
	}
	if err := c.then(errors.Join(err, fraction(op.Num, op.Den)), op.Out, words(1)); err != nil {
		return err
	}
	return c.define(op.Valid, bit(1))
}

// fraction checks a part of the rows.
func fraction(num, den uint64) error {
	if den < 1 || den > maxDen || num > den {
		return fmt.Errorf("the part %d/%d of the rows", num, den)
	}
	return nil
}

// rank is the part of the rows that the result reaches: of the first row for the least.
func rank(num, den uint64) (uint64, uint64) {
	if num == 0 {
		return 1, maxDen
	}
	return num, den
}

func (op Quantile) eval(m *machine) error {
	num, den := rank(op.Num, op.Den)
	counts := m.values[op.Counts]
	all, upTo, index := total(counts), uint64(0), uint64(0)
	for _, c := range counts[:len(counts)-1] {
		upTo += c
		index += truth(int64(den*upTo-num*all) < 0)
	}
	m.values[op.Out], m.values[op.Valid] = []uint64{index}, []uint64{truth(int64(all) >= 1)}
	return nil
}

func (op Quantile) expand(l *lowering) error {
	d := &draft{lowering: l}
	n := d.rows(op.Counts)
	size := 1
	for size*size < n {
		size++
	}
	blocks := (n + size - 1) / size
	num, den := rank(op.Num, op.Den)
	upTo := d.through(op.Counts)
	all := d.slice(upTo, n-1, n)
	reached := func(counts Reg) Reg { // words, 1 where the rank is reached
		rows := d.rows(counts)
		return d.asWords(d.atLeast(d.sub(d.scale(counts, den), d.repeat(d.scale(all, num), rows)), 0))
	}
	if more := size*blocks - n; more > 0 {
		upTo = d.concat(upTo, d.repeat(all, more))
	}
	index, block := d.constant(0, 1), d.constant(1, 1) // of one block
	if blocks > 1 {
		ends := reached(d.slice(d.every(upTo, size-1, size), 0, blocks-1))
		index = d.missing(ends, uint64(size))
		block = d.sub(d.concat(ends, d.constant(1, 1)), d.down(d.concat(ends, d.constant(0, 1)), 1))
	}
	if size > 1 {
		in := Dot{Out: d.fresh()}
		for k := range size - 1 {
			in.A, in.B = append(in.A, block), append(in.B, d.every(upTo, k, size))
		}
		d.do(in)
		index = d.add(index, d.missing(reached(in.Out), 1))
	}
	d.name(index, op.Out)
	d.do(GreaterEqual{A: all, Bound: 1, Out: op.Valid})
	return d.err
}

// missing is factor times the zeros among bits as words.
func (d *draft) missing(bits Reg, factor uint64) Reg {
	ones := d.reg(func(out Reg) Op { return Sum{A: bits, Out: out} })
	return d.scale(d.sub(d.constant(uint64(d.rows(bits)), 1), ones), factor)
}

// atLeast is 1 where words are at least a bound.
func (d *draft) atLeast(a Reg, bound int64) Reg {
	return d.reg(func(out Reg) Op { return GreaterEqual{A: a, Bound: bound, Out: out} })
}

// every is each step-th row.
func (d *draft) every(a Reg, from, step int) Reg {
	return d.reg(func(out Reg) Op { return Every{A: a, From: from, Step: step, Out: out} })
}

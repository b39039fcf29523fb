package program

import (
	"errors"
	"fmt"
)

// RepeatRows defines Out as each row of A, registers of either kind, as many times as Count
// says, numbers from 0 below 2^36, in the rows' order: Rows rows, which is declared. Valid is 1
// at rows that repeat one; rows behind are zeros, and what would come beyond Rows is left out.
//
// Expansion of Krastnikov, Kerschbaum, Stebila, Efficient Oblivious Database Joins (VLDB 2020),
// by a merge in place of its routing: rows and Rows empty ones are merged by where they begin,
// numbers of ⌈log2 Rows⌉ bits; differences of neighbouring rows move there, a prefix sum
// repeats them, and the empty rows move back. A ToBits, a Merge of narrow keys, a Gather and a
// Scatter of rows + Rows rows: for 2^16 of both 175 rounds and 219 bytes for each of them and
// party. Nothing is opened and nothing leaks. A null bit is a column.
type RepeatRows struct {
	Count  Reg
	Rows   int
	A, Out []Reg
	Valid  Reg
}

func (RepeatRows) isOp() {}

func (op RepeatRows) defines() []Reg { return append(append([]Reg{}, op.Out...), op.Valid) }
func (op RepeatRows) reads() []Reg   { return append([]Reg{op.Count}, op.A...) }
func (op RepeatRows) text() string {
	return fmt.Sprintf("%s r%d = repeat_rows %s count=r%d rows=%d", list(op.Out, "r"), op.Valid, list(op.A, "r"), op.Count, op.Rows)
}

func (op RepeatRows) check(c *checker) error {
	n, err := c.arith(op.Count)
	if err != nil {
		return err
	}
	if op.Rows < 1 || op.Rows > MaxRows/2 || n > MaxRows/4 || len(op.A) != len(op.Out) {
		return errors.New("no rows, too many, or lists of different lengths")
	}
	for i, r := range op.A {
		s, err := c.read(r)
		if err == nil && s.Rows != n {
			err = errors.New("columns of different lengths")
		}
		s.Rows = op.Rows
		if err := c.then(err, op.Out[i], s); err != nil {
			return err
		}
	}
	return c.define(op.Valid, bit(op.Rows))
}

// maxCount bounds what RepeatRows repeats in the clear; more is no number of rows.
const maxCount = 1 << 36

func (op RepeatRows) eval(m *machine) error {
	var rows []int
	for i, count := range m.values[op.Count] {
		if count >= maxCount {
			return errors.New("a row is repeated a negative number of times, or too often")
		}
		for k := uint64(0); k < count && len(rows) < op.Rows; k++ {
			rows = append(rows, i)
		}
	}
	rest := make([]uint64, op.Rows-len(rows))
	for i, r := range op.A {
		m.values[op.Out[i]] = append(pickRows(m.values[r], rows), rest...)
	}
	valid := make([]uint64, op.Rows)
	for i := range rows {
		valid[i] = 1
	}
	m.values[op.Valid] = valid
	return nil
}

func (op RepeatRows) expand(l *lowering) error {
	d := &draft{lowering: l}
	n := d.rows(op.Count)
	through := d.through(op.Count)
	begin := d.concat(d.sub(through, op.Count), d.slice(through, n-1, n))
	limit := d.constant(uint64(op.Rows), n+1)
	beyond := d.gated(d.atLeast(begin, int64(op.Rows)), d.sub(limit, begin))
	out := d.repeatRows(d.add(begin, beyond), append(append([]Reg{}, op.A...), d.flags(n, 0, n)), op.Rows)
	for i, r := range out {
		d.do(Slice{A: r, From: 0, To: op.Rows, Out: op.defines()[i]})
	}
	return d.err
}

// repeatRows is columns with row i in rows begin[i] to begin[i+1]−1 of rows, and zeros behind;
// begin has one row more than the columns, does not fall, and is at most rows.
func (d *draft) repeatRows(begin Reg, columns []Reg, rows int) []Reg {
	n, width := d.rows(begin), IndexWidth(rows+1)
	where := d.reg(func(out Reg) Op { return ToBits{A: begin, Width: width, Out: out} })
	empty := d.reg(func(out Reg) Op { return IotaBits{N: rows, Width: width, Out: out} })
	by := d.reg(func(out Reg) Op {
		return Merge{Keys: []Key{{A: d.concat(where, empty)}}, Runs: []int{n, rows}, Out: out}
	})
	steps := make([]Reg, len(columns))
	for i, r := range columns {
		r = d.longer(r, 1) // the row that repeats behind all others
		steps[i] = d.longer(d.sub(r, d.down(r, 1)), rows)
	}
	placed := d.gather(by, steps)
	for i, r := range placed {
		placed[i] = d.through(r)
	}
	back := d.scatter(by, placed)
	for i, r := range back {
		back[i] = d.slice(r, n, n+rows)
	}
	return back
}

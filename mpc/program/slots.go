package program

import (
	"errors"
	"fmt"
)

// Slots turns the payload of a Lookup whose build side has several rows a key into rows of the
// join. The build owner enters each key once, with its rows in as many slots as rows a key are
// declared: Present[s] is its field that is 1 where slot s holds a row, Columns[c][s] column
// c's field of slot s; free slots hold zeros. Out[c] are all slots' rows of column c, the probe
// rows of slot 0 first, and Rows, words, is 1 where the row is one of the join's: where the
// key matched and the slot is taken, and in slot 0 also without a match where Left. Without a
// match a row holds zeros. Probe columns repeat by Concat. A NULL field is a field of its own.
//
// One conversion a probe row and one product a slot and field, 3 rounds. Nothing is opened and
// nothing leaks: the rows are the declared product.
type Slots struct {
	Match   Reg
	Present []Reg
	Columns [][]Reg
	Left    bool
	Out     []Reg
	Rows    Reg
}

func (Slots) isOp() {}

func (op Slots) defines() []Reg { return append(append([]Reg{}, op.Out...), op.Rows) }
func (op Slots) reads() []Reg {
	out := append([]Reg{op.Match}, op.Present...)
	for _, c := range op.Columns {
		out = append(out, c...)
	}
	return out
}

func (op Slots) text() string {
	name := "slots"
	if op.Left {
		name = "slots_left"
	}
	columns := ""
	for _, c := range op.Columns {
		columns += " " + list(c, "r")
	}
	return fmt.Sprintf("%s r%d = %s r%d present=%s%s", list(op.Out, "r"), op.Rows, name, op.Match, list(op.Present, "r"), columns)
}

func (op Slots) check(c *checker) error {
	n, err := c.bit(op.Match)
	if err != nil {
		return err
	}
	if len(op.Present) == 0 || len(op.Present) > MaxRows/n || len(op.Columns) != len(op.Out) {
		return errors.New("no slots, too many, or lists of different lengths")
	}
	for i, column := range append([][]Reg{op.Present}, op.Columns...) {
		if len(column) != len(op.Present) {
			return errors.New("columns of different numbers of slots")
		}
		if rows, err := c.arith(column...); err != nil || rows != n {
			return fmt.Errorf("slots of %d rows for %d: %w", rows, n, err)
		}
		if i > 0 {
			if err := c.define(op.Out[i-1], words(n*len(op.Present))); err != nil {
				return err
			}
		}
	}
	return c.define(op.Rows, words(n*len(op.Present)))
}

func (op Slots) eval(m *machine) error {
	match := m.values[op.Match]
	gather := func(column []Reg) (out []uint64) {
		for _, r := range column {
			out = append(out, zip(match, m.values[r], func(k, v uint64) uint64 { return k * v })...)
		}
		return out
	}
	for i, column := range op.Columns {
		m.values[op.Out[i]] = gather(column)
	}
	rows := gather(op.Present)
	for i, k := range match {
		if op.Left {
			rows[i] += 1 - k
		}
	}
	m.values[op.Rows] = rows
	return nil
}

func (op Slots) expand(l *lowering) error {
	d := &draft{lowering: l}
	match := d.asWords(op.Match)
	n := d.rows(op.Match)
	all := make([]Reg, len(op.Present))
	for i := range all {
		all[i] = match
	}
	gate := d.concat(all...)
	for i, column := range op.Columns {
		d.do(Mul{A: gate, B: d.concat(column...), Out: op.Out[i]})
	}
	rows := d.mul(gate, d.concat(op.Present...))
	if op.Left {
		rows = d.add(rows, d.longer(d.sub(d.constant(1, n), match), n*(len(all)-1)))
	}
	d.name(rows, op.Rows)
	return d.err
}

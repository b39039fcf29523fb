package program

import (
	"errors"
	"fmt"
)

// Lag defines for each column of A, registers of either kind, what it holds By rows above
// (LAG), or what Default holds in the row itself where that row lies in another group; groups
// begin where Starts is 1, and in the first row whatever Starts says. A null bit is a column
// like any other, with a default of 1 for SQL's NULL.
//
// Composition of Shift, And and Select: ⌈log2 By⌉ rounds of one bit a row tell whether a group
// began since; a choice a column, of 8 bytes a row and party for words, and 11 bytes for the
// bits as words. Nothing is opened and nothing leaks.
type Lag struct {
	Starts          Reg
	By              int
	A, Default, Out []Reg
}

// Lead is Lag for the rows By below.
type Lead struct {
	Starts          Reg
	By              int
	A, Default, Out []Reg
}

func (Lag) isOp()  {}
func (Lead) isOp() {}

func (op Lag) defines() []Reg { return op.Out }
func (op Lag) reads() []Reg {
	return append(append([]Reg{op.Starts}, op.A...), op.Default...)
}
func (op Lag) text() string { return op.line("lag") }

// line is the text of either operator.
func (op Lag) line(name string) string {
	return fmt.Sprintf("%s = %s r%d by=%d %s default=%s", list(op.Out, "r"), name, op.Starts, op.By, list(op.A, "r"), list(op.Default, "r"))
}

func (op Lag) check(c *checker) error {
	n, err := c.bit(op.Starts)
	if err != nil {
		return err
	}
	if op.By < 1 || op.By > MaxRows || len(op.A) != len(op.Default) {
		return errors.New("no offset, or lists of different lengths")
	}
	for i := range op.A {
		if _, err := c.same(op.A[i], op.Default[i]); err != nil {
			return err
		}
	}
	rows, err := c.columns(op.A, op.Out)
	if err == nil && rows != n {
		err = fmt.Errorf("%d rows are grouped by %d bits", rows, n)
	}
	return err
}

func (op Lag) eval(m *machine) error { return op.look(m, -op.By) }

// look interprets either operator.
func (op Lag) look(m *machine, by int) error {
	first, last := spans(m.values[op.Starts])
	for k, r := range op.A {
		out := append([]uint64{}, m.values[op.Default[k]]...)
		for i := range out {
			if at := i + by; at >= first[i] && at <= last[i] {
				out[i] = m.values[r][at]
			}
		}
		m.values[op.Out[k]] = out
	}
	return nil
}

func (op Lag) expand(l *lowering) error {
	d := &draft{lowering: l}
	same := d.sameGroup(op.Starts, op.By)
	for i, r := range op.A {
		d.do(Select{Bit: same, A: d.down(r, op.By), B: op.Default[i], Out: op.Out[i]})
	}
	return d.err
}

func (op Lead) defines() []Reg         { return op.Out }
func (op Lead) reads() []Reg           { return Lag(op).reads() }
func (op Lead) text() string           { return Lag(op).line("lead") }
func (op Lead) check(c *checker) error { return Lag(op).check(c) }
func (op Lead) eval(m *machine) error  { return Lag(op).look(m, op.By) }

func (op Lead) expand(l *lowering) error {
	d := &draft{lowering: l}
	same := d.up(d.sameGroup(op.Starts, op.By), op.By)
	for i, r := range op.A {
		d.do(Select{Bit: same, A: d.up(r, op.By), B: op.Default[i], Out: op.Out[i]})
	}
	return d.err
}

// sameGroup is 1 where the row by rows above lies in the row's group: where none of the last
// by rows began one. Twice as many rows are none among half of them and half of them above.
func (d *draft) sameGroup(starts Reg, by int) Reg {
	none := d.not(d.begin(starts))
	for seen := 1; seen < min(by, d.rows(starts)); {
		more := min(seen, by-seen)
		none = d.and(none, d.down(none, more))
		seen += more
	}
	return none
}

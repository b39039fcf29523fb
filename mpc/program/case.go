package program

import (
	"errors"
	"fmt"
)

// Case defines Out as Then[i] of the first i whose bit When[i] is 1, else as Else: CASE of SQL
// over values of one kind and width, which are all computed whatever the conditions are. A
// condition that is NULL is not true: the program enters 0 there. A NULL result is a CASE of
// null bits beside this one.
//
// The bits of the first true conditions are prefix conjunctions (⌈log2 branches⌉ rounds, one
// bit a row and step); Out is Else and the differences to it that they select, all in one
// round: a word (or the value's bits) and, for words, a conversion a branch and row.
type Case struct {
	When, Then []Reg
	Else, Out  Reg
}

func (Case) isOp() {}

func (op Case) defines() []Reg { return []Reg{op.Out} }
func (op Case) reads() []Reg {
	return append(append(append([]Reg{}, op.When...), op.Then...), op.Else)
}
func (op Case) text() string {
	return fmt.Sprintf("r%d = case when=%s then=%s else r%d", op.Out, list(op.When, "r"), list(op.Then, "r"), op.Else)
}

func (op Case) check(c *checker) error {
	if len(op.When) == 0 || len(op.When) != len(op.Then) {
		return errors.New("no branches, or lists of different lengths")
	}
	s, err := c.same(append([]Reg{op.Else}, op.Then...)...)
	if err != nil {
		return err
	}
	for _, r := range op.When {
		n, err := c.bit(r)
		if err != nil {
			return err
		}
		if n != s.Rows {
			return fmt.Errorf("case of %d rows by %d bits", s.Rows, n)
		}
	}
	return c.define(op.Out, s)
}

func (op Case) eval(m *machine) error {
	out := make([]uint64, len(m.values[op.Else]))
	for row := range out {
		value := op.Else
		for i := len(op.When) - 1; i >= 0; i-- {
			if m.values[op.When[i]][row] == 1 {
				value = op.Then[i]
			}
		}
		out[row] = m.values[value][row]
	}
	m.values[op.Out] = out
	return nil
}

func (op Case) expand(l *lowering) error {
	d := draft{lowering: l}
	none := make([]Reg, len(op.When)) // no condition up to i is true
	for i, r := range op.When {
		none[i] = d.not(r)
	}
	for apart := 1; apart < len(none); apart *= 2 {
		for i := len(none) - 1; i >= apart; i-- {
			none[i] = d.and(none[i], none[i-apart])
		}
	}
	out := op.Else
	for i := range op.When {
		first := d.not(none[0])
		if i > 0 {
			first = d.xor(none[i-1], none[i])
		}
		out = d.plus(out, d.gated(first, d.sub(op.Then[i], op.Else)))
	}
	d.do(Slice{A: out, From: 0, To: d.rows(op.Else), Out: op.Out})
	return d.err
}

// plus is a + b in the group of the registers' kind.
func (d *draft) plus(a, b Reg) Reg {
	if d.shapes[a].Boolean {
		return d.xor(a, b)
	}
	return d.add(a, b)
}

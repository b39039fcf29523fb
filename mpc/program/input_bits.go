package program

import (
	"errors"
	"fmt"
)

// InputBits defines Out, N Boolean rows of Width bits, as private input of compute party
// Party: the low bits of a column's words. One round with all other inputs, Width bits a row
// sent by that party. A key that is only compared or sorted enters so, without a conversion.
type InputBits struct {
	Party int
	From  Input
	N     int
	Width int
	Out   Reg
}

func (InputBits) isOp() {}

func (op InputBits) defines() []Reg { return []Reg{op.Out} }
func (op InputBits) reads() []Reg   { return nil }
func (op InputBits) text() string {
	return fmt.Sprintf("r%d = input_bits party=%d task=%d column=%d rows=%d width=%d", op.Out, op.Party, op.From.Task, op.From.Column, op.N, op.Width)
}

func (op InputBits) check(c *checker) error {
	if err := party(op.Party); err != nil {
		return err
	}
	if op.From.Task < 0 || op.From.Column < 0 {
		return errors.New("negative task or column")
	}
	if op.Width < 1 || op.Width > 64 {
		return fmt.Errorf("rows of %d bits, must have 1 to 64", op.Width)
	}
	return c.define(op.Out, Shape{Boolean: true, Rows: op.N, Width: op.Width})
}

func (op InputBits) eval(m *machine) error {
	column, err := m.inputs.Column(op.From, op.N)
	m.values[op.Out] = each(column, func(a uint64) uint64 { return a & lowBits(op.Width) })
	return err
}

func (op InputBits) batch([]Shape) Batch { return Batch{Kind: Enter} }

func (op InputBits) cost(m *meter) int {
	m.direct[op.Party] += int64(op.Width * planeWords(op.N))
	return 1
}

// lowBits has the lowest width bits set, width from 1 to 64.
func lowBits(width int) uint64 { return ^uint64(0) >> (64 - width) }

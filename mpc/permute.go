package mpc

import (
	"context"
	"errors"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// errNoPermutation says that a program moved rows by what is no permutation: a fault of the
// program, whatever the data.
var errNoPermutation = errors.New("mpc: rows move by what is no permutation")

// positions is a register of positions as a column of half words.
func (e *execution) positions(r program.Reg) column {
	c := e.column(r)
	if c.half = true; !c.boolean {
		return c
	}
	for i := range c.own { // positions have few bits; wide rows hold zeros above them
		c.own[i] &= 1<<32 - 1
		c.next[i] &= 1<<32 - 1
	}
	return c
}

// scatter runs a Scatter.
func (e *execution) scatter(ctx context.Context, op program.Scatter) error {
	s, err := e.p.newShuffle(e.shapes[op.By].Rows)
	if err != nil {
		return err
	}
	columns := append([]column{e.positions(op.By)}, e.columns(op.A)...)
	if err := e.p.apply(ctx, s, columns); err != nil {
		return err
	}
	order, err := e.p.knownOrder(ctx, columns[0])
	if err != nil {
		return err
	}
	e.p.give(columns[0].share)
	e.p.moveAll(columns[1:], order, true)
	e.setColumns(op.Out, columns[1:])
	return nil
}

// gather runs a Gather.
func (e *execution) gather(ctx context.Context, op program.Gather) error {
	s, err := e.p.newShuffle(e.shapes[op.By].Rows)
	if err != nil {
		return err
	}
	by := []column{e.positions(op.By)}
	if err := e.p.apply(ctx, s, by); err != nil {
		return err
	}
	order, err := e.p.knownOrder(ctx, by[0])
	if err != nil {
		return err
	}
	e.p.give(by[0].share)
	columns := e.columns(op.A)
	e.p.moveAll(columns, order, false)
	if err := e.p.undo(ctx, s, columns); err != nil {
		return err
	}
	e.setColumns(op.Out, columns)
	return nil
}

// moveAll moves shares by a known order.
func (p *Party) moveAll(columns []column, order []uint32, inverse bool) {
	for i, c := range columns {
		moved := p.take(c.len())
		move(moved.own, c.own, order, inverse)
		move(moved.next, c.next, order, inverse)
		p.give(c.share)
		columns[i].share = moved
	}
}

package okvs

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Encode fills store so that Decode returns values, width words a row, for the same
// equations. Slots that the equations leave free are drawn from free. Where the equations
// are dependent the store is uniformly random and the error is [ErrSingular].
func (e Equations) Encode(values []uint64, width int, free io.Reader, store []uint64) error {
	if err := e.check(store, width, values); err != nil {
		return err
	}
	if err := fill(free, store); err != nil {
		return err
	}
	order, core := e.peel()
	// Elimination comes first: it may fail, and until then every slot is fresh.
	if err := e.solve(core, values, width, store); err != nil {
		return err
	}
	table := newDenseTable(e.Shape, store, width)
	acc := make([]uint64, width)
	for i := len(order) - 1; i >= 0; i-- {
		r := int(order[i].row)
		slot := store[int(order[i].slot)*width:][:width]
		copy(acc, values[r*width:(r+1)*width])
		table.xor(acc, e.denseRow(r))
		s := e.Sparse[3*r : 3*r+3]
		xorThree(acc, store[int(s[0])*width:], store[int(s[1])*width:], store[int(s[2])*width:])
		// acc holds value ⊕ row·store: adding it to one slot of the row makes the row hold.
		xorInto(slot, acc)
	}
	return nil
}

// peeled is a row and a slot that no row peeled later has.
type peeled struct{ row, slot uint32 }

// peel removes, again and again, a row that is alone in one of its slots. It returns the
// rows removed, in order, and those that remain: the 2-core. Without sparse parts all remain.
func (e Equations) peel() (order []peeled, core []uint32) {
	if e.Shape.Bins == 0 {
		return nil, remaining(e.Rows, nil)
	}
	// A slot's cell holds its number of rows and the XOR of their numbers: once one row
	// is left, the XOR is that row.
	type cell struct{ degree, rows uint32 }
	cells := make([]cell, 3*e.Shape.Bins)
	for i, slot := range e.Sparse {
		cells[slot].degree++
		cells[slot].rows ^= uint32(i / 3)
	}
	stack := make([]uint32, 0, len(cells))
	for slot := range cells {
		if cells[slot].degree == 1 {
			stack = append(stack, uint32(slot))
		}
	}
	order = make([]peeled, 0, e.Rows)
	for len(stack) > 0 {
		slot := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if cells[slot].degree != 1 {
			continue
		}
		r := cells[slot].rows
		order = append(order, peeled{row: r, slot: slot})
		for _, s := range e.Sparse[3*r : 3*r+3] {
			cells[s].degree--
			cells[s].rows ^= r
			if cells[s].degree == 1 {
				stack = append(stack, s)
			}
		}
	}
	if len(order) == e.Rows {
		return order, nil
	}
	return order, remaining(e.Rows, order)
}

// remaining returns the numbers below rows that order does not name.
func remaining(rows int, order []peeled) []uint32 {
	gone := make([]bool, rows)
	for _, p := range order {
		gone[p.row] = true
	}
	var left []uint32
	for r, g := range gone {
		if !g {
			left = append(left, uint32(r))
		}
	}
	return left
}

// fill reads len(words) words.
func fill(r io.Reader, words []uint64) error {
	buf := make([]byte, 8*min(len(words), 1024))
	for len(words) > 0 {
		n := min(len(words), len(buf)/8)
		if _, err := io.ReadFull(r, buf[:8*n]); err != nil {
			return fmt.Errorf("okvs: drawing free slots: %w", err)
		}
		for i := range n {
			words[i] = binary.LittleEndian.Uint64(buf[8*i:])
		}
		words = words[n:]
	}
	return nil
}

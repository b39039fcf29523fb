package program

import (
	"errors"
	"fmt"
)

// Pack defines Out, Boolean rows of To−From bits, as bits From to To-1, the lowest being bit 0,
// of the number that orders rows as Keys do: their bits one behind the other, those of the
// last key lowest, with signs flipped and descending keys complemented. No traffic.
type Pack struct {
	Keys     []Key
	From, To int
	Out      Reg
}

func (Pack) isOp() {}

func (op Pack) defines() []Reg      { return []Reg{op.Out} }
func (op Pack) reads() []Reg        { return keyRegs(op.Keys) }
func (op Pack) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op Pack) cost(*meter) int     { return 0 }
func (op Pack) text() string {
	return fmt.Sprintf("r%d = pack %s bits=%d:%d", op.Out, keysText(op.Keys), op.From, op.To)
}

func (op Pack) check(c *checker) error {
	n, width, err := c.keys(op.Keys)
	if err == nil && (op.From < 0 || op.To > width || op.To-op.From < 1 || op.To-op.From > 64) {
		err = errors.New("no bits of the keys, or more than 64")
	}
	return c.then(err, op.Out, Shape{Boolean: true, Rows: n, Width: op.To - op.From})
}

func (op Pack) eval(m *machine) error {
	out := make([]uint64, m.shapes[op.Out].Rows)
	at := 0 // of the key's lowest bit
	for i := len(op.Keys) - 1; i >= 0; i-- {
		k := op.Keys[i]
		width := m.shapes[k.A].Width
		flip := signFlip(width, k.Signed)
		if k.Descending {
			flip ^= lowBits(width)
		}
		for row, v := range m.values[k.A] {
			if v ^= flip; at >= op.From {
				out[row] |= v << (at - op.From)
			} else {
				out[row] |= v >> (op.From - at)
			}
		}
		at += width
	}
	m.values[op.Out] = each(out, func(v uint64) uint64 { return v & lowBits(op.To-op.From) })
	return nil
}

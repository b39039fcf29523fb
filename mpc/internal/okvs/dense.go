package okvs

import "math/bits"

// denseTable holds the sixteen sums of each four neighbouring dense slots, so that a
// row's dense part costs one slot read for four columns (the method of the four Russians).
type denseTable struct {
	width int
	sums  []uint64 // group, subset, word
}

// newDenseTable tabulates the dense slots of a store.
func newDenseTable(shape Shape, store []uint64, width int) denseTable {
	groups := (shape.Dense + 3) / 4
	t := denseTable{width: width, sums: make([]uint64, groups*16*width)}
	for g := range groups {
		group := t.sums[g*16*width : (g+1)*16*width]
		for subset := 1; subset < 16; subset++ {
			sum := group[subset*width : (subset+1)*width]
			copy(sum, group[(subset&(subset-1))*width:])
			// A group past the last slot keeps zeros; no row has those bits.
			if column := 4*g + bits.TrailingZeros(uint(subset)); column < shape.Dense {
				xorInto(sum, store[(3*shape.Bins+column)*width:])
			}
		}
	}
	return t
}

// xor adds to v the dense slots that row selects.
func (t denseTable) xor(v []uint64, row []uint64) {
	for w, word := range row {
		for group := 16 * w; word != 0; group++ {
			if subset := int(word & 15); subset != 0 {
				xorInto(v, t.sums[(16*group+subset)*t.width:])
			}
			word >>= 4
		}
	}
}

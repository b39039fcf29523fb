package okvs

import "math/bits"

// system is a set of equations in bits: the columns are the slots that occur, and each
// row has its right-hand side.
type system struct {
	slots  []uint32 // column → slot
	stride int      // words of bits a row
	bits   []uint64
	width  int
	values []uint64
}

// solve chooses one slot for each row of core and sets it so that the rows hold; all other
// slots keep the random words they have. On [ErrSingular] the store is unchanged.
func (e Equations) solve(core []uint32, values []uint64, width int, store []uint64) error {
	if len(core) == 0 {
		return nil
	}
	s := e.system(core, values, width)
	pivots, ok := s.eliminate()
	if !ok {
		return ErrSingular
	}
	// After elimination a row's columns are its own pivot and columns that are nobody's pivot.
	for r, pivot := range pivots {
		v := s.value(r)
		for w, word := range s.row(r) {
			for ; word != 0; word &= word - 1 {
				if column := 64*w + bits.TrailingZeros64(word); column != pivot {
					xorInto(v, store[int(s.slots[column])*width:])
				}
			}
		}
		copy(store[int(s.slots[pivot])*width:], v)
	}
	return nil
}

// system gathers the rows of core: the sparse slots that occur in them, then all dense slots.
func (e Equations) system(core []uint32, values []uint64, width int) *system {
	s := &system{width: width, values: make([]uint64, 0, len(core)*width)}
	column := make(map[uint32]int)
	if e.Shape.Bins > 0 {
		for _, r := range core {
			for _, slot := range e.Sparse[3*r : 3*r+3] {
				if _, seen := column[slot]; !seen {
					column[slot] = len(s.slots)
					s.slots = append(s.slots, slot)
				}
			}
		}
	}
	first := len(s.slots)
	for i := range e.Shape.Dense {
		s.slots = append(s.slots, uint32(3*e.Shape.Bins+i))
	}
	s.stride = (len(s.slots) + 63) / 64
	s.bits = make([]uint64, len(core)*s.stride)
	for i, r := range core {
		row := s.row(i)
		if e.Shape.Bins > 0 {
			for _, slot := range e.Sparse[3*r : 3*r+3] {
				c := column[slot]
				row[c/64] |= 1 << (c % 64)
			}
		}
		for w, word := range e.denseRow(int(r)) {
			for ; word != 0; word &= word - 1 {
				c := first + 64*w + bits.TrailingZeros64(word)
				row[c/64] |= 1 << (c % 64)
			}
		}
		s.values = append(s.values, values[int(r)*width:(int(r)+1)*width]...)
	}
	return s
}

// eliminate brings the system into reduced form (Gauss–Jordan) and returns each row's
// pivot column; not ok means that the rows are dependent.
func (s *system) eliminate() (pivots []int, ok bool) {
	n := len(s.values) / s.width
	pivots = make([]int, n)
	for r := range n {
		row, pivot := s.row(r), -1
		for w, word := range row {
			if word != 0 {
				pivot = 64*w + bits.TrailingZeros64(word)
				break
			}
		}
		if pivot < 0 {
			return nil, false
		}
		pivots[r] = pivot
		for other := range n {
			if other != r && s.row(other)[pivot/64]>>(pivot%64)&1 == 1 {
				xorInto(s.row(other), row)
				xorInto(s.value(other), s.value(r))
			}
		}
	}
	return pivots, true
}

// row returns the bits of row r.
func (s *system) row(r int) []uint64 { return s.bits[r*s.stride : (r+1)*s.stride] }

// value returns the right-hand side of row r.
func (s *system) value(r int) []uint64 { return s.values[r*s.width : (r+1)*s.width] }

package mpc

import mathbits "math/bits"

// pool recycles buffers of one party by size class, so that a program allocates for
// its widest moment and not for each instruction. The zero pool is empty.
type pool struct{ free [64][][]uint64 }

// take returns n words of unspecified content.
func (l *pool) take(n int) []uint64 {
	if n == 0 {
		return nil
	}
	class := mathbits.Len(uint(n - 1))
	if stack := l.free[class]; len(stack) > 0 {
		b := stack[len(stack)-1]
		l.free[class] = stack[:len(stack)-1]
		return b[:n]
	}
	return make([]uint64, n, 1<<class)
}

// give takes buffers back that came from take and that nobody uses any more.
func (l *pool) give(buffers ...[]uint64) {
	for _, b := range buffers {
		// Views and foreign buffers are not the pool's: their capacity is not a power of two of their class.
		if c := cap(b); c > 0 && c&(c-1) == 0 {
			class := mathbits.Len(uint(c - 1))
			l.free[class] = append(l.free[class], b[:0])
		}
	}
}

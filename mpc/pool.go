package mpc

import mathbits "math/bits"

// pool recycles buffers of one party by size class, so that a program allocates for
// its widest moment and not for each instruction. It keeps what is in use and what is free
// together below bound where that is possible: before it would grow beyond, it lets go of
// free buffers, the largest first. The zero pool is empty and keeps nothing that is free
// when it must grow.
type pool struct {
	free  [64][][]uint64
	bound int64 // words
	idle  int64 // words in free buffers
	inUse int64 // words in buffers that were taken and not given back
	peak  int64 // most words ever in use
}

// take returns n words of unspecified content.
func (l *pool) take(n int) []uint64 {
	if n == 0 {
		return nil
	}
	class := mathbits.Len(uint(n - 1))
	l.inUse += 1 << class
	l.peak = max(l.peak, l.inUse)
	if stack := l.free[class]; len(stack) > 0 {
		b := stack[len(stack)-1]
		l.free[class] = stack[:len(stack)-1]
		l.idle -= 1 << class
		return b[:n]
	}
	l.trim()
	return make([]uint64, n, 1<<class)
}

// trim lets go of free buffers until everything is within the bound.
func (l *pool) trim() {
	for class := len(l.free) - 1; class >= 0 && l.idle+l.inUse > l.bound; class-- {
		for len(l.free[class]) > 0 && l.idle+l.inUse > l.bound {
			last := len(l.free[class]) - 1
			l.free[class][last] = nil
			l.free[class] = l.free[class][:last]
			l.idle -= 1 << class
		}
	}
}

// give takes buffers back that came from take and that nobody uses any more.
func (l *pool) give(buffers ...[]uint64) {
	for _, b := range buffers {
		// Views and foreign buffers are not the pool's: their capacity is not a power of two of their class.
		if c := cap(b); c > 0 && c&(c-1) == 0 {
			class := mathbits.Len(uint(c - 1))
			l.free[class] = append(l.free[class], b[:0])
			l.idle += int64(c)
			l.inUse -= int64(c)
		}
	}
}

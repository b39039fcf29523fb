package program

import mathbits "math/bits"

// IndexWidth is the number of bits, at least one, that number rows rows from 0.
func IndexWidth(rows int) int { return max(1, mathbits.Len(uint(rows-1))) }

// depth is ⌈log2 n⌉, the levels of a binary tree of n leaves.
func depth(n int) int { return mathbits.Len(uint(n - 1)) }

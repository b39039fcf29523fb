package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// TestSandwichSum joins many rows with many, by one key and by two, sorted or not.
func TestSandwichSum(t *testing.T) {
	t.Parallel()
	for seed, sizes := range [][2]int{{1, 1}, {2, 1}, {1, 5}, {63, 65}, {64, 64}, {200, 33}, {300, 500}} {
		r := rand.New(rand.NewPCG(uint64(seed), 8))
		b := newBuilder()
		left, right := fewWords(r, sizes[0]), uniformWords(r, sizes[1], 3)
		more, others := uniformWords(r, sizes[0], 1), uniformWords(r, sizes[1], 1)
		payload := []program.Reg{b.words(0, 0, oddWords(r, sizes[0])), b.words(2, 0, oddWords(r, sizes[0]))}
		a, c := b.words(0, 3, left), b.words(1, 3, right)
		d, e := b.words(0, 64, more), b.words(1, 64, others)
		one, two := b.regs(2), b.regs(2)
		b.emit(program.SandwichSum{Left: []program.Reg{a}, Right: []program.Reg{c}, A: payload, Out: one})
		b.emit(program.SandwichSum{Left: []program.Reg{a, d}, Right: []program.Reg{c, e}, A: payload, Out: two})
		slices.Sort(left)
		slices.Sort(right)
		a, c = b.words(0, 3, slices.Clone(left)), b.words(1, 3, slices.Clone(right))
		sorted := b.regs(2)
		b.emit(program.SandwichSum{Left: []program.Reg{a}, Right: []program.Reg{c}, Sorted: true, A: payload, Out: sorted})
		for i, r := range slices.Concat(one, two, sorted) {
			b.open(fmt.Sprint(i), r)
		}
		b.check(t, fmt.Sprint("rows ", sizes))
	}
}

package mpc_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// uniformWords are n words of the lowest width bits.
func uniformWords(r *rand.Rand, n, width int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = r.Uint64() >> (64 - width)
	}
	return out
}

// BenchmarkSort sorts a column of shared keys and moves it; party 0 enters it and
// learns the median, by which the run is checked.
func BenchmarkSort(b *testing.B) {
	for _, width := range []int{32, 64} {
		for _, n := range []int{1 << 14, 1 << 16, 1 << 18} {
			w := newBuilder()
			column := uniformWords(rand.New(rand.NewPCG(1, 2)), n, width)
			key := w.words(0, width, column)
			by := w.reg(func(out program.Reg) program.Op { return program.Order{Keys: []program.Key{{A: key}}, Out: out} })
			b.Run(fmt.Sprintf("bits=%d/rows=%d", width, n), func(b *testing.B) { benchmarkSorted(b, w, key, by, column) })
		}
	}
}

// BenchmarkMerge merges two owners' sorted runs and moves the keys.
func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{1 << 14, 1 << 16, 1 << 18} {
		w := newBuilder()
		column := uniformWords(rand.New(rand.NewPCG(1, 2)), n, 64)
		slices.Sort(column[:n/2])
		slices.Sort(column[n/2:])
		key := w.words(0, 64, column)
		by := w.reg(func(out program.Reg) program.Op {
			return program.Merge{Keys: []program.Key{{A: key}}, Runs: []int{n / 2, n / 2}, Out: out}
		})
		b.Run(fmt.Sprintf("runs=2/bits=64/rows=%d", n), func(b *testing.B) { benchmarkSorted(b, w, key, by, column) })
	}
}

// benchmarkSorted moves a column by an order and opens the median.
func benchmarkSorted(b *testing.B, base *builder, key, by program.Reg, column []uint64) {
	n := len(column)
	w := &builder{p: program.Program{Ops: slices.Clone(base.p.Ops)}, next: base.next, inputs: base.inputs}
	want := slices.Clone(column)
	slices.Sort(want)
	sorted := w.regs(1)
	w.emit(program.Gather{By: by, A: []program.Reg{key}, Out: sorted})
	median := w.reg(func(out program.Reg) program.Op {
		return program.Slice{A: sorted[0], From: n / 2, To: n/2 + 1, Out: out}
	})
	w.emit(program.Open{Label: "median", A: median, To: 0})
	benchmarkProgram(b, n, w.p, w.inputs, overChannels, func(party int, opened program.Opened) error {
		if party == 0 && opened["median"][0] != want[n/2] {
			return errors.New("wrong median")
		}
		return nil
	})
}

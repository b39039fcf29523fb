package mpc_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// checkTotal says that party 0 must have learned a total.
func checkTotal(want uint64) func(party int, opened program.Opened) error {
	return func(party int, opened program.Opened) error {
		if party == 0 && opened["total"][0] != want {
			return errors.New("wrong total")
		}
		return nil
	}
}

// BenchmarkGroupBySum is SELECT k, sum(x) … GROUP BY k over the sorted rows of two owners,
// with rows/16 keys of 64 bits: merge, group, and the total of all sums to check it by.
func BenchmarkGroupBySum(b *testing.B) {
	for _, n := range []int{1 << 14, 1 << 16, 1 << 18} {
		w, total := groupBySum(n)
		run := func(name string, open func(testing.TB) [3]mpc.Transport) {
			b.Run(fmt.Sprintf("runs=2/bits=64/rows=%d%s", n, name), func(b *testing.B) {
				benchmarkProgram(b, n, w.p, w.inputs, open, checkTotal(total))
			})
		}
		run("", overChannels)
		if n == 1<<16 {
			run("/lan", over(mpctest.LAN))
			run("/wan", over(mpctest.WAN))
		}
	}
}

// groupBySum is the program and the total that it opens.
func groupBySum(n int) (w *builder, total uint64) {
	w = newBuilder()
	r := rand.New(rand.NewPCG(3, 4))
	var keys, values []program.Reg
	for party := range 2 {
		key, value := make([]uint64, n/2), uniformWords(r, n/2, 20)
		for i := range key {
			key[i] = uint64(r.IntN(n/16)) * 0x9e3779b97f4a7c15
			total += value[i]
		}
		slices.Sort(key)
		keys, values = append(keys, w.words(party, 64, key)), append(values, w.words(party, 0, value))
	}
	key := w.reg(func(out program.Reg) program.Op { return program.Concat{Parts: keys, Out: out} })
	value := w.reg(func(out program.Reg) program.Op { return program.Concat{Parts: values, Out: out} })
	by := w.reg(func(out program.Reg) program.Op {
		return program.Merge{Keys: []program.Key{{A: key}}, Runs: []int{n / 2, n / 2}, Out: out}
	})
	merged, groups := w.regs(2), w.regs(3)
	w.emit(program.Gather{By: by, A: []program.Reg{key, value}, Out: merged})
	starts := w.reg(func(out program.Reg) program.Op { return program.Starts{Keys: merged[:1], Out: out} })
	w.emit(program.GroupBy{Starts: starts, Sums: merged[1:], Last: merged[:1], OutSums: groups[:1], OutLast: groups[1:2], Valid: groups[2]})
	sum := w.reg(func(out program.Reg) program.Op { return program.Sum{A: groups[0], Out: out} })
	w.emit(program.Open{Label: "total", A: sum, To: 0})
	return w, total
}

// BenchmarkSandwichSum joins many rows of one owner with many of another, both sorted, and
// sums one column for each of the latter; rows are those of both.
func BenchmarkSandwichSum(b *testing.B) {
	for _, n := range []int{1 << 14, 1 << 16} {
		b.Run(fmt.Sprintf("sorted/bits=64/rows=%d", n), func(b *testing.B) {
			w := newBuilder()
			r := rand.New(rand.NewPCG(5, 6))
			left, right, value := make([]uint64, n/2), make([]uint64, n/2), uniformWords(r, n/2, 20)
			for i := range left {
				left[i], right[i] = uint64(r.IntN(n/8)), uint64(r.IntN(n/8))
			}
			slices.Sort(left)
			slices.Sort(right)
			sums, total := map[uint64]uint64{}, uint64(0)
			for i, k := range left {
				sums[k] += value[i]
			}
			for _, k := range right {
				total += sums[k]
			}
			a, c, x := w.words(0, 64, left), w.words(1, 64, right), w.words(0, 0, value)
			out := w.regs(1)
			w.emit(program.SandwichSum{Left: []program.Reg{a}, Right: []program.Reg{c}, Sorted: true, A: []program.Reg{x}, Out: out})
			sum := w.reg(func(r program.Reg) program.Op { return program.Sum{A: out[0], Out: r} })
			w.emit(program.Open{Label: "total", A: sum, To: 0})
			benchmarkProgram(b, n, w.p, w.inputs, overChannels, checkTotal(total))
		})
	}
}

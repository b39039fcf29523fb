package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// TestOrder sorts by several keys of every kind of order.
func TestOrder(t *testing.T) {
	t.Parallel()
	for seed, n := range []int{1, 2, 3, 63, 64, 65, 200, 1000} {
		r := rand.New(rand.NewPCG(uint64(seed), 5))
		b := newBuilder()
		a, c, d := b.words(0, 64, oddWords(r, n)), b.words(1, 3, oddWords(r, n)), b.words(2, 1, oddWords(r, n))
		payload := b.words(0, 0, oddWords(r, n))
		for i, keys := range [][]program.Key{
			{{A: a}}, {{A: d}}, {{A: a, Signed: true}}, {{A: c, Descending: true}, {A: a, Signed: true, Descending: true}}, {{A: d}, {A: c, Signed: true}},
		} {
			by := b.reg(func(out program.Reg) program.Op { return program.Order{Keys: keys, Out: out} })
			sorted := b.regs(1)
			b.emit(program.Gather{By: by, A: []program.Reg{payload}, Out: sorted})
			b.open(fmt.Sprint("by ", i), by)
			b.open(fmt.Sprint("sorted ", i), sorted[0])
		}
		b.check(t, fmt.Sprint("rows ", n))
	}
}

// TestMerge merges sorted runs of several owners, of every sort of lengths.
func TestMerge(t *testing.T) {
	t.Parallel()
	for seed, runs := range [][]int{{1}, {1, 1}, {2, 1}, {1, 2}, {3, 4}, {64, 64}, {100, 3}, {3, 100}, {65, 129}, {5, 5, 5}, {1, 1, 1, 1, 1}, {300, 7, 90, 33}} {
		r := rand.New(rand.NewPCG(uint64(seed), 6))
		b := newBuilder()
		var major, minor []uint64
		for _, n := range runs {
			type row struct{ a, b uint64 }
			rows := make([]row, n)
			for i := range rows {
				rows[i] = row{uint64(r.IntN(6)), r.Uint64() >> (r.IntN(2) * 62)}
			}
			slices.SortFunc(rows, func(x, y row) int { // minor descending
				if x.a != y.a {
					return int(x.a) - int(y.a)
				}
				if x.b > y.b {
					return -1
				} else if x.b < y.b {
					return 1
				}
				return 0
			})
			for _, x := range rows {
				major, minor = append(major, x.a), append(minor, x.b)
			}
		}
		keys := []program.Key{{A: b.words(0, 3, major)}, {A: b.words(1, 64, minor), Descending: true}}
		b.open("by", b.reg(func(out program.Reg) program.Op { return program.Merge{Keys: keys, Runs: runs, Out: out} }))
		b.check(t, fmt.Sprint("runs ", runs))
	}
}

// TestMergeRefusesUnsorted runs in the clear.
func TestMergeRefusesUnsorted(t *testing.T) {
	t.Parallel()
	b := newBuilder()
	b.emit(program.Merge{Keys: []program.Key{{A: b.words(0, 3, []uint64{2, 1, 3})}}, Runs: []int{2, 1}, Out: b.regs(1)[0]})
	if _, err := program.Eval(b.p, merge(b.inputs), nil); err == nil {
		t.Error("merged a run that is not sorted")
	}
}

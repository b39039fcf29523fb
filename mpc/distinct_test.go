package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// distinctRow is a row of a group with a value that may be NULL.
type distinctRow struct{ group, null, value uint64 }

// distinctRows are sorted runs of two owners, NULLs last.
func distinctRows(r *rand.Rand, n int) [2][]distinctRow {
	var runs [2][]distinctRow
	for i := range runs {
		runs[i] = make([]distinctRow, n)
		for k := range runs[i] {
			runs[i][k] = distinctRow{uint64(r.IntN(1 + n/5)), uint64(r.IntN(4) / 3), uint64(r.IntN(4))}
			if runs[i][k].null == 1 {
				runs[i][k].value = 0
			}
		}
		slices.SortFunc(runs[i], compareDistinct)
	}
	return runs
}

func compareDistinct(a, b distinctRow) int {
	switch {
	case a.group != b.group:
		return int(a.group) - int(b.group)
	case a.null != b.null:
		return int(a.null) - int(b.null)
	}
	return int(a.value) - int(b.value)
}

// distinct merges both runs and aggregates: counts of distinct values, minima and maxima.
func distinct(runs [2][]distinctRow) *builder {
	b := newBuilder()
	n := len(runs[0])
	both := func(width int, f func(distinctRow) uint64) program.Reg {
		a, c := b.words(0, width, column(runs[0], f)), b.words(1, width, column(runs[1], f))
		return b.reg(func(out program.Reg) program.Op { return program.Concat{Parts: []program.Reg{a, c}, Out: out} })
	}
	columns := []program.Reg{both(8, func(r distinctRow) uint64 { return r.group }), both(1, func(r distinctRow) uint64 { return r.null }),
		both(2, func(r distinctRow) uint64 { return r.value })}
	by := b.reg(func(out program.Reg) program.Op {
		return program.Merge{Keys: []program.Key{{A: columns[0]}, {A: columns[1]}, {A: columns[2]}}, Runs: []int{n, n}, Out: out}
	})
	sorted := b.regs(3)
	b.emit(program.Gather{By: by, A: columns, Out: sorted})
	valid := b.reg(func(out program.Reg) program.Op { return program.Not{A: sorted[1], Out: out} })
	first := b.reg(func(out program.Reg) program.Op { return program.Distinct{Keys: sorted, Valid: valid, Out: out} })
	words := b.reg(func(out program.Reg) program.Op { return program.BitToArith{A: first, Out: out} })
	starts := b.reg(func(out program.Reg) program.Op { return program.Starts{Keys: sorted[:1], Out: out} })
	// A group's maximum is the last value that is not NULL: the values after it are a group's NULLs.
	runs2 := b.reg(func(out program.Reg) program.Op { return program.Starts{Keys: sorted[:2], Out: out} })
	top := b.regs(1)
	b.emit(program.Broadcast{Starts: runs2, Last: sorted[2:], OutLast: top})
	out := b.regs(6)
	b.emit(program.GroupBy{Starts: starts, Sums: []program.Reg{words}, Last: sorted[:1], First: []program.Reg{sorted[1], sorted[2], top[0]},
		OutSums: out[:1], OutLast: out[1:2], OutFirst: out[2:5], Valid: out[5]})
	for i, r := range out {
		b.open(fmt.Sprint(i), r)
	}
	b.open("all", b.reg(func(out program.Reg) program.Op { return program.CountDistinct{Keys: sorted, Valid: valid, Out: out} }))
	return b
}

// TestDistinct: COUNT(DISTINCT x), MIN(x) and MAX(x) of groups over two owners' runs, NULLs
// left out, and of all rows.
func TestDistinct(t *testing.T) {
	t.Parallel()
	for seed, n := range rowSizes {
		runs := distinctRows(rand.New(rand.NewPCG(uint64(seed), 24)), n)
		name := fmt.Sprint("rows ", n)
		got := distinct(runs).opened(t, name)
		type group struct {
			values   map[uint64]bool
			min, max uint64
		}
		groups, all := map[uint64]*group{}, map[distinctRow]bool{}
		for _, row := range append(slices.Clone(runs[0]), runs[1]...) {
			g := groups[row.group]
			if g == nil {
				g = &group{map[uint64]bool{}, 3, 0}
				groups[row.group] = g
			}
			if row.null == 0 {
				all[row] = true
				g.values[row.value] = true
				g.min, g.max = min(g.min, row.value), max(g.max, row.value)
			}
		}
		want := make([][]uint64, 6)
		for i := range want {
			want[i] = make([]uint64, 2*n)
		}
		at := 0
		for key := range uint64(1 + n) {
			if g := groups[key]; g != nil {
				want[0][at], want[1][at], want[5][at] = uint64(len(g.values)), key, 1
				if len(g.values) == 0 {
					want[2][at] = 1
				} else {
					want[3][at], want[4][at] = g.min, g.max
				}
				at++
			}
		}
		for i := range want {
			expect(t, name, got, fmt.Sprint(i), want[i])
		}
		expect(t, name, got, "all", []uint64{uint64(len(all))})
	}
}

// TestDistinctTraffic: one group and many have the same traffic.
func TestDistinctTraffic(t *testing.T) {
	t.Parallel()
	sameTraffic(t, func(r *rand.Rand) *builder { return distinct(distinctRows(r, 40)) })
}

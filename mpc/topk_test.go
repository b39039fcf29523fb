package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// topRow is a row with two keys, a validity bit and a payload.
type topRow struct{ null, major, minor, payload uint64 }

func topRows(r *rand.Rand, n int) []topRow {
	rows := make([]topRow, n)
	for i := range rows {
		rows[i] = topRow{uint64(r.IntN(3) / 2), uint64(r.IntN(5)), uint64(int64(r.IntN(8) - 4)), r.Uint64()}
		if rows[i].null == 1 {
			rows[i].major = 0
		}
	}
	return rows
}

// tops finds the first k rows by major DESC NULLS LAST and minor, a signed word of width bits.
func tops(rows []topRow, k, width int) *builder {
	b := newBuilder()
	null := b.words(0, 1, column(rows, func(r topRow) uint64 { return r.null }))
	major := b.words(1, 3, column(rows, func(r topRow) uint64 { return r.major }))
	minor := b.words(2, width, column(rows, func(r topRow) uint64 { return r.minor }))
	payload := b.words(0, 0, column(rows, func(r topRow) uint64 { return r.payload }))
	out := b.regs(3)
	b.emit(program.TopK{Keys: []program.Key{{A: null}, {A: major, Descending: true}, {A: minor, Signed: true}}, K: k,
		A: []program.Reg{payload, minor, null}, Out: out})
	b.open("payload", out[0])
	b.open("minor", out[1])
	b.open("null", out[2])
	return b
}

// TestTopK: the first rows of a stable sort, whichever way finds them.
func TestTopK(t *testing.T) {
	t.Parallel()
	for seed, c := range []struct{ n, k, width int }{
		{1, 1, 5}, {2, 1, 5}, {2, 2, 64}, {5, 3, 64}, {64, 10, 17}, {65, 65, 64}, // counted
		{257, 1, 3}, {300, 5, 12}, {512, 16, 64}, {600, 10, 50}, {2000, 3, 64}, // blocks
		{4097, 1, 20}, {5000, 3, 60}, {8192, 16, 30}, // tournaments
		{300, 200, 10}, {300, 17, 64}, // sorts
	} {
		rows := topRows(rand.New(rand.NewPCG(uint64(seed), 22)), c.n)
		name := fmt.Sprint(c)
		got := tops(rows, c.k, c.width).opened(t, name)
		sorted := slices.Clone(rows)
		slices.SortStableFunc(sorted, func(a, b topRow) int {
			switch {
			case a.null != b.null:
				return int(a.null) - int(b.null)
			case a.major != b.major:
				return int(b.major) - int(a.major)
			}
			return int(int64(a.minor) - int64(b.minor))
		})
		sorted = sorted[:c.k]
		mask := ^uint64(0) >> (64 - c.width)
		expect(t, name, got, "payload", column(sorted, func(r topRow) uint64 { return r.payload }))
		expect(t, name, got, "minor", column(sorted, func(r topRow) uint64 { return r.minor & mask }))
		expect(t, name, got, "null", column(sorted, func(r topRow) uint64 { return r.null }))
	}
}

// TestTopKTraffic: no way to first rows shows where they were.
func TestTopKTraffic(t *testing.T) {
	t.Parallel()
	for _, n := range []int{40, 300, 4500} {
		sameTraffic(t, func(r *rand.Rand) *builder { return tops(topRows(r, n), 5, 20) })
	}
}

// TestTopKShorterThanSort holds the operator to what it is for: fewer rounds and bytes than a
// sort.
func TestTopKShorterThanSort(t *testing.T) {
	t.Parallel()
	sum := func(p program.Program) (rounds int, sent int64) {
		costs, err := program.Cost(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range costs {
			rounds += c.Rounds
			sent += c.Bytes[0]
		}
		return rounds, sent
	}
	for _, n := range []int{1 << 12, 1 << 14} {
		in := []program.Op{program.InputBits{N: n, Width: 64, Out: 0}, program.InputArith{Party: 1, From: program.Input{Task: 1}, N: n, Out: 1}}
		keys := []program.Key{{A: 0}}
		topRounds, top := sum(program.Program{Ops: append(slices.Clone(in), program.TopK{Keys: keys, K: 10, A: []program.Reg{1}, Out: []program.Reg{2}})})
		sortRounds, sort := sum(program.Program{Ops: append(slices.Clone(in), program.Order{Keys: keys, Out: 2}, program.Gather{By: 2, A: []program.Reg{1}, Out: []program.Reg{3}})})
		if n <= 1<<12 && 3*topRounds > sortRounds || 3*top > 2*sort {
			t.Errorf("first rows take %d rounds and %d bytes, a sort %d and %d", topRounds, top, sortRounds, sort)
		}
	}
}

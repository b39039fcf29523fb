package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// windowRow is a row of a table in the order of partition and key.
type windowRow struct{ part, key, value uint64 }

// windowRows are n sorted rows with ties.
func windowRows(r *rand.Rand, n int) []windowRow {
	rows := make([]windowRow, n)
	parts := 1 + r.IntN(1+n/3)
	for i := range rows {
		rows[i] = windowRow{uint64(r.IntN(parts)), uint64(r.IntN(3)), oddWords(r, 1)[0]}
	}
	slices.SortStableFunc(rows, func(a, b windowRow) int {
		if a.part != b.part {
			return int(a.part) - int(b.part)
		}
		return int(a.key) - int(b.key)
	})
	return rows
}

// column is one field of rows.
func column[T any](rows []T, f func(T) uint64) []uint64 {
	out := make([]uint64, len(rows))
	for i, row := range rows {
		out[i] = f(row)
	}
	return out
}

// windows is a program with every window function over rows.
func windows(rows []windowRow) *builder {
	b := newBuilder()
	part := b.words(0, 7, column(rows, func(r windowRow) uint64 { return r.part }))
	key := b.words(1, 2, column(rows, func(r windowRow) uint64 { return r.key }))
	value := b.words(2, 0, column(rows, func(r windowRow) uint64 { return r.value }))
	short := b.words(0, 9, column(rows, func(r windowRow) uint64 { return r.value }))
	starts := b.reg(func(out program.Reg) program.Op { return program.Starts{Keys: []program.Reg{part}, Out: out} })
	peers := b.reg(func(out program.Reg) program.Op { return program.Starts{Keys: []program.Reg{part, key}, Out: out} })
	op := program.Window{Starts: starts, Peers: peers}
	for kind := program.WindowRowNumber; kind <= program.WindowLast; kind++ {
		f := program.WindowFunction{Kind: kind, Out: b.regs(1)[0]}
		if kind > program.WindowDenseRank {
			f.A = value
		}
		op.Functions = append(op.Functions, f)
		b.open(kind.String(), f.Out)
	}
	out := b.regs(2)
	op.Functions = append(op.Functions, program.WindowFunction{Kind: program.WindowFirst, A: short, Out: out[0]}, program.WindowFunction{Kind: program.WindowLast, A: short, Out: out[1]})
	b.emit(op)
	b.open("short first", out[0])
	b.open("short last", out[1])
	for _, by := range []int{1, 2, 5, 64, 500} {
		lag, lead := b.regs(2), b.regs(2)
		b.emit(program.Lag{Starts: starts, By: by, A: []program.Reg{value, short}, Default: []program.Reg{op.Functions[0].Out, short}, Out: lag})
		b.emit(program.Lead{Starts: starts, By: by, A: []program.Reg{value, short}, Default: []program.Reg{op.Functions[0].Out, short}, Out: lead})
		leading := b.reg(func(out program.Reg) program.Op { return program.Leading{Starts: starts, K: by, Out: out} })
		b.open(fmt.Sprint("lag ", by), lag[0])
		b.open(fmt.Sprint("short lag ", by), lag[1])
		b.open(fmt.Sprint("lead ", by), lead[0])
		b.open(fmt.Sprint("short lead ", by), lead[1])
		b.open(fmt.Sprint("leading ", by), leading)
	}
	return b
}

// TestWindow: window functions as PostgreSQL defines them, by counting rows that compare.
func TestWindow(t *testing.T) {
	t.Parallel()
	for seed, n := range rowSizes {
		rows := windowRows(rand.New(rand.NewPCG(uint64(seed), 21)), n)
		got := windows(rows).opened(t, fmt.Sprint("rows ", n))
		want := windowsWanted(rows)
		for label := range want {
			expect(t, fmt.Sprint("rows ", n), got, label, want[label])
		}
	}
}

// windowsWanted is what windows opens.
func windowsWanted(rows []windowRow) map[string][]uint64 {
	want := map[string][]uint64{}
	add := func(label string, v uint64) { want[label] = append(want[label], v) }
	for i, row := range rows {
		var number, before, peerKinds, running, peerSum, all, first, last uint64
		seen, members := map[uint64]bool{}, []int{}
		for j, other := range rows {
			if other.part != row.part {
				continue
			}
			members = append(members, j)
			all += other.value
			if last = other.value; len(members) == 1 {
				first = other.value
			}
			if j <= i {
				number++
				running += other.value
			}
			if other.key < row.key {
				before++
			}
			if other.key <= row.key {
				peerSum += other.value
				if !seen[other.key] {
					seen[other.key] = true
					peerKinds++
				}
			}
		}
		for label, v := range map[string]uint64{"row_number": number, "rank": before + 1, "dense_rank": peerKinds, "running_sum": running,
			"peer_sum": peerSum, "total": all, "first": first, "last": last, "short first": first & 511, "short last": last & 511} {
			add(label, v)
		}
		for _, by := range []int{1, 2, 5, 64, 500} {
			lag, lead, shortLag, shortLead := number, number, row.value&511, row.value&511
			if at := int(number) - 1 - by; at >= 0 {
				lag, shortLag = rows[members[at]].value, rows[members[at]].value&511
			}
			if at := int(number) - 1 + by; at < len(members) {
				lead, shortLead = rows[members[at]].value, rows[members[at]].value&511
			}
			add(fmt.Sprint("lag ", by), lag)
			add(fmt.Sprint("lead ", by), lead)
			add(fmt.Sprint("short lag ", by), shortLag)
			add(fmt.Sprint("short lead ", by), shortLead)
			leading := uint64(0)
			if int(number) <= by {
				leading = 1
			}
			add(fmt.Sprint("leading ", by), leading)
		}
	}
	return want
}

// TestWindowTraffic: one partition and many have the same traffic.
func TestWindowTraffic(t *testing.T) {
	t.Parallel()
	sameTraffic(t, func(r *rand.Rand) *builder { return windows(windowRows(r, 100)) })
}

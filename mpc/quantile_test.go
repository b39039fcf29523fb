package mpc_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// parts are quantiles that are asked for.
var parts = [][2]uint64{{0, 1}, {1, 2}, {1, 3}, {9, 10}, {1, 1}, {999, 1000}}

// quantiles asks for quantiles over counts of two owners.
func quantiles(a, c []uint64) *builder {
	b := newBuilder()
	x, y := b.words(0, 0, a), b.words(1, 0, c)
	counts := b.reg(func(out program.Reg) program.Op { return program.Add{A: x, B: y, Out: out} })
	for _, q := range parts {
		out := b.regs(2)
		b.emit(program.Quantile{Counts: counts, Num: q[0], Den: q[1], Out: out[0], Valid: out[1]})
		b.open(fmt.Sprint(q), out[0])
		b.open(fmt.Sprint("valid ", q), out[1])
	}
	return b
}

// TestQuantile holds quantiles over a domain to PERCENTILE_DISC of the rows written out.
func TestQuantile(t *testing.T) {
	t.Parallel()
	for seed, domain := range []int{1, 2, 3, 4, 5, 9, 10, 64, 100, 1000} {
		for _, most := range []int{1, 2, 5} { // 1: no rows
			r := rand.New(rand.NewPCG(uint64(seed), uint64(most)))
			a, c := small(r, domain, most), small(r, domain, most)
			if most == 2 {
				a[0], c[0] = 0, 0 // the least value that is there is not the domain's
			}
			name := fmt.Sprint(domain, " ", most)
			got := quantiles(a, c).opened(t, name)
			var rows []uint64
			for v := range domain {
				for range a[v] + c[v] {
					rows = append(rows, uint64(v))
				}
			}
			for _, q := range parts {
				index, valid := uint64(0), uint64(0)
				if len(rows) > 0 {
					index, valid = nearest(rows, q), 1
				}
				expect(t, name, got, fmt.Sprint(q), []uint64{index})
				expect(t, name, got, fmt.Sprint("valid ", q), []uint64{valid})
			}
		}
	}
}

// nearest is PERCENTILE_DISC of sorted rows: row ⌈p·n⌉, at least the first.
func nearest(rows []uint64, q [2]uint64) uint64 {
	rank := (q[0]*uint64(len(rows)) + q[1] - 1) / q[1]
	return rows[max(rank, 1)-1]
}

// TestQuantileTraffic: a search of any path has the same traffic.
func TestQuantileTraffic(t *testing.T) {
	t.Parallel()
	sameTraffic(t, func(r *rand.Rand) *builder { return quantiles(small(r, 50, 5), small(r, 50, 5)) })
}

// groupQuantiles asks for quantiles of each partition's values, key 2 being NULL.
func groupQuantiles(rows []windowRow) *builder {
	b := newBuilder()
	part := b.words(0, 7, column(rows, func(r windowRow) uint64 { return r.part }))
	value := b.words(1, 0, column(rows, func(r windowRow) uint64 { return r.value }))
	weight := b.words(2, 0, column(rows, func(r windowRow) uint64 { return 1 - r.key }))
	starts := b.reg(func(out program.Reg) program.Op { return program.Starts{Keys: []program.Reg{part}, Out: out} })
	group := program.GroupBy{Starts: starts, Sums: []program.Reg{weight}}
	for _, q := range parts {
		for _, continuous := range []bool{false, true} {
			group.Sums = append(group.Sums, b.reg(func(out program.Reg) program.Op {
				return program.GroupQuantile{Starts: starts, Weight: weight, A: value, Num: q[0], Den: q[1], Continuous: continuous, Out: out}
			}))
		}
	}
	group.OutSums = b.regs(len(group.Sums))
	group.Valid = b.regs(1)[0]
	b.emit(group)
	for i, r := range group.OutSums {
		b.open(fmt.Sprint(i), r)
	}
	b.open("valid", group.Valid)
	return b
}

// quantileRows are sorted by partition, NULLs last (key 1), and value.
func quantileRows(r *rand.Rand, n int) []windowRow {
	rows := make([]windowRow, n)
	groups := 1 + r.IntN(1+n/4)
	for i := range rows {
		rows[i] = windowRow{uint64(r.IntN(groups)), uint64(r.IntN(4) / 3), uint64(int64(r.IntN(2000) - 1000))}
		if rows[i].key == 1 {
			rows[i].value = 0
		}
	}
	slices.SortStableFunc(rows, func(a, b windowRow) int {
		switch {
		case a.part != b.part:
			return int(a.part) - int(b.part)
		case a.key != b.key:
			return int(a.key) - int(b.key)
		}
		return int(int64(a.value) - int64(b.value))
	})
	return rows
}

// TestGroupQuantile holds quantiles of groups to PERCENTILE_DISC and PERCENTILE_CONT, the
// latter in exact fractions.
func TestGroupQuantile(t *testing.T) {
	t.Parallel()
	for seed, n := range rowSizes {
		rows := quantileRows(rand.New(rand.NewPCG(uint64(seed), 23)), n)
		name := fmt.Sprint("rows ", n)
		got := groupQuantiles(rows).opened(t, name)
		want := make([][]uint64, 1+2*len(parts))
		for i := range want {
			want[i] = make([]uint64, n)
		}
		group := -1
		for i := 0; i < n; {
			group++
			var values []uint64
			for part := rows[i].part; i < n && rows[i].part == part; i++ {
				if rows[i].key == 0 {
					values = append(values, rows[i].value)
				}
			}
			want[0][group] = uint64(len(values))
			for k, q := range parts {
				if len(values) > 0 {
					want[1+2*k][group] = nearest(values, q)
					want[2+2*k][group] = interpolated(values, q)
				}
			}
		}
		for i := range want {
			expect(t, name, got, fmt.Sprint(i), want[i])
		}
	}
}

// interpolated is PERCENTILE_CONT of sorted rows, times the denominator.
func interpolated(rows []uint64, q [2]uint64) uint64 {
	at := new(big.Rat).Mul(big.NewRat(int64(q[0]), int64(q[1])), big.NewRat(int64(len(rows)-1), 1))
	low := new(big.Int).Quo(at.Num(), at.Denom())
	i := int(low.Int64())
	value := big.NewRat(int64(rows[i]), 1)
	if i+1 < len(rows) {
		step := big.NewRat(int64(rows[i+1]-rows[i]), 1)
		value.Add(value, step.Mul(step, at.Sub(at, new(big.Rat).SetInt(low))))
	}
	value.Mul(value, big.NewRat(int64(q[1]), 1))
	return uint64(value.Num().Int64())
}

// TestGroupQuantileTraffic: groups of any sizes have the same traffic.
func TestGroupQuantileTraffic(t *testing.T) {
	t.Parallel()
	sameTraffic(t, func(r *rand.Rand) *builder { return groupQuantiles(quantileRows(r, 90)) })
}

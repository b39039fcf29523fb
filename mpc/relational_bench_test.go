package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// benchmarkTables measures a program of n rows over channels.
func benchmarkTables(b *testing.B, name string, n int, w *builder) {
	b.Run(name, func(b *testing.B) {
		benchmarkProgram(b, n, w.p, w.inputs, overChannels, func(int, program.Opened) error { return nil })
	})
}

// benchmarkOpens opens the sum of a column, so that something is.
func (b *builder) benchmarkOpens(r program.Reg) *builder {
	sum := b.reg(func(out program.Reg) program.Op { return program.Sum{A: r, Out: out} })
	b.emit(program.Open{Label: "sum", A: sum, To: 0})
	return b
}

// BenchmarkWindow is ROW_NUMBER, RANK and a running sum over one window of sorted rows.
func BenchmarkWindow(b *testing.B) {
	for _, n := range []int{1 << 14, 1 << 16, 1 << 18} {
		w := newBuilder()
		r := rand.New(rand.NewPCG(5, 6))
		starts, peers, value := w.words(0, 1, flags(r, n, 9)), w.words(1, 1, flags(r, n, 3)), w.words(2, 0, uniformWords(r, n, 20))
		out := w.regs(3)
		w.emit(program.Window{Starts: starts, Peers: peers, Functions: []program.WindowFunction{
			{Kind: program.WindowRowNumber, Out: out[0]}, {Kind: program.WindowRank, Out: out[1]}, {Kind: program.WindowRunningSum, A: value, Out: out[2]}}})
		benchmarkTables(b, fmt.Sprintf("functions=3/rows=%d", n), n, w.benchmarkOpens(out[1]))
	}
}

// BenchmarkTopK is ORDER BY key LIMIT 10 with one column.
func BenchmarkTopK(b *testing.B) {
	for _, n := range []int{1 << 10, 1 << 14, 1 << 18} {
		w := newBuilder()
		r := rand.New(rand.NewPCG(7, 8))
		key, value := w.words(0, 32, uniformWords(r, n, 32)), w.words(1, 0, uniformWords(r, n, 20))
		out := w.regs(1)
		w.emit(program.TopK{Keys: []program.Key{{A: key}}, K: 10, A: []program.Reg{value}, Out: out})
		benchmarkTables(b, fmt.Sprintf("k=10/bits=32/rows=%d", n), n, w.benchmarkOpens(out[0]))
	}
}

// BenchmarkQuantile is a median over a domain of so many values.
func BenchmarkQuantile(b *testing.B) {
	for _, n := range []int{1 << 14, 1 << 20} {
		w := newBuilder()
		counts := w.words(0, 0, uniformWords(rand.New(rand.NewPCG(9, 10)), n, 8))
		out := w.regs(2)
		w.emit(program.Quantile{Counts: counts, Num: 1, Den: 2, Out: out[0], Valid: out[1]})
		benchmarkTables(b, fmt.Sprintf("values=%d", n), n, w.benchmarkOpens(out[0]))
	}
}

// BenchmarkJoin is a full join of two sides of n/2 rows, sorted by their owners, one column each.
func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{1 << 14, 1 << 16, 1 << 18} {
		w := newBuilder()
		side := func(party int) (key, valid, value program.Reg) {
			r := rand.New(rand.NewPCG(11, uint64(party)))
			keys, ones := make([]uint64, n/2), make([]uint64, n/2)
			for i := range keys {
				keys[i], ones[i] = uint64(3*i+r.IntN(3)), 1
			}
			return w.words(party, 64, keys), w.words(party, 1, ones), w.words(party, 0, uniformWords(r, n/2, 20))
		}
		leftKey, leftValid, left := side(0)
		rightKey, rightValid, right := side(1)
		out, one := w.regs(5), func(r program.Reg) []program.Reg { return []program.Reg{r} }
		w.emit(program.Join{Kind: program.FullJoin, Left: one(leftKey), Right: one(rightKey), LeftValid: leftValid, RightValid: rightValid,
			LeftMatchable: leftValid, RightMatchable: rightValid, Sorted: true, LeftColumns: one(left), RightColumns: one(right),
			OutLeft: out[:1], OutRight: out[1:2], HasLeft: out[2], HasRight: out[3], Valid: out[4]})
		benchmarkTables(b, fmt.Sprintf("full/sorted/bits=64/rows=%d", n), n, w.benchmarkOpens(out[0]))
	}
}

// BenchmarkExpandJoin is an inner join of many rows with many: n/4 rows on both sides, sorted by
// their owners, and n/2 declared rows of the join.
func BenchmarkExpandJoin(b *testing.B) {
	for _, n := range []int{1 << 14, 1 << 16} {
		w := newBuilder()
		side := func(party int) (key, valid, value program.Reg) {
			r := rand.New(rand.NewPCG(12, uint64(party)))
			keys, ones := small(r, n/4, n/8), make([]uint64, n/4)
			slices.Sort(keys)
			for i := range ones {
				ones[i] = 1
			}
			return w.words(party, 64, keys), w.words(party, 1, ones), w.words(party, 0, uniformWords(r, n/4, 20))
		}
		leftKey, leftValid, left := side(0)
		rightKey, rightValid, right := side(1)
		out, one := w.regs(4), func(r program.Reg) []program.Reg { return []program.Reg{r} }
		w.emit(program.ExpandJoin{Left: one(leftKey), Right: one(rightKey), LeftValid: leftValid, RightValid: rightValid, Sorted: true,
			LeftColumns: one(left), RightColumns: one(right), Rows: n / 2, OutLeft: out[:1], OutRight: out[1:2], Valid: out[2], Total: out[3]})
		benchmarkTables(b, fmt.Sprintf("sorted/bits=64/rows=%d", n), n, w.benchmarkOpens(out[1]))
	}
}

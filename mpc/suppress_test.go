package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// suppressed releases groups of at least 3 rows among n, with 5 rows of padding.
func suppressed(r *rand.Rand, n int) (b *builder, want [][4]uint64) {
	b = newBuilder()
	valid, count, key, sum := flags(r, n, 3), small(r, n, 7), small(r, n, 100), oddWords(r, n)
	for i := range count {
		count[i]-- // noise makes counts negative
	}
	v, c := b.words(0, 1, valid), b.words(1, 0, count)
	columns := []program.Reg{b.words(2, 7, key), b.words(0, 0, sum), c}
	out := b.regs(4)
	b.emit(program.Suppress{Valid: v, Count: c, AtLeast: 3, A: columns, Pad: 5, Out: out[:3], Keep: out[3]})
	for i, r := range out {
		b.opens = append(b.opens, program.Open{Label: fmt.Sprint(i), A: r, To: 1})
	}
	for i := range n + 5 {
		row := [4]uint64{}
		if i < n && valid[i] == 1 && int64(count[i]) >= 3 {
			row = [4]uint64{key[i], sum[i], count[i], 1}
		}
		want = append(want, row)
	}
	return b, want
}

// TestSuppress: exactly the large groups are opened, and zeros for all others, in an order that
// is not theirs.
func TestSuppress(t *testing.T) {
	t.Parallel()
	for seed, n := range rowSizes {
		b, want := suppressed(rand.New(rand.NewPCG(uint64(seed), 25)), n)
		p := b.p
		for _, o := range b.opens {
			p.Ops = append(p.Ops, o)
		}
		run, err := mpctest.Run(within(t), mpctest.NewNetwork(), fmt.Sprint("suppress ", n), p, b.inputs)
		if err != nil {
			t.Fatal(err)
		}
		checkCost(t, p, run)
		clear, err := program.Eval(p, merge(b.inputs), nil)
		if err != nil {
			t.Fatal(err)
		}
		rows := func(o program.Opened) (rows [][4]uint64) {
			for i := range o["0"] {
				rows = append(rows, [4]uint64{o["0"][i], o["1"][i], o["2"][i], o["3"][i]})
			}
			return rows
		}
		if got := rows(clear); !slices.Equal(got, want) {
			t.Errorf("%d rows: in the clear %v, want %v", n, got, want)
		}
		got := rows(run.Opened[1])
		if n > 60 && slices.Equal(got, want) {
			t.Errorf("%d rows were not shuffled", n)
		}
		order := func(a, b [4]uint64) int { return slices.Compare(a[:], b[:]) }
		slices.SortFunc(got, order)
		slices.SortFunc(want, order)
		if !slices.Equal(got, want) {
			t.Errorf("%d rows: opened %v, want %v", n, got, want)
		}
	}
}

// TestSuppressTraffic: how many groups are kept shows in no message.
func TestSuppressTraffic(t *testing.T) {
	t.Parallel()
	sameTraffic(t, func(r *rand.Rand) *builder { b, _ := suppressed(r, 70); return b })
}

package mpc_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// order is a random permutation of n rows.
func order(r *rand.Rand, n int) []uint64 {
	out := make([]uint64, n)
	for i, v := range r.Perm(n) {
		out[i] = uint64(v)
	}
	return out
}

// TestPermute: rows of every kind move by a private order and back.
func TestPermute(t *testing.T) {
	t.Parallel()
	for seed, n := range []int{1, 2, 3, 63, 64, 65, 200} {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		b := newBuilder()
		columns := []program.Reg{b.words(0, 0, oddWords(r, n)), b.words(1, 64, oddWords(r, n)), b.words(2, 5, oddWords(r, n)), b.words(0, 33, oddWords(r, n))}
		width := program.IndexWidth(n)
		for i, by := range []program.Reg{b.words(1, 0, order(r, n)), b.words(2, width, order(r, n)), b.words(0, 40, order(r, n))} {
			there, back := b.regs(4), b.regs(4)
			if i == 1 {
				there, back = back, there
				b.emit(program.Gather{By: by, A: columns, Out: back})
				b.emit(program.Scatter{By: by, A: back, Out: there})
			} else {
				b.emit(program.Scatter{By: by, A: columns, Out: there})
				b.emit(program.Gather{By: by, A: there, Out: back})
			}
			for k := range 4 {
				b.open(fmt.Sprint("there ", i, k), there[k])
				b.open(fmt.Sprint("back ", i, k), back[k])
			}
		}
		b.check(t, fmt.Sprint("rows ", n))
	}
}

// TestShuffle: rows stay together, none is lost, and their order is another one.
func TestShuffle(t *testing.T) {
	t.Parallel()
	const n = 1000
	b := newBuilder()
	words := make([]uint64, n)
	for i := range words {
		words[i] = uint64(i)
	}
	in := []program.Reg{b.words(0, 0, words), b.words(1, 10, words), b.words(2, 40, words)}
	out := b.regs(3)
	b.emit(program.Shuffle{A: in, Out: out})
	for i, r := range out {
		b.p.Ops = append(b.p.Ops, program.Open{Label: fmt.Sprint(i), A: r, To: 0})
	}
	got, err := mpctest.Run(within(t), mpctest.NewNetwork(), "shuffle", b.p, b.inputs)
	if err != nil {
		t.Fatal(err)
	}
	checkCost(t, b.p, got)
	first := got.Opened[0]["0"]
	if !slices.Equal(first, got.Opened[0]["1"]) || !slices.Equal(first, got.Opened[0]["2"]) {
		t.Error("rows came apart")
	}
	fixed := 0 // one on average
	for i, v := range first {
		if int(v) == i {
			fixed++
		}
	}
	if fixed > 15 {
		t.Errorf("%d of %d rows stayed where they were", fixed, n)
	}
	slices.Sort(first)
	if !slices.Equal(first, words) {
		t.Error("rows were lost")
	}
}

// TestNoPermutation: moving by what is none is an error at every party.
func TestNoPermutation(t *testing.T) {
	t.Parallel()
	b := newBuilder()
	by := b.words(0, 0, []uint64{0, 2, 2, 1})
	out := b.regs(1)
	b.emit(program.Scatter{By: by, A: []program.Reg{by}, Out: out})
	b.p.Ops = append(b.p.Ops, program.Open{Label: "x", A: out[0], To: 1})
	if _, err := mpctest.Run(within(t), mpctest.NewNetwork(), "none", b.p, b.inputs); err == nil || !strings.Contains(err.Error(), "no permutation") {
		t.Errorf("error %v", err)
	}
	if _, err := program.Eval(b.p, merge(b.inputs), nil); err == nil {
		t.Error("the interpreter moves by what is no permutation")
	}
}

// TestCompact: valid rows come first, in their order.
func TestCompact(t *testing.T) {
	t.Parallel()
	for seed, n := range []int{1, 2, 63, 64, 65, 200, 1000} {
		r := rand.New(rand.NewPCG(uint64(seed), 4))
		b := newBuilder()
		a, c, valid := b.words(0, 0, oddWords(r, n)), b.words(1, 20, oddWords(r, n)), b.words(2, 1, oddWords(r, n))
		b.open("order", b.reg(func(out program.Reg) program.Op { return program.BitOrder{Bit: valid, Out: out} }))
		out := b.regs(3)
		b.emit(program.Compact{Valid: valid, A: []program.Reg{a, c}, Out: out[:2], OutValid: out[2]})
		for i, r := range out {
			b.open(fmt.Sprint(i), r)
		}
		b.open("sums", b.reg(func(out program.Reg) program.Op { return program.PrefixSum{A: a, Out: out} }))
		b.check(t, fmt.Sprint("rows ", n))
	}
}

// TestOrderStreamsDrawnOnce: the streams of masks and of secret orders start when a program
// needs them, once, however many shuffles it has, and each shuffle reads on in them: two
// shuffles of equal rows in one program have unrelated orders.
func TestOrderStreamsDrawnOnce(t *testing.T) {
	t.Parallel()
	const n = 500
	words := make([]uint64, n)
	for i := range words {
		words[i] = uint64(i)
	}
	b := newBuilder()
	in := b.words(0, 0, words)
	one, two := b.regs(1), b.regs(1)
	b.emit(program.Shuffle{A: []program.Reg{in}, Out: one})
	b.emit(program.Shuffle{A: []program.Reg{in}, Out: two})
	b.emit(program.Open{Label: "one", A: one[0], To: 0})
	b.emit(program.Open{Label: "two", A: two[0], To: 0})
	network := mpctest.NewNetwork()
	var all [3]drawnSeeds
	var opened program.Opened
	for i := range all {
		all[i] = drawnSeeds{mpctest.Seeds("orders", i), map[int]map[string]int{}}
	}
	err := mpctest.Parties(within(t), func(ctx context.Context, i int) error {
		o, _, err := mpc.Run(ctx, network.Transport(i), all[i], nil, b.p, b.inputs[i])
		if i == 0 {
			opened = o
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range all {
		for peer, purposes := range s.drawn {
			for purpose, times := range purposes {
				if times != 1 {
					t.Errorf("party %d opens %q with party %d %d times", i, purpose, peer, times)
				}
			}
			if len(purposes) != 5 {
				t.Errorf("parties %d and %d share %d streams, want 5", i, peer, len(purposes))
			}
		}
	}
	same := 0 // one on average; more than 15 with probability below 10^-12
	for i, v := range opened["one"] {
		if opened["two"][i] == v {
			same++
		}
	}
	if same > 15 {
		t.Errorf("%d of %d rows lie alike after two shuffles", same, n)
	}
}

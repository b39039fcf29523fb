package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// opened runs the program, holds it to the interpreter and its cost, and returns what it
// opens, for an oracle that is neither.
func (b *builder) opened(t *testing.T, seed string) program.Opened {
	t.Helper()
	b.check(t, seed)
	p := b.p
	for _, o := range b.opens {
		p.Ops = append(p.Ops, o)
	}
	got, err := program.Eval(p, merge(b.inputs), nil)
	if err != nil {
		t.Fatalf("%s: %v", seed, err)
	}
	return got
}

// expect compares one opening with the oracle's.
func expect(t *testing.T, seed string, got program.Opened, label string, want []uint64) {
	t.Helper()
	if !reflect.DeepEqual(got[label], want) {
		t.Errorf("%s: %s is %v, want %v", seed, label, got[label], want)
	}
}

// sameTraffic runs two programs that build makes of different data: they must be one program,
// and their messages the same ones.
func sameTraffic(t *testing.T, build func(r *rand.Rand) *builder) {
	t.Helper()
	var first []mpctest.Event
	text := ""
	for run := range 2 {
		b := build(rand.New(rand.NewPCG(uint64(run), 77)))
		p := b.p
		for _, o := range b.opens {
			p.Ops = append(p.Ops, o)
		}
		n := mpctest.NewNetwork()
		if _, err := mpctest.Run(within(t), n, fmt.Sprint("traffic ", run), p, b.inputs); err != nil {
			t.Fatal(err)
		}
		trace := n.Trace()
		if len(trace) == 0 {
			t.Fatal("no messages")
		}
		if run > 0 && (p.String() != text || !slices.Equal(trace, first)) {
			t.Error("traffic depends on data")
		}
		first, text = trace, p.String()
	}
}

// flags are n bits of which about one in among is 0.
func flags(r *rand.Rand, n, among int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(min(r.IntN(among), 1))
	}
	return out
}

// small are n words below limit.
func small(r *rand.Rand, n, limit int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(r.IntN(limit))
	}
	return out
}

// rowSizes are tables of one row, few, and around words of planes.
var rowSizes = []int{1, 2, 3, 63, 64, 65, 130}

// tables adds one operator on whole tables to a random program.
func (g *generator) tables(n int) {
	a, b, x, y := pick(g, g.arith[n]), pick(g, g.arith[n]), pick(g, g.bit[n]), pick(g, g.bit[n])
	regs := func(r ...program.Reg) []program.Reg { return r }
	word, bit := g.fresh(), g.fresh()
	switch g.r.IntN(7) {
	case 0:
		kind := program.WindowKind(1 + g.r.IntN(8))
		g.emit(program.Window{Starts: x, Peers: y, Functions: []program.WindowFunction{{Kind: kind, A: a, Out: word}, {Kind: program.WindowLast, A: y, Out: bit}}})
	case 1:
		g.emit(program.Lag{Starts: x, By: 1 + g.r.IntN(70), A: regs(a, y), Default: regs(b, x), Out: regs(word, bit)})
	case 2:
		g.emit(program.Lead{Starts: x, By: 1 + g.r.IntN(70), A: regs(a, y), Default: regs(b, x), Out: regs(word, bit)})
	case 3:
		g.emit(program.Broadcast{Starts: x, First: regs(a), Last: regs(y), OutFirst: regs(word), OutLast: regs(bit)})
	case 4:
		top := g.fresh()
		g.emit(program.TopK{Keys: []program.Key{{A: x, Descending: true}, {A: y}}, K: 1, A: regs(a), Out: regs(top)})
		g.arith[1] = append(g.arith[1], top)
		g.emit(program.Add{A: a, B: b, Out: word})
		g.emit(program.Leading{Starts: x, K: 1 + g.r.IntN(9), Out: bit})
	case 5:
		count := g.fresh()
		g.emit(program.BitToArith{A: x, Out: count})
		g.emit(program.RepeatRows{Count: count, Rows: n, A: regs(a), Out: regs(word), Valid: bit})
	default:
		g.emit(program.ExpandJoin{Left: regs(x), Right: regs(y), LeftValid: x, RightValid: x, LeftColumns: regs(a), Rows: n, OutLeft: regs(word), Valid: bit, Total: g.fresh()})
	}
	g.arith[n] = append(g.arith[n], word)
	g.bit[n] = append(g.bit[n], bit)
}

// TestStartsAreOrderedOnce: operators over the same groups convert their bits and compute the
// order of their first rows once.
func TestStartsAreOrderedOnce(t *testing.T) {
	t.Parallel()
	rounds := func(times int) (rounds int) {
		p := program.Program{Ops: []program.Op{program.InputBits{N: 100, Width: 1, Out: 0}, program.InputArith{N: 100, Out: 1}}}
		for i := range times {
			p.Ops = append(p.Ops, program.SegmentedSum{Starts: 0, A: 1, Out: program.Reg(2 + i)})
		}
		costs, err := program.Cost(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range costs {
			rounds += c.Rounds
		}
		return rounds
	}
	if one, two := rounds(1), rounds(2); two-one > 12 {
		t.Errorf("one scan takes %d rounds, two take %d", one, two)
	}
}

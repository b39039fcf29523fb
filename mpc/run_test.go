package mpc_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// generator makes random programs and inputs.
type generator struct {
	r      *rand.Rand
	p      program.Program
	arith  map[int][]program.Reg // by length
	bit    map[int][]program.Reg
	next   program.Reg
	inputs [3]program.Inputs
	tasks  int
}

var lengths = []int{1, 3, 64, 65, 200}

// randomProgram is a program of about size instructions; every register is opened.
func randomProgram(seed uint64, size int) (program.Program, [3]program.Inputs) {
	g := &generator{r: rand.New(rand.NewPCG(seed, 1)), arith: map[int][]program.Reg{}, bit: map[int][]program.Reg{}}
	for i := range g.inputs {
		g.inputs[i] = program.Inputs{}
	}
	for _, n := range lengths {
		for party := range 3 {
			g.input(party, n)
		}
	}
	for range size {
		if g.r.IntN(5) == 0 {
			g.relational(lengths[g.r.IntN(len(lengths))])
		} else {
			g.step(lengths[g.r.IntN(len(lengths))])
		}
	}
	if g.r.IntN(2) == 0 {
		g.lookup()
	}
	for _, n := range lengths {
		for _, r := range append(slices.Clone(g.arith[n]), g.bit[n]...) {
			g.p.Ops = append(g.p.Ops, program.Open{Label: fmt.Sprintf("v%d", r), A: r, To: g.r.IntN(3)})
		}
	}
	return g.p, g.inputs
}

func (g *generator) fresh() program.Reg { g.next++; return g.next - 1 }

func (g *generator) emit(op program.Op) { g.p.Ops = append(g.p.Ops, op) }

// word is a value with interesting bit patterns.
func (g *generator) word() uint64 {
	switch g.r.IntN(4) {
	case 0:
		return uint64(int64(g.r.IntN(7) - 3))
	case 1:
		return 1 << g.r.IntN(64)
	default:
		return g.r.Uint64()
	}
}

func (g *generator) input(party, n int) {
	column := make([]uint64, n)
	for i := range column {
		column[i] = g.word()
	}
	out := g.fresh()
	g.inputs[party][g.tasks] = program.Table{Columns: [][]uint64{nil, column}}
	g.emit(program.InputArith{Party: party, From: program.Input{Task: g.tasks, Column: 1}, N: n, Out: out})
	g.tasks++
	g.arith[n] = append(g.arith[n], out)
}

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *generator) step(n int) {
	if len(g.bit[n]) == 0 {
		out := g.fresh()
		g.emit(program.GreaterEqual{A: pick(g, g.arith[n]), Bound: int64(g.word()), Out: out})
		g.bit[n] = append(g.bit[n], out)
	}
	a, b, x, y, out := pick(g, g.arith[n]), pick(g, g.arith[n]), pick(g, g.bit[n]), pick(g, g.bit[n]), g.fresh()
	kinds := []struct {
		op   program.Op
		list map[int][]program.Reg
		rows int
	}{
		{program.Add{A: a, B: b, Out: out}, g.arith, n},
		{program.Sub{A: a, B: b, Out: out}, g.arith, n},
		{program.Scale{A: a, Factor: g.word(), Out: out}, g.arith, n},
		{program.Mul{A: a, B: b, Out: out}, g.arith, n},
		{program.Dot{A: []program.Reg{a, b, a}, B: []program.Reg{b, b, a}, Out: out}, g.arith, 3},
		{program.Sum{A: a, Out: out}, g.arith, 1},
		{program.Constant{Values: []uint64{g.word(), 7, 9}, Out: out}, g.arith, 3},
		{program.GreaterEqual{A: a, Bound: int64(g.word()), Out: out}, g.bit, n},
		{program.IsZero{A: x, Out: out}, g.bit, n},
		{program.And{A: x, B: y, Out: out}, g.bit, n},
		{program.Xor{A: x, B: y, Out: out}, g.bit, n},
		{program.Not{A: x, Out: out}, g.bit, n},
		{program.BitToArith{A: x, Out: out}, g.arith, n},
		{program.Select{Bit: x, A: a, B: b, Out: out}, g.arith, n},
		{program.Concat{Parts: []program.Reg{pick(g, g.arith[64]), pick(g, g.arith[1])}, Out: out}, g.arith, 65},
		{program.Slice{A: pick(g, g.arith[200]), From: 100, To: 164, Out: out}, g.arith, 64},
		{program.Noise{N: n, Bits: []uint64{0, 0, 0}, Out: out}, g.arith, n},
		{program.FloorDivide{A: a, Divisor: 2 + g.r.Int64N(program.MaxDivisor-1)>>g.r.IntN(60), Out: out}, g.arith, n},
		{program.ShiftRight{A: a, By: g.r.IntN(64), Out: out}, g.arith, n},
		{program.Abs{A: a, Out: out}, g.arith, n},
		{program.Case{When: []program.Reg{x, y}, Then: []program.Reg{a, b}, Else: b, Out: out}, g.arith, n},
		{program.Below{A: x, Bounds: []uint64{1}, Out: []program.Reg{out}}, g.bit, n},
	}
	k := kinds[g.r.IntN(len(kinds))]
	if len(g.bit[200]) > 0 && g.r.IntN(8) == 0 {
		from := g.r.IntN(135)
		k.op, k.list, k.rows = program.Slice{A: pick(g, g.bit[200]), From: from, To: from + 65, Out: out}, g.bit, 65
	}
	g.emit(k.op)
	k.list[k.rows] = append(k.list[k.rows], out)
}

// relational adds one operator on whole columns.
func (g *generator) relational(n int) {
	if len(g.bit[n]) == 0 {
		g.step(n)
	}
	if len(g.bit[n]) == 0 {
		return
	}
	if g.r.IntN(3) == 0 {
		g.tables(n)
		return
	}
	a, x, y := pick(g, g.arith[n]), pick(g, g.bit[n]), pick(g, g.bit[n])
	wide, rows := g.fresh(), []program.Reg{a, x}
	g.emit(program.ToBits{A: a, Width: 1 + g.r.IntN(64), Out: wide})
	moved, other, bit, words := g.fresh(), g.fresh(), g.fresh(), g.fresh()
	out := []program.Reg{moved, other}
	switch g.r.IntN(8) {
	case 0:
		by := g.fresh()
		g.emit(program.Order{Keys: []program.Key{{A: x, Descending: true}, {A: wide, Signed: true}}, Out: by})
		g.emit(program.Gather{By: by, A: rows, Out: out})
	case 1:
		by := g.fresh()
		g.emit(program.BitOrder{Bit: x, Out: by})
		g.emit(program.Scatter{By: by, A: rows, Out: out})
	case 2:
		g.emit(program.Compact{Valid: y, A: rows, Out: out, OutValid: g.fresh()})
	case 3:
		g.emit(program.GroupBy{Starts: y, Sums: rows[:1], Last: rows[1:], OutSums: out[:1], OutLast: out[1:], Valid: g.fresh()})
	case 4:
		g.emit(program.SegmentedSum{Starts: x, A: a, Out: moved})
		g.emit(program.Shift{A: y, By: 1, Out: other})
	case 5:
		least := g.fresh()
		g.emit(program.SegmentedMin{Starts: x, A: wide, Signed: true, Out: least})
		g.emit(program.ToArith{A: least, Signed: true, Out: moved})
		g.emit(program.Ends{Starts: x, Out: other})
	case 6:
		g.emit(program.SandwichSum{Left: []program.Reg{wide}, Right: []program.Reg{wide}, A: rows[:1], Out: out[:1]})
		g.emit(program.First{A: x, Out: other})
	default:
		g.emit(program.Max{A: a, B: pick(g, g.arith[n]), Out: moved})
		g.emit(program.LessEqual{A: x, B: y, Out: other})
	}
	g.emit(program.Starts{Keys: []program.Reg{x, wide}, Out: bit})
	g.emit(program.ToArith{A: wide, Out: words})
	g.arith[n] = append(g.arith[n], moved, words)
	g.bit[n] = append(g.bit[n], other, bit)
}

// lookup adds a private lookup with its payload gated by the match.
func (g *generator) lookup() {
	build := g.r.IntN(3)
	probe := (build + 1 + g.r.IntN(2)) % 3
	keys := func(n, universe int, repeat bool) [][]byte {
		out := make([][]byte, n)
		for i, k := range g.r.Perm(universe)[:n] {
			if repeat && i > 0 && g.r.IntN(5) == 0 {
				k = 0
			}
			if g.r.IntN(6) > 0 {
				out[i] = binary.LittleEndian.AppendUint64(nil, uint64(k))
			}
		}
		return out
	}
	field := make([]uint64, 40)
	for i := range field {
		field[i] = g.word()
	}
	g.inputs[build][g.tasks] = program.Table{Columns: [][]uint64{field}, Keys: keys(40, 250, false)}
	g.inputs[probe][g.tasks+1] = program.Table{Keys: keys(200, 250, false)}
	op := program.Lookup{
		Node: "n", Build: build, Probe: probe, Third: 3 - build - probe, BuildTask: g.tasks, ProbeTask: g.tasks + 1,
		BuildFields: []int{0}, BuildRows: 40, ProbeRows: 200, Lambda: program.MinLambda(200), Match: g.fresh(), Payload: []program.Reg{g.fresh()},
	}
	word, gated := g.fresh(), g.fresh()
	g.emit(op)
	g.emit(program.BitToArith{A: op.Match, Out: word})
	g.emit(program.Mul{A: word, B: op.Payload[0], Out: gated})
	g.bit[200] = append(g.bit[200], op.Match)
	g.arith[200] = append(g.arith[200], gated)
}

// merge is the tables of all parties.
func merge(inputs [3]program.Inputs) program.Inputs {
	all := program.Inputs{}
	for _, in := range inputs {
		for task, table := range in {
			all[task] = table
		}
	}
	return all
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestRunEqualsEval is the engine's specification: what is opened is what the program
// computes in the clear, at the party that the program names, at exactly the stated cost.
func TestRunEqualsEval(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		p, inputs := randomProgram(seed, 30)
		want, err := program.Eval(p, merge(inputs), rand.NewChaCha8([32]byte{byte(seed)}))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := mpctest.Run(within(t), mpctest.NewNetwork(), fmt.Sprint(seed), p, inputs)
		if err != nil {
			t.Fatalf("seed %d: %v\n%v", seed, err, p)
		}
		for _, open := range p.Manifest() {
			if !reflect.DeepEqual(got.Opened[open.To][open.Label], want[open.Label]) {
				t.Errorf("seed %d: %s differs", seed, open.Label)
			}
			for party := range 3 {
				if _, ok := got.Opened[party][open.Label]; ok && party != open.To {
					t.Errorf("seed %d: party %d learned %s", seed, party, open.Label)
				}
			}
		}
		checkCost(t, p, got)
	}
}

// checkCost compares Cost with what the engine counted.
func checkCost(t *testing.T, p program.Program, got mpctest.Result) {
	t.Helper()
	costs, err := program.Cost(p)
	if err != nil {
		t.Fatal(err)
	}
	rounds, bytes := 0, [3]int64{}
	for _, c := range costs {
		rounds += c.Rounds
		for i := range bytes {
			bytes[i] += c.Bytes[i]
		}
	}
	for i, s := range got.Stats {
		if s.Rounds != rounds || 8*s.WordsSent != bytes[i] {
			t.Errorf("party %d: %d rounds and %d bytes, Cost says %d and %d", i, s.Rounds, 8*s.WordsSent, rounds, bytes[i])
		}
	}
	checkMemory(t, p, got)
}

// TestTraceDependsOnProgramOnly runs one program on different data of equal size: traffic
// must be identical, message for message.
func TestTraceDependsOnProgramOnly(t *testing.T) {
	t.Parallel()
	p, inputs := randomProgram(4, 60)
	r := rand.New(rand.NewPCG(99, 0))
	var first []mpctest.Event
	for run := range 3 {
		n := mpctest.NewNetwork()
		if _, err := mpctest.Run(within(t), n, fmt.Sprint("run", run), p, inputs); err != nil {
			t.Fatal(err)
		}
		trace := n.Trace()
		if len(trace) == 0 {
			t.Fatal("no messages")
		}
		if run > 0 && !slices.Equal(trace, first) {
			t.Fatal("traffic depends on data or seeds")
		}
		first = trace
		for _, in := range inputs {
			for _, table := range in {
				for _, column := range table.Columns {
					for i := range column {
						column[i] = r.Uint64()
					}
				}
			}
		}
	}
}

// TestWrongLengths wants an error, not a panic, from inputs that are not as declared.
func TestWrongLengths(t *testing.T) {
	t.Parallel()
	p := program.Program{Ops: []program.Op{
		program.InputArith{Party: 1, From: program.Input{Task: 0, Column: 0}, N: 5, Out: 0},
		program.Open{Label: "x", A: 0, To: 0},
	}}
	for _, n := range []int{-1, 0, 4, 6} {
		in := [3]program.Inputs{1: {0: {Columns: [][]uint64{make([]uint64, max(n, 0))}}}}
		if n < 0 {
			in[1] = nil
		}
		if _, err := mpctest.Run(within(t), mpctest.NewNetwork(), "s", p, in); err == nil || !strings.Contains(err.Error(), "private input") {
			t.Errorf("%d rows: error %v", n, err)
		}
	}
}

// TestPeersDisagree runs two programs whose messages differ in length: a party aborts.
func TestPeersDisagree(t *testing.T) {
	t.Parallel()
	prog := func(n int) program.Program {
		return program.Program{Ops: []program.Op{
			program.InputArith{Party: 0, N: n, Out: 0}, program.Mul{A: 0, B: 0, Out: 1}, program.Open{Label: "x", A: 1, To: 2},
		}}
	}
	n := mpctest.NewNetwork()
	err := mpctest.Parties(within(t), func(ctx context.Context, party int) error {
		size := 5 + party
		in := program.Inputs{0: {Columns: [][]uint64{make([]uint64, size)}}}
		_, _, err := mpc.Run(ctx, n.Transport(party), mpctest.Seeds("s", party), rand.NewChaCha8([32]byte{}), prog(size), in)
		return err
	})
	if err == nil {
		t.Fatal("parties with different programs agreed")
	}
}

// TestInvalidPrograms are refused before anything is sent.
func TestInvalidPrograms(t *testing.T) {
	t.Parallel()
	p := program.Program{Ops: []program.Op{program.Open{Label: "x", A: 0, To: 0}}}
	n := mpctest.NewNetwork()
	if _, _, err := mpc.Run(t.Context(), n.Transport(0), mpctest.Seeds("s", 0), nil, p, nil); err == nil {
		t.Fatal("ran an invalid program")
	}
	if len(n.Trace()) != 0 {
		t.Fatal("an invalid program sent something")
	}
}

// TestNetworkIsATransport holds the test network to the contract of transports.
func TestNetworkIsATransport(t *testing.T) {
	t.Parallel()
	mpctest.TestTransport(t, func(*testing.T) [3]mpc.Transport { return mpctest.NewNetwork().Transports() })
}

// TestPacedIsATransport holds a paced network to it too, and to its delay.
func TestPacedIsATransport(t *testing.T) {
	t.Parallel()
	link := mpctest.Link{Delay: 2 * time.Millisecond, BitsPerSecond: 1e11}
	paced := func(*testing.T) [3]mpc.Transport {
		ends := mpctest.NewNetwork().Transports()
		for i := range ends {
			ends[i] = mpctest.Paced(ends[i], link)
		}
		return ends
	}
	mpctest.TestTransport(t, paced)
	ends := paced(t)
	start := time.Now()
	err := mpctest.Parties(within(t), func(ctx context.Context, party int) error {
		for range 5 {
			if err := ends[party].Round(ctx, mpc.Round{ToNext: []uint64{1}, FromPrev: make([]uint64, 1)}); err != nil {
				return err
			}
		}
		return nil
	})
	if took := time.Since(start); err != nil || took < 10*time.Millisecond {
		t.Errorf("five rounds of 2 ms took %v: %v", took, err)
	}
}

// reader is words as a byte stream.
type reader struct{ words []uint64 }

func (r *reader) Read(b []byte) (int, error) {
	if len(r.words) == 0 {
		return 0, io.EOF
	}
	n := 0
	for ; n+8 <= len(b) && len(r.words) > 0; n += 8 {
		binary.LittleEndian.PutUint64(b[n:], r.words[0])
		r.words = r.words[1:]
	}
	return n, nil
}

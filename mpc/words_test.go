package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// builder writes a program down and opens what it is told to.
type builder struct {
	p      program.Program
	next   program.Reg
	inputs [3]program.Inputs
	tasks  int
	opens  []program.Open
}

func newBuilder() *builder {
	return &builder{inputs: [3]program.Inputs{{}, {}, {}}}
}

func (b *builder) emit(op program.Op) { b.p.Ops = append(b.p.Ops, op) }

// reg makes a register and gives it to f, which names the instruction that defines it.
func (b *builder) reg(f func(out program.Reg) program.Op) program.Reg {
	b.next++
	b.emit(f(b.next - 1))
	return b.next - 1
}

// regs makes n registers.
func (b *builder) regs(n int) []program.Reg {
	out := make([]program.Reg, n)
	for i := range out {
		out[i] = b.next
		b.next++
	}
	return out
}

func (b *builder) open(label string, r program.Reg) {
	b.opens = append(b.opens, program.Open{Label: label, A: r, To: len(b.opens) % 3})
}

// words is a private input; width 0 is arithmetic.
func (b *builder) words(party, width int, column []uint64) program.Reg {
	from := program.Input{Task: b.tasks}
	b.inputs[party][b.tasks] = program.Table{Columns: [][]uint64{column}}
	b.tasks++
	return b.reg(func(out program.Reg) program.Op {
		if width == 0 {
			return program.InputArith{Party: party, From: from, N: len(column), Out: out}
		}
		return program.InputBits{Party: party, From: from, N: len(column), Width: width, Out: out}
	})
}

// check runs the program and compares what it opens with the interpreter, and its cost. It
// returns what was opened.
func (b *builder) check(t *testing.T, seed string) program.Opened {
	t.Helper()
	p := b.p
	for _, o := range b.opens {
		p.Ops = append(p.Ops, o)
	}
	want, err := program.Eval(p, merge(b.inputs), nil)
	if err != nil {
		t.Fatalf("%s: %v", seed, err)
	}
	got, err := mpctest.Run(within(t), mpctest.NewNetwork(), seed, p, b.inputs)
	if err != nil {
		t.Fatalf("%s: %v", seed, err)
	}
	for _, open := range p.Manifest() {
		if !reflect.DeepEqual(got.Opened[open.To][open.Label], want[open.Label]) {
			t.Errorf("%s: %s is %v, want %v", seed, open.Label, got.Opened[open.To][open.Label], want[open.Label])
		}
	}
	checkCost(t, p, got)
	return got.All()
}

// oddWords are words of which some are equal, small or extreme.
func oddWords(r *rand.Rand, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		switch r.IntN(4) {
		case 0:
			out[i] = uint64(int64(r.IntN(5) - 2))
		case 1:
			out[i] = 1<<r.IntN(64) - uint64(r.IntN(2))
		default:
			out[i] = r.Uint64()
		}
		if i > 0 && r.IntN(4) == 0 {
			out[i] = out[r.IntN(i)]
		}
	}
	return out
}

// TestWords holds comparisons, minima, choices and conversions of every width to the interpreter.
func TestWords(t *testing.T) {
	t.Parallel()
	for width := 1; width <= 64; width++ {
		n := []int{1, 63, 64, 65, 200}[width%5]
		r := rand.New(rand.NewPCG(uint64(width), 2))
		b := newBuilder()
		x, y := b.words(0, width, oddWords(r, n)), b.words(1, width, oddWords(r, n))
		word, other := b.words(2, 0, oddWords(r, n)), b.words(0, 0, oddWords(r, n))
		less := b.reg(func(out program.Reg) program.Op { return program.Less{A: x, B: y, Out: out} })
		b.open("less", less)
		for name, f := range map[string]func(out program.Reg) program.Op{
			"signed":     func(out program.Reg) program.Op { return program.Less{A: x, B: y, Signed: true, Out: out} },
			"less equal": func(out program.Reg) program.Op { return program.LessEqual{A: x, B: y, Signed: width%2 == 0, Out: out} },
			"itself":     func(out program.Reg) program.Op { return program.Less{A: x, B: x, Out: out} },
			"min":        func(out program.Reg) program.Op { return program.Min{A: x, B: y, Out: out} },
			"max":        func(out program.Reg) program.Op { return program.Max{A: x, B: y, Signed: true, Out: out} },
			"min word":   func(out program.Reg) program.Op { return program.Min{A: word, B: other, Out: out} },
			"max word":   func(out program.Reg) program.Op { return program.Max{A: word, B: other, Out: out} },
			"select":     func(out program.Reg) program.Op { return program.Select{Bit: less, A: x, B: y, Out: out} },
			"gate":       func(out program.Reg) program.Op { return program.And{A: less, B: x, Out: out} },
			"word":       func(out program.Reg) program.Op { return program.ToArith{A: x, Out: out} },
			"signed word": func(out program.Reg) program.Op {
				return program.ToArith{A: y, Signed: true, Out: out}
			},
			"bits":      func(out program.Reg) program.Op { return program.ToBits{A: word, Width: width, Out: out} },
			"more bits": func(out program.Reg) program.Op { return program.ToBits{A: other, Width: width, Out: out} },
		} {
			b.open(name, b.reg(f))
		}
		b.check(t, fmt.Sprint("width ", width))
	}
}

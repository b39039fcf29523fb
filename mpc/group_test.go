package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// fewWords are words of a small domain, in runs.
func fewWords(r *rand.Rand, n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		if out[i] = r.Uint64() >> 62; i > 0 && r.IntN(2) == 0 {
			out[i] = out[i-1]
		}
	}
	return out
}

// TestGroupBy: sums, counts, distinct counts, minima and maxima of groups of neighbours.
func TestGroupBy(t *testing.T) {
	t.Parallel()
	for seed, n := range []int{1, 2, 3, 63, 64, 65, 200, 1000} {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		b := newBuilder()
		key, minor, value := b.words(0, 2, fewWords(r, n)), b.words(1, 64, oddWords(r, n)), b.words(2, 0, oddWords(r, n))
		starts := b.reg(func(out program.Reg) program.Op { return program.Starts{Keys: []program.Reg{key}, Out: out} })
		both := b.reg(func(out program.Reg) program.Op { return program.Starts{Keys: []program.Reg{key, minor}, Out: out} })
		distinct := b.reg(func(out program.Reg) program.Op { return program.BitToArith{A: both, Out: out} })
		one := b.reg(func(out program.Reg) program.Op { return program.Constant{Values: []uint64{1}, Out: out} })
		ones := b.reg(func(out program.Reg) program.Op { return program.Repeat{A: one, N: n, Out: out} })
		least := b.reg(func(out program.Reg) program.Op { return program.SegmentedMin{Starts: starts, A: minor, Out: out} })
		most := b.reg(func(out program.Reg) program.Op {
			return program.SegmentedMax{Starts: starts, A: minor, Signed: true, Out: out}
		})
		for name, op := range map[string]func(out program.Reg) program.Op{
			"copy":  func(out program.Reg) program.Op { return program.SegmentedCopy{Starts: starts, A: value, Out: out} },
			"sum":   func(out program.Reg) program.Op { return program.SegmentedSum{Starts: starts, A: value, Out: out} },
			"ends":  func(out program.Reg) program.Op { return program.Ends{Starts: starts, Out: out} },
			"first": func(out program.Reg) program.Op { return program.First{A: starts, Out: out} },
			"lag":   func(out program.Reg) program.Op { return program.Shift{A: minor, By: min(n, 65), Out: out} },
			"lagged": func(out program.Reg) program.Op {
				return program.Shift{A: value, By: min(n, 3), Out: out}
			},
		} {
			b.open(name, b.reg(op))
		}
		out := b.regs(8)
		b.emit(program.GroupBy{Starts: starts, Sums: []program.Reg{value, ones, distinct}, Last: []program.Reg{key, least, most, value},
			OutSums: out[:3], OutLast: out[3:7], Valid: out[7]})
		for _, r := range append(out, starts, both, least, most) {
			b.open(fmt.Sprint("r", r), r)
		}
		b.check(t, fmt.Sprint("rows ", n))
	}
}

package mpc_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// signedWords are words of at most width bits and a sign: extremes, small ones and multiples of d
// with their neighbours.
func signedWords(r *rand.Rand, n, width int, d int64) []uint64 {
	limit := int64(1)<<width - 1
	out := make([]uint64, n)
	for i := range out {
		v := r.Int64() >> (62 - width) // 63 bits and no sign
		switch r.IntN(6) {
		case 0:
			v = int64(r.IntN(7))
		case 1:
			v = limit - int64(r.IntN(3))
		case 2:
			v = v/max(d, -d)*d + int64(r.IntN(3)-1)
		case 3:
			v >>= r.IntN(width)
		}
		v = max(min(v, limit), -limit)
		if r.IntN(2) == 0 {
			v = -v
		}
		out[i] = uint64(v)
	}
	return out
}

// quotient is a / b rounded, in unbounded integers: independent of the interpreter.
func quotient(a, b int64, rounding program.Rounding) int64 {
	x, y := big.NewInt(a), big.NewInt(b)
	switch rounding {
	case program.Down: // Euclidean division of big rounds towards what makes the rest positive
		if y.Sign() < 0 {
			x, y = x.Neg(x), y.Neg(y)
		}
		return new(big.Int).Div(x, y).Int64()
	case program.HalfAwayFromZero: // ⌊(2|a| + |b|) / 2|b|⌋ with its sign
		sign := x.Sign() * y.Sign()
		x.Abs(x)
		y.Abs(y)
		x.Lsh(x, 1).Add(x, y)
		return int64(sign) * new(big.Int).Quo(x, y.Lsh(y, 1)).Int64()
	default:
		return new(big.Int).Quo(x, y).Int64()
	}
}

// TestDivideBy holds division by public divisors to unbounded integers and to the interpreter, at
// its exact cost.
func TestDivideBy(t *testing.T) {
	t.Parallel()
	roundings := []program.Rounding{program.TowardZero, program.Down, program.HalfAwayFromZero}
	for seed, divisor := range []int64{1, -1, 2, -2, 3, 7, -7, 10, 64, 100, 641, -1000, 86400, 1 << 31, 1<<32 + 15, 1e18, 1<<59 + 1, 1<<60 - 1, -1 << 60} {
		n := []int{1, 63, 64, 65, 200}[seed%5]
		r := rand.New(rand.NewPCG(uint64(seed), 20))
		b := newBuilder()
		column := signedWords(r, n, 62, divisor)
		a := b.words(seed%3, 0, column)
		for _, rounding := range roundings {
			b.open(fmt.Sprint(rounding), b.reg(func(out program.Reg) program.Op {
				return program.DivideBy{A: a, Divisor: divisor, Rounding: rounding, Out: out}
			}))
		}
		opened := b.check(t, fmt.Sprint("divisor ", divisor))
		for _, rounding := range roundings {
			for i, got := range opened[fmt.Sprint(rounding)] {
				if want := quotient(int64(column[i]), divisor, rounding); int64(got) != want {
					t.Fatalf("%d / %d rounded %d: %d, want %d", int64(column[i]), divisor, rounding, int64(got), want)
				}
			}
		}
	}
}

// TestMulFixed multiplies fixed-point words of several scales.
func TestMulFixed(t *testing.T) {
	t.Parallel()
	for seed, unit := range []int64{1, 100, 1 << 16, 1000000} {
		r := rand.New(rand.NewPCG(uint64(seed), 21))
		b := newBuilder()
		x, y := signedWords(r, 130, 30, unit), signedWords(r, 130, 30, unit)
		a, c := b.words(0, 0, x), b.words(1, 0, y)
		b.open("z", b.reg(func(out program.Reg) program.Op {
			return program.MulFixed{A: a, B: c, Unit: unit, Rounding: program.HalfAwayFromZero, Out: out}
		}))
		for i, got := range b.check(t, fmt.Sprint("unit ", unit))["z"] {
			if want := quotient(int64(x[i])*int64(y[i]), unit, program.HalfAwayFromZero); int64(got) != want {
				t.Fatalf("%d·%d in units of %d: %d, want %d", int64(x[i]), int64(y[i]), unit, int64(got), want)
			}
		}
	}
}

// TestDivide holds division of shared words by shared words to unbounded integers, zeros among
// the divisors.
func TestDivide(t *testing.T) {
	t.Parallel()
	for seed, width := range []int{1, 2, 3, 8, 31, 32, 59, 60} {
		n := []int{1, 64, 65, 150}[seed%4]
		r := rand.New(rand.NewPCG(uint64(seed), 22))
		b := newBuilder()
		x, y := signedWords(r, n, width, 3), signedWords(r, n, width, 5)
		for i := range y {
			if r.IntN(3) == 0 {
				y[i] = uint64(int64(y[i]) >> r.IntN(width+1))
			}
		}
		op := program.Divide{A: b.words(0, 0, x), B: b.words(1, 0, y), Width: width}
		regs := b.regs(3)
		op.Quotient, op.Remainder, op.Null = regs[0], regs[1], regs[2]
		b.emit(op)
		for i, label := range []string{"quotient", "remainder", "null"} {
			b.open(label, regs[i])
		}
		opened := b.check(t, fmt.Sprint("width ", width))
		for i := range x {
			quotient, remainder, null := new(big.Int), new(big.Int), uint64(1)
			if y[i] != 0 {
				quotient.QuoRem(big.NewInt(int64(x[i])), big.NewInt(int64(y[i])), remainder)
				null = 0
			}
			got := [3]int64{int64(opened["quotient"][i]), int64(opened["remainder"][i]), int64(opened["null"][i])}
			if want := [3]int64{quotient.Int64(), remainder.Int64(), int64(null)}; got != want {
				t.Fatalf("%d / %d in %d bits: %v, want %v", int64(x[i]), int64(y[i]), width, got, want)
			}
		}
	}
}

// TestSigns holds absolute values, signs, negation and shifts to unbounded integers.
func TestSigns(t *testing.T) {
	t.Parallel()
	for seed, n := range []int{1, 64, 65, 200} {
		r := rand.New(rand.NewPCG(uint64(seed), 23))
		b := newBuilder()
		column := signedWords(r, n, 62, 7)
		a := b.words(seed%3, 0, column)
		shifts := []int{0, 1, 16, 33, 63}
		for name, f := range map[string]func(out program.Reg) program.Op{
			"negate": func(out program.Reg) program.Op { return program.Negate{A: a, Out: out} },
			"abs":    func(out program.Reg) program.Op { return program.Abs{A: a, Out: out} },
			"sign":   func(out program.Reg) program.Op { return program.Sign{A: a, Out: out} },
		} {
			b.open(name, b.reg(f))
		}
		for _, by := range shifts {
			b.open(fmt.Sprint(by), b.reg(func(out program.Reg) program.Op { return program.ShiftRight{A: a, By: by, Out: out} }))
		}
		opened := b.check(t, fmt.Sprint("rows ", n))
		for i, v := range column {
			x := big.NewInt(int64(v))
			for name, want := range map[string]int64{
				"negate": new(big.Int).Neg(x).Int64(), "abs": new(big.Int).Abs(x).Int64(), "sign": int64(x.Sign()),
			} {
				if int64(opened[name][i]) != want {
					t.Fatalf("%s of %d: %d, want %d", name, x, int64(opened[name][i]), want)
				}
			}
			for _, by := range shifts {
				if want := new(big.Int).Rsh(x, uint(by)).Int64(); int64(opened[fmt.Sprint(by)][i]) != want {
					t.Fatalf("%d >> %d: %d, want %d", x, by, int64(opened[fmt.Sprint(by)][i]), want)
				}
			}
		}
	}
}

// TestCase: the first true condition of several decides, over words and over bits.
func TestCase(t *testing.T) {
	t.Parallel()
	for branches := 1; branches <= 6; branches++ {
		r := rand.New(rand.NewPCG(uint64(branches), 24))
		const n = 100
		b := newBuilder()
		words, rows := program.Case{Else: b.words(0, 0, oddWords(r, n))}, program.Case{Else: b.words(1, 9, oddWords(r, n))}
		for i := range branches {
			when := b.words(i%3, 1, oddWords(r, n))
			words.When, words.Then = append(words.When, when), append(words.Then, b.words((i+1)%3, 0, oddWords(r, n)))
			rows.When, rows.Then = append(rows.When, when), append(rows.Then, b.words((i+2)%3, 9, oddWords(r, n)))
		}
		for label, op := range map[string]program.Case{"words": words, "rows": rows} {
			b.open(label, b.reg(func(out program.Reg) program.Op { op.Out = out; return op }))
		}
		b.check(t, fmt.Sprint("branches ", branches))
	}
}

// TestBelow compares rows of every width with public bounds, the ends among them.
func TestBelow(t *testing.T) {
	t.Parallel()
	for width := 1; width <= 64; width++ {
		r := rand.New(rand.NewPCG(uint64(width), 25))
		n := []int{1, 63, 64, 65, 200}[width%5]
		b := newBuilder()
		top := ^uint64(0) >> (64 - width)
		column := oddWords(r, n)
		for i := range column {
			column[i] &= top
		}
		op := program.Below{A: b.words(width%3, width, column), Bounds: []uint64{0, top, r.Uint64() & top, column[0]}, Out: b.regs(4)}
		b.emit(op)
		for i, out := range op.Out {
			b.open(fmt.Sprint(i), out)
		}
		field := b.reg(func(out program.Reg) program.Op {
			return program.BitField{A: op.A, From: width / 2, Width: width - width/2, Out: out}
		})
		b.open("field", field)
		b.check(t, fmt.Sprint("width ", width))
	}
}

// TestRandomBits: bits are balanced and independent of one another and of the execution; each
// comparison is off by more than 6 standard deviations, which a random seed would be with
// probability 2·10^-9, fifty comparisons together 10^-7. The seeds are fixed.
func TestRandomBits(t *testing.T) {
	t.Parallel()
	const n, width = 20_000, 9
	draw := func(seed string) []uint64 {
		p := program.Program{Ops: []program.Op{program.RandomBits{N: n, Width: width, Out: 0}, program.Open{Label: "x", A: 0, To: 2}}}
		got, err := mpctest.Run(within(t), mpctest.NewNetwork(), seed, p, [3]program.Inputs{})
		if err != nil {
			t.Fatal(err)
		}
		checkCost(t, p, got)
		return got.Opened[2]["x"]
	}
	a, other := draw("one"), draw("two")
	off := func(ones int) bool { return ones < n/2-425 || ones > n/2+425 } // 6·√n/2
	for i := range width {
		for j := range i + 1 {
			equal, across := 0, 0
			for row := range a {
				bit := a[row] >> i & 1
				if i == j {
					equal += int(bit)
				} else {
					equal += int(bit ^ a[row]>>j&1)
				}
				across += int(bit ^ other[row]>>j&1)
			}
			if off(equal) || off(across) {
				t.Errorf("bits %d and %d: %d and %d of %d", i, j, equal, across, n)
			}
		}
	}
}

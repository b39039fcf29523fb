package program_test

import (
	"errors"
	"flag"
	"math"
	"os"
	"reflect"
	"testing"

	. "github.com/c2dproxy/c2dproxy/mpc/program"
)

// arith makes an arbitrary instruction of arithmetic or of randomness.
func (r *bytesReader) arith(kind int, a, b, out Reg) Op {
	switch kind {
	case 47:
		return RandomBits{N: int(a), Width: int(b), Out: out}
	case 48:
		return BitField{A: a, From: int(b), Width: r.num(), Out: out}
	case 49:
		return Below{A: a, Bounds: make([]uint64, max(0, r.num())), Out: r.regs()}
	case 50:
		return Negate{A: a, Out: out}
	case 51:
		return Abs{A: a, Out: out}
	case 52:
		return Sign{A: a, Out: out}
	case 53:
		return ShiftRight{A: a, By: int(b), Out: out}
	case 54:
		return FloorDivide{A: a, Divisor: int64(b), Out: out}
	case 55:
		return DivideBy{A: a, Divisor: int64(b), Rounding: Rounding(r.num()), Out: out}
	case 56:
		return MulFixed{A: a, B: b, Unit: int64(r.num()), Rounding: Rounding(r.num()), Out: out}
	case 57:
		return Divide{A: a, B: b, Width: r.num(), Quotient: out, Remainder: Reg(r.num()), Null: Reg(r.num())}
	case 58:
		return Case{When: r.regs(), Then: r.regs(), Else: a, Out: out}
	case 59:
		return Gaussian{N: int(a), Factors: make([]int64, max(0, int(b))), Bounds: make([]uint64, max(0, r.num())), Out: out}
	default:
		return r.relational(kind, a, b, out)
	}
}

// arithmetic uses every instruction of arithmetic once, on the words 7, −7, 10, 0 and 2, −2, 0, 4.
func arithmetic() Program {
	p := Program{Ops: []Op{
		InputArith{From: Input{0, 0}, N: 4, Out: 0},
		InputArith{From: Input{0, 1}, N: 4, Out: 1},
		InputBits{From: Input{0, 2}, N: 4, Width: 1, Out: 2},
		Negate{A: 0, Out: 3},
		Abs{A: 0, Out: 4},
		Sign{A: 0, Out: 5},
		ShiftRight{A: 0, By: 1, Out: 6},
		FloorDivide{A: 0, Divisor: 3, Out: 7},
		DivideBy{A: 0, Divisor: -4, Rounding: HalfAwayFromZero, Out: 8},
		DivideBy{A: 0, Divisor: -4, Rounding: TowardZero, Out: 9},
		DivideBy{A: 0, Divisor: 4, Rounding: Down, Out: 10},
		MulFixed{A: 0, B: 1, Unit: 10, Rounding: HalfAwayFromZero, Out: 11},
		Divide{A: 0, B: 1, Width: 5, Quotient: 12, Remainder: 13, Null: 14},
		Case{When: []Reg{14, 2}, Then: []Reg{1, 0}, Else: 3, Out: 15},
		ToBits{A: 0, Width: 4, Out: 16},
		BitField{A: 16, From: 1, Width: 3, Out: 17},
		Below{A: 16, Bounds: []uint64{0, 8, 15}, Out: []Reg{18, 19, 20}},
		RandomBits{N: 4, Width: 3, Out: 21},
		Gaussian{N: 4, Factors: []int64{3}, Bounds: []uint64{math.MaxUint64, 1 << 60, 0}, Out: 22},
	}}
	for r := range Reg(23) {
		p.Ops = append(p.Ops, Open{Label: labelOf(r), A: r, To: int(r) % 3})
	}
	return p
}

// zeroes is a source of words 0: each is below every bound, and every sign is plus.
type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestEvalArithmetic: the meaning of every instruction of arithmetic on four rows.
func TestEvalArithmetic(t *testing.T) {
	t.Parallel()
	inputs := Inputs{0: {Columns: [][]uint64{{7, neg(7), 10, 0}, {2, neg(2), 0, 4}, {0, 1, 1, 1}}}}
	got, err := Eval(arithmetic(), inputs, zeroes{})
	if err != nil {
		t.Fatal(err)
	}
	for r, want := range map[Reg][]uint64{
		3: {neg(7), 7, neg(10), 0}, 4: {7, 7, 10, 0}, 5: {1, neg(1), 1, 0}, 6: {3, neg(4), 5, 0}, 7: {2, neg(3), 3, 0},
		8: {neg(2), 2, neg(3), 0}, 9: {neg(1), 1, neg(2), 0}, 10: {1, neg(2), 2, 0}, 11: {1, 1, 0, 0},
		12: {3, 3, 0, 0}, 13: {1, neg(1), 0, 0}, 14: {0, 0, 1, 0}, 15: {neg(7), neg(7), 0, 0},
		17: {3, 4, 5, 0}, 18: {0, 0, 0, 0}, 19: {1, 0, 0, 1}, 20: {1, 1, 1, 1}, 21: {0, 0, 0, 0}, 22: {8, 8, 8, 8},
	} {
		if !reflect.DeepEqual(got[labelOf(r)], want) {
			t.Errorf("r%d: got %v, want %v", r, got[labelOf(r)], want)
		}
	}
	inputs[0].Columns[0][2] = 32
	if _, err := Eval(arithmetic(), inputs, zeroes{}); err == nil {
		t.Error("divided a word that is wider than declared")
	}
}

// TestArithmeticString holds the canonical text to a file.
func TestArithmeticString(t *testing.T) {
	t.Parallel()
	const file = "testdata/arithmetic.txt"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(arithmetic().String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := arithmetic().String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestValidateArithmetic refuses operands of wrong kinds and parameters out of range.
func TestValidateArithmetic(t *testing.T) {
	t.Parallel()
	regs := func(r ...Reg) []Reg { return r }
	for name, op := range map[string]Op{
		"no bits":                  RandomBits{N: 4, Out: 4},
		"65 bits":                  RandomBits{N: 4, Width: 65, Out: 4},
		"no rows":                  RandomBits{Width: 1, Out: 4},
		"field of words":           BitField{A: 0, Width: 1, Out: 4},
		"field of nothing":         BitField{A: 1, Out: 4},
		"field beyond":             BitField{A: 1, From: 2, Width: 2, Out: 4},
		"field before":             BitField{A: 1, From: -1, Width: 2, Out: 4},
		"bound of words":           Below{A: 0, Bounds: []uint64{1}, Out: regs(4)},
		"no bound":                 Below{A: 1},
		"bound beyond":             Below{A: 1, Bounds: []uint64{8}, Out: regs(4)},
		"bounds into one":          Below{A: 1, Bounds: []uint64{1, 2}, Out: regs(4)},
		"negated bits":             Negate{A: 1, Out: 4},
		"absolute bits":            Abs{A: 1, Out: 4},
		"sign of bits":             Sign{A: 1, Out: 4},
		"shift by 64":              ShiftRight{A: 0, By: 64, Out: 4},
		"shift of bits":            ShiftRight{A: 1, By: 1, Out: 4},
		"shift back":               ShiftRight{A: 0, By: -1, Out: 4},
		"floor by one":             FloorDivide{A: 0, Divisor: 1, Out: 4},
		"floor by much":            FloorDivide{A: 0, Divisor: MaxDivisor + 1, Out: 4},
		"division by zero":         DivideBy{A: 0, Rounding: Down, Out: 4},
		"division by much":         DivideBy{A: 0, Divisor: -MaxDivisor - 1, Rounding: Down, Out: 4},
		"division by the least":    DivideBy{A: 0, Divisor: math.MinInt64, Rounding: Down, Out: 4},
		"no rounding":              DivideBy{A: 0, Divisor: 2, Out: 4},
		"unknown rounding":         DivideBy{A: 0, Divisor: 2, Rounding: HalfAwayFromZero + 1, Out: 4},
		"product of kinds":         MulFixed{A: 0, B: 1, Unit: 2, Rounding: Down, Out: 4},
		"product in no unit":       MulFixed{A: 0, B: 0, Rounding: Down, Out: 4},
		"division of kinds":        Divide{A: 0, B: 1, Width: 5, Quotient: 4, Remainder: 5, Null: 6},
		"division of no bits":      Divide{A: 0, B: 0, Quotient: 4, Remainder: 5, Null: 6},
		"division of 61 bits":      Divide{A: 0, B: 0, Width: 61, Quotient: 4, Remainder: 5, Null: 6},
		"division into one":        Divide{A: 0, B: 0, Width: 5, Quotient: 4, Remainder: 4, Null: 6},
		"case of nothing":          Case{Else: 0, Out: 4},
		"case of two lists":        Case{When: regs(2, 2), Then: regs(0), Else: 0, Out: 4},
		"case by rows":             Case{When: regs(1), Then: regs(0), Else: 0, Out: 4},
		"case of kinds":            Case{When: regs(2), Then: regs(0), Else: 1, Out: 4},
		"case of other lengths":    Case{When: regs(2), Then: regs(3), Else: 3, Out: 4},
		"noise without bounds":     Gaussian{N: 1, Out: 4},
		"noise of rising bounds":   Gaussian{N: 1, Bounds: []uint64{1, 2}, Out: 4},
		"noise with a zero factor": Gaussian{N: 1, Factors: []int64{0}, Bounds: []uint64{1}, Out: 4},
		"noise of many factors":    Gaussian{N: 1, Factors: []int64{1, 1, 1, 1, 1, 1, 1, 1, 1}, Bounds: []uint64{1}, Out: 4},
		"noise of many draws":      Gaussian{N: 1 << 24, Bounds: []uint64{2, 1}, Out: 4},
		"noise of no draws":        Gaussian{Bounds: []uint64{1}, Out: 4},
	} {
		p := Program{Ops: []Op{InputArith{N: 4, Out: 0}, InputBits{N: 4, Width: 3, Out: 1}, InputBits{N: 4, Width: 1, Out: 2}, InputBits{N: 3, Width: 3, Out: 3}, op}}
		if err := Validate(p); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

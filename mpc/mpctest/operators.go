package mpctest

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// Registers that the program of every [Operator] begins with: rows rows each but one.
const (
	RegWords  program.Reg = iota // small words of party 0
	RegOthers                    // small positive words of party 1
	RegBits                      // 7 bits of party 2
	RegMore                      // 7 bits of party 0
	RegBit                       // one bit of party 1
	RegOrder                     // a permutation of party 2
	RegOne                       // one word of party 0
	RegSorted                    // 7 bits of party 1, ascending
	RegOneBit                    // one bit of party 0, one row
	RegUnique                    // the public numbers of the rows, 20 bits
	firstOwn                     // what the operator defines
)

// Operator is a program that runs one instruction and opens what it defines.
type Operator struct {
	Op      program.Op
	Program program.Program
	Inputs  [3]program.Inputs
}

// Name is the instruction's type.
func (o Operator) Name() string { return fmt.Sprintf("%T", o.Op)[len("program."):] }

// Operators is one program for each instruction there is, over rows rows, at least 4. A test
// holds it to the instruction set.
func Operators(rows int) []Operator {
	const r = firstOwn
	bits, list := []program.Reg{RegBits, RegWords}, func(regs ...program.Reg) []program.Reg { return regs }
	keys := []program.Key{{A: RegBits, Signed: true, Descending: true}, {A: RegMore}}
	var out []Operator
	for _, op := range append(relational(rows), []program.Op{
		program.InputArith{Party: 1, From: program.Input{Task: 1}, N: rows, Out: r},
		program.InputBits{Party: 2, From: program.Input{Task: 2}, N: rows, Width: 5, Out: r},
		program.Constant{Values: []uint64{1, 2, 3}, Out: r},
		program.Add{A: RegWords, B: RegOthers, Out: r},
		program.Sub{A: RegWords, B: RegOthers, Out: r},
		program.Scale{A: RegWords, Factor: 3, Out: r},
		program.Mul{A: RegWords, B: RegOthers, Out: r},
		program.Dot{A: list(RegWords, RegOthers), B: list(RegOthers, RegOthers), Out: r},
		program.Sum{A: RegWords, Out: r},
		program.Concat{Parts: list(RegBits, RegMore), Out: r},
		program.Slice{A: RegBits, From: 1, To: 3, Out: r},
		program.GreaterEqual{A: RegWords, Bound: 2, Out: r},
		program.IsZero{A: RegBits, Out: r},
		program.And{A: RegBit, B: RegBits, Out: r},
		program.Xor{A: RegBits, B: RegMore, Out: r},
		program.Not{A: RegBits, Out: r},
		program.BitToArith{A: RegBit, Out: r},
		program.Select{Bit: RegBit, A: RegWords, B: RegOthers, Out: r},
		program.Noise{N: rows, Bits: []uint64{0, 0}, Out: r},
		program.Lookup{Node: "n", Build: 0, Probe: 1, Third: 2, BuildTask: 0, ProbeTask: 1, BuildFields: []int{0}, BuildRows: rows,
			ProbeRows: rows, Lambda: program.MinLambda(rows), Match: r, Payload: list(r + 1)},
		program.Less{A: RegBits, B: RegMore, Out: r},
		program.LessEqual{A: RegBits, B: RegMore, Out: r},
		program.Min{A: RegBits, B: RegMore, Out: r},
		program.Max{A: RegWords, B: RegOthers, Out: r},
		program.ToBits{A: RegWords, Width: 64, Out: r},
		program.ToArith{A: RegBits, Signed: true, Out: r},
		program.Shuffle{A: bits, Out: list(r, r+1)},
		program.Scatter{By: RegOrder, A: bits, Out: list(r, r+1)},
		program.Gather{By: RegOrder, A: bits, Out: list(r, r+1)},
		program.Order{Keys: keys, Out: r},
		program.Merge{Keys: []program.Key{{A: RegSorted}}, Runs: []int{rows / 2, rows - rows/2}, Out: r},
		program.BitOrder{Bit: RegBit, Out: r},
		program.Compact{Valid: RegBit, A: bits, Out: list(r, r+1), OutValid: r + 2},
		program.PrefixSum{A: RegWords, Out: r},
		program.Repeat{A: RegOne, N: rows, Out: r},
		program.Iota{N: rows, Out: r},
		program.Starts{Keys: list(RegSorted), Out: r},
		program.Ends{Starts: RegBit, Out: r},
		program.First{A: RegBit, Out: r},
		program.Shift{A: RegBits, By: 1, Out: r},
		program.SegmentedCopy{Starts: RegBit, A: RegWords, Out: r},
		program.SegmentedSum{Starts: RegBit, A: RegWords, Out: r},
		program.SegmentedMin{Starts: RegBit, A: RegBits, Out: r},
		program.SegmentedMax{Starts: RegBit, A: RegBits, Signed: true, Out: r},
		program.GroupBy{Starts: RegBit, Sums: list(RegWords), Last: list(RegBits), OutSums: list(r), OutLast: list(r + 1), Valid: r + 2},
		program.SandwichSum{Left: list(RegBits), Right: list(RegMore), A: list(RegWords), Out: list(r)},
		program.RandomBits{N: rows, Width: 9, Out: r},
		program.Gaussian{N: rows, Factors: []int64{1}, Bounds: []uint64{0, 0}, Out: r},
		program.BitField{A: RegBits, From: 2, Width: 3, Out: r},
		program.Below{A: RegBits, Bounds: []uint64{0, 5, 127}, Out: list(r, r+1, r+2)},
		program.Negate{A: RegWords, Out: r},
		program.Abs{A: RegWords, Out: r},
		program.Sign{A: RegWords, Out: r},
		program.ShiftRight{A: RegWords, By: 2, Out: r},
		program.FloorDivide{A: RegWords, Divisor: 3, Out: r},
		program.DivideBy{A: RegWords, Divisor: -10, Rounding: program.HalfAwayFromZero, Out: r},
		program.MulFixed{A: RegWords, B: RegOthers, Unit: 10, Rounding: program.TowardZero, Out: r},
		program.Divide{A: RegWords, B: RegOthers, Width: 5, Quotient: r, Remainder: r + 1, Null: r + 2},
		program.Case{When: list(RegBit, RegBit), Then: list(RegWords, RegOthers), Else: RegOrder, Out: r},
		program.Open{Label: "x", A: RegBits, To: 2},
	}...) {
		out = append(out, newOperator(op, rows))
	}
	return out
}

// newOperator puts an instruction behind the inputs and opens everything that it defines.
func newOperator(op program.Op, rows int) Operator {
	words, others, sorted, order := make([]uint64, rows), make([]uint64, rows), make([]uint64, rows), make([]uint64, rows)
	keys := make([][]byte, rows)
	for i := range rows {
		words[i] = uint64(int64(i%11) - 5)
		others[i] = uint64(i%7 + 1)
		sorted[i] = uint64(i*13%61) % 128
		order[i] = uint64((i + rows/3) % rows)
		keys[i] = binary.LittleEndian.AppendUint32(nil, uint32(i))
	}
	slices.Sort(sorted[:rows/2]) // two runs
	slices.Sort(sorted[rows/2:])
	o := Operator{Op: op, Inputs: [3]program.Inputs{
		{0: {Columns: [][]uint64{words, others, words[:1]}, Keys: keys}},
		{1: {Columns: [][]uint64{others, words, sorted}, Keys: keys[rows/2:]}},
		{2: {Columns: [][]uint64{others, order}}},
	}}
	o.Program.Ops = []program.Op{
		program.InputArith{Party: 0, N: rows, Out: RegWords},
		program.InputArith{Party: 1, From: program.Input{Task: 1}, N: rows, Out: RegOthers},
		program.InputBits{Party: 2, From: program.Input{Task: 2}, N: rows, Width: 7, Out: RegBits},
		program.InputBits{Party: 0, From: program.Input{Column: 1}, N: rows, Width: 7, Out: RegMore},
		program.InputBits{Party: 1, From: program.Input{Task: 1, Column: 1}, N: rows, Width: 1, Out: RegBit},
		program.InputArith{Party: 2, From: program.Input{Task: 2, Column: 1}, N: rows, Out: RegOrder},
		program.InputArith{Party: 0, From: program.Input{Column: 2}, N: 1, Out: RegOne},
		program.InputBits{Party: 1, From: program.Input{Task: 1, Column: 2}, N: rows, Width: 7, Out: RegSorted},
		program.InputBits{Party: 0, From: program.Input{Column: 2}, N: 1, Width: 1, Out: RegOneBit},
		program.IotaBits{N: rows, Width: 20, Out: RegUnique},
		op,
	}
	for i, r := range program.Defines(op) {
		o.Program.Ops = append(o.Program.Ops, program.Open{Label: fmt.Sprint("out ", i), A: r, To: i % 3})
	}
	return o
}

// Some is every sixth operator: a test's short run.
func Some(operators []Operator) []Operator {
	var out []Operator
	for i := 0; i < len(operators); i += 6 {
		out = append(out, operators[i])
	}
	return out
}

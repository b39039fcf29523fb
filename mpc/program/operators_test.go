package program_test

import (
	"errors"
	"flag"
	"os"
	"reflect"
	"testing"

	. "github.com/c2dproxy/c2dproxy/mpc/program"
)

// operators uses every operator of its own file once.
func operators() Program {
	p := Program{Ops: []Op{
		InputBits{Party: 0, From: Input{0, 0}, N: 4, Width: 3, Out: 0},
		InputBits{Party: 1, From: Input{1, 0}, N: 4, Width: 3, Out: 1},
		InputArith{Party: 2, From: Input{2, 0}, N: 4, Out: 2},
		Less{A: 0, B: 1, Out: 3},
		Less{A: 0, B: 1, Signed: true, Out: 4},
		LessEqual{A: 0, B: 1, Out: 5},
		Min{A: 0, B: 1, Out: 6},
		Max{A: 2, B: 2, Signed: true, Out: 7},
		Select{Bit: 3, A: 0, B: 1, Out: 8},
		And{A: 3, B: 0, Out: 9},
		ToBits{A: 2, Width: 2, Out: 10},
		ToArith{A: 0, Out: 11},
		ToArith{A: 0, Signed: true, Out: 12},
		Shuffle{A: []Reg{0, 2}, Out: []Reg{13, 14}},
		Order{Keys: []Key{{A: 0}, {A: 1, Signed: true, Descending: true}}, Out: 15},
		Gather{By: 15, A: []Reg{0, 2}, Out: []Reg{16, 17}},
		Scatter{By: 15, A: []Reg{16}, Out: []Reg{18}},
		BitOrder{Bit: 3, Out: 19},
		Compact{Valid: 3, A: []Reg{0, 2}, Out: []Reg{20, 21}, OutValid: 22},
		Iota{N: 4, Out: 23},
		PrefixSum{A: 23, Out: 24},
		Slice{A: 24, From: 3, To: 4, Out: 25},
		Repeat{A: 25, N: 4, Out: 26},
		Starts{Keys: []Reg{16}, Out: 27},
		Ends{Starts: 27, Out: 28},
		First{A: 3, Out: 29},
		Shift{A: 2, By: 1, Out: 30},
		SegmentedCopy{Starts: 27, A: 17, Out: 31},
		SegmentedSum{Starts: 27, A: 17, Out: 32},
		SegmentedMin{Starts: 27, A: 0, Out: 33},
		SegmentedMax{Starts: 27, A: 0, Signed: true, Out: 34},
		GroupBy{Starts: 27, Sums: []Reg{17}, Last: []Reg{16}, OutSums: []Reg{35}, OutLast: []Reg{36}, Valid: 37},
		Slice{A: 16, From: 0, To: 2, Out: 38},
		Merge{Keys: []Key{{A: 16}}, Runs: []int{1, 3}, Out: 39},
		SandwichSum{Left: []Reg{0}, Right: []Reg{38}, A: []Reg{2}, Out: []Reg{40}},
		Concat{Parts: []Reg{38, 0}, Out: 41},
	}}
	for r := range Reg(42) {
		p.Ops = append(p.Ops, Open{Label: labelOf(r), A: r, To: int(r) % 3})
	}
	return p
}

func labelOf(r Reg) string { return string(rune('A'+r/10)) + string(rune('0'+r%10)) }

// TestEvalOperators: the meaning of every operator on four rows.
func TestEvalOperators(t *testing.T) {
	t.Parallel()
	inputs := Inputs{
		0: {Columns: [][]uint64{{5, 2, 5, 8 + 1}}}, // three bits: 5 2 5 1
		1: {Columns: [][]uint64{{3, 2, 6, 7}}},
		2: {Columns: [][]uint64{{10, 21, 32, 43}}},
	}
	got, err := Eval(operators(), inputs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for r, want := range [][]uint64{
		{5, 2, 5, 1}, {3, 2, 6, 7}, {10, 21, 32, 43},
		{0, 0, 1, 1}, {1, 0, 1, 0}, {0, 1, 1, 1}, {3, 2, 5, 1}, {10, 21, 32, 43}, {3, 2, 5, 1}, {0, 0, 5, 1},
		{2, 1, 0, 3}, {5, 2, 5, 1}, {neg(3), 2, neg(3), 1}, {5, 2, 5, 1}, {10, 21, 32, 43},
		{3, 1, 0, 2}, {1, 2, 5, 5}, {43, 21, 10, 32}, {5, 2, 5, 1},
		{0, 1, 2, 3}, {5, 1, 5, 2}, {32, 43, 10, 21}, {1, 1, 0, 0},
		{0, 1, 2, 3}, {0, 1, 3, 6}, {6}, {6, 6, 6, 6},
		{1, 1, 1, 0}, {1, 1, 0, 1}, {1, 0, 1, 1}, {0, 10, 21, 32},
		{43, 21, 10, 10}, {43, 21, 10, 42}, {5, 2, 5, 1}, {5, 2, 5, 1},
		{43, 21, 42, 0}, {1, 2, 5, 0}, {1, 1, 1, 0}, {1, 2}, {0, 1, 2, 3}, {43, 21}, {1, 2, 5, 2, 5, 1},
	} {
		if !reflect.DeepEqual(got[labelOf(Reg(r))], want) {
			t.Errorf("r%d: got %v, want %v", r, got[labelOf(Reg(r))], want)
		}
	}
}

// TestOperatorsString holds the canonical text to a file.
func TestOperatorsString(t *testing.T) {
	t.Parallel()
	const file = "testdata/operators.txt"
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(operators().String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := operators().String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestOperatorsSchedule: composites run as other instructions, and every one has a cost.
func TestOperatorsSchedule(t *testing.T) {
	t.Parallel()
	p := operators()
	batches, _, err := Schedule(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		for _, op := range b.Ops {
			switch op.(type) {
			case LessEqual, Min, Max, Select, BitOrder, Compact, SegmentedCopy, SegmentedSum, SegmentedMin, SegmentedMax, GroupBy, SandwichSum:
				t.Errorf("%T is left to the engine", op)
			}
		}
	}
	costs, err := Cost(p)
	if err != nil {
		t.Fatal(err)
	}
	if len(costs) < len(p.Ops) {
		t.Errorf("%d costs of %d instructions", len(costs), len(p.Ops))
	}
}

// TestValidateOperators refuses operands of wrong kinds, lengths and widths.
func TestValidateOperators(t *testing.T) {
	t.Parallel()
	word, row, bit := InputArith{N: 4, Out: 0}, InputBits{N: 4, Width: 3, Out: 1}, InputBits{N: 4, Width: 1, Out: 2}
	short := InputBits{N: 3, Width: 3, Out: 3}
	regs := func(r ...Reg) []Reg { return r }
	for name, op := range map[string]Op{
		"bits of width 65":          InputBits{N: 4, Width: 65, Out: 4},
		"bits of no width":          InputBits{N: 4, Out: 4},
		"bits of nobody":            InputBits{Party: -1, N: 4, Width: 1, Out: 4},
		"bits of a negative task":   InputBits{From: Input{Task: -1}, N: 4, Width: 1, Out: 4},
		"words compared":            Less{A: 0, B: 0, Out: 4},
		"widths compared":           LessEqual{A: 1, B: 2, Out: 4},
		"minimum of two kinds":      Min{A: 0, B: 1, Out: 4},
		"maximum of two lengths":    Max{A: 1, B: 3, Out: 4},
		"select of two kinds":       Select{Bit: 2, A: 0, B: 1, Out: 4},
		"gate by a row":             And{A: 1, B: 2, Out: 4},
		"gate of another length":    And{A: 2, B: 3, Out: 4},
		"bits of bits":              ToBits{A: 1, Width: 2, Out: 4},
		"too many bits of words":    ToBits{A: 0, Width: 65, Out: 4},
		"words of words":            ToArith{A: 0, Out: 4},
		"shuffle of nothing":        Shuffle{},
		"shuffle of two lengths":    Shuffle{A: regs(1, 3), Out: regs(4, 5)},
		"shuffle into nothing":      Shuffle{A: regs(1), Out: nil},
		"scatter by one bit":        Scatter{By: 2, A: regs(1), Out: regs(4)},
		"gather of another length":  Gather{By: 0, A: regs(3), Out: regs(4)},
		"order by words":            Order{Keys: []Key{{A: 0}}, Out: 4},
		"order by nothing":          Order{Out: 4},
		"order by two lengths":      Order{Keys: []Key{{A: 1}, {A: 3}}, Out: 4},
		"merge of too few rows":     Merge{Keys: []Key{{A: 1}}, Runs: []int{1, 2}, Out: 4},
		"merge of an empty run":     Merge{Keys: []Key{{A: 1}}, Runs: []int{0, 4}, Out: 4},
		"merge of a negative run":   Merge{Keys: []Key{{A: 1}}, Runs: []int{-1, 5}, Out: 4},
		"order of a row":            BitOrder{Bit: 1, Out: 4},
		"compaction by rows":        Compact{Valid: 1, A: regs(0), Out: regs(4), OutValid: 5},
		"compaction of other rows":  Compact{Valid: 2, A: regs(3), Out: regs(4), OutValid: 5},
		"prefix sum of bits":        PrefixSum{A: 1, Out: 4},
		"repeated column":           Repeat{A: 0, N: 4, Out: 4},
		"no rows counted":           Iota{N: 0, Out: 4},
		"starts of words":           Starts{Keys: regs(0), Out: 4},
		"starts of nothing":         Starts{Out: 4},
		"ends of rows":              Ends{Starts: 1, Out: 4},
		"first of rows":             First{A: 1, Out: 4},
		"shift beyond":              Shift{A: 1, By: 5, Out: 4},
		"shift back":                Shift{A: 1, By: -1, Out: 4},
		"copy of rows":              SegmentedCopy{Starts: 2, A: 1, Out: 4},
		"sum by rows":               SegmentedSum{Starts: 1, A: 0, Out: 4},
		"minimum of words":          SegmentedMin{Starts: 2, A: 0, Out: 4},
		"maximum of other rows":     SegmentedMax{Starts: 2, A: 3, Out: 4},
		"group of nothing":          GroupBy{Starts: 2, Valid: 4},
		"sum of bits":               GroupBy{Starts: 2, Sums: regs(1), OutSums: regs(4), Valid: 5},
		"last into nothing":         GroupBy{Starts: 2, Last: regs(1), Valid: 4},
		"group by rows":             GroupBy{Starts: 1, Sums: regs(0), OutSums: regs(4), Valid: 5},
		"sandwich of two widths":    SandwichSum{Left: regs(1), Right: regs(2), A: regs(0), Out: regs(4)},
		"sandwich of no payload":    SandwichSum{Left: regs(1), Right: regs(1)},
		"sandwich of other payload": SandwichSum{Left: regs(3), Right: regs(1), A: regs(0), Out: regs(4)},
		"concatenation of widths":   Concat{Parts: regs(1, 2), Out: 4},
	} {
		p := Program{Ops: []Op{word, row, bit, short, op}}
		if err := Validate(p); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

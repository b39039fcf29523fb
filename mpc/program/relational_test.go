package program_test

import (
	"errors"
	"flag"
	"os"
	"testing"

	. "github.com/c2dproxy/c2dproxy/mpc/program"
)

// relational makes an arbitrary instruction on whole tables.
func (r *bytesReader) relational(kind int, a, b, out Reg) Op {
	switch kind {
	case 60:
		return IotaBits{N: int(a), Width: int(b), Out: out}
	case 61:
		return Flags{N: int(a), From: int(b), To: r.num(), Out: out}
	case 62:
		return Every{A: a, From: int(b), Step: r.num(), Out: out}
	case 63:
		return PrefixXor{A: a, Out: out}
	case 64:
		return Pack{Keys: r.keys(), From: int(a), To: int(b), Out: out}
	case 65:
		return Broadcast{Starts: a, First: r.regs(), Last: r.regs(), OutFirst: r.regs(), OutLast: r.regs()}
	case 66:
		op := Window{Starts: a, Peers: b}
		for _, f := range r.regs() {
			op.Functions = append(op.Functions, WindowFunction{Kind: WindowKind(f), A: Reg(r.num()), Out: Reg(r.num())})
		}
		return op
	case 67:
		return Lag{Starts: a, By: int(b), A: r.regs(), Default: r.regs(), Out: r.regs()}
	case 68:
		return Lead{Starts: a, By: int(b), A: r.regs(), Default: r.regs(), Out: r.regs()}
	case 69:
		return Leading{Starts: a, K: int(b), Out: out}
	case 70:
		return TopK{Keys: r.keys(), K: int(b), A: r.regs(), Out: r.regs()}
	case 71:
		return Quantile{Counts: a, Num: uint64(b), Den: uint64(r.num()), Out: out, Valid: Reg(r.num())}
	case 72:
		return GroupQuantile{Starts: a, Weight: b, A: Reg(r.num()), Num: uint64(r.num()), Den: uint64(r.num()), Continuous: a == b, Out: out}
	case 73:
		return Distinct{Keys: r.regs(), Valid: a, Out: out}
	case 74:
		return CountDistinct{Keys: r.regs(), Valid: a, Out: out}
	default:
		return r.tables(kind, a, b, out)
	}
}

// tables makes an arbitrary join, or what a join's rows become.
func (r *bytesReader) tables(kind int, a, b, out Reg) Op {
	switch kind {
	case 75:
		return Suppress{Valid: a, Count: b, AtLeast: int64(r.num()), A: r.regs(), Pad: r.num(), Out: r.regs(), Keep: out}
	case 76:
		return NotIn{Match: a, NotNull: b, Empty: Reg(r.num()), HasNull: Reg(r.num()), Out: out, Null: Reg(r.num())}
	case 77:
		return Slots{Match: a, Present: r.regs(), Columns: [][]Reg{r.regs(), r.regs()}[:max(0, int(b)%3)], Left: a == b, Out: r.regs(), Rows: out}
	case 78:
		return MergeJoin{Left: r.regs(), Right: r.regs(), LeftValid: a, RightValid: b, Sorted: a == b, A: r.regs(), Out: r.regs(), Match: out, Matched: Reg(r.num())}
	case 79:
		return Join{Kind: JoinKind(r.num()), Left: r.regs(), Right: r.regs(), LeftValid: a, RightValid: b, LeftMatchable: a, RightMatchable: b,
			LeftColumns: r.regs(), RightColumns: r.regs(), OutLeft: r.regs(), OutRight: r.regs(), HasLeft: out, HasRight: Reg(r.num()), Valid: Reg(r.num())}
	case 80:
		return RepeatRows{Count: a, Rows: int(b), A: r.regs(), Out: r.regs(), Valid: out}
	case 81:
		return ExpandJoin{Left: r.regs(), Right: r.regs(), LeftValid: a, RightValid: b, LeftColumns: r.regs(), RightColumns: r.regs(), Rows: r.num(),
			OutLeft: r.regs(), OutRight: r.regs(), Valid: out, Total: Reg(r.num()), Matches: a == b, LeftMatched: Reg(r.num()), RightMatched: Reg(r.num())}
	default:
		return nil
	}
}

// tableProgram uses every instruction on whole tables once.
func tableProgram() Program {
	regs := func(r ...Reg) []Reg { return r }
	return Program{Ops: []Op{
		InputArith{Party: 0, From: Input{0, 0}, N: 4, Out: 0},
		InputBits{Party: 1, From: Input{1, 0}, N: 4, Width: 3, Out: 1},
		InputBits{Party: 2, From: Input{2, 0}, N: 4, Width: 1, Out: 2},
		InputBits{Party: 0, From: Input{3, 0}, N: 1, Width: 1, Out: 3},
		IotaBits{N: 4, Width: 3, Out: 4},
		Flags{N: 4, From: 1, To: 3, Out: 5},
		Every{A: 0, From: 1, Step: 2, Out: 6},
		PrefixXor{A: 1, Out: 7},
		Pack{Keys: []Key{{A: 1, Signed: true}, {A: 4, Descending: true}}, From: 2, To: 6, Out: 8},
		Broadcast{Starts: 2, First: regs(0), Last: regs(1), OutFirst: regs(9), OutLast: regs(10)},
		Window{Starts: 2, Peers: 2, Functions: []WindowFunction{{Kind: WindowRowNumber, Out: 11}, {Kind: WindowTotal, A: 0, Out: 12}}},
		Lag{Starts: 2, By: 1, A: regs(0), Default: regs(0), Out: regs(13)},
		Lead{Starts: 2, By: 3, A: regs(1), Default: regs(4), Out: regs(14)},
		Leading{Starts: 2, K: 2, Out: 15},
		TopK{Keys: []Key{{A: 1}}, K: 2, A: regs(0, 1), Out: regs(16, 17)},
		Quantile{Counts: 0, Num: 1, Den: 2, Out: 18, Valid: 19},
		GroupQuantile{Starts: 2, Weight: 0, A: 0, Num: 1, Den: 3, Out: 20},
		GroupQuantile{Starts: 2, Weight: 0, A: 0, Num: 1, Den: 3, Continuous: true, Out: 21},
		Distinct{Keys: regs(1), Valid: 2, Out: 22},
		CountDistinct{Keys: regs(1, 4), Valid: 2, Out: 23},
		Suppress{Valid: 2, Count: 0, AtLeast: 5, A: regs(1), Pad: 2, Out: regs(24), Keep: 25},
		NotIn{Match: 2, NotNull: 2, Empty: 3, HasNull: 3, Out: 26, Null: 27},
		Slots{Match: 2, Present: regs(0, 9), Columns: [][]Reg{{0, 9}}, Left: true, Out: regs(28), Rows: 29},
		MergeJoin{Left: regs(4), Right: regs(1), LeftValid: 2, RightValid: 2, A: regs(0), Out: regs(30), Match: 31, Matched: 32},
		Join{Kind: LeftJoin, Left: regs(4), Right: regs(1), LeftValid: 2, RightValid: 2, LeftMatchable: 2, RightMatchable: 2, Sorted: true,
			LeftColumns: regs(0), RightColumns: regs(1), OutLeft: regs(33), OutRight: regs(34), HasLeft: 35, HasRight: 36, Valid: 37},
		RepeatRows{Count: 0, Rows: 7, A: regs(1), Out: regs(38), Valid: 39},
		ExpandJoin{Left: regs(1), Right: regs(4), LeftValid: 2, RightValid: 2, LeftColumns: regs(0), RightColumns: regs(1), Rows: 9,
			OutLeft: regs(40), OutRight: regs(41), Valid: 42, Total: 43},
		GroupBy{Starts: 2, Sums: regs(0), First: regs(1), OutSums: regs(44), OutFirst: regs(45), Valid: 46},
		ExpandJoin{Left: regs(1), Right: regs(4), LeftValid: 2, RightValid: 2, LeftColumns: regs(0), Rows: 3,
			OutLeft: regs(47), Valid: 48, Total: 49, Matches: true, LeftMatched: 50, RightMatched: 51},
	}}
}

// TestTablesString holds the canonical text to a file, and every composite to a schedule.
func TestTablesString(t *testing.T) {
	t.Parallel()
	const file = "testdata/tables.txt"
	p := tableProgram()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(file, []byte(p.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := Cost(p); err != nil {
		t.Error(err)
	}
}

// TestValidateTables refuses operands of wrong kinds, lengths and widths.
func TestValidateTables(t *testing.T) {
	t.Parallel()
	word, row, flag := InputArith{N: 4, Out: 0}, InputBits{N: 4, Width: 3, Out: 1}, InputBits{N: 4, Width: 1, Out: 2}
	short := InputBits{N: 3, Width: 3, Out: 3}
	regs := func(r ...Reg) []Reg { return r }
	for name, op := range map[string]Op{
		"numbers too narrow":        IotaBits{N: 9, Width: 3, Out: 4},
		"flags beyond":              Flags{N: 4, From: 1, To: 5, Out: 4},
		"every zeroth":              Every{A: 0, Step: 0, Out: 4},
		"every row of bits":         Every{A: 1, Step: 1, Out: 4},
		"prefix of words":           PrefixXor{A: 0, Out: 4},
		"packed beyond":             Pack{Keys: []Key{{A: 1}}, From: 1, To: 4, Out: 4},
		"nothing packed":            Pack{Keys: []Key{{A: 1}}, From: 2, To: 2, Out: 4},
		"nothing broadcast":         Broadcast{Starts: 2},
		"broadcast of other rows":   Broadcast{Starts: 2, First: regs(3), OutFirst: regs(4)},
		"broadcast into the other":  Broadcast{Starts: 2, First: regs(0), OutLast: regs(4)},
		"window of nothing":         Window{Starts: 2, Peers: 2},
		"window of no kind":         Window{Starts: 2, Peers: 2, Functions: []WindowFunction{{Out: 4}}},
		"window sum of bits":        Window{Starts: 2, Peers: 2, Functions: []WindowFunction{{Kind: WindowTotal, A: 1, Out: 4}}},
		"window of other peers":     Window{Starts: 2, Peers: 1, Functions: []WindowFunction{{Kind: WindowRank, Out: 4}}},
		"first value of other rows": Window{Starts: 2, Peers: 2, Functions: []WindowFunction{{Kind: WindowFirst, A: 3, Out: 4}}},
		"lag by nothing":            Lag{Starts: 2, A: regs(0), Default: regs(0), Out: regs(4)},
		"lag of two kinds":          Lag{Starts: 2, By: 1, A: regs(0), Default: regs(1), Out: regs(4)},
		"lead without default":      Lead{Starts: 2, By: 1, A: regs(0), Out: regs(4)},
		"first none":                Leading{Starts: 2, Out: 4},
		"more than all rows":        TopK{Keys: []Key{{A: 1}}, K: 5, A: regs(0), Out: regs(4)},
		"first rows of others":      TopK{Keys: []Key{{A: 1}}, K: 1, A: regs(3), Out: regs(4)},
		"quantile beyond":           Quantile{Counts: 0, Num: 3, Den: 2, Out: 4, Valid: 5},
		"quantile of bits":          Quantile{Counts: 1, Num: 1, Den: 2, Out: 4, Valid: 5},
		"quantile of no part":       GroupQuantile{Starts: 2, Weight: 0, A: 0, Out: 4},
		"quantile of rows":          GroupQuantile{Starts: 2, Weight: 0, A: 1, Num: 1, Den: 2, Out: 4},
		"distinct words":            Distinct{Keys: regs(0), Valid: 2, Out: 4},
		"distinct of other rows":    CountDistinct{Keys: regs(3), Valid: 2, Out: 4},
		"negative padding":          Suppress{Valid: 2, Count: 0, Pad: -1, Keep: 4},
		"suppressed other rows":     Suppress{Valid: 2, Count: 0, A: regs(3), Out: regs(4), Keep: 5},
		"not in many sets":          NotIn{Match: 2, NotNull: 2, Empty: 2, HasNull: 2, Out: 4, Null: 5},
		"no slots":                  Slots{Match: 2, Rows: 4},
		"slots of bits":             Slots{Match: 2, Present: regs(2), Rows: 4},
		"columns of fewer slots":    Slots{Match: 2, Present: regs(0, 0), Columns: [][]Reg{{0}}, Out: regs(4), Rows: 5},
		"join of two widths":        MergeJoin{Left: regs(1), Right: regs(2), LeftValid: 2, RightValid: 2, Match: 4, Matched: 5},
		"join by other validity":    MergeJoin{Left: regs(3), Right: regs(1), LeftValid: 2, RightValid: 2, Match: 4, Matched: 5},
		"join of no kind":           Join{Left: regs(1), Right: regs(1), LeftValid: 2, RightValid: 2, LeftMatchable: 2, RightMatchable: 2, HasLeft: 4, HasRight: 5, Valid: 6},
		"no repetitions":            RepeatRows{Count: 0, A: regs(1), Out: regs(4), Valid: 5},
		"repeated other rows":       RepeatRows{Count: 0, Rows: 3, A: regs(3), Out: regs(4), Valid: 5},
		"no rows of a join":         ExpandJoin{Left: regs(1), Right: regs(1), LeftValid: 2, RightValid: 2, Valid: 4, Total: 5},
	} {
		p := Program{Ops: []Op{word, row, flag, short, op}}
		if err := Validate(p); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

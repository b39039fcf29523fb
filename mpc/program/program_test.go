package program_test

import (
	"errors"
	"flag"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	. "github.com/c2dproxy/c2dproxy/mpc/program"
)

var update = flag.Bool("update", false, "rewrite testdata")

// sample uses every instruction once.
func sample() Program {
	return Program{Ops: []Op{
		InputArith{Party: 0, From: Input{0, 1}, N: 4, Out: 0},
		Constant{Values: []uint64{1, 2, 3, math.MaxUint64}, Out: 1},
		Add{A: 0, B: 1, Out: 2},
		Sub{A: 0, B: 1, Out: 3},
		Scale{A: 0, Factor: 10, Out: 4},
		Mul{A: 0, B: 1, Out: 5},
		Dot{A: []Reg{0, 1}, B: []Reg{1, 1}, Out: 6},
		Sum{A: 0, Out: 7},
		Concat{Parts: []Reg{6, 7}, Out: 8},
		Slice{A: 0, From: 1, To: 3, Out: 9},
		GreaterEqual{A: 0, Bound: -2, Out: 10},
		IsZero{A: 10, Out: 11},
		Not{A: 10, Out: 12},
		And{A: 10, B: 11, Out: 13},
		Xor{A: 10, B: 11, Out: 14},
		BitToArith{A: 10, Out: 15},
		Select{Bit: 10, A: 0, B: 1, Out: 16},
		Noise{N: 4, Bits: []uint64{1 << 63, math.MaxUint64}, Out: 17},
		Lookup{Node: "join 1", Build: 1, Probe: 2, Third: 0, BuildTask: 1, ProbeTask: 2, BuildFields: []int{0}, BuildRows: 3, ProbeRows: 4, Lambda: 42, Match: 18, Payload: []Reg{19}},
		BitToArith{A: 18, Out: 20},
		Mul{A: 19, B: 20, Out: 21},
		Open{Label: "add", A: 2, To: 0},
		Open{Label: "sub", A: 3, To: 1},
		Open{Label: "scale", A: 4, To: 2},
		Open{Label: "mul", A: 5, To: 0},
		Open{Label: "concat", A: 8, To: 0},
		Open{Label: "slice", A: 9, To: 0},
		Open{Label: "greater equal", A: 10, To: 0},
		Open{Label: "is zero", A: 11, To: 0},
		Open{Label: "not", A: 12, To: 0},
		Open{Label: "and", A: 13, To: 0},
		Open{Label: "xor", A: 14, To: 0},
		Open{Label: "word", A: 15, To: 0},
		Open{Label: "select", A: 16, To: 0},
		Open{Label: "noise", A: 17, To: 0},
		Open{Label: "match", A: 18, To: 0},
		Open{Label: "payload", A: 21, To: 0},
	}}
}

// neg is -x as a word.
func neg(x uint64) uint64 { return -x }

func TestEval(t *testing.T) {
	t.Parallel()
	inputs := Inputs{
		0: {Columns: [][]uint64{nil, {5, neg(2), neg(3), 0}}},
		1: {Columns: [][]uint64{{10, 11, 12}}, Keys: [][]byte{[]byte("a"), nil, []byte("c")}},
		2: {Keys: [][]byte{[]byte("c"), []byte("x"), nil, []byte("a")}},
	}
	// Bit 0 is 1 below 2^63, bit 1 below 2^64-1: added variables first, then subtracted ones.
	words := []uint64{0, 1 << 63, 0, 1 << 63, 0, 0, 1 << 63, 1 << 63, 0, math.MaxUint64, 0, 0, 0, 0, 0, math.MaxUint64, 7, 7}
	got, err := Eval(sample(), inputs, &wordReader{words})
	if err != nil {
		t.Fatal(err)
	}
	want := Opened{
		"add": {6, 0, 0, neg(1)}, "sub": {4, neg(4), neg(6), 1}, "scale": {50, neg(20), neg(30), 0}, "mul": {5, neg(4), neg(9), 0},
		"concat": {neg(8), 15, 0}, "slice": {neg(2), neg(3)},
		"greater equal": {1, 1, 0, 1}, "is zero": {0, 0, 1, 0}, "not": {0, 0, 1, 0}, "and": {0, 0, 0, 0}, "xor": {1, 1, 1, 1},
		"word": {1, 1, 0, 1}, "select": {5, neg(2), 3, 0},
		"noise": {0 + 2 - 2, neg(1) + 0 - 2, 1 + 2 - 2, 0 + 2 - 0},
		"match": {1, 0, 0, 1}, "payload": {12, 0, 0, 10},
	}
	for label, values := range want {
		if !reflect.DeepEqual(got[label], values) {
			t.Errorf("%s: got %v, want %v", label, got[label], values)
		}
	}
	if len(got) != len(want) {
		t.Errorf("opened %d labels, want %d", len(got), len(want))
	}
}

// wordReader is words as little-endian bytes.
type wordReader struct{ words []uint64 }

func (r *wordReader) Read(b []byte) (int, error) {
	n := 0
	for ; n+8 <= len(b) && len(r.words) > 0; n += 8 {
		for i := range 8 {
			b[n+i] = byte(r.words[0] >> (8 * i))
		}
		r.words = r.words[1:]
	}
	if n == 0 {
		return 0, errors.New("no more words")
	}
	return n, nil
}

// TestString holds the canonical text, on which plan hashes rest, to a file.
func TestString(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile("testdata/sample.txt", []byte(sample().String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/sample.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := sample().String(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	opens := sample().Manifest()
	if len(opens) != 16 || opens[0] != (Open{Label: "add", A: 2, To: 0}) || opens[1].To != 1 {
		t.Errorf("manifest is %v", opens)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	if err := Validate(sample()); err != nil {
		t.Fatal(err)
	}
	if err := Validate(Program{}); err != nil {
		t.Errorf("the zero program: %v", err)
	}
	in := InputArith{Party: 0, N: 4, Out: 0}
	ge := GreaterEqual{A: 0, Out: 1}
	find := Lookup{Node: "n", Build: 0, Probe: 1, Third: 2, BuildRows: 1, ProbeRows: 4, Lambda: 42, Match: 0}
	lookup := func(change func(*Lookup)) []Op { l := find; change(&l); return []Op{l} }
	for name, ops := range map[string][]Op{
		"nil instruction":       {nil},
		"read before defined":   {Sum{A: 0, Out: 1}, InputArith{N: 1, Out: 0}},
		"defined twice":         {in, in},
		"register out of range": {InputArith{N: 4, Out: 7}},
		"negative register":     {InputArith{N: 4, Out: -1}},
		"no rows":               {InputArith{N: 0, Out: 0}},
		"negative rows":         {InputArith{N: -4, Out: 0}},
		"too many rows":         {InputArith{N: MaxRows + 1, Out: 0}},
		"party 3":               {InputArith{Party: 3, N: 4, Out: 0}},
		"negative task":         {InputArith{From: Input{Task: -1}, N: 4, Out: 0}},
		"empty constant":        {Constant{Out: 0}},
		"lengths differ":        {in, InputArith{N: 5, Out: 1}, Add{A: 0, B: 1, Out: 2}},
		"dot of two lengths":    {in, Dot{A: []Reg{0}, B: nil, Out: 1}},
		"empty dot":             {in, Dot{Out: 1}},
		"empty concat":          {in, Concat{Out: 1}},
		"slice beyond":          {in, Slice{A: 0, From: 2, To: 5, Out: 1}},
		"slice of nothing":      {in, Slice{A: 0, From: 2, To: 2, Out: 1}},
		"slice backwards":       {in, Slice{A: 0, From: math.MaxInt, To: math.MinInt, Out: 1}},
		"bits added":            {in, ge, Add{A: 1, B: 1, Out: 2}},
		"words negated":         {in, Not{A: 0, Out: 1}},
		"words converted":       {in, BitToArith{A: 0, Out: 1}},
		"select by words":       {in, Select{Bit: 0, A: 0, B: 0, Out: 1}},
		"noise too large":       {Noise{N: 1 << 25, Bits: []uint64{1}, Out: 0}},
		"noise overflows":       {Noise{N: math.MaxInt, Bits: []uint64{1, 2}, Out: 0}},
		"noise of 65 bits":      {Noise{N: 1, Bits: make([]uint64, 65), Out: 0}},
		"noise without bits":    {Noise{N: 1, Out: 0}},
		"no label":              {in, Open{A: 0}},
		"label twice":           {in, Open{Label: "x", A: 0}, Open{Label: "x", A: 0}},
		"open to nobody":        {in, Open{Label: "x", A: 0, To: -1}},
		"lookup of one party":   lookup(func(l *Lookup) { l.Third = 0 }),
		"lookup without a node": lookup(func(l *Lookup) { l.Node = "" }),
		"lookup with few bits":  lookup(func(l *Lookup) { l.Lambda = 41 }),
		"lookup with 65 bits":   lookup(func(l *Lookup) { l.Lambda = 65 }),
		"lookup of no rows":     lookup(func(l *Lookup) { l.ProbeRows = 0 }),
		"lookup of many rows":   lookup(func(l *Lookup) { l.ProbeRows, l.Lambda = MaxProbeRows+1, 64 }),
		"payload missing":       lookup(func(l *Lookup) { l.BuildFields = []int{0} }),
		"negative field":        lookup(func(l *Lookup) { l.BuildFields, l.Payload = []int{-1}, []Reg{1} }),
		"node twice":            {find, Lookup{Node: "n", Build: 0, Probe: 1, Third: 2, BuildRows: 1, ProbeRows: 4, Lambda: 42, Match: 1}},
	} {
		if err := Validate(Program{Ops: ops}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := Eval(Program{Ops: ops}, nil, nil); err == nil {
			t.Errorf("%s: was evaluated", name)
		}
		if _, err := Cost(Program{Ops: ops}); err == nil {
			t.Errorf("%s: has a cost", name)
		}
	}
}

// TestSchedule: independent instructions share a batch, openings come last and in order.
func TestSchedule(t *testing.T) {
	t.Parallel()
	p := Program{Ops: []Op{
		InputArith{Party: 0, N: 4, Out: 0},
		Open{Label: "first", A: 0, To: 1},
		Mul{A: 0, B: 0, Out: 1},
		InputArith{Party: 1, N: 4, Out: 2},
		Mul{A: 2, B: 2, Out: 3},
		Dot{A: []Reg{0}, B: []Reg{2}, Out: 4},
		Mul{A: 1, B: 3, Out: 5},
		Open{Label: "second", A: 5, To: 1},
	}}
	batches, _, err := Schedule(p)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []Kind
	var sizes []int
	for _, b := range batches {
		kinds, sizes = append(kinds, b.Kind), append(sizes, len(b.Ops))
	}
	if !reflect.DeepEqual(kinds, []Kind{Enter, Product, Product, Reveal}) || !reflect.DeepEqual(sizes, []int{2, 3, 1, 2}) {
		t.Errorf("kinds %v, sizes %v", kinds, sizes)
	}
	if last := batches[3].Ops; last[0].(Open).Label != "first" {
		t.Errorf("openings are out of order: %v", last)
	}
	costs, err := Cost(p)
	if err != nil {
		t.Fatal(err)
	}
	rounds := 0
	for _, c := range costs {
		rounds += c.Rounds
	}
	if rounds != 4 || !strings.HasPrefix(costs[0].Op, "r0 = input") {
		t.Errorf("costs are %+v", costs)
	}
}

// TestEvalRefusesInputs that are not as declared.
func TestEvalRefusesInputs(t *testing.T) {
	t.Parallel()
	p := Program{Ops: []Op{InputArith{From: Input{0, 0}, N: 2, Out: 0}}}
	for name, in := range map[string]Inputs{
		"no task": {}, "no column": {0: {}}, "not numeric": {0: {Columns: [][]uint64{nil}}},
		"short": {0: {Columns: [][]uint64{{1}}}}, "long": {0: {Columns: [][]uint64{{1, 2, 3}}}},
	} {
		if _, err := Eval(p, in, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	lookup := Program{Ops: []Op{Lookup{Node: "n", Build: 0, Probe: 1, Third: 2, BuildTask: 0, ProbeTask: 1, BuildRows: 2, ProbeRows: 2, Lambda: 41, Match: 0}}}
	twice := Inputs{0: {Keys: [][]byte{{1}, {1}}}, 1: {Keys: [][]byte{{1}, {2}}}}
	if _, err := Eval(lookup, twice, nil); err == nil {
		t.Error("a build key twice: no error")
	}
}

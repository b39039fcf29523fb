package program_test

import (
	"bytes"
	"testing"

	. "github.com/c2dproxy/c2dproxy/mpc/program"
)

// bytesReader hands out small numbers of a fuzzer's input.
type bytesReader struct{ b []byte }

func (r *bytesReader) num() int {
	if len(r.b) == 0 {
		return 0
	}
	n := int(int8(r.b[0]))
	r.b = r.b[1:]
	return n
}

func (r *bytesReader) regs() []Reg {
	out := make([]Reg, max(0, r.num()%5))
	for i := range out {
		out[i] = Reg(r.num())
	}
	return out
}

// op makes an arbitrary instruction of bytes.
func (r *bytesReader) op() Op {
	kind, a, b, out := r.num(), Reg(r.num()), Reg(r.num()), Reg(r.num())
	switch kind {
	case 0:
		return InputArith{Party: int(a), From: Input{int(b), r.num()}, N: r.num(), Out: out}
	case 1:
		return Constant{Values: make([]uint64, max(0, int(a))), Out: out}
	case 2:
		return Add{a, b, out}
	case 3:
		return Sub{a, b, out}
	case 4:
		return Scale{a, uint64(b), out}
	case 5:
		return Mul{a, b, out}
	case 6:
		return Dot{r.regs(), r.regs(), out}
	case 7:
		return Sum{a, out}
	case 8:
		return Concat{r.regs(), out}
	case 9:
		return Slice{a, int(b), r.num(), out}
	case 10:
		return GreaterEqual{a, int64(b), out}
	case 11:
		return IsZero{a, out}
	case 12:
		return And{a, b, out}
	case 13:
		return Xor{a, b, out}
	case 14:
		return Not{a, out}
	case 15:
		return BitToArith{a, out}
	case 16:
		return Select{a, b, Reg(r.num()), out}
	case 17:
		return Noise{int(a), make([]uint64, max(0, int(b))), out}
	case 18:
		return Lookup{Node: string(r.b[:min(1, len(r.b))]), Build: int(a), Probe: int(b), Third: r.num(), BuildTask: r.num(), ProbeTask: r.num(),
			BuildFields: make([]int, max(0, r.num()%4)), BuildRows: r.num(), ProbeRows: r.num(), Lambda: r.num(), Match: out, Payload: r.regs()}
	case 19:
		return Open{string(r.b[:min(1, len(r.b))]), a, int(b)}
	default:
		return r.operator(kind, a, b, out)
	}
}

// keys makes sort keys of small numbers.
func (r *bytesReader) keys() []Key {
	var out []Key
	for _, a := range r.regs() {
		out = append(out, Key{A: a, Signed: a%2 == 0, Descending: a%3 == 0})
	}
	return out
}

// operator makes an arbitrary instruction that has a file of its own.
func (r *bytesReader) operator(kind int, a, b, out Reg) Op {
	switch kind {
	case 20:
		return InputBits{Party: int(a), N: int(b), Width: r.num(), Out: out}
	case 21:
		return Less{A: a, B: b, Signed: a == b, Out: out}
	case 22:
		return LessEqual{A: a, B: b, Out: out}
	case 23:
		return Min{A: a, B: b, Out: out}
	case 24:
		return Max{A: a, B: b, Signed: a == b, Out: out}
	case 25:
		return ToBits{A: a, Width: int(b), Out: out}
	case 26:
		return ToArith{A: a, Signed: b == 1, Out: out}
	case 27:
		return Shuffle{A: r.regs(), Out: r.regs()}
	case 28:
		return Scatter{By: a, A: r.regs(), Out: r.regs()}
	case 29:
		return Gather{By: a, A: r.regs(), Out: r.regs()}
	case 30:
		return Order{Keys: r.keys(), Out: out}
	case 31:
		return Merge{Keys: r.keys(), Runs: []int{int(a), int(b)}, Out: out}
	case 32:
		return BitOrder{Bit: a, Out: out}
	case 33:
		return Compact{Valid: a, A: r.regs(), Out: r.regs(), OutValid: out}
	case 34:
		return PrefixSum{A: a, Out: out}
	case 35:
		return Repeat{A: a, N: int(b), Out: out}
	case 36:
		return Iota{N: int(a), Out: out}
	case 37:
		return Starts{Keys: r.regs(), Out: out}
	case 38:
		return Ends{Starts: a, Out: out}
	case 39:
		return First{A: a, Out: out}
	case 40:
		return Shift{A: a, By: int(b), Out: out}
	case 41:
		return SegmentedCopy{Starts: a, A: b, Out: out}
	case 42:
		return SegmentedSum{Starts: a, A: b, Out: out}
	case 43:
		return SegmentedMin{Starts: a, A: b, Out: out}
	case 44:
		return SegmentedMax{Starts: a, A: b, Out: out}
	case 45:
		return GroupBy{Starts: a, Sums: r.regs(), Last: r.regs(), OutSums: r.regs(), OutLast: r.regs(), Valid: out}
	case 46:
		return SandwichSum{Left: r.regs(), Right: r.regs(), Sorted: a == b, A: r.regs(), Out: r.regs()}
	default:
		return r.arith(kind, a, b, out)
	}
}

// FuzzValidate: no program makes any function of the package panic; what Validate
// accepts has a schedule of all its openings, a cost and a text.
func FuzzValidate(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 4, 5, 0, 0, 1, 19, 1, 1, 0})
	f.Add([]byte{1, 4, 0, 0, 10, 0, 3, 1, 16, 1, 0, 2, 0, 19, 2, 2, 0})
	f.Add([]byte{17, 3, 2, 0, 8, 0, 0, 1, 2, 0, 0, 9, 1, 2, 2, 5})
	f.Add([]byte{18, 0, 1, 0, 2, 0, 1, 1, 3, 4, 42, 1, 1})
	f.Add([]byte{1, 2, 0, 0, 1, 3, 0, 1, 6, 0, 0, 2, 2, 0, 1, 2, 0, 1, 255, 128, 127})
	f.Add([]byte{20, 0, 4, 0, 3, 20, 0, 4, 1, 3, 21, 0, 1, 2, 24, 0, 1, 3, 30, 0, 0, 4, 1, 0})
	f.Add([]byte{20, 0, 4, 0, 1, 36, 4, 0, 1, 41, 0, 1, 2, 43, 0, 0, 3, 45, 0, 0, 6, 1, 1, 1, 0, 1, 4, 1, 5})
	f.Add([]byte{20, 0, 4, 0, 3, 36, 4, 0, 1, 46, 0, 1, 0, 1, 0, 1, 0, 1, 1, 1, 2, 31, 2, 2, 3, 1, 0})
	for kind := byte(47); kind < 60; kind++ {
		f.Add([]byte{20, 0, 4, 0, 3, 36, 4, 0, 1, 36, 4, 0, 2, kind, 1, 2, 3, 1, 2, 1, 4, 5, kind, 0, 1, 3, 2, 1})
	}
	for kind := byte(60); kind < 82; kind++ {
		f.Add([]byte{20, 0, 4, 0, 3, 20, 0, 4, 1, 1, 36, 4, 0, 2, kind, 1, 1, 3, 1, 1, 1, 2, 1, 3, 1, 1, 2, 1, 1, 4, 5})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &bytesReader{b}
		var p Program
		for len(r.b) > 0 && len(p.Ops) < 50 {
			p.Ops = append(p.Ops, r.op())
		}
		_ = p.String()
		err := Validate(p)
		_, _ = Eval(p, Inputs{0: {Columns: [][]uint64{make([]uint64, 4)}, Keys: [][]byte{{1}, nil}}}, bytes.NewReader(make([]byte, 1<<12)))
		batches, shapes, scheduled := Schedule(p)
		_, costed := Cost(p)
		if (err == nil) != (scheduled == nil) || (err == nil) != (costed == nil) {
			t.Fatalf("Validate: %v, Schedule: %v, Cost: %v", err, scheduled, costed)
		}
		if err != nil {
			return
		}
		ops := 0
		for _, batch := range batches {
			if ops += len(batch.Ops); batch.Kind == Reveal && len(batch.Ops) != len(p.Manifest()) {
				t.Fatalf("%d openings in a batch, %d in the manifest", len(batch.Ops), len(p.Manifest()))
			}
		}
		if ops < len(p.Ops) || len(shapes) == 0 && len(p.Ops) > 0 {
			t.Fatalf("%d of %d instructions are scheduled", ops, len(p.Ops))
		}
	})
}

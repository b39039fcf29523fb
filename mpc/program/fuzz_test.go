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
		return nil
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

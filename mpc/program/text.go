package program

import (
	"fmt"
	"strconv"
	"strings"
)

// String is the canonical text of a program, one line an instruction. Equal texts mean
// equal programs: plan hashes and EXPLAIN are built on it.
func (p Program) String() string {
	var b strings.Builder
	for _, op := range p.Ops {
		b.WriteString(Text(op))
		b.WriteByte('\n')
	}
	return b.String()
}

// Text is the canonical line of one instruction.
func Text(op Op) string {
	switch op := op.(type) {
	case InputArith:
		return fmt.Sprintf("r%d = input party=%d task=%d column=%d rows=%d", op.Out, op.Party, op.From.Task, op.From.Column, op.N)
	case Constant:
		return fmt.Sprintf("r%d = constant %s", op.Out, list(op.Values, ""))
	case Add:
		return fmt.Sprintf("r%d = add r%d r%d", op.Out, op.A, op.B)
	case Sub:
		return fmt.Sprintf("r%d = sub r%d r%d", op.Out, op.A, op.B)
	case Scale:
		return fmt.Sprintf("r%d = scale r%d %d", op.Out, op.A, op.Factor)
	case Mul:
		return fmt.Sprintf("r%d = mul r%d r%d", op.Out, op.A, op.B)
	case Dot:
		return fmt.Sprintf("r%d = dot %s %s", op.Out, list(op.A, "r"), list(op.B, "r"))
	case Sum:
		return fmt.Sprintf("r%d = sum r%d", op.Out, op.A)
	case Concat:
		return fmt.Sprintf("r%d = concat %s", op.Out, list(op.Parts, "r"))
	case Slice:
		return fmt.Sprintf("r%d = slice r%d %d:%d", op.Out, op.A, op.From, op.To)
	case GreaterEqual:
		return fmt.Sprintf("r%d = greater_equal r%d %d", op.Out, op.A, op.Bound)
	case IsZero:
		return fmt.Sprintf("r%d = is_zero r%d", op.Out, op.A)
	case And:
		return fmt.Sprintf("r%d = and r%d r%d", op.Out, op.A, op.B)
	case Xor:
		return fmt.Sprintf("r%d = xor r%d r%d", op.Out, op.A, op.B)
	case Not:
		return fmt.Sprintf("r%d = not r%d", op.Out, op.A)
	case BitToArith:
		return fmt.Sprintf("r%d = bit_to_arith r%d", op.Out, op.A)
	case Select:
		return fmt.Sprintf("r%d = select r%d r%d r%d", op.Out, op.Bit, op.A, op.B)
	case Noise:
		return fmt.Sprintf("r%d = noise rows=%d thresholds=%s", op.Out, op.N, list(op.Bits, ""))
	case Lookup:
		return lookupText(op)
	case Open:
		return fmt.Sprintf("open %s r%d to=%d", strconv.Quote(op.Label), op.A, op.To)
	case operator:
		return op.text()
	default:
		return fmt.Sprintf("unknown %T", op)
	}
}

func lookupText(op Lookup) string {
	return fmt.Sprintf("r%d %s = lookup %s build=%d/%d fields=%s rows=%d probe=%d/%d rows=%d third=%d lambda=%d",
		op.Match, list(op.Payload, "r"), strconv.Quote(op.Node), op.Build, op.BuildTask, list(op.BuildFields, ""), op.BuildRows,
		op.Probe, op.ProbeTask, op.ProbeRows, op.Third, op.Lambda)
}

// list writes numbers in brackets, each behind a prefix.
func list[T Reg | int | uint64](values []T, prefix string) string {
	var b strings.Builder
	b.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(prefix)
		if u, ok := any(v).(uint64); ok {
			b.WriteString(strconv.FormatUint(u, 10))
		} else {
			b.WriteString(strconv.FormatInt(int64(v), 10))
		}
	}
	b.WriteByte(']')
	return b.String()
}

// Manifest lists the openings of a program in order. The runtime refuses any other.
func (p Program) Manifest() []Open {
	var opens []Open
	for _, op := range p.Ops {
		if open, ok := op.(Open); ok {
			opens = append(opens, open)
		}
	}
	return opens
}

package program

// defines lists the registers that an instruction defines.
func defines(op Op) []Reg {
	switch op := op.(type) {
	case InputArith:
		return []Reg{op.Out}
	case Constant:
		return []Reg{op.Out}
	case Add:
		return []Reg{op.Out}
	case Sub:
		return []Reg{op.Out}
	case Scale:
		return []Reg{op.Out}
	case Mul:
		return []Reg{op.Out}
	case Dot:
		return []Reg{op.Out}
	case Sum:
		return []Reg{op.Out}
	case Concat:
		return []Reg{op.Out}
	case Slice:
		return []Reg{op.Out}
	case GreaterEqual:
		return []Reg{op.Out}
	case IsZero:
		return []Reg{op.Out}
	case And:
		return []Reg{op.Out}
	case Xor:
		return []Reg{op.Out}
	case Not:
		return []Reg{op.Out}
	case BitToArith:
		return []Reg{op.Out}
	case Select:
		return []Reg{op.Out}
	case Noise:
		return []Reg{op.Out}
	case Lookup:
		return append([]Reg{op.Match}, op.Payload...)
	case operator:
		return op.defines()
	default: // Open and unknown instructions define nothing; Validate refuses the latter
		return nil
	}
}

// Reads lists the registers that an instruction reads.
func Reads(op Op) []Reg {
	switch op := op.(type) {
	case Add:
		return []Reg{op.A, op.B}
	case Sub:
		return []Reg{op.A, op.B}
	case Scale:
		return []Reg{op.A}
	case Mul:
		return []Reg{op.A, op.B}
	case Dot:
		return append(append([]Reg{}, op.A...), op.B...)
	case Sum:
		return []Reg{op.A}
	case Concat:
		return op.Parts
	case Slice:
		return []Reg{op.A}
	case GreaterEqual:
		return []Reg{op.A}
	case IsZero:
		return []Reg{op.A}
	case And:
		return []Reg{op.A, op.B}
	case Xor:
		return []Reg{op.A, op.B}
	case Not:
		return []Reg{op.A}
	case BitToArith:
		return []Reg{op.A}
	case Select:
		return []Reg{op.Bit, op.A, op.B}
	case Open:
		return []Reg{op.A}
	case operator:
		return op.reads()
	default: // inputs, constants, noise and lookups read none
		return nil
	}
}

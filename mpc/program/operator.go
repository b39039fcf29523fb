package program

// operator is an instruction that describes itself: each has a file of its own, with its
// meaning, its text, its checks, its interpretation in the clear and its cost. It is a step
// of the engine or a composite of other instructions, never both.
type operator interface {
	Op
	defines() []Reg
	reads() []Reg
	text() string
	check(c *checker) error
	eval(m *machine) error
}

// step is an operator that the engine runs.
type step interface {
	operator
	// batch is the empty batch that the instruction joins.
	batch(shapes []Shape) Batch
	// cost enters the instruction into a batch's meter and returns the batch's rounds.
	cost(m *meter) (rounds int)
}

// composite is an operator that Schedule writes as other instructions, whose registers
// follow the program's own.
type composite interface {
	operator
	expand(l *lowering) error
}

// lowering is a program while composites are written out. Its shapes are those of all
// registers so far.
type lowering struct {
	checker
	ops   []Op
	words map[Reg]Reg // words that a bit register was converted to already
	begun map[Reg]Reg // bit registers with the first row set
	moved map[Reg]Reg // positions that move rows with a bit to the front
}

// fresh is a new register.
func (l *lowering) fresh() Reg {
	l.shapes = append(l.shapes, Shape{})
	return Reg(len(l.shapes) - 1)
}

// emit appends instructions, composites written out.
func (l *lowering) emit(ops ...Op) error {
	for _, op := range ops {
		if err := l.one(op); err != nil {
			return err
		}
	}
	return nil
}

// one appends one instruction.
func (l *lowering) one(op Op) error {
	switch op := op.(type) {
	case Select:
		return l.choose(op)
	case composite:
		return op.expand(l)
	case BitToArith:
		if _, ok := l.words[op.A]; !ok {
			l.words[op.A] = op.Out
		}
	}
	if err := l.op(op); err != nil {
		return err
	}
	l.ops = append(l.ops, op)
	return nil
}

// word is the register that holds a bit register as words.
func (l *lowering) word(bit Reg) (Reg, error) {
	if r, ok := l.words[bit]; ok {
		return r, nil
	}
	r := l.fresh()
	return r, l.emit(BitToArith{A: bit, Out: r})
}

// choose writes Select as Bit·(A − B) + B, or over Z_2 with the bit at every plane.
func (l *lowering) choose(op Select) error {
	if l.shapes[op.A].Boolean {
		diff, chosen := l.fresh(), l.fresh()
		return l.emit(Xor{A: op.A, B: op.B, Out: diff}, And{A: op.Bit, B: diff, Out: chosen}, Xor{A: chosen, B: op.B, Out: op.Out})
	}
	word, err := l.word(op.Bit)
	if err != nil {
		return err
	}
	diff, chosen := l.fresh(), l.fresh()
	return l.emit(Sub{A: op.A, B: op.B, Out: diff}, Mul{A: word, B: diff, Out: chosen}, Add{A: chosen, B: op.B, Out: op.Out})
}

// lower writes composites out and converts no bit twice.
func lower(p Program, shapes []Shape) ([]Op, []Shape, error) {
	l := lowering{checker: checker{shapes: make([]Shape, len(shapes)), labels: map[string]bool{}, nodes: map[string]bool{}}, words: map[Reg]Reg{}, begun: map[Reg]Reg{}, moved: map[Reg]Reg{}}
	if err := l.emit(p.Ops...); err != nil {
		return nil, nil, err
	}
	return l.ops, l.shapes, nil
}

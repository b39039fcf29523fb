package program

// Min defines Out as the smaller of A and B, row by row: Boolean rows of equal width (in
// two's complement where Signed), or signed words with |A − B| < 2^63, which the planner
// proves; words ignore Signed. A comparison and a Select.
type Min struct {
	A, B   Reg
	Signed bool
	Out    Reg
}

// Max defines Out as the larger of A and B; as Min.
type Max struct {
	A, B   Reg
	Signed bool
	Out    Reg
}

func (Min) isOp() {}
func (Max) isOp() {}

func (op Min) defines() []Reg         { return []Reg{op.Out} }
func (op Min) reads() []Reg           { return []Reg{op.A, op.B} }
func (op Min) text() string           { return compareText("min", op.A, op.B, op.Signed, op.Out) }
func (op Min) check(c *checker) error { s, err := c.same(op.A, op.B); return c.then(err, op.Out, s) }
func (op Min) eval(m *machine) error  { return m.extreme(op, false) }
func (op Min) expand(l *lowering) error {
	return l.extreme(op, op.B, op.A)
}

func (op Max) defines() []Reg         { return []Reg{op.Out} }
func (op Max) reads() []Reg           { return []Reg{op.A, op.B} }
func (op Max) text() string           { return compareText("max", op.A, op.B, op.Signed, op.Out) }
func (op Max) check(c *checker) error { return Min(op).check(c) }
func (op Max) eval(m *machine) error  { return m.extreme(Min(op), true) }
func (op Max) expand(l *lowering) error {
	return l.extreme(Min(op), op.A, op.B)
}

// extreme interprets Min and Max; words compare by the sign of their difference, as they do
// on shares.
func (m *machine) extreme(op Min, larger bool) error {
	s := m.shapes[op.A]
	flip := signFlip(s.Width, op.Signed)
	m.values[op.Out] = zip(m.values[op.A], m.values[op.B], func(a, b uint64) uint64 {
		less := a^flip < b^flip
		if !s.Boolean {
			less = int64(a-b) < 0
		}
		if less != larger {
			return a
		}
		return b
	})
	return nil
}

// extreme writes out Min and Max: where A ≥ B the result is ifGreater, else ifLess.
func (l *lowering) extreme(op Min, ifGreater, ifLess Reg) error {
	test := l.fresh()
	if l.shapes[op.A].Boolean {
		return l.emit(Less{A: op.A, B: op.B, Signed: op.Signed, Out: test}, Select{Bit: test, A: ifLess, B: ifGreater, Out: op.Out})
	}
	diff := l.fresh()
	return l.emit(Sub{A: op.A, B: op.B, Out: diff}, GreaterEqual{A: diff, Out: test}, Select{Bit: test, A: ifGreater, B: ifLess, Out: op.Out})
}

package program

import (
	"fmt"
	mathbits "math/bits"
)

// SegmentedCopy defines Out, words, as what A holds in the first row of each row's group;
// groups begin where Starts is 1, and in the first row whatever Starts says.
//
// It is a Broadcast of one column.
type SegmentedCopy struct{ Starts, A, Out Reg }

// SegmentedSum defines Out, words, as the running sum of A in each row's group: a prefix sum
// less a SegmentedCopy of what lies before the group. ROW_NUMBER is the running sum of ones.
type SegmentedSum struct{ Starts, A, Out Reg }

// SegmentedMin defines Out, Boolean rows as A, as the running minimum of A in each row's
// group, in two's complement where Signed: a scan of ⌈log2 rows⌉ steps (Hillis and Steele
// 1986), each a comparison and a choice a row.
type SegmentedMin struct {
	Starts, A Reg
	Signed    bool
	Out       Reg
}

// SegmentedMax is SegmentedMin for the running maximum.
type SegmentedMax struct {
	Starts, A Reg
	Signed    bool
	Out       Reg
}

func (SegmentedCopy) isOp() {}
func (SegmentedSum) isOp()  {}
func (SegmentedMin) isOp()  {}
func (SegmentedMax) isOp()  {}

func (op SegmentedCopy) defines() []Reg { return []Reg{op.Out} }
func (op SegmentedCopy) reads() []Reg   { return []Reg{op.Starts, op.A} }
func (op SegmentedCopy) text() string {
	return fmt.Sprintf("r%d = segmented_copy r%d by r%d", op.Out, op.A, op.Starts)
}

func (op SegmentedCopy) check(c *checker) error {
	if _, err := c.arith(op.A); err != nil {
		return err
	}
	return c.segmented(op.Starts, op.A, op.Out)
}

func (op SegmentedCopy) eval(m *machine) error {
	m.scan(op.Starts, op.A, op.Out, func(before, _ uint64) uint64 { return before })
	return nil
}

func (op SegmentedCopy) expand(l *lowering) error {
	return l.emit(Broadcast{Starts: op.Starts, First: []Reg{op.A}, OutFirst: []Reg{op.Out}})
}

func (op SegmentedSum) defines() []Reg { return []Reg{op.Out} }
func (op SegmentedSum) reads() []Reg   { return []Reg{op.Starts, op.A} }
func (op SegmentedSum) text() string {
	return fmt.Sprintf("r%d = segmented_sum r%d by r%d", op.Out, op.A, op.Starts)
}
func (op SegmentedSum) check(c *checker) error { return SegmentedCopy(op).check(c) }

func (op SegmentedSum) eval(m *machine) error {
	m.scan(op.Starts, op.A, op.Out, func(before, a uint64) uint64 { return before + a })
	return nil
}

func (op SegmentedSum) expand(l *lowering) error {
	through, before, base := l.fresh(), l.fresh(), l.fresh()
	return l.emit(PrefixSum{A: op.A, Out: through}, Sub{A: through, B: op.A, Out: before},
		SegmentedCopy{Starts: op.Starts, A: before, Out: base}, Sub{A: through, B: base, Out: op.Out})
}

func (op SegmentedMin) defines() []Reg { return []Reg{op.Out} }
func (op SegmentedMin) reads() []Reg   { return []Reg{op.Starts, op.A} }
func (op SegmentedMin) text() string {
	return compareText("segmented_min", op.A, op.Starts, op.Signed, op.Out)
}
func (op SegmentedMin) check(c *checker) error {
	if _, err := c.boolean(op.A); err != nil {
		return err
	}
	return c.segmented(op.Starts, op.A, op.Out)
}
func (op SegmentedMin) eval(m *machine) error {
	flip := signFlip(m.shapes[op.A].Width, op.Signed)
	m.scan(op.Starts, op.A, op.Out, func(before, a uint64) uint64 { return min(before^flip, a^flip) ^ flip })
	return nil
}
func (op SegmentedMin) expand(l *lowering) error {
	return l.scan(op, func(a, b, out Reg) Op { return Min{A: a, B: b, Signed: op.Signed, Out: out} })
}

func (op SegmentedMax) defines() []Reg { return []Reg{op.Out} }
func (op SegmentedMax) reads() []Reg   { return []Reg{op.Starts, op.A} }
func (op SegmentedMax) text() string {
	return compareText("segmented_max", op.A, op.Starts, op.Signed, op.Out)
}
func (op SegmentedMax) check(c *checker) error { return SegmentedMin(op).check(c) }
func (op SegmentedMax) eval(m *machine) error {
	flip := signFlip(m.shapes[op.A].Width, op.Signed)
	m.scan(op.Starts, op.A, op.Out, func(before, a uint64) uint64 { return max(before^flip, a^flip) ^ flip })
	return nil
}
func (op SegmentedMax) expand(l *lowering) error {
	return l.scan(SegmentedMin(op), func(a, b, out Reg) Op { return Max{A: a, B: b, Signed: op.Signed, Out: out} })
}

// segmented checks a scan: a bit and a value a row.
func (c *checker) segmented(starts, a, out Reg) error {
	n, err := c.bit(starts)
	if err != nil {
		return err
	}
	s, err := c.read(a)
	if err == nil && s.Rows != n {
		err = fmt.Errorf("scan of %d rows by %d bits", s.Rows, n)
	}
	return c.then(err, out, s)
}

// scan runs through groups in the clear.
func (m *machine) scan(starts, a, out Reg, next func(before, a uint64) uint64) {
	values := make([]uint64, len(m.values[a]))
	for i, v := range m.values[a] {
		if values[i] = v; i > 0 && m.values[starts][i] == 0 {
			values[i] = next(values[i-1], v)
		}
	}
	m.values[out] = values
}

// scan writes a scan of log steps: in step d a row takes in the row d above it unless its
// group began since.
func (l *lowering) scan(op SegmentedMin, combine func(a, b, out Reg) Op) error {
	n := l.shapes[op.A].Rows
	value, begun := op.A, l.fresh()
	if err := l.emit(First{A: op.Starts, Out: begun}); err != nil {
		return err
	}
	steps := mathbits.Len(uint(n - 1))
	for k := range steps {
		above, both, next := l.fresh(), l.fresh(), l.fresh()
		if k == steps-1 {
			next = op.Out
		}
		if err := l.emit(Shift{A: value, By: 1 << k, Out: above}, combine(value, above, both), Select{Bit: begun, A: value, B: both, Out: next}); err != nil {
			return err
		}
		if value = next; k == steps-1 {
			return nil
		}
		open, openAbove, openBoth, still := l.fresh(), l.fresh(), l.fresh(), l.fresh()
		if err := l.emit(Not{A: begun, Out: open}, Shift{A: open, By: 1 << k, Out: openAbove}, And{A: open, B: openAbove, Out: openBoth}, Not{A: openBoth, Out: still}); err != nil {
			return err
		}
		begun = still
	}
	return l.emit(Slice{A: op.A, From: 0, To: n, Out: op.Out}) // one row
}

// First defines Out as the bits of A with the first row 1. No traffic.
type First struct{ A, Out Reg }

func (First) isOp() {}

func (op First) defines() []Reg      { return []Reg{op.Out} }
func (op First) reads() []Reg        { return []Reg{op.A} }
func (op First) text() string        { return fmt.Sprintf("r%d = first r%d", op.Out, op.A) }
func (op First) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op First) cost(*meter) int     { return 0 }
func (op First) check(c *checker) error {
	n, err := c.bit(op.A)
	return c.then(err, op.Out, bit(n))
}
func (op First) eval(m *machine) error {
	m.values[op.Out] = append([]uint64{1}, m.values[op.A][1:]...)
	return nil
}

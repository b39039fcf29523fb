package program

import (
	"errors"
	"fmt"
)

// JoinKind says which rows a [Join] preserves.
type JoinKind int

// Kinds of joins. The zero kind is none.
const (
	InnerJoin JoinKind = iota + 1
	LeftJoin           // and left rows without a match
	RightJoin          // and right rows without a match
	FullJoin           // both
)

// joinNames are the kinds in canonical text.
var joinNames = [...]string{"none", "inner_join", "left_join", "right_join", "full_join"}

// String is the kind in canonical text.
func (k JoinKind) String() string {
	if k < 1 || int(k) >= len(joinNames) {
		return joinNames[0]
	}
	return joinNames[k]
}

// preservesLeft says whether left rows without a match are rows of the join.
func (k JoinKind) preservesLeft() bool { return k == LeftJoin || k == FullJoin }

// Join defines the table of a join of a left side with unique keys and a right side: the
// right rows, each with its left row's columns, and behind them, for a left or full join, the
// left rows. Valid is 1 at rows of the join; HasLeft and HasRight say where a side's columns hold a
// row, their complements being null bits. Where a right row matches nothing its left columns
// are zeros; rows that are not Valid hold anything and must not be opened as they are.
//
// LeftMatchable and RightMatchable are 0 at rows with a NULL among the keys; LeftValid and
// RightValid at rows that do not exist, and a row that does not exist is not matchable. A
// MergeJoin, and no more traffic. Nothing is opened and nothing leaks: the rows are the
// declared sums.
type Join struct {
	Kind                          JoinKind
	Left, Right                   []Reg
	LeftValid, RightValid         Reg
	LeftMatchable, RightMatchable Reg
	Sorted                        bool
	LeftColumns, RightColumns     []Reg
	OutLeft, OutRight             []Reg
	HasLeft, HasRight, Valid      Reg
}

func (Join) isOp() {}

// merge is the join's matches.
func (op Join) merge() MergeJoin {
	return MergeJoin{Left: op.Left, Right: op.Right, LeftValid: op.LeftMatchable, RightValid: op.RightMatchable, Sorted: op.Sorted, A: op.LeftColumns}
}

func (op Join) defines() []Reg {
	return append(append(append([]Reg{}, op.OutLeft...), op.OutRight...), op.HasLeft, op.HasRight, op.Valid)
}
func (op Join) reads() []Reg {
	return append(append(op.merge().reads(), op.LeftValid, op.RightValid), op.RightColumns...)
}
func (op Join) text() string {
	return fmt.Sprintf("%s %s r%d r%d r%d = %s left=%s by %s valid=r%d matchable=r%d right=%s by %s valid=r%d matchable=r%d%s",
		list(op.OutLeft, "r"), list(op.OutRight, "r"), op.HasLeft, op.HasRight, op.Valid, op.Kind,
		list(op.LeftColumns, "r"), list(op.Left, "r"), op.LeftValid, op.LeftMatchable,
		list(op.RightColumns, "r"), list(op.Right, "r"), op.RightValid, op.RightMatchable, sortedText(op.Sorted))
}

func (op Join) check(c *checker) error {
	left, right, err := c.sides(op.Left, op.Right, op.LeftMatchable, op.RightMatchable)
	if err != nil {
		return err
	}
	if _, _, err := c.sides(op.Left, op.Right, op.LeftValid, op.RightValid); err != nil {
		return err
	}
	if op.Kind < InnerJoin || op.Kind > FullJoin || len(op.LeftColumns) != len(op.OutLeft) || len(op.RightColumns) != len(op.OutRight) {
		return errors.New("no kind of join, or lists of different lengths")
	}
	rows := right
	if op.Kind.preservesLeft() {
		rows += left
	}
	side := func(columns, out []Reg, n int) error {
		for i, r := range columns {
			s, err := c.read(r)
			if err == nil && s.Rows != n {
				err = fmt.Errorf("%d rows of columns for %d of keys", s.Rows, n)
			}
			s.Rows = rows
			if err := c.then(err, out[i], s); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(side(op.LeftColumns, op.OutLeft, left), side(op.RightColumns, op.OutRight, right)); err != nil {
		return err
	}
	return errors.Join(c.define(op.HasLeft, bit(rows)), c.define(op.HasRight, bit(rows)), c.define(op.Valid, bit(rows)))
}

func (op Join) eval(m *machine) error {
	j := op.merge()
	at := Reg(len(m.values))
	for range len(op.LeftColumns) + 2 {
		m.values = append(m.values, nil)
	}
	for i := range op.LeftColumns {
		j.Out = append(j.Out, at+Reg(i))
	}
	j.Match, j.Matched = at+Reg(len(j.Out)), at+Reg(len(j.Out))+1
	if err := j.eval(m); err != nil {
		return err
	}
	match, exists := m.values[j.Match], m.values[op.RightValid]
	hasLeft, hasRight := append([]uint64{}, match...), append([]uint64{}, exists...)
	valid := append([]uint64{}, match...)
	if op.Kind == RightJoin || op.Kind == FullJoin {
		valid = append([]uint64{}, exists...)
	}
	behind := make([]uint64, 0)
	if op.Kind.preservesLeft() {
		behind = zip(m.values[op.LeftValid], m.values[j.Matched], func(exists, matched uint64) uint64 { return exists ^ matched })
	}
	for i, r := range op.LeftColumns {
		m.values[op.OutLeft[i]] = append(append([]uint64{}, m.values[j.Out[i]]...), m.values[r][:len(behind)]...)
	}
	for i, r := range op.RightColumns {
		m.values[op.OutRight[i]] = append(append([]uint64{}, m.values[r]...), make([]uint64, len(behind))...)
	}
	m.values[op.HasLeft] = append(hasLeft, behind...)
	m.values[op.HasRight] = append(hasRight, make([]uint64, len(behind))...)
	m.values[op.Valid] = append(valid, behind...)
	m.values = m.values[:at]
	return nil
}

func (op Join) expand(l *lowering) error {
	d := &draft{lowering: l}
	j := op.merge()
	j.Out, j.Match, j.Matched = d.freshes(len(op.LeftColumns)), d.fresh(), d.fresh()
	d.do(j)
	valid := j.Match
	if op.Kind == RightJoin || op.Kind == FullJoin {
		valid = op.RightValid
	}
	behind, more := Reg(0), 0
	if op.Kind.preservesLeft() {
		behind, more = d.xor(op.LeftValid, j.Matched), d.rows(op.LeftValid)
	}
	table := func(front, back, out Reg) { // one column
		if more == 0 {
			d.name(front, out)
		} else {
			d.do(Concat{Parts: []Reg{front, back}, Out: out})
		}
	}
	for i, out := range op.OutLeft {
		table(j.Out[i], op.LeftColumns[i], out)
	}
	for i, out := range op.OutRight {
		d.name(d.longer(op.RightColumns[i], more), out)
	}
	table(j.Match, behind, op.HasLeft)
	d.name(d.longer(op.RightValid, more), op.HasRight)
	table(valid, behind, op.Valid)
	return d.err
}

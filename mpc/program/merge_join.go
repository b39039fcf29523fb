package program

import (
	"errors"
	"fmt"
)

// MergeJoin defines, for each right row, what the columns of the valid left row with equal keys
// hold (Out, registers of either kind; zeros without one) and whether there is one (Match), and
// for each left row whether any valid right row has its keys (Matched). Keys of valid left rows
// differ, which a constraint or a GroupBy proves. A row with a NULL among its keys is not
// valid: it matches nothing, and outer joins keep it by its own bit. A join that preserves a
// side is a [Join] of this.
//
// Sort-merge join in the composition of Asharov et al. (CCS 2023) and ORQ (SOSP 2025): both
// sides are ordered together, valid rows first and left before right, the first row of each key
// is broadcast, and rows move back. Costs an Order, or a Merge where both sides are Sorted by
// validity (valid rows first) and keys, of left + right rows, a Starts, a Gather, a Broadcast
// and a Scatter: 37 rounds beside the Order, and 76 bytes a row of both sides, and party, for a
// column of words. Nothing is opened and nothing leaks: not how many rows match, nor how often.
type MergeJoin struct {
	Left, Right           []Reg // keys, Boolean, of equal widths, the first most significant
	LeftValid, RightValid Reg
	Sorted                bool
	A, Out                []Reg // columns of left rows; of right rows
	Match, Matched        Reg
}

func (MergeJoin) isOp() {}

func (op MergeJoin) defines() []Reg { return append(append([]Reg{}, op.Out...), op.Match, op.Matched) }
func (op MergeJoin) reads() []Reg {
	out := append(append([]Reg{}, op.Left...), op.Right...)
	return append(append(out, op.LeftValid, op.RightValid), op.A...)
}

func (op MergeJoin) text() string {
	return fmt.Sprintf("%s r%d r%d = merge_join %s left=%s valid=r%d right=%s valid=r%d%s", list(op.Out, "r"), op.Match, op.Matched,
		list(op.A, "r"), list(op.Left, "r"), op.LeftValid, list(op.Right, "r"), op.RightValid, sortedText(op.Sorted))
}

// sortedText says that both sides of a join are sorted.
func sortedText(sorted bool) string {
	if sorted {
		return " sorted"
	}
	return ""
}

func (op MergeJoin) check(c *checker) error {
	left, right, err := c.sides(op.Left, op.Right, op.LeftValid, op.RightValid)
	if err != nil {
		return err
	}
	if len(op.A) != len(op.Out) {
		return errors.New("lists of different lengths")
	}
	for i, r := range op.A {
		s, err := c.read(r)
		if err == nil && s.Rows != left {
			err = fmt.Errorf("%d rows of columns for %d of keys", s.Rows, left)
		}
		s.Rows = right
		if err := c.then(err, op.Out[i], s); err != nil {
			return err
		}
	}
	if err := c.define(op.Match, bit(right)); err != nil {
		return err
	}
	return c.define(op.Matched, bit(left))
}

// sides checks the keys and validity of both sides of a join.
func (c *checker) sides(left, right []Reg, leftValid, rightValid Reg) (leftRows, rightRows int, err error) {
	if leftRows, _, err = c.keys(asKeys(left)); err != nil {
		return 0, 0, err
	}
	if rightRows, _, err = c.keys(asKeys(right)); err != nil {
		return 0, 0, err
	}
	if len(left) != len(right) || leftRows+rightRows > MaxRows/2 {
		return 0, 0, errors.New("different numbers of keys, or too many rows")
	}
	for i := range left {
		if c.shapes[left[i]].Width != c.shapes[right[i]].Width {
			return 0, 0, fmt.Errorf("keys r%d and r%d have different widths", left[i], right[i])
		}
	}
	a, err := c.bit(leftValid)
	if err == nil && a != leftRows {
		err = errors.New("a bit for each left row says whether it is valid")
	}
	if err != nil {
		return 0, 0, err
	}
	b, err := c.bit(rightValid)
	if err == nil && b != rightRows {
		err = errors.New("a bit for each right row says whether it is valid")
	}
	return leftRows, rightRows, err
}

func (op MergeJoin) eval(m *machine) error {
	left := map[string]int{}
	for i, valid := range m.values[op.LeftValid] {
		if valid == 0 {
			continue
		}
		k := m.row(op.Left, i)
		if _, twice := left[k]; twice {
			return errors.New("left keys of a join are not unique")
		}
		left[k] = i
	}
	match, matched := make([]uint64, len(m.values[op.RightValid])), make([]uint64, len(m.values[op.LeftValid]))
	for _, r := range op.Out {
		m.values[r] = make([]uint64, len(match))
	}
	for i, valid := range m.values[op.RightValid] {
		at, ok := left[m.row(op.Right, i)]
		if valid == 0 || !ok {
			continue
		}
		match[i], matched[at] = 1, 1
		for c, r := range op.Out {
			m.values[r][i] = m.values[op.A[c]][at]
		}
	}
	m.values[op.Match], m.values[op.Matched] = match, matched
	return nil
}

func (op MergeJoin) expand(l *lowering) error {
	d := &draft{lowering: l}
	left, right := d.rows(op.LeftValid), d.rows(op.RightValid)
	keys := []Reg{d.not(d.concat(op.LeftValid, op.RightValid))}
	for i := range op.Left {
		keys = append(keys, d.concat(op.Left[i], op.Right[i]))
	}
	by := d.sideOrder(keys, op.Sorted, left, right)
	columns := append(keys, d.longer(op.LeftValid, right))
	for _, r := range op.A {
		columns = append(columns, d.longer(d.gated(op.LeftValid, r), right))
	}
	sorted := d.gather(by, columns)
	starts := d.reg(func(out Reg) Op { return Starts{Keys: sorted[:len(keys)], Out: out} })
	first, _ := d.broadcast(starts, sorted[len(keys):], nil)
	alone := d.reg(func(out Reg) Op { return Ends{Starts: starts, Out: out} })
	back := d.scatter(by, append([]Reg{d.not(alone)}, first...))
	d.do(And{A: op.LeftValid, B: d.slice(back[0], 0, left), Out: op.Matched})
	for i, out := range append([]Reg{op.Match}, op.Out...) {
		d.do(Slice{A: back[1+i], From: left, To: left + right, Out: out})
	}
	return d.err
}

// sideOrder is the order of two sides together.
func (d *draft) sideOrder(keys []Reg, sorted bool, left, right int) Reg {
	return d.reg(func(out Reg) Op {
		if sorted {
			return Merge{Keys: asKeys(keys), Runs: []int{left, right}, Out: out}
		}
		return Order{Keys: asKeys(keys), Out: out}
	})
}

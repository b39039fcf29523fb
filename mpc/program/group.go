package program

import (
	"errors"
	"fmt"
)

// Starts defines Out, one bit a row: 1 in the first row, and where a row differs from the
// one before it in any of Keys, Boolean registers. Over sorted or merged rows these are the
// groups' first rows. One equality test a row with its neighbour: the keys' bits less one,
// ⌈log2 bits⌉ rounds. NULLs form one group if a null bit is a key and the rows behind it hold
// one value.
type Starts struct {
	Keys []Reg
	Out  Reg
}

// Ends defines Out, one bit a row: 1 in the last row and where Starts is 1 in the next. No
// traffic.
type Ends struct{ Starts, Out Reg }

// Shift defines Out as the rows of A moved By rows down (LAG), zeros in front. No traffic.
type Shift struct {
	A   Reg
	By  int
	Out Reg
}

// GroupBy defines, for groups of neighbouring rows that begin where Starts is 1, one row a
// group in their order, and behind them rows of zeros: how many groups there are is told to
// nobody. OutSums are the sums of Sums (COUNT: sums of ones; COUNT(DISTINCT x) over rows
// sorted by group and x: sums of the starts of both); OutLast are the values of Last in a
// group's last row, registers of either kind: its keys, and what a segmented scan left there;
// OutFirst are those of First in its first row. Over rows sorted by group and x, MIN(x) and
// MAX(x) are the first and the last x that are not NULL. Valid is 1 at groups.
//
// Prefix sums cost nothing; the last rows of groups are compacted and neighbours subtracted:
// O(rows), whatever the groups. Nothing is opened and nothing leaks. NULLs of a summed column
// enter as 0, and COUNT(x) sums its null bits' complement.
type GroupBy struct {
	Starts     Reg
	Sums, Last []Reg
	First      []Reg
	OutSums    []Reg
	OutLast    []Reg
	OutFirst   []Reg
	Valid      Reg
}

func (Starts) isOp()  {}
func (Ends) isOp()    {}
func (Shift) isOp()   {}
func (GroupBy) isOp() {}

func (op Starts) defines() []Reg      { return []Reg{op.Out} }
func (op Starts) reads() []Reg        { return op.Keys }
func (op Starts) text() string        { return fmt.Sprintf("r%d = starts %s", op.Out, list(op.Keys, "r")) }
func (op Starts) batch([]Shape) Batch { return Batch{Kind: Border} }
func (op Starts) check(c *checker) error {
	n, _, err := c.keys(asKeys(op.Keys))
	return c.then(err, op.Out, bit(n))
}

func (op Starts) eval(m *machine) error {
	out := make([]uint64, m.shapes[op.Out].Rows)
	for i := range out {
		for _, k := range op.Keys {
			out[i] |= truth(i == 0 || m.values[k][i] != m.values[k][i-1])
		}
	}
	m.values[op.Out] = out
	return nil
}

func (op Starts) cost(m *meter) int {
	width := 0
	for _, k := range op.Keys {
		width += m.shapes[k].Width
	}
	m.direct.all((width - 1) * planeWords(m.shapes[op.Out].Rows))
	return depth(width)
}

func (op Ends) defines() []Reg      { return []Reg{op.Out} }
func (op Ends) reads() []Reg        { return []Reg{op.Starts} }
func (op Ends) text() string        { return fmt.Sprintf("r%d = ends r%d", op.Out, op.Starts) }
func (op Ends) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op Ends) cost(*meter) int     { return 0 }
func (op Ends) check(c *checker) error {
	n, err := c.bit(op.Starts)
	return c.then(err, op.Out, bit(n))
}
func (op Ends) eval(m *machine) error {
	m.values[op.Out] = append(append([]uint64{}, m.values[op.Starts][1:]...), 1)
	return nil
}

func (op Shift) defines() []Reg      { return []Reg{op.Out} }
func (op Shift) reads() []Reg        { return []Reg{op.A} }
func (op Shift) text() string        { return fmt.Sprintf("r%d = shift r%d %d", op.Out, op.A, op.By) }
func (op Shift) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op Shift) cost(*meter) int     { return 0 }
func (op Shift) check(c *checker) error {
	s, err := c.read(op.A)
	if err == nil && (op.By < 0 || op.By > s.Rows) {
		err = fmt.Errorf("shift of %d rows by %d", s.Rows, op.By)
	}
	return c.then(err, op.Out, s)
}
func (op Shift) eval(m *machine) error {
	a := m.values[op.A]
	m.values[op.Out] = append(make([]uint64, op.By), a[:len(a)-op.By]...)
	return nil
}

func (op GroupBy) defines() []Reg {
	return append(append(append(append([]Reg{}, op.OutSums...), op.OutLast...), op.OutFirst...), op.Valid)
}
func (op GroupBy) reads() []Reg { return append([]Reg{op.Starts}, op.columns()...) }

// columns is what is grouped, in the order of what it becomes.
func (op GroupBy) columns() []Reg {
	return append(append(append([]Reg{}, op.Sums...), op.Last...), op.First...)
}

func (op GroupBy) text() string {
	if len(op.First) > 0 {
		return fmt.Sprintf("%s %s %s r%d = group_by r%d sums=%s last=%s first=%s", list(op.OutSums, "r"), list(op.OutLast, "r"), list(op.OutFirst, "r"), op.Valid,
			op.Starts, list(op.Sums, "r"), list(op.Last, "r"), list(op.First, "r"))
	}
	return fmt.Sprintf("%s %s r%d = group_by r%d sums=%s last=%s", list(op.OutSums, "r"), list(op.OutLast, "r"), op.Valid, op.Starts, list(op.Sums, "r"), list(op.Last, "r"))
}

func (op GroupBy) check(c *checker) error {
	n, err := c.bit(op.Starts)
	if err != nil {
		return err
	}
	if len(op.Sums)+len(op.Last)+len(op.First) == 0 || len(op.Sums) != len(op.OutSums) || len(op.Last) != len(op.OutLast) {
		return errors.New("no columns, or lists of different lengths")
	}
	for _, r := range op.Sums {
		if _, err := c.arith(r); err != nil {
			return err
		}
	}
	rows, err := c.columns(op.columns(), append(append(append([]Reg{}, op.OutSums...), op.OutLast...), op.OutFirst...))
	if err == nil && rows != n {
		err = fmt.Errorf("%d rows are grouped by %d bits", rows, n)
	}
	return c.then(err, op.Valid, bit(n))
}

func (op GroupBy) eval(m *machine) error {
	starts := m.values[op.Starts]
	for _, r := range op.defines() {
		m.values[r] = make([]uint64, len(starts))
	}
	group := -1
	for i, s := range starts {
		if s == 1 || i == 0 {
			group++
			m.values[op.Valid][group] = 1
			for k, r := range op.First {
				m.values[op.OutFirst[k]][group] = m.values[r][i]
			}
		}
		for k, r := range op.Sums {
			m.values[op.OutSums[k]][group] += m.values[r][i]
		}
		for k, r := range op.Last {
			m.values[op.OutLast[k]][group] = m.values[r][i]
		}
	}
	return nil
}

func (op GroupBy) expand(l *lowering) error {
	ends := l.fresh()
	if err := l.emit(Ends{Starts: op.Starts, Out: ends}); err != nil {
		return err
	}
	c := Compact{Valid: ends, OutValid: op.Valid}
	for _, r := range op.Sums {
		through := l.fresh()
		if err := l.emit(PrefixSum{A: r, Out: through}); err != nil {
			return err
		}
		c.A, c.Out = append(c.A, through), append(c.Out, l.fresh())
	}
	for _, r := range op.Last {
		c.A, c.Out = append(c.A, r), append(c.Out, l.fresh())
	}
	d := &draft{lowering: l}
	for _, r := range op.First { // a group's first row stands below the last one of the group before
		c.A, c.Out = append(c.A, d.up(r, 1)), append(c.Out, l.fresh())
	}
	if d.err != nil {
		return d.err
	}
	if err := l.emit(c); err != nil {
		return err
	}
	for i, out := range op.OutSums {
		before, sum := l.fresh(), l.fresh()
		if err := l.emit(Shift{A: c.Out[i], By: 1, Out: before}, Sub{A: c.Out[i], B: before, Out: sum}); err != nil {
			return err
		}
		if err := l.gate(op.Valid, sum, out); err != nil {
			return err
		}
	}
	for i, out := range op.OutLast {
		if err := l.gate(op.Valid, c.Out[len(op.Sums)+i], out); err != nil {
			return err
		}
	}
	for i, out := range op.OutFirst {
		r := d.slice(op.First[i], 0, 1)
		if n := d.rows(op.First[i]); n > 1 {
			r = d.concat(r, d.slice(c.Out[len(op.Sums)+len(op.Last)+i], 0, n-1))
		}
		if d.err != nil {
			return d.err
		}
		if err := l.gate(op.Valid, r, out); err != nil {
			return err
		}
	}
	return nil
}

// gate defines out as a where a bit is 1 and zeros elsewhere, for either kind.
func (l *lowering) gate(bit, a, out Reg) error {
	if l.shapes[a].Boolean {
		return l.emit(And{A: bit, B: a, Out: out})
	}
	word, err := l.word(bit)
	if err != nil {
		return err
	}
	return l.emit(Mul{A: word, B: a, Out: out})
}

// asKeys is registers as ascending keys.
func asKeys(regs []Reg) []Key {
	keys := make([]Key, len(regs))
	for i, r := range regs {
		keys[i] = Key{A: r}
	}
	return keys
}

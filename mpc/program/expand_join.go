package program

import (
	"errors"
	"fmt"
	"slices"
)

// ExpandJoin defines the rows of an inner join of two sides whose keys may all repeat: Rows
// rows, which is declared, in the order of keys, left rows and right rows. Valid is 1 at rows
// of the join, which come first; the others hold zeros. Keys of which not all pairs fit in Rows
// are left out with all keys behind them, so that what is left out never depends on less than a
// key; Total, one word, is how many rows there are without a bound, for the program to compare
// with it. Rows that are not valid, and rows with a NULL among their keys, match nothing.
//
// Krastnikov, Kerschbaum, Stebila, VLDB 2020: both sides are ordered together, a Broadcast
// tells each row how many rows of either side have its key, both sides repeat their rows
// (RepeatRows), and the right rows move to where they stand beside their left ones. An Order,
// or a Merge where both sides are Sorted by keys, of left + right rows, two narrow Merges of
// left + right + Rows rows; with 2^16 sorted rows of each and as many of the join 520 rounds,
// and 0.9 KB for each and party. Nothing is opened and nothing leaks.
//
// Where Matches, LeftMatched and RightMatched say of each side's rows whether any row of the
// other has their keys, within the bound or not: an outer join puts the rows behind that exist and
// have no match. 19 bytes a row and party more, and a Scatter.
type ExpandJoin struct {
	Left, Right               []Reg
	LeftValid, RightValid     Reg
	Sorted                    bool
	LeftColumns, RightColumns []Reg
	Rows                      int
	OutLeft, OutRight         []Reg
	Valid, Total              Reg
	Matches                   bool
	LeftMatched, RightMatched Reg
}

func (ExpandJoin) isOp() {}

func (op ExpandJoin) defines() []Reg {
	out := append(append(append([]Reg{}, op.OutLeft...), op.OutRight...), op.Valid, op.Total)
	if op.Matches {
		out = append(out, op.LeftMatched, op.RightMatched)
	}
	return out
}
func (op ExpandJoin) reads() []Reg {
	out := append(append([]Reg{op.LeftValid, op.RightValid}, op.Left...), op.Right...)
	return append(append(out, op.LeftColumns...), op.RightColumns...)
}
func (op ExpandJoin) text() string {
	matches := ""
	if op.Matches {
		matches = fmt.Sprintf(" matched=r%d r%d", op.LeftMatched, op.RightMatched)
	}
	return fmt.Sprintf("%s %s r%d r%d = expand_join left=%s by %s valid=r%d right=%s by %s valid=r%d rows=%d%s%s",
		list(op.OutLeft, "r"), list(op.OutRight, "r"), op.Valid, op.Total, list(op.LeftColumns, "r"), list(op.Left, "r"), op.LeftValid,
		list(op.RightColumns, "r"), list(op.Right, "r"), op.RightValid, op.Rows, sortedText(op.Sorted), matches)
}

func (op ExpandJoin) check(c *checker) error {
	left, right, err := c.sides(op.Left, op.Right, op.LeftValid, op.RightValid)
	if err != nil {
		return err
	}
	if op.Rows < 1 || op.Rows > MaxRows/2 || left+right > MaxRows/4 || len(op.LeftColumns) != len(op.OutLeft) || len(op.RightColumns) != len(op.OutRight) {
		return errors.New("no rows, too many, or lists of different lengths")
	}
	side := func(columns, out []Reg, n int) error {
		for i, r := range columns {
			s, err := c.read(r)
			if err == nil && s.Rows != n {
				err = fmt.Errorf("%d rows of columns for %d of keys", s.Rows, n)
			}
			s.Rows = op.Rows
			if err := c.then(err, out[i], s); err != nil {
				return err
			}
		}
		return nil
	}
	if err := errors.Join(side(op.LeftColumns, op.OutLeft, left), side(op.RightColumns, op.OutRight, right)); err != nil {
		return err
	}
	err = errors.Join(c.define(op.Valid, bit(op.Rows)), c.define(op.Total, words(1)))
	if op.Matches {
		err = errors.Join(err, c.define(op.LeftMatched, bit(left)), c.define(op.RightMatched, bit(right)))
	}
	return err
}

func (op ExpandJoin) eval(m *machine) error {
	for _, r := range op.defines() {
		m.values[r] = make([]uint64, m.shapes[r].Rows)
	}
	rows := func(keys []Reg, valid Reg) (numbers []int) {
		for i, v := range m.values[valid] {
			if v == 1 {
				numbers = append(numbers, i)
			}
		}
		return numbers
	}
	left, right := rows(op.Left, op.LeftValid), rows(op.Right, op.RightValid)
	compare := func(a []Reg, i int, b []Reg, j int) int {
		for k := range a {
			if x, y := m.values[a[k]][i], m.values[b[k]][j]; x < y {
				return -1
			} else if x > y {
				return 1
			}
		}
		return 0
	}
	slices.SortStableFunc(left, func(i, j int) int { return compare(op.Left, i, op.Left, j) })
	at, full := 0, false
	for len(left) > 0 {
		same := 1
		for same < len(left) && compare(op.Left, left[0], op.Left, left[same]) == 0 {
			same++
		}
		var partners []int
		for _, j := range right {
			if compare(op.Left, left[0], op.Right, j) == 0 {
				partners = append(partners, j)
			}
		}
		m.values[op.Total][0] += uint64(same * len(partners))
		if op.Matches && len(partners) > 0 {
			for _, i := range left[:same] {
				m.values[op.LeftMatched][i] = 1
			}
			for _, j := range partners {
				m.values[op.RightMatched][j] = 1
			}
		}
		if full = full || at+same*len(partners) > op.Rows; !full {
			for _, i := range left[:same] {
				for _, j := range partners {
					op.pair(m, at, i, j)
					at++
				}
			}
		}
		left = left[same:]
	}
	return nil
}

// pair writes one row of the join in the clear.
func (op ExpandJoin) pair(m *machine, at, i, j int) {
	m.values[op.Valid][at] = 1
	for c, r := range op.LeftColumns {
		m.values[op.OutLeft[c]][at] = m.values[r][i]
	}
	for c, r := range op.RightColumns {
		m.values[op.OutRight[c]][at] = m.values[r][j]
	}
}

func (op ExpandJoin) expand(l *lowering) error {
	d := &draft{lowering: l}
	left, right := d.rows(op.LeftValid), d.rows(op.RightValid)
	keys := make([]Reg, len(op.Left))
	for i := range keys {
		keys[i] = d.concat(op.Left[i], op.Right[i])
	}
	isLeft := d.longer(d.asWords(op.LeftValid), right)
	isRight := d.concat(d.zeros(isLeft, left), d.asWords(op.RightValid))
	columns := append(slices.Clone(keys), isLeft, isRight)
	for _, r := range op.LeftColumns {
		columns = append(columns, d.longer(r, right))
	}
	for _, r := range op.RightColumns {
		columns = append(columns, d.concat(d.zeros(r, left), r))
	}
	by := d.sideOrder(keys, op.Sorted, left, right)
	sorted := d.gather(by, columns)
	if d.err != nil {
		return d.err
	}
	starts := d.reg(func(out Reg) Op { return Starts{Keys: sorted[:len(keys)], Out: out} })
	sorted = sorted[len(keys):]
	p := d.pairs(starts, sorted[0], sorted[1], op.Rows)
	lefts, rights := sorted[2:2+len(op.LeftColumns)], sorted[2+len(op.LeftColumns):]
	lefts = d.repeatRows(p.leftBegin, append(slices.Clone(lefts), d.flags(left+right, 0, left+right)), op.Rows)
	rights = d.repeatRows(p.rightBegin, append(slices.Clone(rights), p.offset, p.stride), op.Rows)
	if d.err != nil {
		return d.err
	}
	for i, r := range lefts {
		d.name(r, append(slices.Clone(op.OutLeft), op.Valid)[i])
	}
	if n := len(op.OutRight); n > 0 {
		row := d.iota(op.Rows)
		to := d.add(row, d.add(rights[n], d.mul(row, rights[n+1])))
		d.do(Scatter{By: to, A: rights[:n], Out: op.OutRight})
	}
	d.name(p.total, op.Total)
	if op.Matches {
		back := d.scatter(by, []Reg{d.atLeast(p.partners, 1)})
		d.do(Slice{A: back[0], From: 0, To: left, Out: op.LeftMatched}, Slice{A: back[0], From: left, To: left + right, Out: op.RightMatched})
	}
	return d.err
}

// pairing is where rows of two sides that are sorted together stand in their join.
type pairing struct {
	leftBegin, rightBegin Reg // where a row's repetitions begin on its side, and one row more
	offset, stride        Reg // repetition p of a right row belongs at p + offset + p·stride
	total, partners       Reg // rows of the join without a bound, and of each row
}

// pairs computes a pairing. In a key with l left and r right rows whose pairs begin at b, left
// row i begins at b + i·r, and right row j, repeated from b + j·l on, belongs beside them at
// b + j and every r-th row from there: repetition p at b + j + (p − b − j·l)·r.
func (d *draft) pairs(starts, isLeft, isRight Reg, rows int) pairing {
	leftThrough, rightThrough := d.through(isLeft), d.through(isRight)
	leftBefore, rightBefore := d.sub(leftThrough, isLeft), d.sub(rightThrough, isRight)
	first, last := d.broadcast(starts, []Reg{leftBefore, rightBefore}, []Reg{leftThrough, rightThrough})
	if d.err != nil {
		return pairing{}
	}
	n := d.rows(starts)
	lefts, rights := d.sub(last[0], first[0]), d.sub(last[1], first[1])
	leftPairs, rightPairs := d.mul(isLeft, rights), d.mul(isRight, lefts)
	all := d.through(leftPairs)
	begin := d.sub(d.sub(all, leftPairs), d.mul(d.sub(leftBefore, first[0]), rights))
	end := d.add(begin, d.mul(lefts, rights))
	fits := d.atLeast(d.sub(d.constant(uint64(rows), n), end), 0)
	leftBegin, _ := d.begins(d.gated(fits, leftPairs))
	rightBegin, before := d.begins(d.gated(fits, rightPairs))
	one := d.constant(1, n)
	return pairing{
		leftBegin: leftBegin, rightBegin: rightBegin, total: d.slice(all, n-1, n), partners: d.add(leftPairs, rightPairs),
		offset: d.sub(d.add(begin, d.sub(rightBefore, first[1])), d.mul(before, rights)),
		stride: d.sub(rights, one),
	}
}

// begins is where rows that are repeated begin, with one row more and without.
func (d *draft) begins(count Reg) (more, rows Reg) {
	n := d.rows(count)
	through := d.through(count)
	rows = d.sub(through, count)
	return d.concat(rows, d.slice(through, n-1, n)), rows
}

package program

import (
	"errors"
	"fmt"
)

// Broadcast defines for each row what columns hold in the first row of its group (OutFirst, of
// First) and in the last (OutLast, of Last), registers of either kind; groups begin where
// Starts is 1, and in the first row whatever Starts says.
//
// Composition of BitOrder, Scatter, Gather and prefix sums: the first rows of groups are moved
// to the front, neighbours subtracted, the differences moved back and added up again, over
// Z_2^64 or Z_2 as the column's kind is. A group's last row stands above the next group's
// first, so that Last costs what First does. All columns move together: 15 rounds, one more
// where columns of both kinds do; 40 bytes a row and party for a column of words, 16 for bits
// up to 32, and 43 beside. Where another operator over the same Starts ran before it is 12
// rounds, and 24 bytes beside. Nothing is opened and nothing leaks. A null bit is a column
// like any other.
type Broadcast struct {
	Starts            Reg
	First, Last       []Reg
	OutFirst, OutLast []Reg
}

func (Broadcast) isOp() {}

func (op Broadcast) columns() []Reg { return append(append([]Reg{}, op.First...), op.Last...) }
func (op Broadcast) defines() []Reg { return append(append([]Reg{}, op.OutFirst...), op.OutLast...) }
func (op Broadcast) reads() []Reg   { return append([]Reg{op.Starts}, op.columns()...) }
func (op Broadcast) text() string {
	return fmt.Sprintf("%s %s = broadcast r%d first=%s last=%s", list(op.OutFirst, "r"), list(op.OutLast, "r"), op.Starts, list(op.First, "r"), list(op.Last, "r"))
}

func (op Broadcast) check(c *checker) error {
	n, err := c.bit(op.Starts)
	if err != nil {
		return err
	}
	if len(op.Last) > 0 && n == MaxRows || len(op.First) != len(op.OutFirst) {
		return errors.New("too many rows, or lists of different lengths")
	}
	rows, err := c.columns(op.columns(), op.defines())
	if err == nil && rows != n {
		err = fmt.Errorf("%d rows are grouped by %d bits", rows, n)
	}
	return err
}

func (op Broadcast) eval(m *machine) error {
	first, last := spans(m.values[op.Starts])
	for i, r := range op.First {
		m.values[op.OutFirst[i]] = pickRows(m.values[r], first)
	}
	for i, r := range op.Last {
		m.values[op.OutLast[i]] = pickRows(m.values[r], last)
	}
	return nil
}

// spans is the first and the last row of each row's group.
func spans(starts []uint64) (first, last []int) {
	n := len(starts)
	first, last = make([]int, n), make([]int, n)
	for i := 1; i < n; i++ {
		if first[i] = first[i-1]; starts[i] == 1 {
			first[i] = i
		}
	}
	for i := n - 1; i >= 0; i-- {
		if last[i] = i; i+1 < n && starts[i+1] == 0 {
			last[i] = last[i+1]
		}
	}
	return first, last
}

// pickRows is the rows of a column that are named.
func pickRows(column []uint64, rows []int) []uint64 {
	out := make([]uint64, len(rows))
	for i, row := range rows {
		out[i] = column[row]
	}
	return out
}

func (op Broadcast) expand(l *lowering) error {
	d := &draft{lowering: l}
	first, last := d.broadcast(op.Starts, op.First, op.Last)
	for i, r := range first {
		d.name(r, op.OutFirst[i])
	}
	for i, r := range last {
		d.name(r, op.OutLast[i])
	}
	return d.err
}

// broadcast writes a Broadcast. For Last the rows get one more, a first row of its own, so
// that the last group too has a next one.
func (d *draft) broadcast(starts Reg, first, last []Reg) (outFirst, outLast []Reg) {
	if len(first)+len(last) == 0 {
		return nil, nil
	}
	n, more := d.rows(starts), 0
	begin := d.begin(starts)
	if d.asWords(begin); len(last) > 0 {
		more = 1
	}
	to := d.firsts(begin, more)
	columns := make([]Reg, 0, len(first)+len(last))
	for _, r := range first {
		columns = append(columns, d.longer(r, more))
	}
	for _, r := range last {
		columns = append(columns, d.down(d.longer(r, more), 1))
	}
	steps := d.scatter(to, columns)
	for i, r := range steps {
		if i < len(first) {
			steps[i] = d.sub(r, d.down(r, 1))
		} else {
			steps[i] = d.sub(d.up(r, 1), r)
		}
	}
	back := d.gather(to, steps)
	for i, r := range back {
		if more > 0 {
			r = d.slice(r, 0, n)
		}
		back[i] = d.through(d.gated(begin, r))
	}
	return back[:len(first)], back[len(first):]
}

// firsts is the positions that move first rows of groups to the front; with more rows behind
// that are first rows too.
func (d *draft) firsts(begin Reg, more int) Reg {
	if to, ok := d.moved[begin]; ok && more == 0 {
		return to
	}
	all := begin
	if more > 0 {
		all = d.concat(begin, d.flags(more, 0, more))
		d.words[all] = d.concat(d.asWords(begin), d.constant(1, more))
	}
	other := d.not(all)
	d.notWords(other, all)
	to := d.reg(func(out Reg) Op { return BitOrder{Bit: other, Out: out} })
	if more == 0 {
		d.moved[begin] = to
	}
	return to
}

// begin is the bits of starts with the first row set, one register for all operators.
func (d *draft) begin(starts Reg) Reg {
	if r, ok := d.begun[starts]; ok {
		return r
	}
	d.begun[starts] = d.reg(func(out Reg) Op { return First{A: starts, Out: out} })
	return d.begun[starts]
}

// longer is a register with rows of zeros behind.
func (d *draft) longer(r Reg, more int) Reg {
	if more == 0 {
		return r
	}
	return d.concat(r, d.zeros(r, more))
}

// scatter writes a Scatter.
func (d *draft) scatter(by Reg, columns []Reg) []Reg {
	out := d.freshes(len(columns))
	d.do(Scatter{By: by, A: columns, Out: out})
	return append([]Reg{}, out...)
}

// gather writes a Gather.
func (d *draft) gather(by Reg, columns []Reg) []Reg {
	out := d.freshes(len(columns))
	d.do(Gather{By: by, A: columns, Out: out})
	return append([]Reg{}, out...)
}

// freshes are n fresh registers.
func (d *draft) freshes(n int) []Reg {
	out := make([]Reg, n)
	for i := range out {
		out[i] = d.fresh()
	}
	return out
}

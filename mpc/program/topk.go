package program

import (
	"errors"
	"fmt"
)

// TopK defines Out as the first K rows of A, registers of either kind, in the stable order of
// Keys. NULLS FIRST and LAST are a null bit as a key in front, and the rows behind it set to
// one value; where there may be fewer than K rows of data, a validity bit is the first key,
// descending, and a column.
//
// Few rows (countedRows) are all compared with each other at once, and moved to where the
// counts say: 14 rounds or so. More rows (blockedRows) are first cut into blocks of s = 3·K + 1,
// all of which are put in order so at once and give up all but their first K rows, again
// and again: about 1.5 · s/2 comparisons and conversions a row, 14 rounds for each factor of 3.
// Of many rows a tournament finds the K-th: lists of L = 2^⌈log2 K⌉ rows are sorted (bitonic,
// Batcher 1968), then two lists become one, of which row i is the first of row i of one and
// row L−1−i of the other, whose bitonic result log2 L exchanges sort again, until few enough are
// left; about 1 + log2 L·(log2 L + 3)/4 exchanges a row. Rows up to the K-th are then
// compacted and put in order. Beyond K = maxBlocked, or for keys beyond 128 bits with the row's
// number, a sort of all rows runs. Nothing is opened and nothing leaks: which rows are compared
// is public.
type TopK struct {
	Keys   []Key
	K      int
	A, Out []Reg
}

// Limits of the ways to find first rows.
const (
	countedRows = 256     // up to which all pairs are compared
	blockedRows = 1 << 12 // up to which rounds decide, and blocks are put in order
	maxBlocked  = 16      // the most first rows that anything but a sort looks for
)

func (TopK) isOp() {}

func (op TopK) defines() []Reg { return op.Out }
func (op TopK) reads() []Reg   { return append(keyRegs(op.Keys), op.A...) }
func (op TopK) text() string {
	return fmt.Sprintf("%s = top_k %s k=%d by %s", list(op.Out, "r"), list(op.A, "r"), op.K, keysText(op.Keys))
}

func (op TopK) check(c *checker) error {
	n, _, err := c.keys(op.Keys)
	if err != nil {
		return err
	}
	if op.K < 1 || op.K > n || n > MaxRows/2 || len(op.A) == 0 || len(op.A) != len(op.Out) {
		return fmt.Errorf("%d of %d rows", op.K, n)
	}
	for i, r := range op.A {
		s, err := c.read(r)
		if err == nil && s.Rows != n {
			err = errors.New("columns of different lengths")
		}
		s.Rows = op.K
		if err := c.then(err, op.Out[i], s); err != nil {
			return err
		}
	}
	return nil
}

func (op TopK) eval(m *machine) error {
	rows := m.sorted(op.Keys)[:op.K]
	for i, r := range op.A {
		out := make([]uint64, op.K)
		for k, row := range rows {
			out[k] = m.values[r][row]
		}
		m.values[op.Out[i]] = out
	}
	return nil
}

func (op TopK) expand(l *lowering) error {
	d := &draft{lowering: l}
	n := l.shapes[op.Keys[0].A].Rows
	key, ok := d.orderKey(op.Keys)
	var columns []Reg
	switch {
	case ok && (n <= countedRows || n <= blockedRows && op.K <= maxBlocked):
		_, columns = d.firstRows(op.K, key, op.A)
	case ok && op.K <= maxBlocked:
		columns = op.upTo(d, d.kth(op.K, key), key)
	default:
		columns = d.gather(d.reg(func(out Reg) Op { return Order{Keys: op.Keys, Out: out} }), op.A)
	}
	for i, r := range columns {
		d.do(Slice{A: r, From: 0, To: op.K, Out: op.Out[i]})
	}
	return d.err
}

// upTo is the columns of the K rows up to the last of them, in order.
func (op TopK) upTo(d *draft, last, key orderKey) []Reg {
	n := d.rows(key[0])
	late := d.before(last.apply(func(r Reg) Reg { return d.repeat(r, n) }), key)
	to := d.reg(func(out Reg) Op { return BitOrder{Bit: late, Out: out} })
	rows := d.scatter(to, append(append([]Reg{}, key...), op.A...))
	for i, r := range rows {
		rows[i] = d.slice(r, 0, op.K)
	}
	_, columns := d.firstRows(op.K, rows[:len(key)], rows[len(key):])
	return columns
}

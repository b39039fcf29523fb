package program

import "fmt"

// Distinct defines Out, one bit a row: 1 in the first of each run of valid rows with equal
// Keys, over sorted or merged rows. Rows that Valid excludes (NULLs, padding) must form runs of
// their own: where Valid follows from Keys it needs nothing, else it is one of them.
// COUNT(DISTINCT x) of groups is a GroupBy's sum of these bits as words, over keys that begin
// with the group's.
//
// Starts and And: the keys' bits a row, ⌈log2 bits⌉ + 1 rounds. Nothing is opened and nothing
// leaks.
type Distinct struct {
	Keys       []Reg
	Valid, Out Reg
}

// CountDistinct defines Out, one word, as the number of distinct keys of valid rows: a
// Distinct, its conversion, 11 bytes a row and party, and a sum.
type CountDistinct struct {
	Keys       []Reg
	Valid, Out Reg
}

func (Distinct) isOp()      {}
func (CountDistinct) isOp() {}

func (op Distinct) defines() []Reg { return []Reg{op.Out} }
func (op Distinct) reads() []Reg   { return append(append([]Reg{}, op.Keys...), op.Valid) }
func (op Distinct) text() string {
	return fmt.Sprintf("r%d = distinct %s valid=r%d", op.Out, list(op.Keys, "r"), op.Valid)
}
func (op Distinct) check(c *checker) error {
	n, err := op.rows(c)
	return c.then(err, op.Out, bit(n))
}

// rows checks the operands.
func (op Distinct) rows(c *checker) (int, error) {
	n, _, err := c.keys(asKeys(op.Keys))
	if err != nil {
		return 0, err
	}
	rows, err := c.bit(op.Valid)
	if err == nil && rows != n {
		err = fmt.Errorf("%d rows of keys, %d of valid", n, rows)
	}
	return n, err
}

func (op Distinct) eval(m *machine) error {
	if err := (Starts{Keys: op.Keys, Out: op.Out}).eval(m); err != nil {
		return err
	}
	m.values[op.Out] = zip(m.values[op.Out], m.values[op.Valid], func(a, b uint64) uint64 { return a & b })
	return nil
}

func (op Distinct) expand(l *lowering) error {
	starts := l.fresh()
	return l.emit(Starts{Keys: op.Keys, Out: starts}, And{A: starts, B: op.Valid, Out: op.Out})
}

func (op CountDistinct) defines() []Reg { return []Reg{op.Out} }
func (op CountDistinct) reads() []Reg   { return Distinct(op).reads() }
func (op CountDistinct) text() string {
	return fmt.Sprintf("r%d = count_distinct %s valid=r%d", op.Out, list(op.Keys, "r"), op.Valid)
}
func (op CountDistinct) check(c *checker) error {
	_, err := Distinct(op).rows(c)
	return c.then(err, op.Out, words(1))
}

func (op CountDistinct) eval(m *machine) error {
	seen := map[string]bool{}
	for i, v := range m.values[op.Valid] {
		if v == 1 {
			seen[m.row(op.Keys, i)] = true
		}
	}
	m.values[op.Out] = []uint64{uint64(len(seen))}
	return nil
}

// row is a row of keys as a comparable value.
func (m *machine) row(keys []Reg, i int) string {
	values := make([]uint64, len(keys))
	for k, r := range keys {
		values[k] = m.values[r][i]
	}
	return fmt.Sprint(values)
}

func (op CountDistinct) expand(l *lowering) error {
	d := &draft{lowering: l}
	first := d.reg(func(out Reg) Op { return Distinct{Keys: op.Keys, Valid: op.Valid, Out: out} })
	d.do(Sum{A: d.asWords(first), Out: op.Out})
	return d.err
}

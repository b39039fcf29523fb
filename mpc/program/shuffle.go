package program

import (
	"errors"
	"fmt"
)

// Shuffle defines Out as the rows of A, registers of either kind and of equal length, in one
// uniformly random order that no party knows, the same for all of them (Laur, Willemson,
// Zhang, Round-Efficient Oblivious Database Manipulation, ISC 2011; Araki et al., Secure
// Graph Analysis at Scale, CCS 2021): three rounds, in each of which two parties
// apply an order that they share. Each party sends two words a row and register; rows of up
// to 32 bits send half. In the clear it is the identity: what a program opens must not
// depend on the order of shuffled rows, except that it is random.
type Shuffle struct{ A, Out []Reg }

// Scatter defines Out[By[i]] = A[i] for all registers of A. By holds each of 0 to rows-1
// once, as words or as Boolean rows; rows of A and By are shuffled together, the shuffled By,
// which is a uniformly random order whatever it was, becomes known to all parties, and each
// moves its shares. Four rounds. Nothing is opened and nothing leaks; that By is a permutation
// is the program's to ensure, and a run in which it is none ends with an error.
type Scatter struct {
	By     Reg
	A, Out []Reg
}

// Gather defines Out[i] = A[By[i]], as Scatter does: By is shuffled and becomes known, the
// rows of A move by it and then take the secret order back. Seven rounds.
type Gather struct {
	By     Reg
	A, Out []Reg
}

func (Shuffle) isOp() {}
func (Scatter) isOp() {}
func (Gather) isOp()  {}

func (op Shuffle) defines() []Reg { return op.Out }
func (op Shuffle) reads() []Reg   { return op.A }
func (op Shuffle) text() string {
	return fmt.Sprintf("%s = shuffle %s", list(op.Out, "r"), list(op.A, "r"))
}
func (op Shuffle) check(c *checker) error { _, err := c.columns(op.A, op.Out); return err }
func (op Shuffle) batch([]Shape) Batch    { return Batch{Kind: Mix} }
func (op Shuffle) eval(m *machine) error {
	for i, r := range op.A {
		m.values[op.Out[i]] = m.values[r]
	}
	return nil
}

func (op Shuffle) cost(m *meter) int {
	m.direct.all(2 * m.rowWords(op.A...))
	return 3
}

func (op Scatter) defines() []Reg { return op.Out }
func (op Scatter) reads() []Reg   { return append([]Reg{op.By}, op.A...) }
func (op Scatter) text() string {
	return fmt.Sprintf("%s = scatter %s by r%d", list(op.Out, "r"), list(op.A, "r"), op.By)
}
func (op Scatter) check(c *checker) error { return c.moved(op.By, op.A, op.Out) }
func (op Scatter) batch([]Shape) Batch    { return Batch{Kind: Move} }

func (op Scatter) eval(m *machine) error {
	by := m.values[op.By]
	if err := permutation(by); err != nil {
		return err
	}
	for i, r := range op.A {
		out := make([]uint64, len(by))
		for from, to := range by {
			out[to] = m.values[r][from]
		}
		m.values[op.Out[i]] = out
	}
	return nil
}

func (op Scatter) cost(m *meter) int {
	n := m.shapes[op.By].Rows
	m.direct.all(2*(halfWords(n)+m.rowWords(op.A...)) + halfWords(n))
	return 4
}

func (op Gather) defines() []Reg { return op.Out }
func (op Gather) reads() []Reg   { return append([]Reg{op.By}, op.A...) }
func (op Gather) text() string {
	return fmt.Sprintf("%s = gather %s by r%d", list(op.Out, "r"), list(op.A, "r"), op.By)
}
func (op Gather) check(c *checker) error { return c.moved(op.By, op.A, op.Out) }
func (op Gather) batch([]Shape) Batch    { return Batch{Kind: Move} }

func (op Gather) eval(m *machine) error {
	by := m.values[op.By]
	if err := permutation(by); err != nil {
		return err
	}
	for i, r := range op.A {
		out := make([]uint64, len(by))
		for to, from := range by {
			out[to] = m.values[r][from]
		}
		m.values[op.Out[i]] = out
	}
	return nil
}

func (op Gather) cost(m *meter) int { return 3 + Scatter(op).cost(m) }

// columns checks registers of equal length and defines as many of their shapes.
func (c *checker) columns(a, out []Reg) (rows int, err error) {
	if len(a) == 0 || len(a) != len(out) {
		return 0, errors.New("no columns, or lists of different lengths")
	}
	shapes := make([]Shape, len(a))
	for i, r := range a {
		if shapes[i], err = c.read(r); err != nil {
			return 0, err
		}
		if shapes[i].Rows != shapes[0].Rows {
			return 0, fmt.Errorf("r%d and r%d have different lengths", a[0], r)
		}
	}
	for i, r := range out {
		if err := c.define(r, shapes[i]); err != nil {
			return 0, err
		}
	}
	return shapes[0].Rows, nil
}

// moved checks columns that move by a permutation.
func (c *checker) moved(by Reg, a, out []Reg) error {
	s, err := c.read(by)
	if err != nil {
		return err
	}
	if s.Width < IndexWidth(s.Rows) {
		return fmt.Errorf("r%d cannot number %d rows", by, s.Rows)
	}
	rows, err := c.columns(a, out)
	if err == nil && rows != s.Rows {
		err = fmt.Errorf("%d rows move by %d positions", rows, s.Rows)
	}
	return err
}

// permutation reports an error unless values are 0 to len-1, each once.
func permutation(values []uint64) error {
	seen := make([]bool, len(values))
	for _, v := range values {
		if v >= uint64(len(seen)) || seen[v] {
			return errors.New("rows move by what is no permutation")
		}
		seen[v] = true
	}
	return nil
}

// rowWords is the words that the rows of registers travel in: two rows of up to 32 bits
// share one.
func (m *meter) rowWords(regs ...Reg) (words int) {
	for _, r := range regs {
		s := m.shapes[r]
		if s.Boolean && s.Width <= 32 {
			words += halfWords(s.Rows)
		} else {
			words += s.Rows
		}
	}
	return words
}

// halfWords is the words in which n values of 32 bits travel.
func halfWords(n int) int { return (n + 1) / 2 }

package program

import "fmt"

// RandomBits defines Out as N Boolean rows of Width uniformly random bits that nobody knows:
// the parties draw components 0, 1 and 2 from the streams of the pairs that hold them (Cramer,
// Damgård, Ishai, Share Conversion, Pseudorandom Secret-Sharing, TCC 2005). No traffic, nothing
// is opened. In the clear a row is the low bits of one word of randomness.
type RandomBits struct {
	N, Width int
	Out      Reg
}

// BitField defines Out as bits From to From+Width-1 of the Boolean rows of A. No traffic.
type BitField struct {
	A           Reg
	From, Width int
	Out         Reg
}

func (RandomBits) isOp() {}
func (BitField) isOp()   {}

func (op RandomBits) defines() []Reg { return []Reg{op.Out} }
func (op RandomBits) reads() []Reg   { return nil }
func (op RandomBits) text() string {
	return fmt.Sprintf("r%d = random_bits rows=%d width=%d", op.Out, op.N, op.Width)
}

func (op RandomBits) check(c *checker) error {
	if op.Width < 1 || op.Width > 64 {
		return fmt.Errorf("rows of %d bits, must have 1 to 64", op.Width)
	}
	return c.define(op.Out, Shape{Boolean: true, Rows: op.N, Width: op.Width})
}

func (op RandomBits) eval(m *machine) error {
	u, err := m.draw(op.N)
	m.values[op.Out] = each(u, func(a uint64) uint64 { return a & lowBits(op.Width) })
	return err
}

func (op RandomBits) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op RandomBits) cost(*meter) int     { return 0 }

func (op BitField) defines() []Reg { return []Reg{op.Out} }
func (op BitField) reads() []Reg   { return []Reg{op.A} }
func (op BitField) text() string {
	return fmt.Sprintf("r%d = bit_field r%d from=%d width=%d", op.Out, op.A, op.From, op.Width)
}

func (op BitField) check(c *checker) error {
	s, err := c.boolean(op.A)
	if err == nil && (op.From < 0 || op.Width < 1 || op.From > s.Width || op.Width > s.Width-op.From) {
		err = fmt.Errorf("bits %d to %d of %d", op.From, op.From+op.Width, s.Width)
	}
	s.Width = op.Width
	return c.then(err, op.Out, s)
}

func (op BitField) eval(m *machine) error {
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { return a >> op.From & lowBits(op.Width) })
	return nil
}

func (op BitField) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op BitField) cost(*meter) int     { return 0 }

package program

import "fmt"

// IotaBits defines Out as the public numbers 0 to N-1 in Boolean rows of Width bits. No traffic.
type IotaBits struct {
	N, Width int
	Out      Reg
}

// Flags defines Out as N public bits: 1 in rows From to To-1. No traffic.
type Flags struct {
	N, From, To int
	Out         Reg
}

// Every defines Out as the rows From, From+Step, From+2·Step and so on of the words of A. No
// traffic.
type Every struct {
	A          Reg
	From, Step int
	Out        Reg
}

// PrefixXor defines Out[i] = A[0] ⊕ … ⊕ A[i] on Boolean rows. No traffic.
type PrefixXor struct{ A, Out Reg }

func (IotaBits) isOp()  {}
func (Flags) isOp()     {}
func (Every) isOp()     {}
func (PrefixXor) isOp() {}

func (op IotaBits) defines() []Reg      { return []Reg{op.Out} }
func (op IotaBits) reads() []Reg        { return nil }
func (op IotaBits) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op IotaBits) cost(*meter) int     { return 0 }
func (op IotaBits) text() string {
	return fmt.Sprintf("r%d = iota_bits rows=%d width=%d", op.Out, op.N, op.Width)
}
func (op IotaBits) check(c *checker) error {
	if op.Width < 1 || op.Width > 64 || op.Width < IndexWidth(max(op.N, 1)) {
		return fmt.Errorf("%d rows cannot be numbered in %d bits", op.N, op.Width)
	}
	return c.define(op.Out, Shape{Boolean: true, Rows: op.N, Width: op.Width})
}
func (op IotaBits) eval(m *machine) error { return Iota{N: op.N, Out: op.Out}.eval(m) }

func (op Flags) defines() []Reg      { return []Reg{op.Out} }
func (op Flags) reads() []Reg        { return nil }
func (op Flags) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op Flags) cost(*meter) int     { return 0 }
func (op Flags) text() string {
	return fmt.Sprintf("r%d = flags rows=%d ones=%d:%d", op.Out, op.N, op.From, op.To)
}
func (op Flags) check(c *checker) error {
	if op.From < 0 || op.From > op.To || op.To > op.N {
		return fmt.Errorf("ones in rows %d to %d of %d", op.From, op.To, op.N)
	}
	return c.define(op.Out, bit(op.N))
}
func (op Flags) eval(m *machine) error {
	out := make([]uint64, op.N)
	for i := op.From; i < op.To; i++ {
		out[i] = 1
	}
	m.values[op.Out] = out
	return nil
}

func (op Every) defines() []Reg      { return []Reg{op.Out} }
func (op Every) reads() []Reg        { return []Reg{op.A} }
func (op Every) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op Every) cost(*meter) int     { return 0 }
func (op Every) text() string {
	return fmt.Sprintf("r%d = every r%d from=%d step=%d", op.Out, op.A, op.From, op.Step)
}
func (op Every) check(c *checker) error {
	n, err := c.arith(op.A)
	if err != nil {
		return err
	}
	if op.From < 0 || op.From >= n || op.Step < 1 {
		return fmt.Errorf("every %d rows from %d on of %d", op.Step, op.From, n)
	}
	return c.define(op.Out, words((n-op.From-1)/op.Step+1))
}
func (op Every) eval(m *machine) error {
	var out []uint64
	for i := op.From; i < len(m.values[op.A]); i += op.Step {
		out = append(out, m.values[op.A][i])
	}
	m.values[op.Out] = out
	return nil
}

func (op PrefixXor) defines() []Reg      { return []Reg{op.Out} }
func (op PrefixXor) reads() []Reg        { return []Reg{op.A} }
func (op PrefixXor) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op PrefixXor) cost(*meter) int     { return 0 }
func (op PrefixXor) text() string        { return fmt.Sprintf("r%d = prefix_xor r%d", op.Out, op.A) }
func (op PrefixXor) check(c *checker) error {
	s, err := c.boolean(op.A)
	return c.then(err, op.Out, s)
}
func (op PrefixXor) eval(m *machine) error {
	sum := uint64(0)
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { sum ^= a; return sum })
	return nil
}

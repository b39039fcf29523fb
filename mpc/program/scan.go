package program

import (
	"errors"
	"fmt"
)

// PrefixSum defines Out[i] = A[0] + … + A[i] mod 2^64. No traffic.
type PrefixSum struct{ A, Out Reg }

// Repeat defines Out as N times the one row of A, of either kind. No traffic.
type Repeat struct {
	A   Reg
	N   int
	Out Reg
}

// Iota defines Out as the public words 0 to N-1. No traffic.
type Iota struct {
	N   int
	Out Reg
}

func (PrefixSum) isOp() {}
func (Repeat) isOp()    {}
func (Iota) isOp()      {}

func (op PrefixSum) defines() []Reg         { return []Reg{op.Out} }
func (op PrefixSum) reads() []Reg           { return []Reg{op.A} }
func (op PrefixSum) text() string           { return fmt.Sprintf("r%d = prefix_sum r%d", op.Out, op.A) }
func (op PrefixSum) check(c *checker) error { return c.binary(op.A, op.A, op.Out) }
func (op PrefixSum) batch([]Shape) Batch    { return Batch{Kind: Local} }
func (op PrefixSum) cost(*meter) int        { return 0 }
func (op PrefixSum) eval(m *machine) error {
	sum := uint64(0)
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { sum += a; return sum })
	return nil
}

func (op Repeat) defines() []Reg      { return []Reg{op.Out} }
func (op Repeat) reads() []Reg        { return []Reg{op.A} }
func (op Repeat) text() string        { return fmt.Sprintf("r%d = repeat r%d rows=%d", op.Out, op.A, op.N) }
func (op Repeat) batch([]Shape) Batch { return Batch{Kind: Local} }
func (op Repeat) cost(*meter) int     { return 0 }
func (op Repeat) check(c *checker) error {
	s, err := c.read(op.A)
	if err == nil && s.Rows != 1 {
		err = errors.New("repeats more than one row")
	}
	s.Rows = op.N
	return c.then(err, op.Out, s)
}
func (op Repeat) eval(m *machine) error {
	out := make([]uint64, op.N)
	for i := range out {
		out[i] = m.values[op.A][0]
	}
	m.values[op.Out] = out
	return nil
}

func (op Iota) defines() []Reg         { return []Reg{op.Out} }
func (op Iota) reads() []Reg           { return nil }
func (op Iota) text() string           { return fmt.Sprintf("r%d = iota rows=%d", op.Out, op.N) }
func (op Iota) check(c *checker) error { return c.define(op.Out, words(op.N)) }
func (op Iota) batch([]Shape) Batch    { return Batch{Kind: Local} }
func (op Iota) cost(*meter) int        { return 0 }
func (op Iota) eval(m *machine) error {
	out := make([]uint64, op.N)
	for i := range out {
		out[i] = uint64(i)
	}
	m.values[op.Out] = out
	return nil
}

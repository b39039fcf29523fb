package program

import (
	"errors"
	"fmt"
)

// Gaussian defines Out, N words: independent draws of a discrete Gaussian variable that nobody
// ever knows, in a shape that depends on the parameters alone (the samplers of Canonne, Kamath,
// Steinke 2020 reject, which would show). Bounds and Factors come from package dp, which says why
// the distribution is right and what the approximation costs.
//
// A draw is 2^L draws from a table: the absolute value is how many of Bounds a word of 64
// random bits is less than, its sign a random bit; then, for each of Factors, Factor times
// one half is added to the other half. 15 bytes for each comparison and 10.7 for each bit that
// becomes a word: at σ = 8 about 75 bounds, 1.9 kB a draw and party; with L factors 2^L times as
// much; 9 rounds. Nothing is opened.
type Gaussian struct {
	N       int
	Factors []int64
	Bounds  []uint64
	Out     Reg
}

// maxFactors bounds the levels of a draw.
const maxFactors = 8

func (Gaussian) isOp() {}

func (op Gaussian) defines() []Reg { return []Reg{op.Out} }
func (op Gaussian) reads() []Reg   { return nil }
func (op Gaussian) text() string {
	factors := make([]int, len(op.Factors))
	for i, k := range op.Factors {
		factors[i] = int(k)
	}
	return fmt.Sprintf("r%d = gaussian rows=%d factors=%s bounds=%s", op.Out, op.N, list(factors, ""), list(op.Bounds, ""))
}

func (op Gaussian) check(c *checker) error {
	if len(op.Bounds) == 0 || len(op.Factors) > maxFactors {
		return errors.New("noise without bounds is no noise, or has too many factors")
	}
	for _, k := range op.Factors {
		if k < 1 || k > MaxRows<<6 {
			return fmt.Errorf("factor %d of noise", k)
		}
	}
	for i, bound := range op.Bounds {
		if i > 0 && bound > op.Bounds[i-1] {
			return errors.New("bounds of noise rise")
		}
	}
	if rows := op.rows(); op.N < 1 || op.N > maxCoins || len(op.Bounds) > maxCoins || rows*len(op.Bounds) > maxCoins {
		return fmt.Errorf("noise of %d draws with %d bounds is too large", op.N, len(op.Bounds))
	}
	return c.define(op.Out, words(op.N))
}

// rows is how many draws from the table there are.
func (op Gaussian) rows() int { return op.N << len(op.Factors) }

func (op Gaussian) eval(m *machine) error {
	uniform, err := m.draw(op.rows())
	if err != nil {
		return err
	}
	signs, err := m.draw(op.rows())
	if err != nil {
		return err
	}
	out := each(uniform, func(u uint64) (size uint64) {
		for _, bound := range op.Bounds {
			size += truth(u < bound)
		}
		return size
	})
	out = zip(out, signs, func(size, sign uint64) uint64 { return size - 2*(sign&1)*size })
	for _, k := range op.Factors {
		half := len(out) / 2
		out = zip(out[:half], out[half:], func(a, b uint64) uint64 { return a + uint64(k)*b })
	}
	m.values[op.Out] = out
	return nil
}

func (op Gaussian) expand(l *lowering) error {
	d := draft{lowering: l}
	uniform := d.reg(func(out Reg) Op { return RandomBits{N: op.rows(), Width: 64, Out: out} })
	negative := d.reg(func(out Reg) Op { return RandomBits{N: op.rows(), Width: 1, Out: out} })
	below := Below{A: uniform, Bounds: op.Bounds, Out: make([]Reg, len(op.Bounds))}
	for i := range below.Out {
		below.Out[i] = d.fresh()
	}
	d.do(below)
	size := d.asWords(below.Out[0])
	for _, r := range below.Out[1:] {
		size = d.add(size, d.asWords(r))
	}
	sign := d.asWords(negative) // in the round of the others
	out := d.sub(size, d.mul(d.scale(sign, 2), size))
	for _, k := range op.Factors {
		half := d.rows(out) / 2
		out = d.add(d.slice(out, 0, half), d.scale(d.slice(out, half, 2*half), uint64(k)))
	}
	d.name(out, op.Out)
	return d.err
}

package mpc

import (
	"context"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// less returns one bit a row: 1 where x < y as naturals, or in two's complement where the
// mask signed, one word a plane word, has ones.
//
// x < y exactly if ¬x + y carries out of its highest bit; exchanging the sign bits of ¬x and
// y turns two's complement into naturals. Gates and rounds are program.CarryCost. Nothing
// is opened.
func (p *Party) less(ctx context.Context, x, y bits, signed []bool) (bits, error) {
	w := planeWords(x.n)
	u, v := p.copyOf(x.share), p.copyOf(y.share)
	p.xorPublic(u, ^uint64(0))
	top := (x.width - 1) * w
	for i, flip := range signed { // ¬x ↔ y with both signs flipped: x and ¬y
		if flip {
			p.xorPublic(u.slice(top+i, top+i+1), ^uint64(0))
			p.xorPublic(v.slice(top+i, top+i+1), ^uint64(0))
		}
	}
	out, err := p.carry(ctx, u, v, x.width)
	if err != nil {
		return bits{}, err
	}
	p.give(u, v)
	return bits{n: x.n, width: 1, share: out}, nil
}

// borrow runs comparisons of one width as one long vector.
func (e *execution) borrow(ctx context.Context, b program.Batch) error {
	xs, ys := make([]program.Reg, len(b.Ops)), make([]program.Reg, len(b.Ops))
	var signed []bool
	for i, op := range b.Ops {
		op, ok := op.(program.Less)
		if !ok {
			return unexpected(op)
		}
		xs[i], ys[i] = op.A, op.B
		for range planeWords(e.bits(op.A).n) {
			signed = append(signed, op.Signed)
		}
	}
	x, y := e.stack(xs, b.Width), e.stack(ys, b.Width)
	z, err := e.p.less(ctx, x, y, signed)
	if err != nil {
		return err
	}
	e.p.give(x.share, y.share)
	e.setPlanes(b.Ops, z.share)
	return nil
}

// stack is Boolean registers below one another, each from a word of planes on. Registers
// narrower than width are extended by zeros.
func (e *execution) stack(regs []program.Reg, width int) bits {
	words, narrow := 0, false
	for _, r := range regs {
		words += planeWords(e.bits(r).n)
		narrow = narrow || e.bits(r).width < width
	}
	x := bits{n: 64 * words, width: width, share: e.p.take(width * words)}
	if narrow {
		clear(x.own)
		clear(x.next)
	}
	at := 0
	for _, r := range regs {
		a := e.bits(r)
		for j := range a.width {
			copy(x.plane(j).own[at:], a.plane(j).own)
			copy(x.plane(j).next[at:], a.plane(j).next)
		}
		at += planeWords(a.n)
	}
	return x
}

package mpc

import (
	"context"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// toBits returns the low width bits of words as Boolean rows: the sum of two components
// entered privately plus the third, which needs no message, in a prefix adder. Nothing is
// opened; see program.AdderCost.
func (p *Party) toBits(ctx context.Context, y arith, width int) (bits, error) {
	n := y.len()
	w := planeWords(n)
	u, v := p.take(width*w), p.takeZero(width*w)
	if err := p.enterSums(ctx, y, width, u, v); err != nil {
		return bits{}, err
	}
	sum, err := p.addPlanes(ctx, u, v, width)
	p.give(u, v)
	return bits{n: n, width: width, share: sum}, err
}

// toArith returns Boolean rows as words mod 2^width (all of Z_2^64 at 64 bits).
//
// For a third of the rows each, components k and k+1 of the result are drawn from the pairs'
// streams. Party k, who knows both, enters their sum r privately; x − r = ¬(¬x + r) is
// computed in the circuit and becomes component k+2, made known to parties k+1 and k+2. Each
// of them lacks one of the two components of r, so that what it sees is uniform.
func (p *Party) toArith(ctx context.Context, x bits) (arith, error) {
	w := planeWords(x.n)
	y := p.take(64 * w)
	if err := p.drawComponents(y, w); err != nil {
		return arith{}, err
	}
	r, err := p.enterComponents(ctx, y, w, x.width)
	if err != nil {
		return arith{}, err
	}
	u := p.copyOf(x.share)
	p.xorPublic(u, ^uint64(0))
	z, err := p.addPlanes(ctx, u, r, x.width)
	if err != nil {
		return arith{}, err
	}
	p.xorPublic(z, ^uint64(0))
	prev, next, err := p.toTwo(ctx, z, w, x.width)
	if err != nil {
		return arith{}, err
	}
	p.becomeRows(y.next, p.prev(), bits{n: 64 * w, width: x.width, share: z}, prev)
	p.becomeRows(y.own, p.next(), bits{n: 64 * w, width: x.width, share: z}, next)
	p.give(u, r, z)
	p.pool.give(prev) // the whole inbox, of which next is the end
	return y, nil
}

// drawComponents fills components k and k+1 of the rows of each third k.
func (p *Party) drawComponents(y arith, w int) error {
	streams, err := p.masks()
	if err != nil {
		return err
	}
	for k := range 3 {
		from, to := third(k, w)
		if k != p.next() {
			streams.prev.fill(y.own[64*from : 64*to])
		}
		if k != p.prev() {
			streams.next.fill(y.next[64*from : 64*to])
		}
	}
	return nil
}

// enterComponents enters, for the rows of each third k, the sum of components k and k+1.
func (p *Party) enterComponents(ctx context.Context, y arith, w, width int) (share, error) {
	r := p.take(width * w)
	inputs := make([]privateInput, 0, 3*width)
	var mine []uint64
	for k := range 3 {
		from, to := third(k, w)
		if k == p.self {
			mine = p.pool.take(width * (to - from))
			sum := p.pool.take(64 * (to - from))
			for i := range sum {
				sum[i] = y.own[64*from+i] + y.next[64*from+i]
			}
			slicePlanes(mine, to-from, width, sum)
			p.pool.give(sum)
		}
		for j := range width {
			in := privateInput{from: k, boolean: true, words: to - from, into: r.slice(j*w+from, j*w+to)}
			if k == p.self {
				in.values = mine[j*(to-from) : (j+1)*(to-from)]
			}
			inputs = append(inputs, in)
		}
	}
	_, err := p.enter(ctx, inputs)
	p.pool.give(mine)
	return r, err
}

// becomeRows sets the rows of third k to the sum of this party's components of z and the
// one that it got.
func (p *Party) becomeRows(rows []uint64, k int, z bits, missing []uint64) {
	from, to := third(k, planeWords(z.n))
	n := to - from
	for j := range z.width {
		plane := z.plane(j)
		for i := range n {
			missing[j*n+i] ^= plane.own[from+i] ^ plane.next[from+i]
		}
	}
	unslicePlanes(rows[64*from:64*to], missing, n, z.width)
}

// split runs conversions of words to Boolean rows of one width as one long vector.
func (e *execution) split(ctx context.Context, b program.Batch) error {
	words, tail := 0, 0
	for _, op := range b.Ops {
		op, ok := op.(program.ToBits)
		if !ok {
			return unexpected(op)
		}
		tail = 64*words + e.arith(op.A).len()
		words += planeWords(e.arith(op.A).len())
	}
	y := e.p.takeZero(tail)
	at := 0
	for _, op := range b.Ops {
		a := e.arith(op.(program.ToBits).A)
		copy(y.own[at:], a.own)
		copy(y.next[at:], a.next)
		at += 64 * planeWords(a.len())
	}
	z, err := e.p.toBits(ctx, y, b.Width)
	if err != nil {
		return err
	}
	e.p.give(y)
	at = 0
	for _, op := range b.Ops {
		n := e.shapes[op.(program.ToBits).A].Rows
		out := bits{n: n, width: b.Width, share: e.p.take(b.Width * planeWords(n))}
		for j := range b.Width {
			copy(out.plane(j).own, z.plane(j).own[at:])
			copy(out.plane(j).next, z.plane(j).next[at:])
		}
		at += planeWords(n)
		e.setBits(op.(program.ToBits).Out, out)
	}
	e.p.give(z.share)
	return nil
}

// join runs conversions of Boolean rows to words as one long vector.
func (e *execution) join(ctx context.Context, ops []program.Op) error {
	regs := make([]program.Reg, len(ops))
	for i, op := range ops {
		op, ok := op.(program.ToArith)
		if !ok {
			return unexpected(op)
		}
		regs[i] = op.A
	}
	x := e.stack(regs, 64)
	at := 0
	var parts []span
	for _, op := range ops {
		a := e.bits(op.(program.ToArith).A)
		if op.(program.ToArith).Signed {
			sign := a.plane(a.width - 1)
			for j := a.width; j < 64; j++ {
				copy(x.plane(j).own[at:], sign.own)
				copy(x.plane(j).next[at:], sign.next)
			}
		}
		parts = append(parts, span{64 * at, a.n})
		at += planeWords(a.n)
	}
	z, err := e.p.toArith(ctx, x)
	if err != nil {
		return err
	}
	e.p.give(x.share)
	for i, s := range e.p.cut(z, parts) {
		e.setArith(ops[i].(program.ToArith).Out, s)
	}
	return nil
}

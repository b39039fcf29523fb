package mpc

import "context"

// bitToArith returns the bits of one plane as words 0 or 1. Two rounds.
//
// For a third of the rows each, party k enters c = b_k ⊕ b_(k+1) privately over Z_2^64;
// b_(k+2) is known to both others, and b = c + b_(k+2) − 2·c·b_(k+2).
func (p *Party) bitToArith(ctx context.Context, b bits) (arith, error) {
	w := planeWords(b.n)
	c, d := p.take(b.n), p.takeZero(b.n)
	var mine []uint64
	inputs := make([]privateInput, 3)
	for k := range inputs {
		from, to := third(k, w)
		first, last := min(64*from, b.n), min(64*to, b.n)
		in := privateInput{from: k, words: last - first, into: c.slice(first, last)}
		switch k {
		case p.self:
			mine = p.pool.take(last - first)
			unpackXor(mine, b.own[from:to], b.next[from:to])
			in.values = mine
		case p.prev():
			unpack(d.next[first:last], b.next[from:to])
		default:
			unpack(d.own[first:last], b.own[from:to])
		}
		inputs[k] = in
	}
	if _, err := p.enter(ctx, inputs); err != nil {
		return arith{}, err
	}
	z, err := p.multiply(ctx, []factors{{c, d}})
	if err != nil {
		return arith{}, err
	}
	for i := range z.own {
		z.own[i] = c.own[i] + d.own[i] - 2*z.own[i]
		z.next[i] = c.next[i] + d.next[i] - 2*z.next[i]
	}
	p.give(c, d)
	p.pool.give(mine)
	return z, nil
}

// unpack sets rows to the bits of a plane.
func unpack(rows, plane []uint64) {
	for i := range rows {
		rows[i] = plane[i/64] >> (i % 64) & 1
	}
}

// unpackXor sets rows to the bits of a ⊕ b.
func unpackXor(rows, a, b []uint64) {
	for i := range rows {
		rows[i] = (a[i/64] ^ b[i/64]) >> (i % 64) & 1
	}
}

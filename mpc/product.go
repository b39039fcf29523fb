package mpc

import (
	"context"
	"encoding/binary"
)

// factors are two vectors of equal length.
type factors struct{ x, y share }

// multiply returns the elementwise products over Z_2^64 of all pairs, end to end, in one
// round: each party sends one word an element.
func (p *Party) multiply(ctx context.Context, pairs []factors) (arith, error) {
	return p.products(ctx, pairs, nil)
}

// products returns, end to end, the elementwise products of the pairs in elementwise and
// one word for each pair in inner, its inner product, in one round: each party sends one
// word an element of the result. The cross products of an inner product are summed locally.
//
// Party i computes z_i = x_i·y_i + x_i·y_(i+1) + x_(i+1)·y_i + α_i, where α_0 + α_1 + α_2 = 0
// masks it, and sends z_i to prev (Araki et al. 2016, §2.2).
func (p *Party) products(ctx context.Context, elementwise, inner []factors) (arith, error) {
	n, err := totalWords(elementwise)
	if err != nil {
		return arith{}, err
	}
	if _, err := totalWords(inner); err != nil {
		return arith{}, err
	}
	z := p.take(n + len(inner))
	at := 0
	for _, f := range elementwise {
		dst := z.own[at : at+f.x.len()]
		xo, xn, yo, yn := f.x.own[:len(dst)], f.x.next[:len(dst)], f.y.own[:len(dst)], f.y.next[:len(dst)]
		for i := range dst {
			dst[i] = xo[i]*(yo[i]+yn[i]) + xn[i]*yo[i]
		}
		at += len(dst)
	}
	for k, f := range inner {
		z.own[at+k] = crossSum(f)
	}
	return z, p.reshare(ctx, z, false)
}

// and returns the elementwise conjunctions of all pairs of words of bit planes, end to
// end, in one round: each party sends one bit a gate. It is multiply over Z_2.
func (p *Party) and(ctx context.Context, pairs []factors) (share, error) {
	n, err := totalWords(pairs)
	if err != nil {
		return share{}, err
	}
	z := p.take(n)
	at := 0
	for _, f := range pairs {
		dst := z.own[at : at+f.x.len()]
		xo, xn, yo, yn := f.x.own[:len(dst)], f.x.next[:len(dst)], f.y.own[:len(dst)], f.y.next[:len(dst)]
		for i := range dst {
			dst[i] = xo[i]&(yo[i]^yn[i]) ^ xn[i]&yo[i]
		}
		at += len(dst)
	}
	return z, p.reshare(ctx, z, true)
}

// crossSum is this party's additive share of the inner product of a pair.
func crossSum(f factors) uint64 {
	xo := f.x.own
	xn, yo, yn := f.x.next[:len(xo)], f.y.own[:len(xo)], f.y.next[:len(xo)]
	var sum uint64
	for i := range xo {
		sum += xo[i]*(yo[i]+yn[i]) + xn[i]*yo[i]
	}
	return sum
}

// totalWords adds up the lengths of pairs and checks that they match.
func totalWords(pairs []factors) (int, error) {
	n := 0
	for _, f := range pairs {
		if f.x.len() != f.y.len() {
			return 0, errLengths
		}
		n += f.x.len()
	}
	return n, nil
}

// reshare makes a replicated sharing of an additive one: z.own holds this party's
// additive share on entry, and a masked component on return. Without the mask (a fresh
// sharing of zero) the word sent would be a function of secrets.
func (p *Party) reshare(ctx context.Context, z share, boolean bool) error {
	p.maskZero(z.own, boolean)
	return p.round(ctx, Round{ToPrev: z.own, FromNext: z.next})
}

// maskZero adds this party's part of a pseudo-random sharing of zero to z.
func (p *Party) maskZero(z []uint64, boolean bool) {
	for len(z) > 0 {
		n := min(len(z), chunkWords)
		a, b := p.zero.prev.chunk(n), p.zero.next.chunk(n)
		if boolean {
			for i := range z[:n] {
				z[i] ^= binary.LittleEndian.Uint64(a[8*i:]) ^ binary.LittleEndian.Uint64(b[8*i:])
			}
		} else {
			for i := range z[:n] {
				z[i] += binary.LittleEndian.Uint64(a[8*i:]) - binary.LittleEndian.Uint64(b[8*i:])
			}
		}
		z = z[n:]
	}
}

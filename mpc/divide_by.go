package mpc

import (
	"context"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// floorDivide runs a FloorDivide: see there for the protocol.
func (e *execution) floorDivide(ctx context.Context, op program.FloorDivide) error {
	p, d := e.p, program.NewDivision(op.Divisor)
	x := p.copyOf(e.arith(op.A))
	p.addPublic(x, 1<<63)
	quotient, rest, carry, err := p.divideSummands(ctx, x, uint64(op.Divisor))
	if err != nil {
		return err
	}
	p.give(x)
	n := quotient.len()
	c, err := p.bitToArith(ctx, bits{n: n, width: 1, share: carry})
	if err != nil {
		return err
	}
	p.give(carry)
	for i := range n { // what the carry takes away
		quotient.own[i] -= c.own[i] * d.Q
		quotient.next[i] -= c.next[i] * d.Q
		rest.own[i] -= c.own[i] * d.R
		rest.next[i] -= c.next[i] * d.R
	}
	p.give(c)
	p.addPublic(quotient, d.Base-d.H)
	p.addPublic(rest, -d.G)
	if err := p.addSteps(ctx, quotient, rest, d.Steps); err != nil {
		return err
	}
	p.give(rest)
	e.setArith(op.Out, quotient)
	return nil
}

// divideSummands returns the sums of quotients and of remainders of the two summands that each
// row of x consists of, as enterSums cuts it, and the carry of their sum.
func (p *Party) divideSummands(ctx context.Context, x arith, d uint64) (quotient, rest, carry share, err error) {
	n := x.len()
	w := planeWords(n)
	u, v := p.take(64*w), p.takeZero(64*w)
	quotient, rest = p.take(n), p.take(n)
	knownQuotient, knownRest := p.takeZero(n), p.takeZero(n)
	inputs := make([]privateInput, 0, 6)
	var mine, mineRest []uint64
	for k := range 3 {
		from, to := third(k, w)
		first, last := min(64*from, n), min(64*to, n)
		in := []privateInput{{from: k, words: last - first, into: quotient.slice(first, last)}, {from: k, words: last - first, into: rest.slice(first, last)}}
		switch k {
		case p.self:
			mine, mineRest = p.pool.take(last-first), p.pool.take(last-first)
			for i := range mine {
				sum := x.own[first+i] + x.next[first+i]
				mine[i], mineRest[i] = sum/d, sum%d
			}
			in[0].values, in[1].values = mine, mineRest
		case p.prev(): // component k+2 is this party's next
			divideEach(knownQuotient.next[first:last], knownRest.next[first:last], x.next[first:last], d)
		default: // component k+2 is this party's own
			divideEach(knownQuotient.own[first:last], knownRest.own[first:last], x.own[first:last], d)
		}
		inputs = append(inputs, in...)
	}
	if err := p.enterSums(ctx, x, 64, u, v, inputs...); err != nil {
		return share{}, share{}, share{}, err
	}
	p.pool.give(mine, mineRest)
	addInto(quotient, knownQuotient)
	addInto(rest, knownRest)
	p.give(knownQuotient, knownRest)
	carry, err = p.carry(ctx, u, v, 64)
	p.give(u, v)
	return quotient, rest, carry, err
}

// divideEach sets quotients and remainders of words.
func divideEach(quotient, rest, x []uint64, d uint64) {
	for i, v := range x {
		quotient[i], rest[i] = v/d, v%d
	}
}

// addSteps adds to each word of quotient how many of the public steps the rest reaches.
func (p *Party) addSteps(ctx context.Context, quotient, rest arith, steps []int64) error {
	n := rest.len()
	block := 64 * planeWords(n)
	y := p.takeZero(block * len(steps))
	for i, step := range steps {
		part := y.slice(i*block, i*block+n)
		copy(part.own, rest.own)
		copy(part.next, rest.next)
		p.addPublic(part, -uint64(step))
	}
	reached, err := p.nonNegative(ctx, y)
	if err != nil {
		return err
	}
	p.give(y)
	ones, err := p.bitToArith(ctx, reached)
	if err != nil {
		return err
	}
	p.give(reached.share)
	for i := range steps {
		addInto(quotient, ones.slice(i*block, i*block+n))
	}
	p.give(ones)
	return nil
}

// addInto sets dst += s over Z_2^64.
func addInto(dst, s arith) {
	for i, v := range s.own {
		dst.own[i] += v
	}
	for i, v := range s.next {
		dst.next[i] += v
	}
}

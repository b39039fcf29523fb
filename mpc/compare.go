package mpc

import "context"

// third is the range of words, of all, whose rows party k converts, so that the three
// parties share the work and the traffic of conversions evenly. Words are 64 rows.
func third(k, words int) (from, to int) { return k * words / 3, (k + 1) * words / 3 }

// nonNegative returns one bit a row: 1 where the signed value is ≥ 0.
//
// A value is y_0 + y_1 + y_2. For a third of the rows each, party k knows u = y_k + y_(k+1)
// and enters its bits privately; v = y_(k+2) is known to both others and needs no message.
// The sign bit of u + v is u_63 ⊕ v_63 ⊕ carry, the carry a prefix circuit: 151 ANDs a
// row, 8 rounds with the input.
func (p *Party) nonNegative(ctx context.Context, y arith) (bits, error) {
	n := y.len()
	w := planeWords(n)
	u, v := p.take(64*w), p.takeZero(64*w)
	if err := p.enterSums(ctx, y, u, v); err != nil {
		return bits{}, err
	}
	carry, err := p.carry(ctx, u, v, w)
	if err != nil {
		return bits{}, err
	}
	out := p.take(w)
	copy(out.own, carry.own)
	copy(out.next, carry.next)
	xorInto(out, u.slice(63*w, 64*w))
	xorInto(out, v.slice(63*w, 64*w))
	p.xorPublic(out, ^uint64(0))
	p.give(u, v)
	return bits{n: n, width: 1, share: out}, nil
}

// enterSums fills the 64 planes of u and of v (zero on entry) with Boolean sharings whose
// sum over the integers mod 2^64 is y. One round.
func (p *Party) enterSums(ctx context.Context, y arith, u, v share) error {
	n := y.len()
	w := planeWords(n)
	inputs := make([]privateInput, 0, 3*64)
	var mine []uint64
	for k := range 3 {
		from, to := third(k, w)
		rows := y.slice(min(64*from, n), min(64*to, n))
		switch k {
		case p.self:
			mine = p.pool.take(64 * (to - from))
			sum := p.pool.take(rows.len())
			for i := range sum {
				sum[i] = rows.own[i] + rows.next[i]
			}
			slicePlanes(mine, to-from, 64, sum)
			p.pool.give(sum)
		case p.prev(): // component k+2 is this party's next
			slicePlanes(v.next[from:], w, 64, rows.next)
		default: // component k+2 is this party's own
			slicePlanes(v.own[from:], w, 64, rows.own)
		}
		for j := range 64 {
			in := privateInput{from: k, boolean: true, words: to - from, into: u.slice(j*w+from, j*w+to)}
			if k == p.self {
				in.values = mine[j*(to-from) : (j+1)*(to-from)]
			}
			inputs = append(inputs, in)
		}
	}
	_, err := p.enter(ctx, inputs)
	p.pool.give(mine)
	return err
}

// carry returns the carry into bit 63 of u + v, given as 64 planes of w words each.
//
// Bits are grouped in pairs (2t-1, 2t), bit 0 alone. In a pair the lower carry h = u·v and
// the pair's P = p·p' share a round, and G = u ⊕ p·(u ⊕ h) (one AND instead of two) takes
// the next; fold does the rest.
func (p *Party) carry(ctx context.Context, u, v share, w int) (share, error) {
	plane := func(s share, j int) share { return s.slice(j*w, (j+1)*w) }
	prop := p.take(63 * w)
	for i := range prop.own {
		prop.own[i] = u.own[i] ^ v.own[i]
		prop.next[i] = u.next[i] ^ v.next[i]
	}
	pairs := []factors{{plane(u, 0), plane(v, 0)}}
	for t := 1; t < 32; t++ {
		pairs = append(pairs, factors{plane(u, 2*t-1), plane(v, 2*t-1)})
	}
	for t := 1; t < 32; t++ {
		pairs = append(pairs, factors{plane(prop, 2*t), plane(prop, 2*t-1)})
	}
	low, err := p.and(ctx, pairs)
	if err != nil {
		return share{}, err
	}
	pairs = pairs[:0]
	for t := 1; t < 32; t++ {
		h := plane(low, t)
		xorInto(h, plane(u, 2*t))
		pairs = append(pairs, factors{plane(prop, 2*t), h})
	}
	high, err := p.and(ctx, pairs)
	if err != nil {
		return share{}, err
	}
	s := spans{give: make([]share, 32), pass: make([]share, 32)}
	s.give[0] = plane(low, 0)
	for t := 1; t < 32; t++ {
		s.give[t] = plane(high, t-1)
		xorInto(s.give[t], plane(u, 2*t))
		s.pass[t] = plane(low, 31+t)
	}
	out, err := p.fold(ctx, s)
	p.give(prop, low, high)
	return out, err
}

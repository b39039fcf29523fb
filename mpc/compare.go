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
	if err := p.enterSums(ctx, y, 64, u, v); err != nil {
		return bits{}, err
	}
	carry, err := p.carry(ctx, u.slice(0, 63*w), v.slice(0, 63*w), 63)
	if err != nil {
		return bits{}, err
	}
	out := p.take(w)
	copy(out.own, carry.own)
	copy(out.next, carry.next)
	xorInto(out, u.slice(63*w, 64*w))
	xorInto(out, v.slice(63*w, 64*w))
	p.xorPublic(out, ^uint64(0))
	p.give(u, v, carry)
	return bits{n: n, width: 1, share: out}, nil
}

// enterSums fills the width planes of u and of v (zero on entry) with Boolean sharings whose
// sum over the integers mod 2^width is y, and enters what else is private in the same round.
func (p *Party) enterSums(ctx context.Context, y arith, width int, u, v share, also ...privateInput) error {
	n := y.len()
	w := planeWords(n)
	inputs := make([]privateInput, 0, 3*width)
	var mine []uint64
	for k := range 3 {
		from, to := third(k, w)
		rows := y.slice(min(64*from, n), min(64*to, n))
		switch k {
		case p.self:
			mine = p.pool.take(width * (to - from))
			sum := p.pool.take(rows.len())
			for i := range sum {
				sum[i] = rows.own[i] + rows.next[i]
			}
			slicePlanes(mine, to-from, width, sum)
			p.pool.give(sum)
		case p.prev(): // component k+2 is this party's next
			slicePlanes(v.next[from:], w, width, rows.next)
		default: // component k+2 is this party's own
			slicePlanes(v.own[from:], w, width, rows.own)
		}
		for j := range width {
			in := privateInput{from: k, boolean: true, words: to - from, into: u.slice(j*w+from, j*w+to)}
			if k == p.self {
				in.values = mine[j*(to-from) : (j+1)*(to-from)]
			}
			inputs = append(inputs, in)
		}
	}
	_, err := p.enter(ctx, append(inputs, also...))
	p.pool.give(mine)
	return err
}

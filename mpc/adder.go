package mpc

import "context"

// carryPairs computes the lower carry h, G and P of the pairs of bits (low+2t, low+2t+1) of
// u + v, given as planes of w words: h = u·v and P = p·p' share a round, and
// G = u' ⊕ p'·(u' ⊕ h) (one AND instead of two) takes the next. bit, if it is 1, is a lowest
// bit that is a group of its own, in front of the pairs. The lowest group has no P.
func (p *Party) carryPairs(ctx context.Context, u, v share, w, bit, pairs int) (s spans, lower, spent []share, err error) {
	plane := func(s share, j int) share { return s.slice(j*w, (j+1)*w) }
	width := bit + 2*pairs
	prop := p.copyOf(u.slice(0, width*w))
	xorInto(prop, v)
	gates := make([]factors, 0, 3*pairs+1)
	if bit == 1 {
		gates = append(gates, factors{plane(u, 0), plane(v, 0)})
	}
	for t := range pairs {
		gates = append(gates, factors{plane(u, bit+2*t), plane(v, bit+2*t)})
	}
	for t := 1 - bit; t < pairs; t++ {
		gates = append(gates, factors{plane(prop, bit+2*t+1), plane(prop, bit+2*t)})
	}
	low, err := p.and(ctx, gates)
	if err != nil {
		return spans{}, nil, nil, err
	}
	s = spans{give: make([]share, bit+pairs), pass: make([]share, bit+pairs)}
	lower = make([]share, pairs)
	gates = gates[:0]
	if bit == 1 {
		s.give[0] = plane(low, 0)
	}
	mixed := p.take(pairs * w)
	for t := range pairs {
		lower[t] = plane(low, bit+t)
		m := plane(mixed, t)
		copy(m.own, lower[t].own)
		copy(m.next, lower[t].next)
		xorInto(m, plane(u, bit+2*t+1))
		gates = append(gates, factors{plane(prop, bit+2*t+1), m})
		if t >= 1-bit {
			s.pass[bit+t] = plane(low, bit+pairs+t-(1-bit))
		}
	}
	spent = []share{prop, low, mixed}
	if pairs == 0 {
		return s, lower, spent, nil
	}
	high, err := p.and(ctx, gates)
	if err != nil {
		return spans{}, nil, nil, err
	}
	for t := range pairs {
		s.give[bit+t] = plane(high, t)
		xorInto(s.give[bit+t], plane(u, bit+2*t+1))
	}
	return s, lower, append(spent, high), nil
}

// carry returns the carry out of u + v, given as width planes of equal length. See
// program.CarryCost for its gates and rounds.
func (p *Party) carry(ctx context.Context, u, v share, width int) (share, error) {
	w := u.len() / width
	s, _, spent, err := p.carryPairs(ctx, u, v, w, width%2, width/2)
	if err != nil {
		return share{}, err
	}
	top, err := p.fold(ctx, s)
	if err != nil {
		return share{}, err
	}
	out := p.copyOf(top)
	if len(s.give) > 1 {
		p.give(top)
	}
	p.give(spent...)
	return out, nil
}

// addPlanes returns the width planes of u + v mod 2^width (Brent and Kung, A Regular Layout
// for Parallel Adders, 1982, over pairs of bits). See program.AdderCost.
func (p *Party) addPlanes(ctx context.Context, u, v share, width int) (share, error) {
	w := u.len() / width
	plane := func(s share, j int) share { return s.slice(j*w, (j+1)*w) }
	sum := p.copyOf(u)
	xorInto(sum, v)
	carries := width - 1
	if carries == 0 {
		return sum, nil
	}
	if carries == 1 {
		c, err := p.and(ctx, []factors{{plane(u, 0), plane(v, 0)}})
		if err != nil {
			return share{}, err
		}
		xorInto(plane(sum, 1), c)
		p.give(c)
		return sum, nil
	}
	s, lower, spent, err := p.carryPairs(ctx, u, v, w, 0, carries/2)
	if err != nil {
		return share{}, err
	}
	prefix, more, err := p.prefix(ctx, s)
	if err != nil {
		return share{}, err
	}
	spent = append(spent, more...)
	xorInto(plane(sum, 1), lower[0])
	for t, c := range prefix {
		xorInto(plane(sum, 2*t+2), c)
	}
	inner, err := p.innerCarries(ctx, u, v, w, prefix, (carries+1)/2-1)
	if err != nil {
		return share{}, err
	}
	for t := range inner.len() / w {
		xorInto(plane(sum, 2*t+3), plane(inner, t))
	}
	p.give(append(spent, inner)...)
	return sum, nil
}

// innerCarries are the carries out of the lower bits of pairs 1 to n: with c the carry into
// the pair, u ⊕ (u ⊕ v)·(u ⊕ c).
func (p *Party) innerCarries(ctx context.Context, u, v share, w int, prefix []share, n int) (share, error) {
	if n == 0 {
		return share{}, nil
	}
	prop, mixed := p.take(n*w), p.take(n*w)
	for t := range n {
		bit := u.slice(2*(t+1)*w, (2*(t+1)+1)*w)
		for _, part := range []share{prop.slice(t*w, (t+1)*w), mixed.slice(t*w, (t+1)*w)} {
			copy(part.own, bit.own)
			copy(part.next, bit.next)
		}
		xorInto(prop.slice(t*w, (t+1)*w), v.slice(2*(t+1)*w, (2*(t+1)+1)*w))
		xorInto(mixed.slice(t*w, (t+1)*w), prefix[t])
	}
	out, err := p.and(ctx, []factors{{prop, mixed}})
	if err != nil {
		return share{}, err
	}
	for t := range n {
		xorInto(out.slice(t*w, (t+1)*w), u.slice(2*(t+1)*w, (2*(t+1)+1)*w))
	}
	p.give(prop, mixed)
	return out, nil
}

// prefix returns the G of groups 0 to t together, for every t, and the buffers that they
// lie in.
func (p *Party) prefix(ctx context.Context, s spans) (all, spent []share, err error) {
	groups := len(s.give)
	if groups < 2 {
		return s.give, nil, nil
	}
	w, half := s.give[0].len(), groups/2
	z, err := p.and(ctx, s.pairs())
	if err != nil {
		return nil, nil, err
	}
	up := spans{give: make([]share, half), pass: make([]share, half)}
	for t := range half {
		up.give[t] = z.slice(t*w, (t+1)*w)
		xorInto(up.give[t], s.give[2*t+1])
		if t > 0 {
			up.pass[t] = z.slice((half+t-1)*w, (half+t)*w)
		}
	}
	odd, spent, err := p.prefix(ctx, up)
	if err != nil {
		return nil, nil, err
	}
	spent = append(spent, z)
	all = make([]share, groups)
	all[0] = s.give[0]
	for t, c := range odd {
		all[2*t+1] = c
	}
	var gates []factors
	for t := 2; t < groups; t += 2 {
		gates = append(gates, factors{s.pass[t], all[t-1]})
	}
	if len(gates) == 0 {
		return all, spent, nil
	}
	even, err := p.and(ctx, gates)
	if err != nil {
		return nil, nil, err
	}
	for t := range gates {
		all[2*t+2] = even.slice(t*w, (t+1)*w)
		xorInto(all[2*t+2], s.give[2*t+2])
	}
	return all, append(spent, even), nil
}

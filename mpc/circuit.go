package mpc

import "context"

// holdsFirst is the pair of components of a public value: component 0 carries it, the
// others are zero. own and next say whether this party holds component 0 there.
func (p *Party) holdsFirst() (own, next bool) { return p.self == 0, p.self == 2 }

// addPublic adds a public word to every word of s over Z_2^64, in place.
func (p *Party) addPublic(s arith, c uint64) {
	own, next := p.holdsFirst()
	if own {
		for i := range s.own {
			s.own[i] += c
		}
	}
	if next {
		for i := range s.next {
			s.next[i] += c
		}
	}
}

// xorPublic adds a public word to every word of s over Z_2, in place.
func (p *Party) xorPublic(s share, c uint64) {
	own, next := p.holdsFirst()
	if own {
		for i := range s.own {
			s.own[i] ^= c
		}
	}
	if next {
		for i := range s.next {
			s.next[i] ^= c
		}
	}
}

// xorInto sets dst ^= s.
func xorInto(dst, s share) {
	for i, v := range s.own[:len(dst.own)] {
		dst.own[i] ^= v
	}
	for i, v := range s.next[:len(dst.next)] {
		dst.next[i] ^= v
	}
}

// isZero returns one bit a row: 1 where all bits of the row are 0. width-1 ANDs a row in
// ⌈log2 width⌉ rounds, as a tree over the complemented planes.
func (p *Party) isZero(ctx context.Context, x bits) (bits, error) {
	w := planeWords(x.n)
	level := p.take(x.share.len())
	copy(level.own, x.own)
	copy(level.next, x.next)
	p.xorPublic(level, ^uint64(0))
	for width := x.width; width > 1; {
		half := width / 2
		top := level.slice(2*half*w, width*w) // the odd plane out
		z, err := p.and(ctx, []factors{{level.slice(0, half*w), level.slice(half*w, 2*half*w)}})
		if err != nil {
			return bits{}, err
		}
		reduced := p.take((width - half) * w)
		copy(reduced.own[copy(reduced.own, z.own):], top.own)
		copy(reduced.next[copy(reduced.next, z.next):], top.next)
		p.give(level, z)
		level, width = reduced, width-half
	}
	return bits{n: x.n, width: 1, share: level}, nil
}

// spans are groups of planes of a prefix circuit: group t has a value G that its higher
// neighbours pass on where their P is set. Group 0, the lowest, needs no P: pass[0] is
// unused.
type spans struct {
	give []share // G
	pass []share // P
}

// fold combines all groups into the G of the whole, in ⌈log2 groups⌉ rounds:
// (G, P) ∘ (G', P') = (G ⊕ P·G', P·P') with the primed group below. An odd highest group
// waits for the next level.
func (p *Party) fold(ctx context.Context, s spans) (share, error) {
	w := s.give[0].len()
	var spent []share // the levels below, once they are not the caller's
	for len(s.give) > 1 {
		m, rest := len(s.give)/2, len(s.give)%2
		z, err := p.and(ctx, s.pairs())
		if err != nil {
			return share{}, err
		}
		next := spans{give: make([]share, m, m+1), pass: make([]share, m, m+1)}
		for t := range m {
			next.give[t] = z.slice(t*w, (t+1)*w)
			xorInto(next.give[t], s.give[2*t+1])
			if t > 0 {
				next.pass[t] = z.slice((m+t-1)*w, (m+t)*w)
			}
		}
		if rest == 0 { // else the next level still reads from this one
			p.give(spent...)
			spent = spent[:0]
		} else {
			next.give, next.pass = append(next.give, s.give[2*m]), append(next.pass, s.pass[2*m])
		}
		s, spent = next, append(spent, z)
	}
	return s.give[0], nil
}

// pairs are the gates that combine neighbouring groups: every G, then every P but the lowest.
func (s spans) pairs() []factors {
	m := len(s.give) / 2
	pairs := make([]factors, 0, 2*m-1)
	for t := range m {
		pairs = append(pairs, factors{s.pass[2*t+1], s.give[2*t]})
	}
	for t := 1; t < m; t++ {
		pairs = append(pairs, factors{s.pass[2*t+1], s.pass[2*t]})
	}
	return pairs
}

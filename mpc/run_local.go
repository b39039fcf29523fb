package mpc

import "github.com/c2dproxy/c2dproxy/mpc/program"

// local runs one linear instruction: no traffic, the same work on both components.
func (e *execution) local(op program.Op) error {
	p := e.p
	switch op := op.(type) {
	case program.Constant:
		e.setArith(op.Out, p.public(op.Values))
	case program.Add:
		e.setArith(op.Out, p.combine(e.arith(op.A), e.arith(op.B), 1))
	case program.Sub:
		e.setArith(op.Out, p.combine(e.arith(op.A), e.arith(op.B), ^uint64(0)))
	case program.Scale:
		s := p.copyOf(e.arith(op.A))
		for i := range s.own {
			s.own[i] *= op.Factor
			s.next[i] *= op.Factor
		}
		e.setArith(op.Out, s)
	case program.Sum:
		s, a := p.takeZero(1), e.arith(op.A)
		for i := range a.own {
			s.own[0] += a.own[i]
			s.next[0] += a.next[i]
		}
		e.setArith(op.Out, s)
	case program.Concat:
		s := p.take(e.shapes[op.Out].Rows)
		at := 0
		for _, part := range op.Parts {
			copy(s.own[at:], e.arith(part).own)
			at += copy(s.next[at:], e.arith(part).next)
		}
		e.setArith(op.Out, s)
	case program.Slice:
		if e.registers[op.A].boolean {
			e.setBits(op.Out, p.sliceRows(e.bits(op.A), op.From, op.To))
		} else {
			e.setArith(op.Out, p.copyOf(e.arith(op.A).slice(op.From, op.To)))
		}
	case program.Xor:
		a := e.bits(op.A)
		a.share = p.copyOf(a.share)
		xorInto(a.share, e.bits(op.B).share)
		e.setBits(op.Out, a)
	case program.Not:
		a := e.bits(op.A)
		a.share = p.copyOf(a.share)
		p.xorPublic(a.share, ^uint64(0))
		e.setBits(op.Out, a)
	default:
		return unexpected(op)
	}
	return nil
}

// public is the share of a public vector: component 0 carries it.
func (p *Party) public(values []uint64) arith {
	s := p.takeZero(len(values))
	own, next := p.holdsFirst()
	if own {
		copy(s.own, values)
	}
	if next {
		copy(s.next, values)
	}
	return s
}

// combine is a + c·b.
func (p *Party) combine(a, b arith, c uint64) arith {
	s := p.take(a.len())
	for i := range s.own {
		s.own[i] = a.own[i] + c*b.own[i]
		s.next[i] = a.next[i] + c*b.next[i]
	}
	return s
}

// sliceRows is rows from to to-1 of b; what follows the last row is cleared, so that no
// other row hides in the padding.
func (p *Party) sliceRows(b bits, from, to int) bits {
	out := bits{n: to - from, width: b.width, share: p.take(b.width * planeWords(to-from))}
	for j := range b.width {
		in, part := b.plane(j), out.plane(j)
		shiftDown(part.own, in.own, from)
		shiftDown(part.next, in.next, from)
	}
	r := register{boolean: true, bits: out}
	r.clearPadding(out.own)
	r.clearPadding(out.next)
	return out
}

// shiftDown sets dst to the words of src that begin at bit from.
func shiftDown(dst, src []uint64, from int) {
	word, shift := from/64, from%64
	for i := range dst {
		dst[i] = src[word+i] >> shift
		if shift > 0 && word+i+1 < len(src) {
			dst[i] |= src[word+i+1] << (64 - shift)
		}
	}
}

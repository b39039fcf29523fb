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
	case program.PrefixSum:
		s, a := p.take(e.arith(op.A).len()), e.arith(op.A)
		var own, next uint64
		for i := range s.own {
			own, next = own+a.own[i], next+a.next[i]
			s.own[i], s.next[i] = own, next
		}
		e.setArith(op.Out, s)
	case program.Repeat:
		if e.registers[op.A].boolean {
			e.setBits(op.Out, p.repeatRow(e.bits(op.A), op.N))
			return nil
		}
		s, a := p.take(op.N), e.arith(op.A)
		for i := range s.own {
			s.own[i], s.next[i] = a.own[0], a.next[0]
		}
		e.setArith(op.Out, s)
	case program.Iota:
		e.setArith(op.Out, p.iota(op.N))
	case program.Concat:
		e.concat(op)
	case program.Slice:
		if e.registers[op.A].boolean {
			e.setBits(op.Out, p.sliceRows(e.bits(op.A), op.From, op.To))
		} else {
			e.setArith(op.Out, p.copyOf(e.arith(op.A).slice(op.From, op.To)))
		}
	default:
		return e.localBits(op)
	}
	return nil
}

// localBits runs one linear instruction on Boolean rows, or one that moves rows.
func (e *execution) localBits(op program.Op) error {
	p := e.p
	switch op := op.(type) {
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
	case program.Ends:
		e.setBits(op.Out, p.ends(e.bits(op.Starts)))
	case program.RandomBits:
		e.setBits(op.Out, p.randomBits(op.N, op.Width))
	case program.BitField:
		a := e.bits(op.A)
		w := planeWords(a.n)
		e.setBits(op.Out, bits{n: a.n, width: op.Width, share: p.copyOf(a.slice(op.From*w, (op.From+op.Width)*w))})
	case program.First:
		b := e.bits(op.A)
		b.share = p.copyOf(b.share)
		p.setFirst(b)
		e.setBits(op.Out, b)
	case program.Shift:
		e.shift(op)
	default:
		return e.localRows(op)
	}
	return nil
}

// concat runs a Concat.
func (e *execution) concat(op program.Concat) {
	if e.registers[op.Parts[0]].boolean {
		e.setBits(op.Out, e.concatRows(op))
		return
	}
	s := e.p.take(e.shapes[op.Out].Rows)
	at := 0
	for _, part := range op.Parts {
		copy(s.own[at:], e.arith(part).own)
		at += copy(s.next[at:], e.arith(part).next)
	}
	e.setArith(op.Out, s)
}

// concatRows puts Boolean rows end to end; what lies in the padding of a part is dropped.
func (e *execution) concatRows(op program.Concat) bits {
	shape := e.shapes[op.Out]
	w := planeWords(shape.Rows)
	out := bits{n: shape.Rows, width: shape.Width, share: e.p.takeZero(shape.Width * w)}
	at := 0
	for _, r := range op.Parts {
		part := e.bits(r)
		part.share = e.p.copyOf(part.share)
		whole := register{boolean: true, bits: part}
		whole.clearPadding(part.own)
		whole.clearPadding(part.next)
		for j := range shape.Width {
			orUp(out.plane(j).own, part.plane(j).own, at)
			orUp(out.plane(j).next, part.plane(j).next, at)
		}
		e.p.give(part.share)
		at += part.n
	}
	return out
}

// orUp sets the bits of src in dst from bit at on.
func orUp(dst, src []uint64, at int) {
	word, shift := at/64, at%64
	for i, v := range src {
		if word+i < len(dst) {
			dst[word+i] |= v << shift
		}
		if shift > 0 && word+i+1 < len(dst) {
			dst[word+i+1] |= v >> (64 - shift)
		}
	}
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

// iota is the share of the public words 0 to n-1.
func (p *Party) iota(n int) arith {
	s := p.takeZero(n)
	own, next := p.holdsFirst()
	for i := range n {
		if own {
			s.own[i] = uint64(i)
		}
		if next {
			s.next[i] = uint64(i)
		}
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

package mpc

import "github.com/c2dproxy/c2dproxy/mpc/program"

// localRows runs the linear instructions on whole columns that the relational operators are
// made of.
func (e *execution) localRows(op program.Op) error {
	p := e.p
	switch op := op.(type) {
	case program.IotaBits:
		e.setBits(op.Out, p.publicPlanes(op.N, op.Width, numbered))
	case program.Flags:
		e.setBits(op.Out, p.publicPlanes(op.N, 1, func(_, word int) uint64 { return flagged(op.From, op.To, 64*word) }))
	case program.Every:
		s, a := p.take(e.shapes[op.Out].Rows), e.arith(op.A)
		for i := range s.own {
			s.own[i], s.next[i] = a.own[op.From+i*op.Step], a.next[op.From+i*op.Step]
		}
		e.setArith(op.Out, s)
	case program.PrefixXor:
		a := e.bits(op.A)
		out := bits{n: a.n, width: a.width, share: p.take(a.share.len())}
		for j := range a.width {
			prefixXor(out.plane(j).own, a.plane(j).own)
			prefixXor(out.plane(j).next, a.plane(j).next)
		}
		out.clearBehind()
		e.setBits(op.Out, out)
	case program.Pack:
		e.pack(op)
	default:
		return unexpected(op)
	}
	return nil
}

// pack runs a Pack.
func (e *execution) pack(op program.Pack) {
	w := planeWords(e.shapes[op.Out].Rows)
	out := bits{n: e.shapes[op.Out].Rows, width: op.To - op.From, share: e.p.take((op.To - op.From) * w)}
	at := 0
	for i := len(op.Keys) - 1; i >= 0; i-- {
		k := e.bits(op.Keys[i].A)
		for j := range k.width {
			if at >= op.From && at < op.To {
				plane := out.plane(at - op.From)
				copy(plane.own, k.plane(j).own)
				copy(plane.next, k.plane(j).next)
				if (op.Keys[i].Signed && j == k.width-1) != op.Keys[i].Descending {
					e.p.xorPublic(plane.share, ^uint64(0))
				}
			}
			at++
		}
	}
	e.setBits(op.Out, out)
}

// publicPlanes is the share of n public rows of bits, of which f is a word of a plane: component
// 0 carries them.
func (p *Party) publicPlanes(n, width int, f func(plane, word int) uint64) bits {
	b := bits{n: n, width: width, share: p.takeZero(width * planeWords(n))}
	own, next := p.holdsFirst()
	for j := range width {
		plane := b.plane(j)
		for w := range plane.own {
			if own {
				plane.own[w] = f(j, w)
			}
			if next {
				plane.next[w] = f(j, w)
			}
		}
	}
	b.clearBehind()
	return b
}

// numbered is a word of plane j of the numbers from 0 on.
func numbered(j, word int) uint64 {
	if j < 6 { // runs of 2^j zeros and as many ones
		return ^uint64(0) / (1<<(1<<j) + 1) << (1 << j)
	}
	return -(uint64(word) >> (j - 6) & 1)
}

// flagged is the word at bit at of bits that are 1 from bit from to bit to-1.
func flagged(from, to, at int) uint64 {
	below := func(n int) uint64 { return 1<<uint(min(max(n, 0), 64)) - 1 }
	return below(to-at) &^ below(from-at)
}

// repeatRow is n times the one row of b.
func (p *Party) repeatRow(b bits, n int) bits {
	out := bits{n: n, width: b.width, share: p.take(b.width * planeWords(n))}
	fill := func(dst []uint64, bit uint64) {
		for i := range dst {
			dst[i] = -(bit & 1)
		}
	}
	for j := range b.width {
		fill(out.plane(j).own, b.plane(j).own[0])
		fill(out.plane(j).next, b.plane(j).next[0])
	}
	out.clearBehind()
	return out
}

// clearBehind drops what lies behind the last row of b.
func (b bits) clearBehind() {
	r := register{boolean: true, bits: b}
	r.clearPadding(b.own)
	r.clearPadding(b.next)
}

// prefixXor sets bit i of dst to the exclusive or of bits 0 to i of src.
func prefixXor(dst, src []uint64) {
	carry := uint64(0)
	for i, v := range src {
		for shift := 1; shift < 64; shift *= 2 {
			v ^= v << shift
		}
		dst[i] = v ^ carry
		carry = -(dst[i] >> 63)
	}
}

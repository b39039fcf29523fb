package mpc

import (
	"context"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// starts runs a Starts: rows are compared with their neighbours, all keys at once.
func (e *execution) starts(ctx context.Context, op program.Starts) error {
	n, width := e.shapes[op.Out].Rows, 0
	for _, k := range op.Keys {
		width += e.bits(k).width
	}
	all := bits{n: n, width: width, share: e.p.take(width * planeWords(n))}
	e.keyPlanes(asKeys(op.Keys), all, 0)
	above := e.p.shiftRows(all, 1)
	xorInto(all.share, above.share)
	equal, err := e.p.isZero(ctx, all)
	if err != nil {
		return err
	}
	e.p.give(all.share, above.share)
	e.p.xorPublic(equal.share, ^uint64(0))
	e.p.setFirst(equal)
	e.setBits(op.Out, equal)
	return nil
}

// asKeys is registers as ascending keys.
func asKeys(regs []program.Reg) []program.Key {
	keys := make([]program.Key, len(regs))
	for i, r := range regs {
		keys[i] = program.Key{A: r}
	}
	return keys
}

// setFirst makes the first row of a plane the public bit 1.
func (p *Party) setFirst(b bits) { p.setRow(b, 0) }

// setRow makes a row of a plane the public bit 1.
func (p *Party) setRow(b bits, row int) {
	word, bit := row/64, uint64(1)<<(row%64)
	b.own[word] &^= bit
	b.next[word] &^= bit
	own, next := p.holdsFirst()
	if own {
		b.own[word] |= bit
	}
	if next {
		b.next[word] |= bit
	}
}

// ends moves a plane one row up; the last row becomes the public bit 1.
func (p *Party) ends(b bits) bits {
	out := bits{n: b.n, width: 1, share: p.take(planeWords(b.n))}
	shiftDown(out.own, b.own, 1)
	shiftDown(out.next, b.next, 1)
	p.setRow(out, b.n-1)
	return out
}

// shift runs a Shift.
func (e *execution) shift(op program.Shift) {
	if e.registers[op.A].boolean {
		e.setBits(op.Out, e.p.shiftRows(e.bits(op.A), op.By))
		return
	}
	a := e.arith(op.A)
	s := e.p.takeZero(a.len())
	copy(s.own[op.By:], a.own)
	copy(s.next[op.By:], a.next)
	e.setArith(op.Out, s)
}

// shiftRows moves rows down, zeros in front.
func (p *Party) shiftRows(b bits, by int) bits {
	out := bits{n: b.n, width: b.width, share: p.takeZero(b.share.len())}
	for j := range b.width {
		shiftUp(out.plane(j).own, b.plane(j).own, by)
		shiftUp(out.plane(j).next, b.plane(j).next, by)
	}
	return out
}

// shiftUp sets dst, zero words, to the words of src from bit by on.
func shiftUp(dst, src []uint64, by int) {
	word, shift := by/64, by%64
	for i := word; i < len(dst); i++ {
		dst[i] = src[i-word] << shift
		if shift > 0 && i > word {
			dst[i] |= src[i-word-1] >> (64 - shift)
		}
	}
}

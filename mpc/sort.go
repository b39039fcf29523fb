package mpc

import (
	"context"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// keyPlanes copies the planes of sort keys end to end, the least significant first, such
// that rows compare as naturals, into out from its plane `at` on.
func (e *execution) keyPlanes(keys []program.Key, out bits, at int) {
	for i := len(keys) - 1; i >= 0; i-- {
		k := e.bits(keys[i].A)
		for j := range k.width {
			plane := out.plane(at)
			copy(plane.own, k.plane(j).own)
			copy(plane.next, k.plane(j).next)
			if (keys[i].Signed && j == k.width-1) != keys[i].Descending {
				e.p.xorPublic(plane.share, ^uint64(0))
			}
			at++
		}
	}
}

// rowNumbers fills the planes of out from `at` on with the public numbers of the rows.
func (p *Party) rowNumbers(out bits, at, width int) {
	number := p.pool.take(out.n)
	for i := range number {
		number[i] = uint64(i)
	}
	own, next := p.holdsFirst()
	w := planeWords(out.n)
	part := out.slice(at*w, (at+width)*w)
	clear(part.own)
	clear(part.next)
	if own {
		slicePlanes(part.own, w, width, number)
	}
	if next {
		slicePlanes(part.next, w, width, number)
	}
	p.pool.give(number)
}

// order runs an Order: see there for the protocol.
func (e *execution) order(ctx context.Context, op program.Order) error {
	n, width := e.shapes[op.Out].Rows, 0
	for _, k := range op.Keys {
		width += e.bits(k.A).width
	}
	number := program.IndexWidth(n)
	words := (width + number + 63) / 64
	skip := 64*words - width - number
	all := bits{n: n, width: 64 * words, share: e.p.takeZero(64 * words * planeWords(n))}
	e.keyPlanes(op.Keys, all, skip)
	e.p.rowNumbers(all, skip+width, number)
	rows := e.p.toRows(all)
	e.p.give(all.share)
	for _, pass := range program.RadixPasses(n, width) {
		if err := e.p.radixPass(ctx, rows, pass); err != nil {
			return err
		}
	}
	last := rows[words-1] // the numbers alone are left, in the higher bits of 32
	for i := range last.own {
		last.own[i] >>= 32 - number
		last.next[i] >>= 32 - number
	}
	e.setColumns([]program.Reg{op.Out}, rows[words-1:])
	return nil
}

// toRows is a bit-sliced share as columns of rows, 64 planes a word.
func (p *Party) toRows(b bits) []column {
	w := planeWords(b.n)
	out := make([]column, (b.width+63)/64)
	for i := range out {
		width := min(64, b.width-64*i)
		out[i] = column{share: p.take(b.n), boolean: true}
		unslicePlanes(out[i].own, b.own[64*i*w:], w, width)
		unslicePlanes(out[i].next, b.next[64*i*w:], w, width)
	}
	return out
}

// radixPass moves rows stably into the order of a digit. Words that hold nothing but digits
// that are sorted by already stay behind.
func (p *Party) radixPass(ctx context.Context, rows []column, pass program.RadixPass) error {
	indicators, buffers, err := p.indicators(ctx, rows, pass)
	if err != nil {
		return err
	}
	to, err := p.digitPositions(ctx, indicators)
	if err != nil {
		return err
	}
	p.give(buffers...)
	s, err := p.newShuffle(to.len())
	if err != nil {
		return err
	}
	if first := &rows[len(rows)-pass.Words]; pass.Half == 1 && !first.half {
		for i := range first.own {
			first.own[i] >>= 32
			first.next[i] >>= 32
		}
		first.half = true
	}
	moving := append([]column{{share: to, half: true}}, rows[len(rows)-pass.Words:]...)
	if err := p.apply(ctx, s, moving); err != nil {
		return err
	}
	order, err := p.knownOrder(ctx, moving[0])
	if err != nil {
		return err
	}
	p.give(to)
	p.moveAll(moving[1:], order, true)
	copy(rows[len(rows)-pass.Words:], moving[1:])
	return nil
}

// indicators are the words [digit = 1], …, of a digit of one or two bits, and the buffers
// that they lie in.
func (p *Party) indicators(ctx context.Context, rows []column, pass program.RadixPass) (list, buffers []arith, err error) {
	n := rows[0].len()
	w := planeWords(n)
	plane := bits{n: pass.Converted, width: 1, share: p.take(planeWords(pass.Converted))}
	for j := range pass.Bits {
		from, at := rows[(pass.From+j)/64], uint(pass.From+j)%64
		if from.half {
			at -= 32
		}
		takeBit(plane.own[j*w:(j+1)*w], from.own, at)
		takeBit(plane.next[j*w:(j+1)*w], from.next, at)
	}
	z, err := p.bitToArith(ctx, plane)
	p.give(plane.share)
	if err != nil || pass.Bits == 1 {
		return []arith{z}, []arith{z}, err
	}
	low, high := z.slice(0, n), z.slice(64*w, 64*w+n)
	both, err := p.multiply(ctx, []factors{{low, high}})
	if err != nil {
		return nil, nil, err
	}
	for i := range both.own {
		low.own[i] -= both.own[i]
		low.next[i] -= both.next[i]
		high.own[i] -= both.own[i]
		high.next[i] -= both.next[i]
	}
	return []arith{low, high, both}, []arith{z, both}, nil
}

// takeBit sets a plane to one bit of each row.
func takeBit(plane, rows []uint64, at uint) {
	for w := range plane {
		word := uint64(0)
		for i, v := range rows[64*w : min(64*(w+1), len(rows))] {
			word |= v >> at & 1 << i
		}
		plane[w] = word
	}
}

// digitPositions are the positions of rows in the stable order of their digit: that of digit
// 0, plus the difference to its own where an indicator says so. One round, one word a row.
// Digit 0 is what no indicator says.
func (p *Party) digitPositions(ctx context.Context, indicators []arith) (arith, error) {
	n := indicators[0].len()
	zero, z := p.take(n), p.take(n)
	for len(indicators) < 3 { // a digit of one bit has no values 2 and 3
		none := p.takeZero(n)
		defer p.give(none)
		indicators = append(indicators, none)
	}
	own, next := p.holdsFirst()
	a := newDigits(n, own, indicators[0].own, indicators[1].own, indicators[2].own)
	b := newDigits(n, next, indicators[0].next, indicators[1].next, indicators[2].next)
	for i := range n {
		x1, x2, x3 := a.ones[i], a.twos[i], a.threes[i]
		y1, y2, y3 := b.ones[i], b.twos[i], b.threes[i]
		zero.own[i], zero.next[i] = a.at0, b.at0
		d1, d2, d3 := a.at1-a.at0, a.at2-a.at0, a.at3-a.at0
		z.own[i] = x1*(d1+b.at1-b.at0) + y1*d1 + x2*(d2+b.at2-b.at0) + y2*d2 + x3*(d3+b.at3-b.at0) + y3*d3
		a.at0, a.at1, a.at2, a.at3 = a.at0+a.one-x1-x2-x3, a.at1+x1, a.at2+x2, a.at3+x3
		b.at0, b.at1, b.at2, b.at3 = b.at0+b.one-y1-y2-y3, b.at1+y1, b.at2+y2, b.at3+y3
	}
	if err := p.reshare(ctx, z, false); err != nil {
		return arith{}, err
	}
	for i := range n {
		z.own[i] += zero.own[i]
		z.next[i] += zero.next[i]
	}
	p.give(zero)
	return z, nil
}

// digits is one component of indicators and of the positions where the next row of each
// digit goes; one is what the component holds of the number 1.
type digits struct {
	secret
	ones, twos, threes      []uint64
	one, at0, at1, at2, at3 uint64
}

// newDigits begins at the first row: a digit's rows follow all rows of lower digits.
func newDigits(n int, holdsOne bool, ones, twos, threes []uint64) digits {
	d := digits{ones: ones[:n], twos: twos[:n], threes: threes[:n]}
	var sum1, sum2, sum3 uint64
	for i := range n {
		sum1, sum2, sum3 = sum1+d.ones[i], sum2+d.twos[i], sum3+d.threes[i]
	}
	if holdsOne {
		d.one = 1
	}
	d.at1 = d.one*uint64(n) - sum1 - sum2 - sum3
	d.at2 = d.at1 + sum1
	d.at3 = d.at2 + sum2
	return d
}

package mpc

import (
	"context"
	"encoding/binary"
	mathbits "math/bits"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// column is a share whose words are rows, on its way through a shuffle: over Z_2^64, over
// Z_2^32 (half, in the low halves of words) or over Z_2^32's or Z_2^64's bits (boolean).
type column struct {
	share
	boolean bool
	half    bool
}

// shuffled is one secret order: the composition of three permutations, permutation k known
// to parties k and k+1. Row i of the result of step k is row order[k][i] of what it had.
type shuffled struct {
	secret
	order [3][]uint32 // this party's two; the third is nil
}

// newShuffle draws the two permutations of n rows that this party knows, uniformly.
func (p *Party) newShuffle(n int) (*shuffled, error) {
	streams, err := p.lazy(&p.order, purposeOrder)
	if err != nil {
		return nil, err
	}
	s := &shuffled{}
	s.order[p.self] = randomOrder(streams.next, n)   // component self+1: with next
	s.order[p.prev()] = randomOrder(streams.prev, n) // component self: with prev
	return s, nil
}

// randomOrder is a uniformly random permutation of n < 2^32 rows (Fisher and Yates, with
// Lemire's exact bounded draws).
func randomOrder(s *stream, n int) []uint32 {
	order := make([]uint32, n)
	var words []byte
	for i := 1; i < n; i++ {
		bound := uint64(i + 1)
		var at, low uint64
		for {
			if len(words) == 0 {
				words = s.chunk(chunkWords)
			}
			at, low = mathbits.Mul64(binary.LittleEndian.Uint64(words), bound)
			words = words[8:]
			if low >= -bound%bound {
				break
			}
		}
		order[i] = order[at]
		order[at] = uint32(i)
	}
	return order
}

// apply puts the rows of columns, all of n rows, into the secret order, in three rounds.
//
// In step k parties k and k+1 hold all of a value between them: k has x_k + x_(k+1), k+1 has
// x_(k+2). Both permute what they have. Components k and k+2 of the result are drawn from
// the streams of the pairs that hold them, and what is left, (x_k + x_(k+1) − y_k) +
// (x_(k+2) − y_(k+2)), becomes component k+1: each of the two sends its summand to the
// other. Party k+2 gets no message and sees fresh components only; parties k and k+1 see a
// word masked by a component that they do not hold, and learn component k+1, which is
// theirs. Nobody knows all three permutations.
func (p *Party) apply(ctx context.Context, s *shuffled, columns []column) error {
	for k := range 3 {
		if err := p.reorder(ctx, k, s.order[k], false, columns); err != nil {
			return err
		}
	}
	return nil
}

// undo takes the secret order back.
func (p *Party) undo(ctx context.Context, s *shuffled, columns []column) error {
	for k := 2; k >= 0; k-- {
		if err := p.reorder(ctx, k, s.order[k], true, columns); err != nil {
			return err
		}
	}
	return nil
}

// reorder is one step of a shuffle, forwards or inverse.
func (p *Party) reorder(ctx context.Context, k int, order []uint32, inverse bool, columns []column) error {
	streams, err := p.masks()
	if err != nil {
		return err
	}
	if k == p.next() { // this party is k+2
		for _, c := range columns {
			c.fill(p, streams.prev, c.own)
			c.fill(p, streams.next, c.next)
		}
		return p.round(ctx, Round{})
	}
	words := 0
	for _, c := range columns {
		words += c.words()
	}
	outbox, inbox := p.pool.take(words), p.pool.take(words)
	at := 0
	for _, c := range columns {
		moved := p.pool.take(c.len())
		if k == p.self {
			c.add(c.own, c.next)
			move(moved, c.own, order, inverse)
			c.fill(p, streams.prev, c.own) // y_k
			c.subtract(moved, c.own)
			copy(c.next, moved)
		} else {
			move(moved, c.next, order, inverse)
			c.fill(p, streams.next, c.next) // y_(k+2)
			c.subtract(moved, c.next)
			copy(c.own, moved)
		}
		c.pack(outbox[at:at+c.words()], moved)
		at += c.words()
		p.pool.give(moved)
	}
	r := Round{ToNext: outbox, FromNext: inbox}
	if k == p.prev() {
		r = Round{ToPrev: outbox, FromPrev: inbox}
	}
	if err := p.round(ctx, r); err != nil {
		return err
	}
	at = 0
	for _, c := range columns {
		mine := c.next
		if k == p.prev() {
			mine = c.own
		}
		c.addPacked(mine, inbox[at:at+c.words()])
		at += c.words()
	}
	p.pool.give(outbox, inbox)
	return nil
}

// move sets dst to src in an order, or in the inverse of it.
func move(dst, src []uint64, order []uint32, inverse bool) {
	src = src[:len(order)]
	if inverse {
		for i, at := range order {
			dst[at] = src[i]
		}
		return
	}
	dst = dst[:len(order)]
	for i, at := range order {
		dst[i] = src[at]
	}
}

// words is the number of words in which a component travels.
func (c column) words() int {
	if c.half {
		return (c.len() + 1) / 2
	}
	return c.len()
}

// fill draws a component from a stream.
func (c column) fill(p *Party, s *stream, dst []uint64) {
	if !c.half {
		s.fill(dst)
		return
	}
	packed := p.pool.take(c.words())
	s.fill(packed)
	for i := range dst {
		dst[i] = packed[i/2] >> (i % 2 * 32) & (1<<32 - 1)
	}
	p.pool.give(packed)
}

// add sets x += y in the column's group.
func (c column) add(x, y []uint64) {
	if c.boolean {
		for i := range x {
			x[i] ^= y[i]
		}
		return
	}
	for i := range x {
		x[i] += y[i]
	}
}

// subtract sets x -= y in the column's group.
func (c column) subtract(x, y []uint64) {
	if c.boolean {
		c.add(x, y)
		return
	}
	for i := range x {
		x[i] -= y[i]
	}
}

// pack writes rows as they travel.
func (c column) pack(dst, rows []uint64) {
	if !c.half {
		copy(dst, rows)
		return
	}
	for i := range dst {
		dst[i] = rows[2*i] & (1<<32 - 1)
		if 2*i+1 < len(rows) {
			dst[i] |= rows[2*i+1] << 32
		}
	}
}

// addPacked adds what travelled to rows, in the column's group.
func (c column) addPacked(rows, packed []uint64) {
	if !c.half {
		c.add(rows, packed)
		return
	}
	for i := range rows {
		v := packed[i/2] >> (i % 2 * 32)
		if c.boolean {
			rows[i] ^= v & (1<<32 - 1)
		} else {
			rows[i] = (rows[i] + v) & (1<<32 - 1)
		}
	}
}

// column is a copy of a register as rows.
func (e *execution) column(r program.Reg) column {
	if !e.registers[r].boolean {
		return column{share: e.p.copyOf(e.arith(r))}
	}
	b := e.bits(r)
	c := column{share: e.p.take(b.n), boolean: true, half: b.width <= 32}
	unslicePlanes(c.own, b.own, planeWords(b.n), b.width)
	unslicePlanes(c.next, b.next, planeWords(b.n), b.width)
	return c
}

// columns are copies of registers as rows.
func (e *execution) columns(regs []program.Reg) []column {
	out := make([]column, len(regs))
	for i, r := range regs {
		out[i] = e.column(r)
	}
	return out
}

// setColumns turns rows into the registers that an instruction defines, and takes the rows.
func (e *execution) setColumns(regs []program.Reg, columns []column) {
	for i, r := range regs {
		c := columns[i]
		if !c.boolean {
			e.setArith(r, c.share)
			continue
		}
		s := e.shapes[r]
		w := planeWords(s.Rows)
		b := bits{n: s.Rows, width: s.Width, share: e.p.take(s.Width * w)}
		slicePlanes(b.own, w, s.Width, c.own)
		slicePlanes(b.next, w, s.Width, c.next)
		e.p.give(c.share)
		e.setBits(r, b)
	}
}

// shuffle runs a Shuffle.
func (e *execution) shuffle(ctx context.Context, op program.Shuffle) error {
	s, err := e.p.newShuffle(e.shapes[op.A[0]].Rows)
	if err != nil {
		return err
	}
	columns := e.columns(op.A)
	if err := e.p.apply(ctx, s, columns); err != nil {
		return err
	}
	e.setColumns(op.Out, columns)
	return nil
}

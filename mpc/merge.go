package mpc

import (
	"context"
	mathbits "math/bits"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// merge runs a Merge: see there for the network. Rows, the row number in the lowest bits and
// the keys above it, stay bit-sliced throughout: exchanges over 64 rows and more are between
// words of a plane, those over less between the bits of one.
func (e *execution) merge(ctx context.Context, op program.Merge) error {
	n, number := e.shapes[op.Out].Rows, e.shapes[op.Out].Width
	width := number
	for _, k := range op.Keys {
		width += e.bits(k.A).width
	}
	all := bits{n: n, width: width, share: e.p.take(width * planeWords(n))}
	e.p.rowNumbers(all, 0, number)
	e.keyPlanes(op.Keys, all, number)
	runs, at := make([]bits, len(op.Runs)), 0
	for i, rows := range op.Runs {
		runs[i] = e.p.sliceRows(all, at, at+rows)
		at += rows
	}
	e.p.give(all.share)
	for _, level := range program.MergeLevels(op.Runs) {
		var err error
		if runs, err = e.p.mergeLevel(ctx, level, runs); err != nil {
			return err
		}
	}
	out := runs[0].slice(0, number*planeWords(n))
	e.setBits(op.Out, bits{n: n, width: number, share: e.p.copyOf(out)})
	e.p.give(runs[0].share)
	return nil
}

// mergeLevel merges neighbouring runs.
func (p *Party) mergeLevel(ctx context.Context, level program.MergeLevel, runs []bits) ([]bits, error) {
	merged := make([]bits, len(level.Pairs), len(level.Pairs)+1)
	for i := range merged {
		merged[i] = p.fallAndRise(runs[2*i], runs[2*i+1])
		p.give(runs[2*i].share, runs[2*i+1].share)
	}
	for stage := range level.Stages {
		distances, words := make([]int, len(merged)), make([]int, len(merged))
		for i, pair := range level.Pairs {
			distances[i] = level.Distance(pair, stage)
			words[i] = pair.ExchangedWords(distances[i])
		}
		if err := p.exchange(ctx, merged, distances, words); err != nil {
			return nil, err
		}
	}
	return append(merged, runs[2*len(level.Pairs):]...), nil
}

// fallAndRise is the rows of one run backwards and those of another behind them, then
// public rows of ones to the end of the word.
func (p *Party) fallAndRise(first, second bits) bits {
	out := bits{n: first.n + second.n, width: first.width}
	w := planeWords(out.n)
	out.share = p.takeZero(out.width * w)
	back := p.pool.take(planeWords(first.n))
	own, next := p.holdsFirst()
	for j := range out.width {
		for _, c := range []struct {
			dst, first, second []uint64
			ones               bool
		}{
			{out.plane(j).own, first.plane(j).own, second.plane(j).own, own},
			{out.plane(j).next, first.plane(j).next, second.plane(j).next, next},
		} {
			for i, v := range c.first {
				back[len(back)-1-i] = mathbits.Reverse64(v)
			}
			shiftDown(c.dst[:len(back)], back, 64*len(back)-first.n)
			orUp(c.dst, c.second, first.n)
			if tail := out.n % 64; tail > 0 {
				c.dst[w-1] &= 1<<tail - 1
				if c.ones {
					c.dst[w-1] |= ^uint64(0) << tail
				}
			}
		}
	}
	p.pool.give(back)
	return out
}

// exchange sorts pairs of rows of several merges, each over its distance: with a bit
// [high < low], both rows are changed by bit·(low ⊕ high).
func (p *Party) exchange(ctx context.Context, rows []bits, distances, words []int) error {
	total := 0
	for _, n := range words {
		total += n
	}
	width := rows[0].width
	x := bits{n: 64 * total, width: width, share: p.take(width * total)}
	y := bits{n: 64 * total, width: width, share: p.take(width * total)}
	at := 0
	for i, b := range rows {
		if words[i] == 0 {
			continue
		}
		for j := range width {
			to := j*total + at
			pick(x.own[to:to+words[i]], y.own[to:to+words[i]], b.plane(j).own, distances[i])
			pick(x.next[to:to+words[i]], y.next[to:to+words[i]], b.plane(j).next, distances[i])
		}
		at += words[i]
	}
	less, err := p.less(ctx, y, x, nil)
	if err != nil {
		return err
	}
	xorInto(x.share, y.share)
	gates := make([]factors, width)
	for j := range gates {
		gates[j] = factors{less.share, x.plane(j).share}
	}
	z, err := p.and(ctx, gates)
	if err != nil {
		return err
	}
	at = 0
	for i, b := range rows {
		if words[i] == 0 {
			continue
		}
		for j := range width {
			from := j*total + at
			change(b.plane(j).own, z.own[from:from+words[i]], distances[i])
			change(b.plane(j).next, z.next[from:from+words[i]], distances[i])
		}
		at += words[i]
	}
	p.give(x.share, y.share, less.share, z)
	return nil
}

// lowerRows has a bit at each lower row of the exchanges inside a word.
func lowerRows(distance int) uint64 { return ^uint64(0) / (1<<distance + 1) }

// pick copies the lower and the higher rows of exchanges out of a plane.
func pick(low, high, plane []uint64, distance int) {
	if apart := distance / 64; apart > 0 {
		for from := 0; from+apart < len(plane); from += 2 * apart {
			n := copy(high, plane[from+apart:min(from+2*apart, len(plane))])
			copy(low, plane[from:from+n])
			low, high = low[n:], high[n:]
		}
		return
	}
	m := lowerRows(distance)
	for i := range low {
		a, b := plane[2*i], uint64(0)
		if 2*i+1 < len(plane) {
			b = plane[2*i+1]
		}
		low[i] = a&m | b&m<<distance
		high[i] = a>>distance&m | b&^m
	}
}

// change adds to both rows of exchanges what pick's places say.
func change(plane, by []uint64, distance int) {
	if apart := distance / 64; apart > 0 {
		for from := 0; from+apart < len(plane); from += 2 * apart {
			n := min(apart, len(plane)-from-apart)
			for i, v := range by[:n] {
				plane[from+i] ^= v
				plane[from+apart+i] ^= v
			}
			by = by[n:]
		}
		return
	}
	m := lowerRows(distance)
	for i, v := range by {
		a, b := v&m, v>>distance&m
		plane[2*i] ^= a | a<<distance
		if 2*i+1 < len(plane) {
			plane[2*i+1] ^= b | b<<distance
		}
	}
}

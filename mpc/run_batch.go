package mpc

import (
	"context"
	"fmt"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// enter runs all private inputs of a program in one round.
func (e *execution) enter(ctx context.Context, ops []program.Op) error {
	inputs := make([]privateInput, len(ops))
	for i, op := range ops {
		var err error
		if inputs[i], err = e.input(op); err != nil {
			return err
		}
	}
	shares, err := e.p.enter(ctx, inputs)
	if err != nil {
		return err
	}
	for i, op := range ops {
		switch op := op.(type) {
		case program.InputArith:
			e.setArith(op.Out, shares[i])
		case program.InputBits:
			e.setBits(op.Out, bits{n: op.N, width: op.Width, share: shares[i]})
		}
	}
	return nil
}

// input is what an instruction enters: words, or the planes of their low bits.
func (e *execution) input(op program.Op) (privateInput, error) {
	var in privateInput
	var from program.Input
	rows, width := 0, 0
	switch op := op.(type) {
	case program.InputArith:
		in, from, rows = privateInput{from: op.Party, words: op.N}, op.From, op.N
	case program.InputBits:
		rows, width = op.N, op.Width
		in, from = privateInput{from: op.Party, boolean: true, words: width * planeWords(rows)}, op.From
	default:
		return in, unexpected(op)
	}
	if in.from != e.p.self {
		return in, nil
	}
	values, err := e.in.Column(from, rows)
	if err != nil {
		return in, fmt.Errorf("mpc: private input: %w", err)
	}
	if in.values = values; in.boolean {
		in.values = make([]uint64, in.words)
		slicePlanes(in.values, planeWords(rows), width, values)
	}
	return in, nil
}

// draw samples all noise of a program together.
func (e *execution) draw(ctx context.Context, ops []program.Op) error {
	draws := make([]program.Noise, len(ops))
	for i, op := range ops {
		noise, ok := op.(program.Noise)
		if !ok {
			return unexpected(op)
		}
		draws[i] = noise
	}
	out, err := e.p.sampleNoise(ctx, draws)
	if err != nil {
		return err
	}
	for i, op := range draws {
		e.setArith(op.Out, out[i])
	}
	return nil
}

// product runs elementwise and inner products in one round.
func (e *execution) product(ctx context.Context, ops []program.Op) error {
	var elementwise, inner []factors
	for _, op := range ops {
		switch op := op.(type) {
		case program.Mul:
			elementwise = append(elementwise, factors{e.arith(op.A), e.arith(op.B)})
		case program.Dot:
			for i := range op.A {
				inner = append(inner, factors{e.arith(op.A[i]), e.arith(op.B[i])})
			}
		default:
			return unexpected(op)
		}
	}
	z, err := e.p.products(ctx, elementwise, inner)
	if err != nil {
		return err
	}
	var outs []program.Reg
	for _, op := range ops {
		if op, ok := op.(program.Mul); ok {
			outs = append(outs, op.Out)
		}
	}
	for _, op := range ops {
		if op, ok := op.(program.Dot); ok {
			outs = append(outs, op.Out)
		}
	}
	parts := make([]span, len(outs))
	at := 0
	for i, r := range outs {
		parts[i] = span{at, e.shapes[r].Rows}
		at += e.shapes[r].Rows
	}
	for i, s := range e.p.cut(z, parts) {
		e.setArith(outs[i], s)
	}
	return nil
}

// gate runs conjunctions in one round.
func (e *execution) gate(ctx context.Context, ops []program.Op) error {
	pairs := make([]factors, len(ops))
	var spread []share
	for i, op := range ops {
		op, ok := op.(program.And)
		if !ok {
			return unexpected(op)
		}
		a, b := e.bits(op.A), e.bits(op.B)
		if a.width < b.width {
			a.share = e.p.spread(a.share, b.width)
			spread = append(spread, a.share)
		}
		pairs[i] = factors{a.share, b.share}
	}
	z, err := e.p.and(ctx, pairs)
	if err != nil {
		return err
	}
	e.p.give(spread...)
	parts := make([]span, len(ops))
	at := 0
	for i, f := range pairs {
		parts[i] = span{at, f.x.len()}
		at += f.x.len()
	}
	for i, s := range e.p.cut(z, parts) {
		op := ops[i].(program.And)
		b := e.bits(op.B)
		b.share = s
		e.setBits(op.Out, b)
	}
	return nil
}

// spread is width copies of a plane.
func (p *Party) spread(plane share, width int) share {
	out := p.take(width * plane.len())
	for j := range width {
		copy(out.own[j*plane.len():], plane.own)
		copy(out.next[j*plane.len():], plane.next)
	}
	return out
}

// compare runs comparisons with constants as one long vector, each from a word of planes on.
func (e *execution) compare(ctx context.Context, ops []program.Op) error {
	words, tail := 0, 0
	for _, op := range ops {
		op, ok := op.(program.GreaterEqual)
		if !ok {
			return unexpected(op)
		}
		tail = 64*words + e.arith(op.A).len()
		words += planeWords(e.arith(op.A).len())
	}
	y := e.p.takeZero(tail)
	at := 0
	for _, op := range ops {
		op := op.(program.GreaterEqual)
		a := e.arith(op.A)
		part := y.slice(at, at+a.len())
		copy(part.own, a.own)
		copy(part.next, a.next)
		e.p.addPublic(part, -uint64(op.Bound))
		at += 64 * planeWords(a.len())
	}
	ge, err := e.p.nonNegative(ctx, y)
	if err != nil {
		return err
	}
	e.p.give(y)
	e.setPlanes(ops, ge.share)
	return nil
}

// zero runs equality tests of one width as one long vector.
func (e *execution) zero(ctx context.Context, b program.Batch) error {
	regs := make([]program.Reg, len(b.Ops))
	for i, op := range b.Ops {
		op, ok := op.(program.IsZero)
		if !ok {
			return unexpected(op)
		}
		regs[i] = op.A
	}
	x := e.stack(regs, b.Width)
	z, err := e.p.isZero(ctx, x)
	if err != nil {
		return err
	}
	e.p.give(x.share)
	e.setPlanes(b.Ops, z.share)
	return nil
}

// convert runs conversions of bits as one long plane.
func (e *execution) convert(ctx context.Context, ops []program.Op) error {
	words, rows := 0, 0
	for _, op := range ops {
		op, ok := op.(program.BitToArith)
		if !ok {
			return unexpected(op)
		}
		rows = 64*words + e.bits(op.A).n
		words += planeWords(e.bits(op.A).n)
	}
	plane := bits{n: rows, width: 1, share: e.p.take(words)}
	at := 0
	for _, op := range ops {
		b := e.bits(op.(program.BitToArith).A)
		copy(plane.own[at:], b.own)
		at += copy(plane.next[at:], b.next)
	}
	z, err := e.p.bitToArith(ctx, plane)
	if err != nil {
		return err
	}
	parts := make([]span, len(ops))
	at = 0
	for i, op := range ops {
		n := e.bits(op.(program.BitToArith).A).n
		parts[i] = span{at, n}
		at += 64 * planeWords(n)
	}
	e.p.give(plane.share)
	for i, s := range e.p.cut(z, parts) {
		e.setArith(ops[i].(program.BitToArith).Out, s)
	}
	return nil
}

// setPlanes hands out the words of one plane to the Boolean results of ops, in turn.
func (e *execution) setPlanes(ops []program.Op, plane share) {
	parts := make([]span, len(ops))
	outs := make([]program.Reg, len(ops))
	at := 0
	for i, op := range ops {
		switch op := op.(type) {
		case program.GreaterEqual:
			outs[i] = op.Out
		case program.IsZero:
			outs[i] = op.Out
		case program.Less:
			outs[i] = op.Out
		}
		w := planeWords(e.shapes[outs[i]].Rows)
		parts[i] = span{at, w}
		at += w
	}
	for i, s := range e.p.cut(plane, parts) {
		e.setBits(outs[i], bits{n: e.shapes[outs[i]].Rows, width: 1, share: s})
	}
}

// span is words from at on, n of them.
type span struct{ at, n int }

// cut hands out parts of z, which is the caller's no more. A single part that is all of z
// is z itself; others are copies.
func (p *Party) cut(z share, parts []span) []share {
	if len(parts) == 1 && parts[0].n == z.len() {
		return []share{z}
	}
	out := make([]share, len(parts))
	for i, s := range parts {
		out[i] = p.copyOf(z.slice(s.at, s.at+s.n))
	}
	p.give(z)
	return out
}

// find runs private lookups, one after the other.
func (e *execution) find(ctx context.Context, ops []program.Op) error {
	for _, op := range ops {
		op, ok := op.(program.Lookup)
		if !ok {
			return unexpected(op)
		}
		result, err := e.p.lookup(ctx, op, e.in)
		if err != nil {
			return err
		}
		match, payload := result.match, result.payload
		if result.singular {
			e.p.stats.FailedStores++
		}
		if match.n != op.ProbeRows || match.width != 1 || len(payload) != len(op.Payload) {
			return errLengths
		}
		e.setBits(op.Match, match)
		for i, r := range op.Payload {
			if payload[i].len() != op.ProbeRows {
				return errLengths
			}
			e.setArith(r, payload[i])
		}
	}
	return nil
}

// reveal runs the openings of a program.
func (e *execution) reveal(ctx context.Context, ops []program.Op) error {
	list := make([]opening, len(ops))
	for i, op := range ops {
		o, ok := op.(program.Open)
		if !ok {
			return unexpected(op)
		}
		list[i] = opening{Open: o, value: e.registers[o.A]}
	}
	opened, err := e.p.open(ctx, list)
	if err != nil {
		return err
	}
	e.opened = opened
	return nil
}

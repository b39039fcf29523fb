package mpc

import (
	"context"
	"errors"
	"fmt"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// manifest is the list of openings that a program declares, and how many are done.
type manifest struct {
	want []program.Open
	done int
}

// opening is one value on its way to one party.
type opening struct {
	secret
	program.Open
	value register
}

// errManifest refuses an opening that the manifest does not list next.
var errManifest = errors.New("mpc: opening is not the next one of the manifest")

// open reveals values, each to the one party that it names, in one round, and returns what
// this party learned. It is the only function that turns shares into values. It refuses
// whatever is not next in the program's manifest, before anything is sent.
//
// The recipient holds two of three components; its prev sends the third.
func (p *Party) open(ctx context.Context, list []opening) (program.Opened, error) {
	send, receive := 0, 0
	for _, o := range list {
		if p.manifest.done >= len(p.manifest.want) || p.manifest.want[p.manifest.done] != o.Open {
			return nil, fmt.Errorf("%w: %q to party %d", errManifest, o.Label, o.To)
		}
		p.manifest.done++
		switch o.To {
		case p.next():
			send += o.value.share().len()
		case p.self:
			receive += o.value.share().len()
		}
	}
	outbox, inbox := p.pool.take(send), p.pool.take(receive)
	at := 0
	for _, o := range list {
		if o.To == p.next() {
			part := outbox[at : at+copy(outbox[at:], o.value.share().own)]
			o.value.clearPadding(part)
			at += len(part)
		}
	}
	if err := p.round(ctx, Round{ToNext: outbox, FromPrev: inbox}); err != nil {
		return nil, err
	}
	learned := program.Opened{}
	at = 0
	for _, o := range list {
		if o.To != p.self {
			continue
		}
		s := o.value.share()
		third := inbox[at : at+s.len()]
		at += s.len()
		learned[o.Label] = o.value.reveal(third)
	}
	p.pool.give(outbox, inbox)
	return learned, nil
}

// register is one value of a running program: arithmetic, or Boolean if boolean is set.
type register struct {
	secret
	boolean bool
	arith   arith
	bits    bits
}

// share is the register's words.
func (r register) share() share {
	if r.boolean {
		return r.bits.share
	}
	return r.arith
}

// clearPadding zeroes the bits behind the last row of each plane of words.
func (r register) clearPadding(words []uint64) {
	tail := r.bits.n % 64
	if !r.boolean || tail == 0 {
		return
	}
	w := planeWords(r.bits.n)
	for at := w - 1; at < len(words); at += w {
		words[at] &= 1<<tail - 1
	}
}

// reveal adds the third component to the two of this party: words, or rows as words.
// Only open calls it.
func (r register) reveal(third []uint64) []uint64 {
	s := r.share()
	sum := make([]uint64, len(third))
	if !r.boolean {
		for i := range sum {
			sum[i] = s.own[i] + s.next[i] + third[i]
		}
		return sum
	}
	for i := range sum {
		sum[i] = s.own[i] ^ s.next[i] ^ third[i]
	}
	r.clearPadding(sum)
	rows := make([]uint64, r.bits.n)
	unslicePlanes(rows, sum, planeWords(r.bits.n), r.bits.width)
	return rows
}

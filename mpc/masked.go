package mpc

import "context"

// Some protocols make a value known to parties that is not data: a word under a one-time
// mask, or the order of rows after a secret shuffle. Its distribution is uniform whatever
// the inputs are, so that a party could have drawn it itself; the enumerated-view tests hold
// each use to that. It is neither an opening nor part of the manifest, and nothing but the
// functions of this file may do it: a value that depends on data goes through open.

// Purposes of the streams of such masks and of secret orders. They start when first used.
const (
	purposeMask  = "mpc/1/mask"
	purposeOrder = "mpc/1/order"
)

// masks are this party's streams of masks.
func (p *Party) masks() (*pair, error) { return p.lazy(&p.mask, purposeMask) }

// lazy starts the two streams of a purpose unless they run already.
func (p *Party) lazy(into *pair, purpose string) (_ *pair, err error) {
	if into.prev != nil {
		return into, nil
	}
	prev, err := p.stream(p.prev(), purpose)
	if err != nil {
		return nil, err
	}
	next, err := p.stream(p.next(), purpose)
	if err != nil {
		return nil, err
	}
	*into = pair{prev: prev, next: next}
	return into, nil
}

// toTwo makes the rows of each third k, planes of w words, width of them, known to parties
// k+1 and k+2, and not to party k: parties k and k+1 send the component that their next one
// lacks. It returns the components that this party lacked, of the thirds of prev and of next.
func (p *Party) toTwo(ctx context.Context, z share, w, width int) (prev, next []uint64, err error) {
	sFrom, sTo := third(p.self, w)
	pFrom, pTo := third(p.prev(), w)
	nFrom, nTo := third(p.next(), w)
	outbox := p.pool.take(width * (sTo - sFrom + pTo - pFrom))
	inbox := p.pool.take(width * (pTo - pFrom + nTo - nFrom))
	at := 0
	for j := range width {
		at += copy(outbox[at:], z.own[j*w+sFrom:j*w+sTo])
	}
	for j := range width {
		at += copy(outbox[at:], z.own[j*w+pFrom:j*w+pTo])
	}
	if err := p.round(ctx, Round{ToNext: outbox, FromPrev: inbox}); err != nil {
		return nil, nil, err
	}
	p.pool.give(outbox)
	split := width * (pTo - pFrom)
	return inbox[:split], inbox[split:], nil
}

// knownOrder makes a shuffled permutation known to all three parties: a uniformly random
// order, whatever it was before the shuffle. Half a word a row, one round.
func (p *Party) knownOrder(ctx context.Context, by column) ([]uint32, error) {
	out, in := p.pool.take(by.words()), p.pool.take(by.words())
	by.pack(out, by.own)
	if err := p.round(ctx, Round{ToNext: out, FromPrev: in}); err != nil {
		return nil, err
	}
	by.add(by.own, by.next)
	by.addPacked(by.own, in)
	p.pool.give(out, in)
	order := make([]uint32, len(by.own))
	seen := make([]bool, len(order))
	for i, v := range by.own {
		if v >= uint64(len(order)) || seen[v] {
			return nil, errNoPermutation
		}
		seen[v], order[i] = true, uint32(v)
	}
	return order, nil
}

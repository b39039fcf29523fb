package mpc

import (
	"context"
	"fmt"
)

// privateInput is one vector that one party enters: words over Z_2^64, or words of
// bit planes where boolean is set.
type privateInput struct {
	secret
	from    int
	boolean bool
	words   int
	values  []uint64 // words of them, at party from only; nil elsewhere
	into    share    // where the share goes; a fresh one if its slices are nil
}

// enter makes private inputs of several parties into shares, in one round however many
// there are (no round at all where there are none). All parties list the same inputs in
// the same order.
//
// The entering party q draws component q+1 from its stream with party q+1, sends the
// difference to q-1 as component q, and component q+2 is zero: the one recipient sees
// a uniformly masked word, and nobody else gets a message.
func (p *Party) enter(ctx context.Context, inputs []privateInput) ([]share, error) {
	if len(inputs) == 0 {
		return nil, nil
	}
	send, receive := 0, 0
	for _, in := range inputs {
		switch in.from {
		case p.self:
			if len(in.values) != in.words {
				return nil, fmt.Errorf("mpc: private input of %d words has %d: %w", in.words, len(in.values), errLengths)
			}
			send += in.words
		case p.next():
			receive += in.words
		}
	}
	outbox, inbox := p.pool.take(send), p.pool.take(receive)
	shares := make([]share, len(inputs))
	at := 0
	for i, in := range inputs {
		s := in.into
		if s.own == nil {
			s = p.take(in.words)
		}
		shares[i] = s
		switch in.from {
		case p.self:
			p.input.next.fill(s.next)
			mask(s.own, in.values, s.next, in.boolean)
			copy(outbox[at:], s.own)
			at += in.words
		case p.prev():
			p.input.prev.fill(s.own)
			clear(s.next)
		default: // from next: its component arrives below
			clear(s.own)
		}
	}
	if err := p.round(ctx, Round{ToPrev: outbox, FromNext: inbox}); err != nil {
		return nil, err
	}
	at = 0
	for i, in := range inputs {
		if in.from == p.next() {
			at += copy(shares[i].next, inbox[at:at+in.words])
		}
	}
	p.pool.give(outbox, inbox)
	return shares, nil
}

// mask sets dst to values minus key, in the group that boolean names.
func mask(dst, values, key []uint64, boolean bool) {
	if boolean {
		for i := range dst {
			dst[i] = values[i] ^ key[i]
		}
		return
	}
	for i := range dst {
		dst[i] = values[i] - key[i]
	}
}

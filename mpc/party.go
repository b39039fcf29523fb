package mpc

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Party is one compute party's end of one execution: its connection to the two
// others, the pseudo-random streams that it shares with each of them, and the count
// of what it sent. One goroutine uses it.
//
// A value is x_0 + x_1 + x_2 (or their exclusive or); this party holds component
// self ("own", which prev holds too) and component self+1 ("next", which next holds
// too). The stream shared with prev draws component self, the one shared with next
// draws component self+1.
type Party struct {
	secret
	self      int
	transport Transport
	seeds     Seeds
	rand      io.Reader
	stats     Stats
	zero      pair // masks of products
	input     pair // masks of private inputs
	noise     pair // shared random bits
	mask      pair // masks of what becomes known; started when first used
	order     pair // secret orders of rows; started when first used
	pool      pool
	manifest  manifest
}

// pair is the two streams of one purpose.
type pair struct{ prev, next *stream }

// Stats counts what one party did.
type Stats struct {
	Rounds        int   // calls of Transport.Round
	WordsSent     int64 // 64-bit words to both peers
	WordsReceived int64
	PeakBytes     int64 // most that its registers and buffers took, a function of the program alone
	// FailedStores counts lookups of this party's keys that matched nothing because the
	// store could not be solved (RULES 8; at most 2^-40 each). Only this party may know.
	FailedStores int
}

// Purposes of the engine's streams; the private lookup has its own.
const (
	purposeZero  = "mpc/1/product"
	purposeInput = "mpc/1/input"
	purposeNoise = "mpc/1/noise"
)

// newParty derives the streams of one execution.
func newParty(t Transport, seeds Seeds, rand io.Reader) (*Party, error) {
	self := t.Self()
	if self < 0 || self > 2 {
		return nil, fmt.Errorf("mpc: party number %d outside 0 to 2", self)
	}
	p := &Party{self: self, transport: t, seeds: seeds, rand: rand}
	for _, s := range []struct {
		into    *pair
		purpose string
	}{{&p.zero, purposeZero}, {&p.input, purposeInput}, {&p.noise, purposeNoise}} {
		var err error
		if s.into.prev, err = p.stream(p.prev(), s.purpose); err != nil {
			return nil, err
		}
		if s.into.next, err = p.stream(p.next(), s.purpose); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// next is the party that shares component self+1 with this one.
func (p *Party) next() int { return (p.self + 1) % 3 }

// prev is the party that shares component self with this one.
func (p *Party) prev() int { return (p.self + 2) % 3 }

// stream opens the pseudo-random stream that this party and peer share for a
// purpose. Both ends must consume it alike.
func (p *Party) stream(peer int, purpose string) (*stream, error) {
	seed, err := p.seeds.Seed(peer, purpose)
	if err != nil {
		return nil, fmt.Errorf("mpc: seed with party %d: %w", peer, err)
	}
	return newStream(seed)
}

// round exchanges one round and counts it. Every message of the engine goes through it.
func (p *Party) round(ctx context.Context, r Round) error {
	p.stats.Rounds++
	p.stats.WordsSent += int64(len(r.ToNext) + len(r.ToPrev))
	p.stats.WordsReceived += int64(len(r.FromNext) + len(r.FromPrev))
	if err := p.transport.Round(ctx, r); err != nil {
		return fmt.Errorf("mpc: round %d: %w", p.stats.Rounds, err)
	}
	return nil
}

// errLengths reports operands that cannot belong together; the driver validates
// programs, so it means that a caller inside the package is wrong.
var errLengths = errors.New("mpc: operands of different lengths")

// Package mpctest runs the three parties of a computation in one process, for tests:
// a transport over channels that counts and traces, test seeds, and the suite that every
// implementation of mpc.Transport must pass.
//
// Nothing here is secret or authenticated. The product must not import it.
package mpctest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/c2dproxy/c2dproxy/mpc"
	"golang.org/x/sync/errgroup"
)

// Event is one message: in the sender's round number, from party to party, words long.
type Event struct{ Round, From, To, Words int }

// Network connects three parties by channels.
type Network struct {
	links [3][3]chan []uint64
	mu    sync.Mutex
	trace [3][]Event
	views [3][]uint64 // everything a party received, if Record
	// Record keeps every received word, for tests of views.
	Record bool
}

// NewNetwork makes a network of three parties.
func NewNetwork() *Network {
	n := &Network{}
	for i := range n.links {
		for j := range n.links[i] {
			n.links[i][j] = make(chan []uint64, 1)
		}
	}
	return n
}

// Transport is party's end of the network.
func (n *Network) Transport(party int) mpc.Transport { return &end{net: n, self: party} }

// Transports are the three ends.
func (n *Network) Transports() [3]mpc.Transport {
	return [3]mpc.Transport{n.Transport(0), n.Transport(1), n.Transport(2)}
}

// Trace lists all messages sent so far, party by party in the order of rounds.
func (n *Network) Trace() []Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []Event
	for _, t := range n.trace {
		all = append(all, t...)
	}
	return all
}

// View is every word that party received, if Record was set before it ran.
func (n *Network) View(party int) []uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]uint64{}, n.views[party]...)
}

// end is one party's transport.
type end struct {
	net    *Network
	self   int
	rounds int
	failed bool
}

// errBroken says that a transport failed before.
var errBroken = errors.New("mpctest: transport failed before")

func (e *end) Self() int { return e.self }

func (e *end) Round(ctx context.Context, r mpc.Round) (err error) {
	if e.failed {
		return errBroken
	}
	defer func() { e.failed = err != nil }()
	if err := ctx.Err(); err != nil {
		return err
	}
	e.rounds++
	next, prev := (e.self+1)%3, (e.self+2)%3
	for _, m := range []struct {
		to    int
		words []uint64
	}{{next, r.ToNext}, {prev, r.ToPrev}} {
		if err := e.send(ctx, m.to, m.words); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		from  int
		words []uint64
	}{{next, r.FromNext}, {prev, r.FromPrev}} {
		if err := e.receive(ctx, m.from, m.words); err != nil {
			return err
		}
	}
	return nil
}

func (e *end) send(ctx context.Context, to int, words []uint64) error {
	e.net.mu.Lock()
	e.net.trace[e.self] = append(e.net.trace[e.self], Event{e.rounds, e.self, to, len(words)})
	e.net.mu.Unlock()
	select {
	case e.net.links[e.self][to] <- append([]uint64(nil), words...):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *end) receive(ctx context.Context, from int, words []uint64) error {
	select {
	case got := <-e.net.links[from][e.self]:
		if len(got) != len(words) {
			return fmt.Errorf("mpctest: party %d got a message of %d words from %d, expected %d", e.self, len(got), from, len(words))
		}
		copy(words, got)
		if e.net.Record {
			e.net.mu.Lock()
			e.net.views[e.self] = append(e.net.views[e.self], got...)
			e.net.mu.Unlock()
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Parties runs f for the three parties at once and returns the first error; it ends the
// others' context when one fails.
func Parties(ctx context.Context, f func(ctx context.Context, party int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for party := range 3 {
		g.Go(func() error { return f(ctx, party) })
	}
	return g.Wait()
}

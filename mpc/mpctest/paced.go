package mpctest

import (
	"context"
	"time"

	"github.com/c2dproxy/c2dproxy/mpc"
)

// Link is a network between parties: the delay of a message one way, and how much each
// direction of each pair carries.
type Link struct {
	Delay         time.Duration
	BitsPerSecond float64
}

// Links that figures are quoted for.
var (
	LAN = Link{Delay: 100 * time.Microsecond, BitsPerSecond: 10e9}
	WAN = Link{Delay: 20 * time.Millisecond, BitsPerSecond: 100e6}
)

// Paced makes the rounds of a transport take as long as on a link: what a party receives
// arrives after the delay and the time that its longer message needs on the wire. It is for
// benchmarks: the clock of a busy machine is coarse.
func Paced(t mpc.Transport, l Link) mpc.Transport { return &paced{t, l} }

type paced struct {
	mpc.Transport
	link Link
}

// Round exchanges the round and waits until the link would have carried it.
func (p *paced) Round(ctx context.Context, r mpc.Round) error {
	start := time.Now()
	if err := p.Transport.Round(ctx, r); err != nil {
		return err
	}
	bits := 64 * float64(max(len(r.FromNext), len(r.FromPrev)))
	if bits == 0 {
		return nil
	}
	arrival := start.Add(p.link.Delay + time.Duration(bits/p.link.BitsPerSecond*float64(time.Second)))
	timer := time.NewTimer(time.Until(arrival))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

package mpctest

import (
	"context"
	"math/rand/v2"

	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// Result is what a run of three parties gave.
type Result struct {
	Opened [3]program.Opened
	Stats  [3]mpc.Stats
}

// All merges what was opened, whoever it was opened to.
func (r Result) All() program.Opened {
	all := program.Opened{}
	for _, opened := range r.Opened {
		for label, values := range opened {
			all[label] = values
		}
	}
	return all
}

// Run runs a program among three parties on a network; inputs are each party's own.
func Run(ctx context.Context, n *Network, seed string, p program.Program, inputs [3]program.Inputs) (Result, error) {
	var r Result
	err := Parties(ctx, func(ctx context.Context, party int) (err error) {
		key := [32]byte{31: byte(party)}
		copy(key[:31], seed)
		r.Opened[party], r.Stats[party], err = mpc.Run(ctx, n.Transport(party), Seeds(seed, party), rand.NewChaCha8(key), p, inputs[party])
		return err
	})
	return r, err
}

package mpc

import (
	"context"
	"io"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// HeldAfter runs a program and returns the words of buffers that were never given back.
func HeldAfter(ctx context.Context, t Transport, seeds Seeds, rand io.Reader, prog program.Program, in program.Inputs) (int64, error) {
	p, err := newParty(t, seeds, rand)
	if err != nil {
		return 0, err
	}
	_, _, err = p.run(ctx, prog, in)
	return p.pool.inUse, err
}

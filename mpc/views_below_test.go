package mpc

import (
	"context"
	"fmt"
	"testing"
)

// bounding opens x < bound of a row of two bits.
func bounding(owner, to int, bound uint64) primitive {
	return primitive{
		name: fmt.Sprintf("row of party %d below %d to %d", owner, bound, to),
		ring: 2, base: 4, owners: []int{owner}, opensTo: to,
		coins: append(coinsOf(purposeInput, (owner+1)%3, 0, 2, 2), zeroCoins(2, 1)...),
		result: func(v []uint64) uint64 {
			if v[0] < bound {
				return 1
			}
			return 0
		},
		run: func(ctx context.Context, p *Party, values []uint64) (register, error) {
			x, err := enterRows(ctx, p, []int{owner}, values, 2)
			if err != nil {
				return register{}, err
			}
			z, err := p.lessThan(ctx, x[0].share, 2, []bounded{{bound: bound}}, 1)
			return register{boolean: true, bits: bits{n: 1, width: 1, share: z}}, err
		},
	}
}

// TestViewsOfBounds: comparisons with public bounds reveal nothing.
func TestViewsOfBounds(t *testing.T) {
	t.Parallel()
	for to := range 3 {
		for owner := range 3 {
			for bound := range uint64(4) {
				if leak := bounding(owner, to, bound).leak(t); leak != "" {
					t.Errorf("party %d below %d to %d: %s", owner, bound, to, leak)
				}
			}
		}
	}
}

// TestViewMutantsOfBounds: without the mask of an input, or without sharings of zero, the same
// test fails.
func TestViewMutantsOfBounds(t *testing.T) {
	t.Parallel()
	bare := bounding(0, 1, 3)
	bare.coins[0].base = 1
	open := bounding(0, 1, 3)
	for i := 2; i < len(open.coins); i++ {
		open.coins[i].base = 1
	}
	for name, q := range map[string]primitive{"unmasked input": bare, "no zero sharing": open} {
		if q.leak(t) == "" {
			t.Errorf("mutant %q was not caught", name)
		}
	}
}

package mpc_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// drawnSeeds notes which secrets one party asks for.
type drawnSeeds struct {
	mpc.Seeds
	drawn map[int]map[string]int // peer, purpose
}

func (s drawnSeeds) Seed(peer int, purpose string) ([32]byte, error) {
	if s.drawn[peer] == nil {
		s.drawn[peer] = map[string]int{}
	}
	s.drawn[peer][purpose]++
	return s.Seeds.Seed(peer, purpose)
}

// TestSeedsDrawnOnce is RULES 1 and 7 inside one run: a party opens each stream once, so that no
// position of one is used twice; both ends of a pair open the same streams; each lookup has a
// key of its own, and the third party never asks for one.
func TestSeedsDrawnOnce(t *testing.T) {
	t.Parallel()
	c := lookupCase{build: 70, probe: 90, fields: 2, roles: [3]int{1, 2, 0}, keys: keyRange(0, 40, 8), probes: keyRange(20, 90, 8)}
	p := c.program("a", "b")
	noise := program.Reg(2 * (1 + c.fields + 1 + c.fields)) // behind the registers of the lookups
	p.Ops = append(p.Ops, program.Noise{N: 5, Bits: []uint64{1 << 62, 1 << 61}, Out: noise}, program.Open{Label: "noise", A: noise, To: 0})
	p = sortOpens(p)
	in := c.inputs(rand.NewChaCha8([32]byte{5}))
	network := mpctest.NewNetwork()
	var all [3]drawnSeeds
	for i := range all {
		all[i] = drawnSeeds{mpctest.Seeds("once", i), map[int]map[string]int{}}
	}
	err := mpctest.Parties(t.Context(), func(ctx context.Context, i int) error {
		_, _, err := mpc.Run(ctx, network.Transport(i), all[i], rand.NewChaCha8([32]byte{byte(i)}), p, in[i])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range all {
		for peer, purposes := range s.drawn {
			for purpose, n := range purposes {
				if n != 1 {
					t.Errorf("party %d opens %q with party %d %d times", i, purpose, peer, n)
				}
			}
			if !maps.Equal(purposes, all[peer].drawn[i]) {
				t.Errorf("parties %d and %d open different streams: %v and %v", i, peer, purposes, all[peer].drawn[i])
			}
			want := 3 // products, inputs, noise
			if i != 0 && peer != 0 {
				want += 2 // the two lookups, between the key owners
			}
			if len(purposes) != want {
				t.Errorf("parties %d and %d share %d streams, want %d: %v", i, peer, len(purposes), want, purposes)
			}
		}
	}
}

package mpc

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// hashSeeds are one party's secrets of a test.
type hashSeeds int

func (s hashSeeds) Seed(peer int, purpose string) ([32]byte, error) {
	return sha256.Sum256(fmt.Appendf(nil, "%d %d %s", min(peer, int(s)), max(peer, int(s)), purpose)), nil
}

// recorder is a transport that keeps what arrives.
type recorder struct {
	tinyEnd
	words []uint64
}

func (r *recorder) Round(ctx context.Context, round Round) error {
	if err := r.tinyEnd.Round(ctx, round); err != nil {
		return err
	}
	r.words = append(append(r.words, round.FromNext...), round.FromPrev...)
	return nil
}

// TestBuildOwnerSeesNoHalf is RULES 6 on the engine itself: the build owner knows every mask and
// every stored value, so it looks for them in what it receives. Neither half may reach it, whichever
// neighbour it is of the probe owner. The third party looks for the probe owner's masks likewise.
func TestBuildOwnerSeesNoHalf(t *testing.T) {
	t.Parallel()
	const n = 64
	for _, roles := range [][3]int{{0, 1, 2}, {1, 0, 2}, {2, 0, 1}, {0, 2, 1}} {
		build, probeOwner, third := roles[0], roles[1], roles[2]
		p := program.Program{Ops: []program.Op{
			program.Lookup{Node: "n", Build: build, Probe: probeOwner, Third: third, BuildTask: 0, ProbeTask: 1,
				BuildFields: []int{0}, BuildRows: n, ProbeRows: n, Lambda: 46, Match: 0, Payload: []program.Reg{1}},
			program.BitToArith{A: 0, Out: 2},
			program.Dot{A: []program.Reg{2}, B: []program.Reg{1}, Out: 3},
			program.Open{Label: "x", A: 3, To: third},
		}}
		keys, fields := make([][]byte, n), make([]uint64, n)
		for i := range keys {
			keys[i], fields[i] = fmt.Append(nil, i), uint64(i+1)
		}
		inputs := [3]program.Inputs{}
		inputs[build] = program.Inputs{0: {Keys: keys, Columns: [][]uint64{fields}}}
		inputs[probeOwner] = program.Inputs{1: {Keys: keys}}
		links := tinyLinks()
		var ends [3]recorder
		var wait sync.WaitGroup
		for self := range ends {
			ends[self].tinyEnd = tinyEnd{self: self, links: links}
			wait.Go(func() {
				source := rand.NewChaCha8([32]byte{byte(self)})
				opened, _, err := Run(t.Context(), &ends[self], hashSeeds(self), source, p, inputs[self])
				if err != nil {
					t.Error(err)
				} else if self == third && opened["x"][0] != n*(n+1)/2 {
					t.Errorf("roles %v: opened %v", roles, opened)
				}
			})
		}
		wait.Wait()
		secret, err := hashSeeds(build).Seed(probeOwner, purposeLookup+"n")
		if err != nil {
			t.Fatal(err)
		}
		key, err := newLookupKey(secret)
		if err != nil {
			t.Fatal(err)
		}
		masks := probe(key, keys, n, 2, nil).masks
		_, values := sealed(key, keys, [][]uint64{fields})
		forbidden := map[uint64]bool{}
		for _, half := range [][]uint64{masks, values} {
			check, payload := columns(half, 2, 46)
			for _, words := range append(payload, check) {
				for _, w := range words {
					forbidden[w] = true
				}
			}
		}
		if len(forbidden) != 2*n+46 { // both payload halves; the check halves of a full match are equal
			t.Fatalf("%d forbidden words", len(forbidden))
		}
		for _, party := range []int{build, third} {
			if len(ends[party].words) < n {
				t.Fatalf("roles %v: party %d received %d words", roles, party, len(ends[party].words))
			}
			for _, w := range ends[party].words {
				if forbidden[w] {
					t.Fatalf("roles %v: party %d receives a half in the clear", roles, party)
				}
			}
		}
	}
}

package mpc_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// checkMemory holds what the engine took to what was computed before it ran.
func checkMemory(t *testing.T, p program.Program, got mpctest.Result) {
	t.Helper()
	need, err := program.Memory(p)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range got.Stats {
		if s.PeakBytes > need {
			t.Errorf("party %d held %d bytes, Memory says %d", i, s.PeakBytes, need)
		}
	}
}

// weighed measures the heap of the process, garbage excluded, at the first rounds of one party
// and at some of the later ones.
type weighed struct {
	mpc.Transport
	rounds int
	peak   uint64
}

func (w *weighed) Round(ctx context.Context, r mpc.Round) error {
	if w.rounds++; w.rounds < 10 || w.rounds%16 == 0 {
		w.peak = max(w.peak, heap())
	}
	return w.Transport.Round(ctx, r)
}

// heap is the bytes of all reachable objects.
func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// TestMemoryBoundsTheHeap measures the heap of three parties while each operator runs: it grows by
// no more than three bounds and the messages under way, which the test network copies. And the
// bound is no wild guess: what the engine's pool counted is more than a third of it, but for
// lookups, most of whose memory is not the pool's. Not parallel: it measures the process.
func TestMemoryBoundsTheHeap(t *testing.T) {
	list := mpctest.Operators(1 << 12)
	if testing.Short() {
		list = mpctest.Some(list)
	}
	for _, o := range list {
		need, err := program.Memory(o.Program)
		if err != nil {
			t.Fatal(err)
		}
		before := heap()
		n := mpctest.NewNetwork()
		ends := n.Transports()
		scale := &weighed{Transport: ends[0]}
		ends[0] = scale
		var stats [3]mpc.Stats
		err = mpctest.Parties(within(t), func(ctx context.Context, party int) (err error) {
			_, stats[party], err = mpc.Run(ctx, ends[party], mpctest.Seeds("heap", party), rand.NewChaCha8([32]byte{byte(party)}), o.Program, o.Inputs[party])
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", o.Name(), err)
		}
		if grown := int64(scale.peak - before); grown > 3*need+6*largest(n)+1<<19 {
			t.Errorf("%s: the heap grew by %d bytes, three parties may hold %d", o.Name(), grown, 3*need)
		}
		for _, s := range stats {
			if s.PeakBytes > need || 3*s.PeakBytes < need && o.Name() != "Lookup" {
				t.Errorf("%s: a party held %d bytes, Memory says %d", o.Name(), s.PeakBytes, need)
			}
		}
	}
}

// TestBuffersReturn: after a program no buffer is left out of the pool, so that long programs
// take no more than their widest moment.
func TestBuffersReturn(t *testing.T) {
	t.Parallel()
	for _, o := range mpctest.Operators(200) {
		n := mpctest.NewNetwork()
		var held [3]int64
		err := mpctest.Parties(within(t), func(ctx context.Context, party int) (err error) {
			held[party], err = mpc.HeldAfter(ctx, n.Transport(party), mpctest.Seeds("held", party), rand.NewChaCha8([32]byte{byte(party)}), o.Program, o.Inputs[party])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if held != [3]int64{} {
			t.Errorf("%s: %d words stay out", o.Name(), held)
		}
	}
}

// largest is the bytes of the largest message of a network.
func largest(n *mpctest.Network) int64 {
	words := 0
	for _, e := range n.Trace() {
		words = max(words, e.Words)
	}
	return int64(8 * words)
}

// TestMemoryLimit: a program that needs more than the limit is refused with both figures before
// anything is sent, and runs at a limit of exactly what it needs.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	o := mpctest.Operators(5000)[6]
	need, err := program.Memory(o.Program)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit int64
		ok    bool
	}{{need - 1, false}, {need, true}, {0, false}} {
		n := mpctest.NewNetwork()
		err := mpctest.Parties(within(t), func(ctx context.Context, party int) error {
			_, _, err := mpc.RunWithin(c.limit)(ctx, n.Transport(party), mpctest.Seeds("limit", party), nil, o.Program, o.Inputs[party])
			return err
		})
		if c.ok {
			if err != nil {
				t.Errorf("limit %d: %v", c.limit, err)
			}
			continue
		}
		e, ok := pgerr.As(err)
		if !ok || e.Code != "53200" || e.Hint == "" || !strings.Contains(e.Detail, fmt.Sprintf("%d kB", (need+1023)>>10)) || !strings.Contains(e.Detail, fmt.Sprintf("%d kB", c.limit>>10)) {
			t.Errorf("limit %d: error %#v", c.limit, err)
		}
		if len(n.Trace()) != 0 {
			t.Errorf("limit %d: something was sent", c.limit)
		}
	}
}

package federation

import (
	"context"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
)

// open3 returns the transports of one execution among three connected nodes.
func open3(t testing.TB, w *world, id ExecutionID) (out [parties]*transport) {
	t.Helper()
	plan, err := testCompile(w.study, w.query(0))
	must(t, err)
	hash := plan.Hash()
	var all [parties]*execution
	for i, n := range w.nodes {
		links, err := n.reach(testNames, nil)
		must(t, err)
		all[i] = newExecution(id, plan, hash, i, links)
		must(t, n.executions.add(all[i]))
		t.Cleanup(func() { n.executions.remove(all[i]) })
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var connecting errgroup.Group
	for i := range all {
		connecting.Go(func() (err error) {
			out[i], err = all[i].connect(ctx, nil)
			return err
		})
	}
	must(t, connecting.Wait())
	t.Cleanup(func() {
		for _, tr := range out {
			tr.close()
		}
	})
	return out
}

func TestTransport(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	var id ExecutionID
	mpctest.TestTransport(t, func(t *testing.T) [parties]mpc.Transport {
		id[0]++
		ts := open3(t, w, id)
		return [parties]mpc.Transport{ts[0], ts[1], ts[2]}
	})
}

// Parties at different rounds or with different lengths notice.
func TestTransportDisagrees(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	for name, r := range map[string]mpc.Round{
		"length": {FromPrev: make([]uint64, 3)},
	} {
		ts := open3(t, w, ExecutionID{9})
		var both errgroup.Group
		both.Go(func() error { return ts[0].Round(t.Context(), mpc.Round{ToNext: make([]uint64, 4)}) })
		if err := ts[1].Round(t.Context(), r); err == nil {
			t.Errorf("%s: not noticed", name)
		}
		if err := ts[1].Round(t.Context(), mpc.Round{}); err == nil {
			t.Errorf("%s: usable after an error", name)
		}
		_ = both.Wait() // it may have been sent before the other side noticed
	}
}

// BenchmarkTransport moves 8 MB to each neighbour a round, all three parties at once.
func BenchmarkTransport(b *testing.B) {
	w := running(b, nil)
	ts := open3(b, w, ExecutionID{1})
	const words = 1 << 20
	b.SetBytes(parties * 2 * 8 * words)
	var buffers [parties][4][]uint64
	for i := range buffers {
		for j := range buffers[i] {
			buffers[i][j] = make([]uint64, words)
		}
	}
	for b.Loop() {
		var all errgroup.Group
		for i, tr := range ts {
			all.Go(func() error {
				x := &buffers[i]
				return tr.Round(b.Context(), mpc.Round{ToNext: x[0], ToPrev: x[1], FromNext: x[2], FromPrev: x[3]})
			})
		}
		must(b, all.Wait())
	}
}

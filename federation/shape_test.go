package federation

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Two questions over different data of equal declared size have the same traffic, round by round.
func TestTrafficShape(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var mu sync.Mutex
	rounds := map[ExecutionID]*[parties][]RoundTrace{}
	for i, n := range w.nodes {
		n.Trace(func(id ExecutionID, r RoundTrace) {
			mu.Lock()
			defer mu.Unlock()
			if rounds[id] == nil {
				rounds[id] = &[parties][]RoundTrace{}
			}
			rounds[id][i] = append(rounds[id][i], r)
		})
		w.start(i)
	}
	w.connected()
	first := w.answers(0)
	w.sources[1].value = -1 << 40
	second, err := w.ask(0)
	must(t, err)
	if first.ExecutionID == second.ExecutionID {
		t.Error("two executions have one id")
	}
	for i := range parties {
		a, b := rounds[first.ExecutionID][i], rounds[second.ExecutionID][i]
		if len(a) == 0 || !slices.Equal(a, b) {
			t.Errorf("%s: %v, then %v", testNames[i], a, b)
		}
		if x, y := first.Stats.Traffic[testNames[i]], second.Stats.Traffic[testNames[i]]; x != y || x.Rounds != int64(len(a)) {
			t.Errorf("%s: %+v, then %+v", testNames[i], x, y)
		}
	}
}

// The read phase ends at the slot boundary, and an error of the database is told no sooner (RULES 12).
func TestSlot(t *testing.T) {
	t.Parallel()
	const slot = 700 * time.Millisecond
	w := newWorld(t, nil)
	w.study.SlotBase = slot.Milliseconds()
	for i := range parties {
		w.start(i)
	}
	w.connected()
	began := time.Now()
	w.answers(0)
	if d := time.Since(began); d < slot {
		t.Errorf("an answer after %s", d)
	}
	w.sources[1].err = errOutside
	began = time.Now()
	_, err := w.ask(0)
	refused(t, err, pgerr.SystemError, "lab")
	if d := time.Since(began); d < slot {
		t.Errorf("an error after %s", d)
	}
}

// Neither answers nor failures leave streams or executions behind.
func TestNothingLeft(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	w.answers(0)
	w.answers(2)
	w.sources[1].err = errOutside
	_, err := w.ask(0)
	refused(t, err, pgerr.SystemError)
	w.ledgers[2].refuse = pgerr.New(pgerr.BudgetExhausted, "no")
	_, err = w.ask(1)
	refused(t, err, pgerr.BudgetExhausted)
	for i, n := range w.nodes {
		eventually(t, "only control streams are open", func() bool {
			n.executions.mu.Lock()
			running := len(n.executions.running)
			n.executions.mu.Unlock()
			for j, name := range testNames {
				if i == j {
					continue
				}
				if l, err := n.mesh.link(name); err != nil || l.session.NumStreams() != 1 {
					return false
				}
			}
			return running == 0
		})
	}
}

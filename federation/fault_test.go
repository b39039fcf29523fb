package federation

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
)

// fault is what a party does wrong, once: with its message to a neighbour in a round.
type fault struct {
	kind           string
	round          uint64
	from, to       int
	previousExists bool
}

// The kinds of faults.
var faultKinds = []string{"stops", "sends too few", "sends too many", "replays", "reorders"}

// faulty is a stream on which a party sends, one message a Write.
type faulty struct {
	net.Conn
	fault fault
	stop  func() // ends the party
	last  []byte
}

// Write sends a message, or what the fault makes of it.
func (f *faulty) Write(b []byte) (int, error) {
	message := append([]byte(nil), b...)
	if binary.LittleEndian.Uint64(b) == f.fault.round {
		count := binary.LittleEndian.Uint64(b[8:])
		switch f.fault.kind {
		case "stops":
			f.stop()
			return 0, net.ErrClosed
		case "sends too few":
			message = message[:len(message)-8]
			binary.LittleEndian.PutUint64(message[8:], count-1)
		case "sends too many":
			message = append(message, make([]byte, 8)...)
			binary.LittleEndian.PutUint64(message[8:], count+1)
		case "replays":
			message = append([]byte(nil), f.last...)
		case "reorders": // a later message arrives first
			binary.LittleEndian.PutUint64(message, f.fault.round+1)
		}
	}
	f.last = append(f.last[:0], b...)
	if _, err := f.Conn.Write(message); err != nil {
		return 0, err
	}
	return len(b), nil
}

// piped connects three transports by pipes, the fault in one direction of one pair.
func piped(f fault, trace func(party int) func(RoundTrace)) (ts [parties]*transport) {
	var out, in [parties][parties]net.Conn
	stop := func() {
		for j := range parties {
			for _, c := range []net.Conn{out[f.from][j], in[f.from][j]} {
				if c != nil {
					_ = c.Close()
				}
			}
		}
	}
	for i := range parties {
		for j := range parties {
			if i == j {
				continue
			}
			a, b := net.Pipe()
			out[i][j], in[j][i] = a, b
			if f.kind != "" && i == f.from && j == f.to {
				out[i][j] = &faulty{Conn: a, fault: f, stop: sync.OnceFunc(stop)}
			}
		}
	}
	for i := range ts {
		ts[i] = newTransport(i, testNames, out[i], in[i], trace(i))
	}
	return ts
}

// runPiped runs an operator over piped transports; each party closes its own when it is done.
func runPiped(ctx context.Context, o mpctest.Operator, ts [parties]*transport) (errs [parties]error) {
	var running sync.WaitGroup
	for i, tr := range ts {
		running.Go(func() {
			defer tr.close()
			_, _, errs[i] = mpc.Run(ctx, tr, mpctest.Seeds(o.Name(), i), rand.NewChaCha8([32]byte{byte(i)}), o.Program, o.Inputs[i])
		})
	}
	running.Wait()
	return errs
}

// messages lists who sends to whom in each round of an operator, in an undisturbed run.
func messages(t *testing.T, o mpctest.Operator) (list []fault) {
	t.Helper()
	var mu sync.Mutex
	sent := map[[2]int]bool{}
	ts := piped(fault{}, func(party int) func(RoundTrace) {
		return func(r RoundTrace) {
			mu.Lock()
			defer mu.Unlock()
			for to, words := range map[int]int{(party + 1) % parties: r.ToNext, (party + 2) % parties: r.ToPrev} {
				if words > 0 {
					list = append(list, fault{round: r.Round, from: party, to: to, previousExists: sent[[2]int{party, to}]})
					sent[[2]int{party, to}] = true
				}
			}
		}
	})
	for i, err := range runPiped(t.Context(), o, ts) {
		if err != nil {
			t.Fatalf("%s: party %d: %v", o.Name(), i, err)
		}
	}
	return list
}

// blamed says whether the one who got a faulty message names its sender. A party that stops is
// noticed by both others, and who notices second may have lost the first one before.
func blamed(f fault, errs [parties]error) bool {
	for i, err := range errs {
		noticed := i == f.to || f.kind == "stops" && i != f.from
		if noticed && err != nil && strings.Contains(err.Error(), testNames[f.from]) {
			return errs[f.to] != nil
		}
	}
	return false
}

// operators is one program for each instruction, of some in a short run.
func operators() []mpctest.Operator {
	if testing.Short() {
		return mpctest.Some(mpctest.Operators(4))
	}
	return mpctest.Operators(4)
}

// TestFaultsOnEveryOperator: a party that stops, lies about a length, replays or reorders a
// message, in turn at each round of each operator there is (mpc's tests hold mpctest.Operators
// to the instruction set), makes the one who gets the message abort with an error that names it; all
// others end too, and no goroutine stays.
func TestFaultsOnEveryOperator(t *testing.T) {
	list := operators()
	if len(list) == 0 {
		t.Fatal("no operators")
	}
	before := runtime.NumGoroutine()
	cases := 0
	for at, o := range list {
		tried := map[uint64]bool{}
		for _, f := range messages(t, o) {
			f.kind = faultKinds[(int(f.round)+at)%len(faultKinds)]
			if f.kind == "replays" && !f.previousExists {
				f.kind = "reorders"
			}
			if tried[f.round] {
				continue
			}
			tried[f.round] = true
			cases++
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			errs := runPiped(ctx, o, piped(f, func(int) func(RoundTrace) { return nil }))
			if !blamed(f, errs) || ctx.Err() != nil {
				t.Fatalf("%s: %s %s in round %d, and the others say: %v", o.Name(), testNames[f.from], f.kind, f.round, errs)
			}
			cancel()
		}
	}
	if cases < 5*len(list) {
		t.Errorf("only %d faults were tried", cases)
	}
	settled(t, before)
}

// settled waits until no more goroutines run than before, and shows what stays.
func settled(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestCancelAtEveryRound cancels each operator at each of its rounds, over real streams: all
// parties end at once with the cause, and no goroutine and no connection stays.
func TestCancelAtEveryRound(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, o := range operators() {
		sent := messages(t, o)
		rounds := sent[len(sent)-1].round + 1
		for at := range rounds {
			ctx, cancel := context.WithCancelCause(t.Context())
			cause := fmt.Errorf("cancelled in round %d", at)
			ts := piped(fault{}, func(party int) func(RoundTrace) {
				return func(r RoundTrace) {
					if r.Round == at && party == int(at)%parties {
						cancel(cause)
					}
				}
			})
			began := time.Now()
			errs := runPiped(ctx, o, ts)
			if last := at == rounds-1; !last && errs == [parties]error{} {
				t.Errorf("%s: cancelled in round %d of %d, and everybody went on", o.Name(), at, rounds)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s: took %v to end", o.Name(), took)
			}
			for _, tr := range ts {
				for _, c := range []net.Conn{tr.next.out, tr.next.in, tr.prev.out, tr.prev.in} {
					if _, err := c.Write([]byte{1}); err == nil {
						t.Errorf("%s: a connection stays open", o.Name())
					}
				}
			}
			cancel(nil)
		}
	}
	settled(t, before)
}

package mpctest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/mpc"
)

// TestTransport holds an implementation of mpc.Transport to its contract. open returns
// three connected ends, in the order of party numbers, and cleans up after t.
func TestTransport(t *testing.T, open func(t *testing.T) [3]mpc.Transport) {
	t.Run("numbers", func(t *testing.T) {
		for i, end := range open(t) {
			if end.Self() != i {
				t.Errorf("end %d says that it is party %d", i, end.Self())
			}
		}
	})
	t.Run("rounds", func(t *testing.T) { testRounds(t, open(t), []int{0, 1, 3, 511, 512, 513, 4096, 70000}) })
	t.Run("large rounds do not deadlock", func(t *testing.T) { testRounds(t, open(t), []int{1 << 20, 1 << 20}) })
	t.Run("one direction", func(t *testing.T) { testOneDirection(t, open(t)) })
	t.Run("buffers return", func(t *testing.T) { testBuffers(t, open(t)) })
	t.Run("cancelled", func(t *testing.T) { testCancel(t, open(t)) })
}

// limit bounds one test of the suite.
func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// word is what party from sends to party to at a position of a round.
func word(round, from, to, at int) uint64 {
	return uint64(round)<<40 ^ uint64(from)<<36 ^ uint64(to)<<32 ^ uint64(at)*0x9e3779b97f4a7c15
}

func message(round, from, to, n int) []uint64 {
	m := make([]uint64, n)
	for i := range m {
		m[i] = word(round, from, to, i)
	}
	return m
}

func checkMessage(got []uint64, round, from, to int) error {
	for i, w := range got {
		if w != word(round, from, to, i) {
			return fmt.Errorf("round %d: party %d got a wrong word %d from party %d", round, to, i, from)
		}
	}
	return nil
}

// testRounds exchanges all four messages, of lengths that differ by direction.
func testRounds(t *testing.T, ends [3]mpc.Transport, sizes []int) {
	err := Parties(limit(t), func(ctx context.Context, self int) error {
		next, prev := (self+1)%3, (self+2)%3
		for round, n := range sizes {
			size := func(from, to int) int { return n + from + 2*to }
			r := mpc.Round{
				ToNext: message(round, self, next, size(self, next)), ToPrev: message(round, self, prev, size(self, prev)),
				FromNext: make([]uint64, size(next, self)), FromPrev: make([]uint64, size(prev, self)),
			}
			if err := ends[self].Round(ctx, r); err != nil {
				return err
			}
			if err := checkMessage(r.FromNext, round, next, self); err != nil {
				return err
			}
			if err := checkMessage(r.FromPrev, round, prev, self); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testOneDirection sends from party 0 to party 1 only, as an input does.
func testOneDirection(t *testing.T, ends [3]mpc.Transport) {
	err := Parties(limit(t), func(ctx context.Context, self int) error {
		for round := range 50 {
			var r mpc.Round
			switch self {
			case 0:
				r.ToNext = message(round, 0, 1, round)
			case 1:
				r.FromPrev = make([]uint64, round)
			}
			if err := ends[self].Round(ctx, r); err != nil {
				return err
			}
			if err := checkMessage(r.FromPrev, round, 0, 1); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testBuffers overwrites what was sent as soon as Round returns.
func testBuffers(t *testing.T, ends [3]mpc.Transport) {
	err := Parties(limit(t), func(ctx context.Context, self int) error {
		out, in := make([]uint64, 1000), make([]uint64, 1000)
		for round := range 20 {
			copy(out, message(round, self, (self+1)%3, len(out)))
			if err := ends[self].Round(ctx, mpc.Round{ToNext: out, FromPrev: in}); err != nil {
				return err
			}
			clear(out)
			if err := checkMessage(in, round, (self+2)%3, self); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testCancel ends the context of a party whose peers are silent: Round must return an
// error soon, and again for every later call.
func testCancel(t *testing.T, ends [3]mpc.Transport) {
	ctx, cancel := context.WithCancel(limit(t))
	failed := make(chan error, 1)
	go func() { failed <- ends[0].Round(ctx, mpc.Round{FromNext: make([]uint64, 8)}) }()
	time.Sleep(20 * time.Millisecond)
	cancel()
	select {
	case err := <-failed:
		if err == nil {
			t.Fatal("a round without peers succeeded")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Round did not return after its context ended")
	}
	if err := ends[0].Round(limit(t), mpc.Round{}); err == nil {
		t.Fatal("a transport was usable after an error")
	}
}

package ledger

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The crash tests run this test binary again as a child that works on a ledger and is killed
// with SIGKILL. The child says on its standard output what it begins and what was done; the
// parent then opens the ledger and holds it to that: what was done is on disk, and what was
// never begun is not.

// Environment of a child.
const (
	childPath = "LEDGER_TEST_CHILD_PATH" // of the ledger; set: this process is a child
	childKill = "LEDGER_TEST_CHILD_KILL" // at which point the child kills itself; 0: never
	childSeed = "LEDGER_TEST_CHILD_SEED" // of random work without end; empty: the script
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if err := runChild(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child counts the points at which it could be killed.
type child struct {
	kill, point int
	ledger      *Ledger
}

// at is a point; the one that was asked for is the last.
func (c *child) at() {
	if c.point++; c.point == c.kill {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // SIGKILL arrives
	}
}

// do announces an operation, does it, and announces its end, with a point between each.
func (c *child) do(name string, n int, op func() error) error {
	c.at()
	_, _ = fmt.Fprintf(os.Stdout, "begin %s %d\n", name, n)
	c.at()
	if err := op(); err != nil {
		return fmt.Errorf("%s %d: %w", name, n, err)
	}
	c.at()
	_, _ = fmt.Fprintf(os.Stdout, "done %s %d\n", name, n)
	return nil
}

// runChild works on the ledger at path.
func runChild(path string) error {
	kill, err := strconv.Atoi(os.Getenv(childKill))
	if err != nil {
		return err
	}
	c := &child{kill: kill}
	fixed := newClock()
	c.ledger, err = Open(path, Options{
		Owner: "clinic",
		Clock: func() time.Time { c.at(); return fixed.Now() },                    // while an entry is made
		Sign:  func([32]byte) ([]byte, error) { c.at(); return []byte("s"), nil }, // just before its commit
	})
	if err != nil {
		return err
	}
	if seed := os.Getenv(childSeed); seed != "" {
		n, err := strconv.Atoi(seed)
		if err != nil {
			return err
		}
		return c.random(n, fixed)
	}
	return c.script(fixed)
}

// script goes through every transition once.
func (c *child) script(fixed *clock) error {
	recheck := func() error { c.at(); return nil }
	l := c.ledger
	steps := []struct {
		name string
		n    int
		op   func() error
	}{
		{"reserve", 1, func() error { return l.Reserve(reservation(1, fixed, 10)) }},
		{"start", 1, func() error { return l.Start(id(1), approvals(1), recheck) }},
		{"reserve", 2, func() error { return l.Reserve(reservation(2, fixed, 10)) }},
		{"receipt", 1, func() error { return l.Receipt(id(1), id(1), nil) }},
		{"finish", 1, func() error { return l.Finish(id(1)) }},
		{"abandon", 2, func() error { return l.Abandon(id(2)) }},
		{"peer", 0, func() error { return l.RecordPeer("lab", 1, id(1), nil) }},
		{"reserve", 3, func() error { return l.Reserve(reservation(3, fixed, 10)) }},
		{"start", 3, func() error { return l.Start(id(3), approvals(3), recheck) }},
		{"reserve", 4, func() error { return l.Reserve(reservation(4, fixed, 10)) }},
	}
	for _, s := range steps {
		if err := c.do(s.name, s.n, s.op); err != nil {
			return err
		}
	}
	return nil
}

// random works until it is killed; execution numbers begin at base, so that runs do not meet.
func (c *child) random(base int, fixed *clock) error {
	rng := rand.New(rand.NewPCG(uint64(base), 1))
	l := c.ledger
	for n := base; ; n++ {
		if err := c.do("reserve", n, func() error {
			r := reservation(n, fixed, 1)
			r.Limits = []Limit{{"nafld1", 1 << 40, 1 << 40, 1 << 40, 1 << 40}}
			return l.Reserve(r)
		}); err != nil {
			return err
		}
		var err error
		switch rng.IntN(3) {
		case 0:
			err = c.do("abandon", n, func() error { return l.Abandon(id(n)) })
		case 1:
			err = c.do("start", n, func() error { return l.Start(id(n), approvals(n), nil) })
		}
		if err != nil {
			return err
		}
	}
}

// approvals stand for what the participants of an execution signed.
func approvals(n int) []byte {
	x := id(n)
	return bytes.Repeat(x[:], 50)
}

// spawn runs a child until it dies, or kills it after a while; it returns what the child said.
func spawn(t *testing.T, path string, kill int, seed string, after time.Duration) (said []string, killed bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), after)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childPath+"="+path, childKill+"="+strconv.Itoa(kill), childSeed+"="+seed)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if errs.Len() > 0 {
		t.Fatalf("child: %s", errs.String())
	}
	return strings.FieldsFunc(out.String(), func(r rune) bool { return r == '\n' }), err != nil
}

// checkCrash holds a reopened ledger to what children said.
func checkCrash(t *testing.T, l *Ledger, said []string, epsilon int) {
	t.Helper()
	must(t, l.Verify())
	begun, done := map[string]bool{}, map[string]bool{}
	for _, line := range said {
		verb, step, _ := strings.Cut(line, " ")
		if verb == "begin" {
			begun[step] = true
		} else {
			done[step] = true
		}
	}
	h, err := l.History("mia@clinic", 1<<30)
	must(t, err)
	states := map[ID]State{}
	charged, reserved := 0, 0
	for _, r := range h {
		states[r.ID] = r.State
		switch r.State {
		case StateFinal:
			charged += epsilon
			x, err := l.Execution(r.ID)
			must(t, err)
			if !bytes.Equal(x.Approvals, bytes.Repeat(r.ID[:], 50)) {
				t.Fatalf("execution %x is charged without its approvals", r.ID[:4])
			}
		case StateReserved:
			reserved += epsilon
		}
	}
	for step := range begun {
		checkStep(t, l, step, done[step], begun, states)
	}
	if e, r := spent(t, l); int(e) != charged || int(r) != reserved {
		t.Fatalf("%d charged and %d reserved, but histories say %d and %d", e, r, charged, reserved)
	}
}

// checkStep holds one execution's state to one step that began.
func checkStep(t *testing.T, l *Ledger, step string, done bool, begun map[string]bool, states map[ID]State) {
	t.Helper()
	name, number, _ := strings.Cut(step, " ")
	n, err := strconv.Atoi(number)
	must(t, err)
	state := states[id(n)]
	switch {
	case name == "reserve" && done && state == "":
		t.Fatalf("reservation %d is lost", n)
	case name == "start" && done && state != StateFinal:
		t.Fatalf("execution %d was started and is %s: read but not charged", n, state)
	case name == "abandon" && done && state != StateDead:
		t.Fatalf("execution %d was abandoned and is %s", n, state)
	case state == StateFinal && !begun["start "+number]:
		t.Fatalf("execution %d is charged and was never started", n)
	case state == StateDead && !begun["abandon "+number]:
		t.Fatalf("execution %d is refunded and was never abandoned", n)
	}
	if state == StateFinal || state == StateDead {
		want(t, l.Start(id(n), nil, nil), ErrUsed)
	}
}

// TestKillAtEveryStep kills a child at each of its points in turn: around every operation,
// inside the recheck, while an entry is made, just before its commit, and while the ledger is
// created.
func TestKillAtEveryStep(t *testing.T) {
	t.Parallel()
	points := 0
	for kill := 1; ; kill++ {
		path := filepath.Join(t.TempDir(), "ledger.db")
		said, killed := spawn(t, path, kill, "", time.Minute)
		l := open(t, path, newClock())
		checkCrash(t, l, said, 10)
		must(t, l.Close())
		if !killed {
			if len(said) != 20 {
				t.Fatalf("the script ended early: %q", said)
			}
			break
		}
		points++
	}
	if points < 50 {
		t.Fatalf("only %d points to be killed at", points)
	}
	t.Logf("killed at %d points", points)
}

// TestKillAnytime kills children at random moments, inside commits too, on one ledger.
func TestKillAnytime(t *testing.T) {
	t.Parallel()
	rounds := 30
	if testing.Short() {
		rounds = 10
	}
	const seed = 1
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, seed))
	path := filepath.Join(t.TempDir(), "ledger.db")
	var said []string
	// A child on a busy machine may be killed before it has done anything: then further ones go on.
	const steps = 100
	for round := 0; round < rounds || len(said) < steps && round < 20*rounds; round++ {
		words, killed := spawn(t, path, 0, strconv.Itoa(1_000_000*(round+1)), time.Duration(20+rng.IntN(60))*time.Millisecond)
		if !killed {
			t.Fatal("a child ended by itself")
		}
		said = append(said, words...)
		l := open(t, path, newClock())
		checkCrash(t, l, said, 1)
		must(t, l.Close())
	}
	if len(said) < steps {
		t.Fatalf("children did only %d steps", len(said))
	}
	t.Logf("%d steps in %d lives", len(said), rounds)
}

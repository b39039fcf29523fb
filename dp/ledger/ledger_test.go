package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/dp"
)

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// open opens a ledger and closes it with the test.
func open(t testing.TB, path string, c *clock) *Ledger {
	t.Helper()
	l, err := Open(path, Options{Owner: "clinic", Clock: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// fresh opens a new ledger in a directory of its own.
func fresh(t testing.TB) (*Ledger, string, *clock) {
	t.Helper()
	path, c := filepath.Join(t.TempDir(), "ledger.db"), newClock()
	return open(t, path, c), path, c
}

// id makes a distinct execution id.
func id(n int) ID { return sha256.Sum256(fmt.Appendf(nil, "execution %d", n)) }

const hour = time.Hour

// reservation asks for ε and δ of one source under wide limits.
func reservation(n int, c *clock, epsilon dp.Epsilon) Reservation {
	return Reservation{
		ID: id(n), Study: "liver", Analyst: "mia@clinic", Statement: fmt.Sprintf("SELECT count(*) /* %d */", n),
		Charges: []Charge{{"nafld1", epsilon, 7}},
		Limits:  []Limit{{"nafld1", 100, 1000, 150, 1500}},
		Expires: c.Now().Add(hour),
	}
}

// spent returns charged and reserved ε of the test's analyst.
func spent(t *testing.T, l *Ledger) (dp.Epsilon, dp.Epsilon) {
	t.Helper()
	b, err := l.Spent("mia@clinic", "nafld1")
	if err != nil {
		t.Fatal(err)
	}
	return b.Epsilon, b.ReservedEpsilon
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want fails the test unless err is target.
func want(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got %v, want %v", err, target)
	}
}

// TestLife walks an execution through its states (RULES 2, 3).
func TestLife(t *testing.T) {
	t.Parallel()
	l, path, c := fresh(t)
	r := reservation(1, c, 10)
	want(t, l.Start(r.ID, nil, nil), ErrUnknown)
	want(t, l.Finish(r.ID), ErrUnknown)
	must(t, l.Abandon(r.ID))
	must(t, l.Reserve(r))
	must(t, l.Reserve(r))
	if e, reserved := spent(t, l); e != 0 || reserved != 10 {
		t.Fatalf("after two identical reservations %d charged, %d reserved", e, reserved)
	}
	relaxed := reservation(1, c, 10)
	relaxed.Limits[0].CapEpsilon++
	must(t, l.Reserve(relaxed))
	want(t, l.Reserve(reservation(1, c, 11)), ErrChanged)
	want(t, l.Finish(r.ID), ErrNotStarted)
	want(t, l.Receipt(r.ID, id(9), nil), ErrNotStarted)

	refusal := errors.New("policy changed")
	want(t, l.Start(r.ID, nil, func() error { return refusal }), refusal)
	must(t, l.Start(r.ID, nil, func() error { return nil }))
	for _, err := range []error{l.Start(r.ID, nil, nil), l.Reserve(r), l.Reserve(reservation(1, c, 11))} {
		want(t, err, ErrUsed)
	}
	must(t, l.Abandon(r.ID))
	if e, reserved := spent(t, l); e != 10 || reserved != 0 {
		t.Fatalf("after start and abandon %d charged, %d reserved", e, reserved)
	}
	must(t, l.Receipt(r.ID, id(9), []byte("sig")))
	must(t, l.Receipt(r.ID, id(9), []byte("sig")))
	want(t, l.Receipt(r.ID, id(8), []byte("sig")), ErrChanged)
	must(t, l.Finish(r.ID))
	must(t, l.Finish(r.ID))
	want(t, l.Start(r.ID, nil, nil), ErrUsed)
	want(t, l.Reserve(r), ErrUsed)

	dead := reservation(2, c, 20)
	must(t, l.Reserve(dead))
	must(t, l.Abandon(dead.ID))
	must(t, l.Abandon(dead.ID))
	want(t, l.Start(dead.ID, nil, nil), ErrUsed)
	want(t, l.Reserve(dead), ErrUsed)
	if e, reserved := spent(t, l); e != 10 || reserved != 0 {
		t.Fatalf("after a refund %d charged, %d reserved", e, reserved)
	}
	must(t, l.Verify())
	must(t, l.Close())
	again := open(t, path, c)
	for _, err := range []error{again.Start(r.ID, nil, nil), again.Start(dead.ID, nil, nil), again.Reserve(r), again.Reserve(dead)} {
		want(t, err, ErrUsed)
	}
	checkHistory(t, again, r, dead)
}

// checkHistory expects dead (refunded) before r (released).
func checkHistory(t *testing.T, l *Ledger, r, dead Reservation) {
	t.Helper()
	h, err := l.History("mia@clinic", 10)
	must(t, err)
	if len(h) != 2 || h[0].ID != dead.ID || h[0].State != StateDead || h[1].State != StateFinal ||
		h[1].Statement != r.Statement || h[1].Charges[0] != r.Charges[0] || h[1].Released.BatchHash != id(9) {
		t.Fatalf("history %+v", h)
	}
	if h, err := l.History("mia@clinic", 1); err != nil || len(h) != 1 || h[0].ID != dead.ID {
		t.Fatalf("short history %+v, %v", h, err)
	}
	if h, err := l.History("eve@clinic", 10); err != nil || len(h) != 0 {
		t.Fatalf("somebody else's history %+v, %v", h, err)
	}
}

// TestChanged: a reservation that differs in anything but its limits is refused while it
// stands.
func TestChanged(t *testing.T) {
	t.Parallel()
	l, _, c := fresh(t)
	must(t, l.Reserve(reservation(1, c, 10)))
	for name, change := range map[string]func(*Reservation){
		"study":     func(r *Reservation) { r.Study = "breast" },
		"analyst":   func(r *Reservation) { r.Analyst = "eve@clinic" },
		"statement": func(r *Reservation) { r.Statement += " " },
		"epsilon":   func(r *Reservation) { r.Charges[0].Epsilon-- },
		"delta":     func(r *Reservation) { r.Charges[0].Delta++ },
		"source":    func(r *Reservation) { r.Charges[0].Source, r.Limits[0].Source = "x", "x" },
		"expiry":    func(r *Reservation) { r.Expires = r.Expires.Add(1) },
		"charges":   func(r *Reservation) { r.Charges, r.Limits = nil, nil },
	} {
		r := reservation(1, c, 10)
		change(&r)
		if err := l.Reserve(r); !errors.Is(err, ErrChanged) {
			t.Errorf("changed %s: %v", name, err)
		}
	}
}

// TestInvalid: what could not be charged unambiguously is refused before anything else.
func TestInvalid(t *testing.T) {
	t.Parallel()
	l, _, c := fresh(t)
	for name, change := range map[string]func(*Reservation){
		"no id":           func(r *Reservation) { r.ID = ID{} },
		"no analyst":      func(r *Reservation) { r.Analyst = "" },
		"no expiry":       func(r *Reservation) { r.Expires = time.Time{} },
		"far expiry":      func(r *Reservation) { r.Expires = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) },
		"no limit":        func(r *Reservation) { r.Limits = nil },
		"wrong limit":     func(r *Reservation) { r.Limits[0].Source = "x" },
		"negative charge": func(r *Reservation) { r.Charges[0].Epsilon = -1 },
		"negative delta":  func(r *Reservation) { r.Charges[0].Delta = -1 },
		"negative limit":  func(r *Reservation) { r.Limits[0].CapDelta = -1 },
		"no source":       func(r *Reservation) { r.Charges[0].Source, r.Limits[0].Source = "", "" },
		"two charges":     func(r *Reservation) { r.Charges = append(r.Charges, r.Charges[0]) },
		"two of both": func(r *Reservation) {
			r.Charges, r.Limits = append(r.Charges, r.Charges[0]), append(r.Limits, r.Limits[0])
		},
		"limit without charge": func(r *Reservation) { r.Limits = append(r.Limits, Limit{Source: "x"}) },
		"long statement":       func(r *Reservation) { r.Statement = string(make([]byte, maxStatement+1)) },
	} {
		r := reservation(1, c, 10)
		change(&r)
		if err := l.Reserve(r); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if seq, _, err := l.Head(); err != nil || seq != 1 {
		t.Errorf("refusals were recorded: head %d, %v", seq, err)
	}
}

// TestLimits: analyst totals, caps over analysts and studies, and what the refusal shows (RULES
// 19, 25).
func TestLimits(t *testing.T) {
	t.Parallel()
	l, _, c := fresh(t)
	must(t, l.Reserve(reservation(1, c, 60)))
	must(t, l.Start(id(1), nil, nil))
	must(t, l.Reserve(reservation(2, c, 30)))

	var limit *LimitError
	if err := l.Reserve(reservation(3, c, 11)); !errors.As(err, &limit) {
		t.Fatalf("beyond the total: %v", err)
	}
	if limit.Scope != ScopeAnalyst || limit.Source != "nafld1" || limit.RemainingEpsilon != 10 || limit.RemainingDelta != 986 {
		t.Fatalf("refusal %+v", limit)
	}
	must(t, l.Reserve(reservation(4, c, 10)))

	eve := reservation(5, c, 51)
	eve.Analyst, eve.Study = "eve@lab", "another study"
	if err := l.Reserve(eve); !errors.As(err, &limit) || limit.Scope != ScopeSource {
		t.Fatalf("beyond the cap: %v", err)
	}
	if limit.RemainingEpsilon != 100 || limit.RemainingDelta != 1000 {
		t.Fatalf("the refusal shows others' spending: %+v", limit)
	}
	want(t, l.Fits(eve.Analyst, eve.Charges, nil), ErrInvalid)
	if err := l.Fits(eve.Analyst, eve.Charges, eve.Limits); !errors.As(err, &limit) {
		t.Fatalf("Fits: %v", err)
	}
	must(t, l.Abandon(id(2)))
	must(t, l.Reserve(eve))
	free := reservation(6, c, 0)
	free.Charges[0].Delta, free.Limits[0] = 0, Limit{Source: "nafld1"}
	must(t, l.Reserve(free)) // an exact release costs nothing and is recorded
	free.ID, free.Charges[0].Delta = id(7), 1
	if err := l.Reserve(free); !errors.As(err, &limit) {
		t.Fatalf("the zero limit allowed delta: %v", err)
	}
	if e, d, err := l.Remaining("mia@clinic", Limit{Source: "nafld1", AnalystEpsilon: 100, AnalystDelta: 5}); err != nil || e != 30 || d != 0 {
		t.Fatalf("remaining %d, %d, %v", e, d, err)
	}
	if b, err := l.SpentAtSource("nafld1"); err != nil || b != (Balance{60, 7, 61, 14}) {
		t.Fatalf("source %+v, %v", b, err)
	}
}

// TestExpiry: a reservation counts until its expiry, then it is dead for good.
func TestExpiry(t *testing.T) {
	t.Parallel()
	l, path, c := fresh(t)
	must(t, l.Reserve(reservation(1, c, 100)))
	must(t, l.Reserve(func() Reservation { r := reservation(2, c, 0); r.Expires = c.Now().Add(3 * hour); return r }()))
	c.Advance(hour)
	want(t, l.Start(id(1), nil, nil), ErrExpired)
	want(t, l.Start(id(1), nil, nil), ErrUsed)
	must(t, l.Reserve(reservation(3, c, 100)))
	late := reservation(4, c, 0)
	late.Expires = c.Now()
	want(t, l.Reserve(late), ErrExpired)
	c.Advance(hour)
	must(t, l.Reserve(reservation(5, c, 90))) // sweeps number 3
	must(t, l.Start(id(5), nil, nil))
	must(t, l.Close())

	c.Advance(2 * hour)
	again := open(t, path, c)
	if e, reserved := spent(t, again); e != 90 || reserved != 0 {
		t.Fatalf("after reopening %d charged, %d reserved", e, reserved)
	}
	h, err := again.History("mia@clinic", 9)
	must(t, err)
	states := []State{h[0].State, h[1].State, h[2].State, h[3].State}
	if fmt.Sprint(states) != "[FINAL DEAD DEAD DEAD]" {
		t.Fatalf("states %v: STARTED is FINAL after a crash, RESERVED past its expiry DEAD", states)
	}
	must(t, again.Verify())
}

// TestRace: 64 sessions at once never overspend, and each id starts once.
func TestRace(t *testing.T) {
	t.Parallel()
	l, _, c := fresh(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	reservedCount, starts := 0, 0
	for g := range 64 {
		wg.Go(func() {
			n := g / 2 // pairs fight for one id
			if err := l.Reserve(reservation(n, c, 7)); err == nil {
				mu.Lock()
				reservedCount++
				mu.Unlock()
			}
			if l.Start(id(n), nil, func() error { return nil }) == nil {
				mu.Lock()
				starts++
				mu.Unlock()
			}
			if g%5 == 0 {
				_ = l.Abandon(id(n))
			}
			_, _, _ = l.Head()
			_, _ = l.History("mia@clinic", 3)
		})
	}
	wg.Wait()
	e, reserved := spent(t, l)
	if e+reserved > 100 || starts > 14 || e != dp.Epsilon(7*starts) || reservedCount == 0 {
		t.Fatalf("%d charged, %d reserved, %d starts", e, reserved, starts)
	}
	must(t, l.Verify())
}

// TestPeers: receipts of other ledgers, and being held to one's own.
func TestPeers(t *testing.T) {
	t.Parallel()
	l, path, c := fresh(t)
	want(t, l.RecordPeer("", 1, id(1), nil), ErrInvalid)
	want(t, l.RecordPeer("lab", 0, id(1), nil), ErrInvalid)
	must(t, l.RecordPeer("lab", 5, id(5), nil))
	must(t, l.RecordPeer("lab", 5, id(5), nil))
	must(t, l.RecordPeer("lab", 9, id(9), nil))
	var peer *PeerError
	for _, err := range []error{l.RecordPeer("lab", 5, id(5), nil), l.RecordPeer("lab", 9, id(8), nil)} {
		if !errors.As(err, &peer) || peer.Peer != "lab" {
			t.Fatalf("a peer that went back: %v", err)
		}
	}
	var old bytes.Buffer
	must(t, l.Backup(&old))
	must(t, l.Reserve(reservation(1, c, 10)))
	must(t, l.Start(id(1), nil, nil))
	seq, hash, err := l.Head()
	must(t, err)
	must(t, l.CheckNotBehind(0, [32]byte{}))
	must(t, l.CheckNotBehind(seq, hash))
	must(t, l.Reserve(reservation(2, c, 10)))
	must(t, l.CheckNotBehind(seq, hash))
	must(t, l.Close())

	must(t, os.WriteFile(path, old.Bytes(), 0o600)) // the owner restores the old copy
	restored := open(t, path, c)
	if seq, hash, _, err := restored.Peer("lab"); err != nil || seq != 9 || hash != id(9) {
		t.Fatalf("peer %d, %v", seq, err)
	}
	var behind *BehindError
	if err := restored.CheckNotBehind(seq, hash); !errors.As(err, &behind) || behind.Receipt != seq {
		t.Fatalf("an old copy: %v", err)
	}
	for n := 3; n < 9; n++ { // it grows again, past the receipt: another chain
		must(t, restored.Reserve(reservation(n, c, 1)))
	}
	if err := restored.CheckNotBehind(seq, hash); !errors.As(err, &behind) {
		t.Fatalf("a forked copy: %v", err)
	}
}

// TestWalk: the owner sees every entry once, in order.
func TestWalk(t *testing.T) {
	t.Parallel()
	l, _, c := fresh(t)
	must(t, l.Reserve(reservation(1, c, 10)))
	must(t, l.Start(id(1), nil, nil))
	must(t, l.Finish(id(1)))
	var kinds []string
	must(t, l.Walk(func(e Entry) error {
		kinds = append(kinds, fmt.Sprintf("%d %T", e.Seq, e.Event))
		return nil
	}))
	if got := fmt.Sprint(kinds); got != "[1 ledger.Created 2 ledger.Reserved 3 ledger.Started 4 ledger.Finished]" {
		t.Fatal(got)
	}
}

// TestZeroLedger: the zero value refuses everything.
func TestZeroLedger(t *testing.T) {
	t.Parallel()
	var l Ledger
	_, _, head := l.Head()
	for _, err := range []error{
		l.Reserve(reservation(1, newClock(), 0)), l.Start(id(1), nil, nil), l.Finish(id(1)), l.Abandon(id(1)),
		l.Verify(), l.Receipt(id(1), id(1), nil), l.RecordPeer("a", 1, id(1), nil), l.CheckNotBehind(1, id(1)), head,
	} {
		want(t, err, ErrUnusable)
	}
	must(t, l.Close())
}

// TestApprovals: what all participants signed is kept with the start, in every state after it, and nothing
// else is taken for it (RULES 4, 23).
func TestApprovals(t *testing.T) {
	t.Parallel()
	l, path, c := fresh(t)
	_, err := l.Execution(id(1))
	want(t, err, ErrUnknown)
	must(t, l.Reserve(reservation(1, c, 10)))
	want(t, l.Start(id(1), make([]byte, maxApprovals+1), nil), ErrInvalid)
	given := approvals(1)
	must(t, l.Start(id(1), given, nil))
	given[0]++
	must(t, l.Reserve(reservation(2, c, 10)))
	must(t, l.Receipt(id(1), id(5), []byte("signature")))
	must(t, l.Finish(id(1)))
	must(t, l.Verify())
	must(t, l.Close())
	l = open(t, path, c)
	x, err := l.Execution(id(1))
	must(t, err)
	if !bytes.Equal(x.Approvals, approvals(1)) || x.State != StateFinal || x.Released == nil || x.Released.BatchHash != id(5) || x.Reservation.ID != id(1) || x.Started.IsZero() {
		t.Errorf("the ledger holds %+v", x)
	}
	if x, err = l.Execution(id(2)); err != nil || x.State != StateReserved || x.Approvals != nil || !x.Started.IsZero() {
		t.Errorf("the ledger holds %+v, %v", x, err)
	}
}

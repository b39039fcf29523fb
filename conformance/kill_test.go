package conformance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// killed is the question during which parties are killed: all three are owners or compute.
const (
	killed        = "SELECT p.male, count(DISTINCT p.id) FROM patients p JOIN events e USING (id) WHERE e.event = 'MI' GROUP BY p.male ORDER BY 1"
	killedEpsilon = 0.01
)

// killTimes go through every step of a question that takes d: agreement and charging in its first
// milliseconds, the read phase, whose end is fixed, and computation, opening and receipts after it.
func killTimes(d time.Duration) []time.Duration {
	const ms = time.Millisecond
	times := []time.Duration{0, 4 * ms, 8 * ms, 12 * ms, 16 * ms, 24 * ms, 40 * ms, d / 2}
	for before := 120 * ms; before >= -20*ms; before -= 20 * ms {
		times = append(times, d-before)
	}
	return times
}

// TestKill kills each party at many times through a question, as a power cut would.
func TestKill(t *testing.T) {
	long(t)
	t.Parallel()
	f := own(t)
	conn := f.toLiver(t, "clinic")
	began := time.Now()
	if _, err := simple(t.Context(), conn, killed); err != nil {
		t.Fatal(err)
	}
	duration := time.Since(began)
	asked, answered := 1, 1
	for _, victim := range f.Parties {
		outcomes := map[string]int{}
		for _, at := range killTimes(duration) {
			outcome, right := f.killDuring(t, victim.Name, at)
			outcomes[outcome]++
			asked++
			if right {
				answered++
			}
		}
		t.Logf("%s killed %d times within %s: %v", victim.Name, len(killTimes(duration)), duration.Round(time.Millisecond), outcomes)
		if outcomes["answered"] > len(killTimes(duration))/2 {
			t.Errorf("%s: most kills came too late, %v: the test does not kill through the question", victim.Name, outcomes)
		}
	}
	f.askAgain(t, "clinic")
	asked, answered = asked+1, answered+1
	f.accounts(t, asked, answered)
	for _, p := range f.Parties {
		if err := p.Stop(); err != nil {
			t.Error(err)
		}
	}
	for _, p := range f.Parties {
		if out, err := command(t, "ledger", "verify", p.Config); err != nil || !strings.Contains(out, "are right") {
			t.Errorf("%s: %v\n%s", p.Name, err, out)
		}
	}
}

// toLiver opens mia's connection to liver with the ε of these tests.
func (f *federation) toLiver(t *testing.T, gateway string) *pgx.Conn {
	t.Helper()
	conn := f.connect(t, gateway, "mia", "liver")
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("SET c2d.epsilon = %v", killedEpsilon)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// killDuring asks, kills a party after some time, and starts it again. It returns how the
// question ended, and whether it was answered.
func (f *federation) killDuring(t *testing.T, party string, at time.Duration) (outcome string, answered bool) {
	t.Helper()
	victim := f.Party(party)
	conn := f.toLiver(t, "clinic")
	defer conn.Close(context.Background())
	type end struct {
		answer answer
		err    error
	}
	ended := make(chan end, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
		defer cancel()
		a, err := simple(ctx, conn, killed)
		ended <- end{a, err}
	}()
	time.Sleep(at)
	victim.Kill()
	got := <-ended
	var e *pgconn.PgError
	switch {
	case got.err == nil:
		if len(got.answer.rows) != 2 {
			t.Errorf("%s killed after %s: a wrong answer %v", party, at, got.answer.rows)
		}
		outcome, answered = "answered", true
	case errors.As(got.err, &e):
		outcome = e.Code
		if !namesParty(e.Message) || e.Code == "XX000" {
			t.Errorf("%s killed after %s: the error names no party: %s", party, at, wholeError(got.err))
		}
	case party == "clinic": // the gateway itself: the client's connection is gone
		outcome = "connection lost"
	default:
		t.Errorf("%s killed after %s: %v", party, at, got.err)
	}
	if err := f.StartParty(victim); err != nil {
		t.Fatal(err)
	}
	if err := f.WaitReady(t.Context()); err != nil {
		t.Fatalf("%s killed after %s: %v", party, at, err)
	}
	return outcome, answered
}

func namesParty(text string) bool {
	return strings.Contains(text, "clinic") || strings.Contains(text, "lab") || strings.Contains(text, "registry")
}

// askAgain asks the question once more, undisturbed.
func (f *federation) askAgain(t *testing.T, gateway string) {
	t.Helper()
	if a, err := simple(t.Context(), f.toLiver(t, gateway), killed); err != nil || len(a.rows) != 2 {
		t.Errorf("the question after all: %v, %v", a.rows, err)
	}
}

// accounts compares what the owners charged with what was asked: every answer is paid for, and
// nothing is charged twice.
func (f *federation) accounts(t *testing.T, asked, answered int) {
	t.Helper()
	a, err := simple(t.Context(), f.toLiver(t, "clinic"), "SELECT owner, epsilon_spent FROM c2d.budget WHERE source IN ('nafld_patients', 'nafld_events') ORDER BY owner")
	if err != nil || len(a.rows) != 2 {
		t.Fatalf("c2d.budget: %v, %v", a.rows, err)
	}
	for _, row := range a.rows {
		spent, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		if questions := spent / killedEpsilon; questions < float64(answered)-0.001 || questions > float64(asked)+0.001 {
			t.Errorf("%s charged %.2f questions; %d were asked, %d answered", row[0], questions, asked, answered)
		}
		t.Logf("%s charged %s for %d asked, %d answered", row[0], row[1], asked, answered)
	}
	history, err := simple(t.Context(), f.toLiver(t, "clinic"), "SELECT outcome, count(*) FROM c2d.history GROUP BY outcome")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("history: %v", history.rows)
}

// TestDown: a question to a party that is down names it and costs nothing.
func TestDown(t *testing.T) {
	long(t)
	t.Parallel()
	f := own(t)
	conn := f.toLiver(t, "clinic")
	spent := func() string {
		a, err := simple(t.Context(), conn, "SELECT owner, epsilon_spent FROM c2d.budget WHERE owner = 'clinic'")
		if err != nil || len(a.rows) == 0 {
			t.Fatalf("%v, %v", a.rows, err)
		}
		return fmt.Sprint(a.rows)
	}
	before := spent()
	f.Party("registry").Kill()
	for range 2 {
		var e *pgconn.PgError
		if _, err := simple(t.Context(), conn, killed); !errors.As(err, &e) || e.Code != "08006" || !strings.Contains(e.Message, "registry") {
			t.Errorf("registry is down: %v", err)
		}
	}
	out, err := command(t, "doctor", f.Party("clinic").Config)
	if err == nil || !strings.Contains(out, "registry") || !strings.Contains(out, "not connected") {
		t.Errorf("doctor: %v\n%s", err, out)
	}
	if err := f.StartParty(f.Party("registry")); err != nil {
		t.Fatal(err)
	}
	if err := f.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := spent(); after != before {
		t.Errorf("the budget went from %s to %s", before, after)
	}
	f.askAgain(t, "clinic")
}

// TestRollback: a party that is started on an old copy of its ledger answers nothing until the
// newest one is back.
func TestRollback(t *testing.T) {
	long(t)
	t.Parallel()
	f := own(t)
	registry := f.Party("registry")
	path := filepath.Join(registry.Dir, "state", "ledger.db")
	restart := func(before func()) {
		t.Helper()
		if err := registry.Stop(); err != nil {
			t.Fatal(err)
		}
		before()
		if err := f.StartParty(registry); err != nil {
			t.Fatal(err)
		}
	}
	ready := func() {
		t.Helper()
		if err := f.WaitReady(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var old, newest []byte
	f.askAgain(t, "clinic")
	restart(func() { old = read(t, path) })
	ready()
	for _, gateway := range []string{"clinic", "lab"} { // each gateway gets the registry's receipt
		f.askAgain(t, gateway)
	}
	restart(func() {
		newest = read(t, path)
		write(t, path, old)
	})
	var e *pgconn.PgError
	conn, deadline := f.toLiver(t, "clinic"), time.Now().Add(30*time.Second)
	for {
		_, err := simple(t.Context(), conn, killed)
		if err == nil {
			t.Fatal("a party on an old ledger answers")
		}
		if errors.As(err, &e) && e.Code == "ZD020" && strings.Contains(e.Message, "registry") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no ZD020 that names registry: %v", wholeError(err))
		}
		time.Sleep(200 * time.Millisecond) // it connects
	}
	plain(t, "the refusal", wholeError(e))
	for party, says := range map[string]string{"clinic": "ledger is older", "registry": "restore the newest ledger"} {
		out, err := command(t, "doctor", f.Party(party).Config)
		if err == nil || !strings.Contains(out, says) {
			t.Errorf("doctor at %s: %v\n%s", party, err, out)
		}
	}
	restart(func() { write(t, path, newest) })
	ready()
	f.askAgain(t, "clinic")
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

package federation

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// rehearsal is a question at the clinic from other rows, in a world where no party is connected.
func (w *world) rehearsal(ctx context.Context, source *testSource) (*Answer, error) {
	source.at = func(string) {}
	return w.nodes[0].Rehearse(ctx, w.query(0), w.study, func(string) Source { return source })
}

// untouched holds that nobody's ledger, audit or source knows of anything.
func (w *world) untouched(t *testing.T) {
	t.Helper()
	for i := range parties {
		if n := len(w.ledgers[i].state); n != 0 || len(w.audits[i].approved) != 0 {
			t.Errorf("%s: %d executions, %d approvals", testNames[i], n, len(w.audits[i].approved))
		}
	}
}

// TestRehearse holds that a rehearsal asks nobody, waits for no slot, costs nothing, and computes the program on the rows that
// it is given.
func TestRehearse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.study.SlotBase = 60_000
	a, err := w.rehearsal(t.Context(), &testSource{value: 20})
	must(t, err)
	if len(a.Rows) != 4 || *a.Rows[0][0] != "40" || *a.Rows[3][0] != "0" {
		t.Errorf("%d rows", len(a.Rows))
	}
	if a.ExecutionID != (ExecutionID{}) || len(a.Charges) != 0 || len(a.Plan.Charges) != 2 {
		t.Errorf("execution %v, charges %v, plan's %v", a.ExecutionID, a.Charges, a.Plan.Charges)
	}
	if a.Stats.Seconds > 30 {
		t.Errorf("it took %.0f s: it waited", a.Stats.Seconds)
	}
	w.untouched(t)
}

// TestRehearseRefusals holds what a live question is refused for without asking anybody.
func TestRehearseRefusals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(w *world)
		query  func(q *sqlplan.Query)
		code   string
	}{
		"expired":         {func(w *world) { w.study.Grants[3].Expires = "2001-01-01" }, nil, pgerr.InsufficientPrivilege},
		"not granted":     {func(w *world) { w.study.Grants = w.study.Grants[:3] }, nil, pgerr.InsufficientPrivilege},
		"another gateway": {nil, func(q *sqlplan.Query) { q.Analyst = "mia@lab" }, pgerr.InsufficientPrivilege},
		"another version": {nil, func(q *sqlplan.Query) { q.Epoch[0]++ }, pgerr.ObjectNotInState},
		"no plan":         {nil, func(q *sqlplan.Query) { q.SQL = "nonsense" }, pgerr.SyntaxError},
		"settings":        {nil, func(q *sqlplan.Query) { q.Settings.IntervalStyle = "x" }, pgerr.InvalidParameterValue},
	} {
		w := newWorld(t, nil)
		if c.change != nil {
			c.change(w)
		}
		q := w.query(0)
		if c.query != nil {
			c.query(&q)
		}
		a, err := w.nodes[0].Rehearse(t.Context(), q, w.study, func(string) Source { return w.sources[0] })
		if e, ok := pgerr.As(err); !ok || e.Code != c.code || a != nil {
			t.Errorf("%s: %v, expected %s", name, err, c.code)
		}
		w.untouched(t)
	}
}

// TestRehearseIsCanceled holds that a cancel ends a rehearsal at once, also one that waits for its turn.
func TestRehearseIsCanceled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for range rehearsalsAtOnce {
		w.nodes[0].rehearsals <- struct{}{}
	}
	for _, free := range []bool{false, true} {
		if free {
			<-w.nodes[0].rehearsals
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		began := time.Now()
		_, err := w.rehearsal(ctx, &testSource{delay: time.Hour})
		refused(t, err, pgerr.QueryCanceled, "user request")
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("the cancel took %v", d)
		}
	}
	failed := errors.New("gone")
	if _, err := w.rehearsal(t.Context(), &testSource{err: failed}); !errors.Is(err, failed) {
		t.Errorf("a source that fails: %v", err)
	}
}

// TestBearable holds that a gateway does not take on a rehearsal without bounds.
func TestBearable(t *testing.T) {
	t.Parallel()
	dots := func(pairs, rows int) program.Program {
		d := program.Dot{Out: 1}
		for range pairs {
			d.A, d.B = append(d.A, 0), append(d.B, 0)
		}
		return program.Program{Ops: []program.Op{program.InputArith{N: rows, Out: 0}, d}}
	}
	noises := func(n int) (p program.Program) {
		for i := range n {
			p.Ops = append(p.Ops, program.Noise{N: 1 << 17, Bits: make([]uint64, 60), Out: program.Reg(i)})
		}
		return p
	}
	for name, c := range map[string]struct {
		program program.Program
		code    string
	}{
		"a small one":   {dots(10, 1000), ""},
		"many products": {dots(300_000, 1000), pgerr.ProgramLimitExceeded},
		"much noise":    {noises(20), pgerr.ProgramLimitExceeded},
		"many rows":     {dots(1, 1<<24+1), pgerr.ProgramLimitExceeded},
	} {
		err := bearable(c.program)
		if e, ok := pgerr.As(err); c.code == "" && err != nil || c.code != "" && (!ok || e.Code != c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

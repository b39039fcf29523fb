package federation

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// A party that dies at any step is named, nothing is charged before anybody started,
// nobody hangs, and after it came back the next query works.
func TestOwnerDownAtEachStep(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"propose", "approve", "confirm", "start", "compute", "receipt"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			w := running(t, nil)
			var once atomic.Bool
			w.during(func(i int, at string) {
				if i == 1 && at == step && once.CompareAndSwap(false, true) {
					w.stops[1]()
					time.Sleep(50 * time.Millisecond) // until the context has closed the links
				}
			})
			began := time.Now()
			_, err := w.ask(0)
			refused(t, err, pgerr.ConnectionFailure, "lab")
			if d := time.Since(began); d > stepLimit/2 { // not by the limit of a step
				t.Errorf("the failure took %s", d)
			}
			w.stop(1)
			for i := range parties {
				eventually(t, "settled", func() bool { return w.ledgers[i].count("reserved")+w.ledgers[i].count("started") == 0 })
			}
			charged := w.ledgers[0].count("final") > 0
			switch step {
			case "propose", "approve", "confirm":
				if charged {
					t.Error("charged before anybody started")
				}
			case "compute", "receipt":
				if !charged {
					t.Error("a started execution was refunded")
				}
			}
			w.make(1)
			w.start(1)
			w.connected()
			w.answers(0)
		})
	}
}

// What an owner's part can fail with, and what the analyst hears.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options func(i int, o *Options)
		world   func(w *world)
		code    string
		says    []string
		charged bool
	}{
		{"refuses", nil, func(w *world) {
			w.ledgers[1].refuse = pgerr.New(pgerr.BudgetExhausted, "no budget\nleft").WithHint("wait")
		}, pgerr.BudgetExhausted, []string{`"lab"`, "no budget left", "wait"}, false},
		{"own ledger refuses", nil, func(w *world) {
			w.ledgers[0].refuse = pgerr.New(pgerr.BudgetExhausted, "no budget left")
		}, pgerr.BudgetExhausted, []string{`"clinic"`}, false},
		{"ledger fails", nil, func(w *world) {
			w.ledgers[1].refuse = errors.New("secret path")
		}, pgerr.SystemError, []string{`"lab"`, "its log"}, false},
		{"policy", func(i int, o *Options) {
			if i == 1 {
				o.Policy = testPolicy{allow: pgerr.New(pgerr.InsufficientPrivilege, "revoked")}
			}
		}, nil, pgerr.InsufficientPrivilege, []string{`"lab"`, "revoked"}, false},
		{"policy changes between approval and start", func(i int, o *Options) {
			if i == 1 {
				o.Policy = testPolicy{versions: new(atomic.Int64)}
			}
		}, nil, pgerr.ObjectNotInState, []string{`"lab"`, "policy", "changed"}, true}, // others had started
		{"plans differently", func(i int, o *Options) {
			if i == 2 {
				o.Compile = func(study *catalog.Study, q sqlplan.Query) (*sqlplan.Plan, error) {
					p, err := testCompile(study, q)
					p.ReadSlot++
					return p, err
				}
			}
		}, nil, pgerr.ObjectNotInState, []string{`"registry"`, "version " + sqlplan.Version, `"clinic"`}, false},
		{"too little memory", func(i int, o *Options) {
			if i == 1 {
				o.Limits.Memory = 1
			}
		}, nil, pgerr.OutOfMemory, []string{`"lab"`, "kB", "Nothing was charged"}, false},
		{"another epoch", func(i int, o *Options) {
			if i == 1 {
				studies := o.Studies
				o.Studies = func() map[string]*catalog.Study {
					s := *studies()["trial"]
					s.SlotBase++
					return map[string]*catalog.Study{"trial": &s}
				}
			}
		}, nil, pgerr.ObjectNotInState, []string{`"lab"`, `"clinic"`, "versions of study"}, false},
		{"panics while it plans", func(i int, o *Options) {
			if i == 1 {
				o.Compile = func(*catalog.Study, sqlplan.Query) (*sqlplan.Plan, error) { panic("secret") }
			}
		}, nil, pgerr.InternalError, []string{`"lab"`}, false},
		{"panics while it computes", func(i int, o *Options) {
			if i == 1 {
				o.Compute = func(context.Context, mpc.Transport, mpc.Seeds, io.Reader, program.Program, program.Inputs) (program.Opened, mpc.Stats, error) {
					panic("secret")
				}
			}
		}, nil, pgerr.InternalError, []string{`"lab"`}, true},
		{"guard", func(i int, o *Options) {
			if i == 1 {
				o.Guard = func(string) error { return pgerr.New(pgerr.ProgramLimitExceeded, "too long") }
			}
		}, nil, pgerr.ProgramLimitExceeded, []string{`"lab"`, "too long"}, false},
		{"no grant", nil, func(w *world) { w.study.Grants = w.study.Grants[:3] }, pgerr.InsufficientPrivilege, []string{`"lab"`, "granted"}, false},
		{"expired grant", nil, func(w *world) { w.study.Grants[3].Expires = "2020-01-01" }, pgerr.InsufficientPrivilege, []string{`"lab"`}, false},
		{"larger cohort", nil, func(w *world) { w.study.Grants[3].Cohort = 5 }, pgerr.InsufficientPrivilege, []string{`"lab"`}, false},
		{"read fails", nil, func(w *world) { w.sources[1].err = errOutside }, pgerr.SystemError, []string{`"lab"`, "bounds"}, true},
		{"reads too long", nil, func(w *world) { w.sources[1].delay = time.Second }, pgerr.QueryCanceled, []string{`"lab"`, "slot"}, true},
		{"gateway reads too long", nil, func(w *world) { w.sources[0].delay = time.Second }, pgerr.QueryCanceled, []string{`"clinic"`, "slot"}, true},
		{"holds no data", func(i int, o *Options) {
			if i == 1 {
				o.Source = nil
			}
		}, nil, pgerr.ObjectNotInState, []string{`"lab"`, "no data"}, true},
		{"slow to approve", func(i int, o *Options) {
			if i == 0 {
				o.Limits.Approve = time.Second
			}
			if i == 1 {
				o.Guard = func(string) error { time.Sleep(2 * time.Second); return nil }
			}
		}, nil, pgerr.QueryCanceled, []string{`"lab"`, "in time"}, false},
		{"key of the catalog", nil, func(w *world) { w.study.Parties[1].Key = w.pins[2] }, pgerr.ObjectNotInState, []string{`"lab"`, "another key"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.options)
			if c.world != nil {
				c.world(w)
			}
			for i := range parties {
				w.start(i)
			}
			w.connected()
			_, err := w.ask(0)
			refused(t, err, c.code, c.says...)
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error says %q", err)
			}
			for i := range parties {
				eventually(t, "settled", func() bool { return w.ledgers[i].count("reserved")+w.ledgers[i].count("started") == 0 })
			}
			if charged := w.ledgers[0].count("final") > 0; charged && !c.charged {
				t.Error("the gateway was charged")
			}
		})
	}
}

// After an owner's failure the next query works, on the same connections.
func TestNextQueryWorks(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	w.sources[1].err = errOutside
	_, err := w.ask(0)
	refused(t, err, pgerr.SystemError, "lab")
	w.sources[1].err = nil
	w.answers(0)
}

// An analyst whose questions miss the slot again and again is refused, before it costs.
func TestThrottle(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	w.sources[1].delay = time.Second
	for range missesAllowed {
		_, err := w.ask(0)
		refused(t, err, pgerr.QueryCanceled, "lab", "slot")
	}
	_, err := w.ask(0)
	refused(t, err, pgerr.ConfigurationLimit, "lab", "missed")
	if n := w.ledgers[1].count("final"); n != missesAllowed {
		t.Errorf("%d charges", n)
	}
}

// A gateway asks for its own analysts only, and only in its own name (RULES 22).
func TestImpersonation(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	other := w.query(2)
	_, err := w.nodes[0].Run(context.Background(), other)
	refused(t, err, pgerr.InsufficientPrivilege, "clinic")

	foreign := w.query(0)
	foreign.Analyst = "mia@registry"
	_, err = w.nodes[0].Run(context.Background(), foreign)
	refused(t, err, pgerr.InsufficientPrivilege)

	// A dishonest gateway skips its own checks: the peer's hold.
	for _, q := range []sqlplan.Query{other, foreign} {
		plan, err := testCompile(w.study, q)
		must(t, err)
		members, err := Participants(plan)
		must(t, err)
		g := &question{node: w.nodes[0], study: w.study, plan: plan, planHash: plan.Hash(), members: members[1:2], nonces: make([]digest, 1)}
		must(t, g.dialUp(context.Background()))
		refused(t, g.propose(context.Background()), pgerr.InsufficientPrivilege, "lab")
		g.hangUp(context.Background(), errAborted)
	}
}

// A query's version and settings are checked.
func TestQueryChecks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, change := range map[string]func(q *sqlplan.Query){
		"version":  func(q *sqlplan.Query) { q.Version = "0" },
		"login":    func(q *sqlplan.Query) { q.Analyst = "@clinic" },
		"args":     func(q *sqlplan.Query) { q.Args = make([]*string, 1) },
		"interval": func(q *sqlplan.Query) { q.Settings.IntervalStyle = "" },
		"path":     func(q *sqlplan.Query) { q.Settings.SearchPath = "a\x00b" },
		"zone":     func(q *sqlplan.Query) { q.Settings.TimeZone = strings.Repeat("x", 300) },
		"epsilon":  func(q *sqlplan.Query) { q.Settings.Epsilon = -1 },
		"now":      func(q *sqlplan.Query) { q.Settings.Now -= (48 * time.Hour).Microseconds() },
		"future":   func(q *sqlplan.Query) { q.Settings.Now += time.Hour.Microseconds() },
	} {
		q := w.query(0)
		change(&q)
		if _, ok := pgerr.As(w.nodes[0].checkQuery(&q, "clinic")); !ok {
			t.Errorf("%s: accepted", name)
		}
	}
	q := w.query(0)
	must(t, w.nodes[0].checkQuery(&q, "clinic"))
}

// A cancel before the owners start refunds everybody; one after it does not.
func TestCancel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step    string
		state   string
		charged bool
	}{{"confirm", "reserved", false}, {"compute", "started", true}} {
		t.Run(c.step, func(t *testing.T) {
			t.Parallel()
			w := running(t, nil)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var once atomic.Bool
			w.during(func(_ int, at string) {
				if at == c.step && once.CompareAndSwap(false, true) {
					for i := range parties {
						eventually(t, "everybody is as far", func() bool { return w.ledgers[i].count(c.state) == 1 })
					}
					cancel()
				} else if at == c.step {
					<-ctx.Done()
				}
			})
			_, err := w.nodes[0].Run(ctx, w.query(0))
			refused(t, err, pgerr.QueryCanceled, "user request")
			for i := range parties {
				eventually(t, "settled", func() bool { return w.ledgers[i].count("reserved")+w.ledgers[i].count("started") == 0 })
				if charged := w.ledgers[i].count("final") > 0; charged != c.charged {
					t.Errorf("%s: charged %t", testNames[i], charged)
				}
			}
			w.during(nil)
			w.answers(0)
		})
	}
}

// Several questions at several gateways at once are independent.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	errs := make(chan error)
	const each = 4
	for i := range parties {
		for range each {
			go func() {
				_, err := w.ask(i)
				errs <- err
			}()
		}
	}
	for range parties * each {
		must(t, <-errs)
	}
}

// testPolicy refuses or changes its version at every look.
type testPolicy struct {
	allow    error
	versions *atomic.Int64
}

func (p testPolicy) Allow(*sqlplan.Plan) error { return p.allow }

func (p testPolicy) Version() string {
	if p.versions == nil {
		return "1"
	}
	return strings.Repeat("i", int(p.versions.Add(1)))
}

package federation

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Parties of the tests, in compute order.
var testNames = [parties]string{"clinic", "lab", "registry"}

// world is three nodes in one process over real sockets.
type world struct {
	t       testing.TB
	keys    [parties]ed25519.PrivateKey
	pins    [parties]string
	study   *catalog.Study
	nodes   [parties]*Node
	ledgers [parties]*testLedger
	audits  [parties]*testAudit
	sources [parties]*testSource
	stops   [parties]context.CancelFunc
	ended   [parties]chan struct{}
	// change adapts a party's options before its node is made.
	change func(i int, o *Options)
	listen [parties]string

	mu   sync.Mutex
	hook func(i int, step string) // what happens when party i is inside a step
}

// during sets what happens inside every step of every party.
func (w *world) during(hook func(i int, step string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hook = hook
}

// at returns party i's notice of a step.
func (w *world) at(i int) func(step string) {
	return func(step string) {
		w.mu.Lock()
		hook := w.hook
		w.mu.Unlock()
		if hook != nil {
			hook(i, step)
		}
	}
}

// newWorld makes keys, study and nodes, without starting them.
func newWorld(t testing.TB, change func(i int, o *Options)) *world {
	t.Helper()
	w := &world{t: t, change: change}
	for i := range parties {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		w.keys[i] = key
		w.pins[i], err = catalog.Fingerprint(key.Public())
		must(t, err)
		w.ledgers[i] = newTestLedger()
		w.ledgers[i].at = w.at(i)
		w.audits[i] = &testAudit{at: w.at(i)}
		w.sources[i] = &testSource{value: int64(10 * (i + 1)), at: w.at(i)}
	}
	w.study = testStudy(w.pins)
	for i := range parties {
		w.make(i)
	}
	t.Cleanup(func() {
		for i := range parties {
			w.stop(i)
		}
	})
	return w
}

// running starts all parties of a new world and waits until they are connected.
func running(t testing.TB, change func(i int, o *Options)) *world {
	w := newWorld(t, change)
	for i := range parties {
		w.start(i)
	}
	w.connected()
	return w
}

// stepLimit is far more than a step takes on a busy machine.
const stepLimit = 15 * time.Second

// make makes party i's node; a lower party dials a higher one.
func (w *world) make(i int) {
	w.t.Helper()
	address := w.listen[i]
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	must(w.t, err)
	w.listen[i] = listener.Addr().String()
	o := Options{
		Self: testNames[i], Identity: w.keys[i], Listen: listener,
		Studies:  func() map[string]*catalog.Study { return map[string]*catalog.Study{w.study.Name: w.study} },
		Public:   func(string) [][]byte { return [][]byte{[]byte(testNames[i] + "'s part")} },
		OnPublic: func(string, []byte) error { return nil },
		Guard:    func(string) error { w.at(i)("propose"); return nil },
		Compile:  testCompile, Compute: mpc.Run,
		Source: func(string) Source { return w.sources[i] }, Ledger: w.ledgers[i], Audit: w.audits[i], Heads: w.ledgers[i], Budget: testBudget{},
		Limits: Limits{Connect: stepLimit, Backoff: 200 * time.Millisecond, Beat: 500 * time.Millisecond,
			Approve: stepLimit, Compute: stepLimit, Receipt: stepLimit},
		Clock: time.Now, Rand: rand.Reader, Logger: slog.New(slog.DiscardHandler),
	}
	for j := range parties {
		switch {
		case j < i:
			o.Peers = append(o.Peers, Peer{Name: testNames[j], Key: w.pins[j], Connect: Dial, Address: w.listen[j]})
		case j > i:
			o.Peers = append(o.Peers, Peer{Name: testNames[j], Key: w.pins[j], Connect: Accept})
		}
	}
	if w.change != nil {
		w.change(i, &o)
	}
	w.nodes[i], err = New(o)
	must(w.t, err)
}

// start serves party i.
func (w *world) start(i int) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.stops[i], w.ended[i] = cancel, done
	node := w.nodes[i]
	go func() {
		defer close(done)
		if err := node.Serve(ctx); err != nil {
			w.t.Errorf("%s: %v", testNames[i], err)
		}
	}()
}

// stop ends party i's node; it may be called twice.
func (w *world) stop(i int) {
	if w.stops[i] != nil {
		w.stops[i]()
		<-w.ended[i]
		w.stops[i] = nil
	} else if w.nodes[i].options.Listen != nil {
		_ = w.nodes[i].options.Listen.Close()
	}
}

// connected waits until everybody reaches everybody.
func (w *world) connected() {
	w.t.Helper()
	eventually(w.t, "all parties connected", func() bool {
		for _, n := range w.nodes {
			for _, p := range n.Peers() {
				if !p.Reachable || p.Epochs == nil {
					return false
				}
			}
		}
		return true
	})
}

// query is a query of mia at party i.
func (w *world) query(i int) sqlplan.Query {
	return sqlplan.Query{
		SQL: "SELECT sum(x) FROM cohort", Analyst: "mia@" + testNames[i], Gateway: testNames[i],
		Study: w.study.Name, Epoch: w.study.Epoch(), Version: sqlplan.Version,
		Settings: sqlplan.Settings{SearchPath: "public", TimeZone: "UTC", DateStyle: "ISO", IntervalStyle: "postgres",
			Now: time.Now().UnixMicro()},
	}
}

// ask runs a query at party i.
func (w *world) ask(i int) (*Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return w.nodes[i].Run(ctx, w.query(i))
}

// answers asserts that the next query works and is right.
func (w *world) answers(i int) *Answer {
	w.t.Helper()
	a, err := w.ask(i)
	must(w.t, err)
	got := []string{}
	for _, row := range a.Rows {
		got = append(got, *row[0])
	}
	if want := "31 32 33 0"; strings.Join(got, " ") != want {
		w.t.Fatalf("answer %v, want %s", got, want)
	}
	return a
}

// testStudy is a table of two owners' partitions; the registry helps.
func testStudy(pins [parties]string) *catalog.Study {
	s := &catalog.Study{Name: "trial", Compute: testNames, SlotBase: 400}
	for i, name := range testNames {
		s.Parties = append(s.Parties, catalog.Party{Name: name, Institution: "institution " + name, Key: pins[i], Helper: i == 2})
	}
	s.Tables = []catalog.Table{{Name: "cohort", Partitions: []catalog.Partition{{Owner: "clinic", Source: "c"}, {Owner: "lab", Source: "l"}}}}
	for _, owner := range testNames[:2] {
		for _, gateway := range testNames {
			s.Grants = append(s.Grants, catalog.Grant{Owner: owner, Analyst: "mia@" + gateway, Tables: []string{"cohort"},
				Release: catalog.ReleaseExact, Cohort: 1})
		}
	}
	return s
}

// testCompile is a plan of the test study: the sum of two owners' columns of four words.
func testCompile(study *catalog.Study, q sqlplan.Query) (*sqlplan.Plan, error) {
	if strings.Contains(q.SQL, "nonsense") {
		return nil, pgerr.New(pgerr.SyntaxError, "syntax error").At(3)
	}
	gateway := study.Index(q.Gateway)
	p := &sqlplan.Plan{Query: q, Gateway: gateway, Compute: study.Compute, ReadSlot: study.SlotBase,
		Release: sqlplan.Release{Kind: catalog.ReleaseExact, Cohort: 1},
		Leakage: []sqlplan.Disclosure{{Who: q.Gateway, What: "the sums"}}}
	p.Result = sqlplan.Result{Keys: make([][]*string, 4), Values: []sqlplan.ResultValue{{Label: "sum"}}}
	for i, owner := range testNames[:2] {
		p.Local = append(p.Local, sqlplan.LocalTask{Owner: owner, Tables: []string{"cohort"}, SQL: "SELECT x FROM cohort",
			Columns: []sqlplan.LocalColumn{{Name: "x", Kind: sqlplan.Word}}, Rows: 4})
		p.Charges = append(p.Charges, sqlplan.Charge{Owner: owner, Source: "s", Epsilon: 1})
		p.Program.Ops = append(p.Program.Ops, program.InputArith{Party: i, From: program.Input{Task: i}, N: 4, Out: program.Reg(i)})
	}
	p.Program.Ops = append(p.Program.Ops, program.Add{A: 0, B: 1, Out: 2}, program.Open{Label: "sum", A: 2, To: gateway})
	return p, nil
}

// testSource returns three rows: at the clinic 11, 12, 13, elsewhere its value.
type testSource struct {
	at    func(step string)
	value int64
	delay time.Duration
	err   error
}

// Read implements Source.
func (s *testSource) Read(ctx context.Context, task sqlplan.LocalTask) (arrow.Record, error) {
	s.at("compute")
	select {
	case <-time.After(s.delay):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.err != nil {
		return nil, s.err
	}
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	step := int64(0)
	if s.value == 10 {
		step = 1
	}
	for i := range int64(3) {
		b.Append(s.value + step*(i+1))
	}
	column := b.NewArray()
	defer column.Release()
	schema, err := schemaOf(task.Columns)
	if err != nil {
		return nil, err
	}
	return array.NewRecord(schema, []arrow.Array{column}, 3), nil
}

// testLedger keeps the contract of Ledger and Heads in memory.
type testLedger struct {
	at     func(step string)
	mu     sync.Mutex
	state  map[ExecutionID]string
	seq    uint64
	heads  map[string]signedHead
	refuse error
	behind error

	approvals map[ExecutionID][]byte
}

func newTestLedger() *testLedger {
	return &testLedger{state: map[ExecutionID]string{}, heads: map[string]signedHead{}, approvals: map[ExecutionID][]byte{}, seq: 1, at: func(string) {}}
}

func (l *testLedger) Reserve(_ context.Context, r Reservation) error {
	l.at("approve")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuse != nil {
		return l.refuse
	}
	if s := l.state[r.ID]; s != "" && s != "reserved" {
		return errors.New("known id")
	}
	l.state[r.ID] = "reserved"
	l.seq++
	return nil
}

func (l *testLedger) Start(_ context.Context, id ExecutionID, approvals []byte, recheck func() error) error {
	l.at("start")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state[id] != "reserved" {
		return errors.New("not reserved")
	}
	if err := recheck(); err != nil {
		return err
	}
	l.state[id], l.approvals[id] = "started", approvals
	l.seq++
	return nil
}

func (l *testLedger) Finish(_ context.Context, id ExecutionID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state[id] != "started" {
		return errors.New("not started")
	}
	l.state[id] = "final"
	l.seq++
	return nil
}

func (l *testLedger) Abandon(_ context.Context, id ExecutionID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state[id] == "reserved" {
		l.state[id] = "dead"
		l.seq++
	}
	return nil
}

func (l *testLedger) Head(context.Context) (uint64, [32]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seq, [32]byte{byte(l.seq)}, nil
}

func (l *testLedger) RecordPeer(peer string, seq uint64, hash [32]byte, signature []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heads[peer] = signedHead{ledgerHead{entryNumber(seq), hash}, signature}
	l.seq++
	return nil
}

func (l *testLedger) Peer(peer string) (uint64, [32]byte, []byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.heads[peer]
	return uint64(h.Seq), h.Hash, h.Signature, nil
}

func (l *testLedger) CheckNotBehind(seq uint64, _ [32]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq > l.seq {
		return errors.New("behind")
	}
	return l.behind
}

// count returns how many executions are in a state.
func (l *testLedger) count(state string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := range maps.Values(l.state) {
		if s == state {
			n++
		}
	}
	return n
}

// testAudit counts.
type testAudit struct {
	at       func(step string)
	mu       sync.Mutex
	approved []Approval
	released []Receipt
	ended    []error
}

func (a *testAudit) Approved(_ context.Context, x Approval) error {
	a.at("confirm")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.approved = append(a.approved, x)
	return nil
}

func (a *testAudit) Released(_ context.Context, r Receipt) error {
	a.at("receipt")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.released = append(a.released, r)
	return nil
}

func (a *testAudit) Ended(_ context.Context, _ ExecutionID, cause error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended = append(a.ended, cause)
	return nil
}

// testBudget answers a constant.
type testBudget struct{}

func (testBudget) Remaining(_ context.Context, study, analyst string) ([]Remainder, error) {
	return []Remainder{{Source: study, Epsilon: 7, Default: 1}}, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits up to half a minute for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// refused asserts an error's SQLSTATE and that its words hold every part.
func refused(t testing.TB, err error, code string, parts ...string) {
	t.Helper()
	e, ok := pgerr.As(err)
	if !ok || e.Code != code {
		t.Fatalf("error %v, want SQLSTATE %s", err, code)
	}
	text := fmt.Sprintf("%s %s %s", e.Message, e.Detail, e.Hint)
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Fatalf("error %q does not say %q", text, p)
		}
	}
}

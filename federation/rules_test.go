package federation

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// sourceFunc is a Source.
type sourceFunc func(ctx context.Context, task sqlplan.LocalTask) (arrow.Record, error)

func (f sourceFunc) Read(ctx context.Context, task sqlplan.LocalTask) (arrow.Record, error) {
	return f(ctx, task)
}

// A party's charge is final before its data are read, and at the gateway and the helper too before
// they compute (RULES 2, 3).
func TestStartedBeforeAnything(t *testing.T) {
	t.Parallel()
	var w *world
	var reads, computations atomic.Int64
	final := func(i int, what string) {
		if w.ledgers[i].count("started") != 1 {
			t.Errorf("%s: %s before its charge was final", testNames[i], what)
		}
	}
	w = newWorld(t, func(i int, o *Options) {
		source, compute := o.Source, o.Compute
		o.Source = func(study string) Source {
			return sourceFunc(func(ctx context.Context, task sqlplan.LocalTask) (arrow.Record, error) {
				reads.Add(1)
				final(i, "reads")
				return source(study).Read(ctx, task)
			})
		}
		o.Compute = func(ctx context.Context, tr mpc.Transport, s mpc.Seeds, random io.Reader, p program.Program, in program.Inputs) (program.Opened, mpc.Stats, error) {
			computations.Add(1)
			final(i, "computes")
			return compute(ctx, tr, s, random, p, in)
		}
	})
	for i := range parties {
		w.start(i)
	}
	w.connected()
	w.answers(0)
	if reads.Load() != 2 || computations.Load() != parties {
		t.Errorf("%d reads, %d computations", reads.Load(), computations.Load())
	}
}

// failingAudit cannot record a release.
type failingAudit struct{ *testAudit }

func (failingAudit) Released(context.Context, Receipt) error { return errors.New("disk full") }

// An honest gateway delivers no rows while one owner has no record of the release, and the charge stands (RULES 23).
func TestNoRowsWithoutReceipts(t *testing.T) {
	t.Parallel()
	w := running(t, func(i int, o *Options) {
		if i == 1 {
			o.Audit = failingAudit{o.Audit.(*testAudit)}
		}
	})
	answer, err := w.ask(0)
	refused(t, err, pgerr.SystemError, "lab")
	if answer != nil {
		t.Error("rows were delivered")
	}
	for i := range parties {
		eventually(t, "charged", func() bool { return w.ledgers[i].count("final") == 1 })
	}
}

// A release that the gateway did not sign is neither recorded nor acknowledged, and a receipt proves
// the release of one batch of one execution by one gateway.
func TestForgedRelease(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	g, end := dishonest(t, w)
	defer end()
	must(t, g.each(t.Context(), 5*time.Second, "confirm", func(ctx context.Context, _ int, c *conversation) error {
		must(t, c.send(ctx, msgApprovals, approvalsMessage{g.set}))
		return c.receive(ctx, msgReady, nil)
	}))
	must(t, g.compute(t.Context()))
	text := releaseText(g.id, digest{1}, "clinic")
	forged := releaseMessage{Batch: digest{2}, Signature: ed25519.Sign(w.keys[0], text[:])}
	must(t, g.talks[1].send(t.Context(), msgRelease, forged))
	refused(t, g.talks[1].receive(t.Context(), msgReceipt, &receiptMessage{}), pgerr.ObjectNotInState, "not signed")
	w.audits[1].mu.Lock()
	defer w.audits[1].mu.Unlock()
	if len(w.audits[1].released) != 0 {
		t.Error("a forged release was recorded")
	}
}

// A gateway delivers no rows for a receipt that its party did not sign, or signed for another release (RULES 23).
func TestForgedReceipt(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	for name, c := range map[string]struct {
		sign func(m *releaseMessage, id ExecutionID) []byte // the lab's
		ok   bool
	}{
		"honest": {func(m *releaseMessage, id ExecutionID) []byte { return w.receipt(1, m, id) }, true},
		"none":   {func(*releaseMessage, ExecutionID) []byte { return nil }, false},
		"by another party": {func(m *releaseMessage, id ExecutionID) []byte {
			text := receiptText(releaseText(id, m.Batch, "clinic"), m.Signature, "lab")
			return ed25519.Sign(w.keys[2], text[:])
		}, false},
		"of another execution": {func(m *releaseMessage, _ ExecutionID) []byte { return w.receipt(1, m, ExecutionID{9}) }, false},
		"of another batch": {func(m *releaseMessage, id ExecutionID) []byte {
			other := *m
			other.Batch[0]++
			return w.receipt(1, &other, id)
		}, false},
	} {
		q := w.query(0)
		g, err := w.nodes[0].ask(&q)
		must(t, err)
		g.id = ExecutionID{1}
		g.opened <- program.Opened{"sum": {1, 2, 3, 4}}
		for i, member := range testNames {
			near, far := net.Pipe()
			g.set[i].Key = w.keys[i].Public().(ed25519.PublicKey)
			g.talks = append(g.talks, &conversation{conn: near, peer: member})
			g.own.Go(func() {
				defer far.Close()
				there := &conversation{conn: far, peer: "clinic"}
				var m releaseMessage
				if there.receive(t.Context(), msgRelease, &m) != nil {
					return
				}
				signature := w.receipt(i, &m, g.id)
				if i == 1 {
					signature = c.sign(&m, g.id)
				}
				_ = there.send(t.Context(), msgReceipt, receiptMessage{signature, signedAs(w.keys[i], member, ledgerHead{Seq: 1})})
			})
		}
		rows, err := g.release(t.Context())
		for _, talk := range g.talks {
			_ = talk.conn.Close()
		}
		g.own.Wait()
		if !c.ok {
			refused(t, err, pgerr.ObjectNotInState, "lab", "not signed")
		}
		if c.ok && err != nil || (len(rows) > 0) != c.ok {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
	}
}

// receipt is party i's signature under a release.
func (w *world) receipt(i int, m *releaseMessage, id ExecutionID) []byte {
	text := receiptText(releaseText(id, m.Batch, testNames[0]), m.Signature, testNames[i])
	return ed25519.Sign(w.keys[i], text[:])
}

// What an owner records proves the release to whoever knows the gateway's pin (RULES 23).
func TestReceiptProves(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	answer := w.answers(0)
	for i := range parties {
		w.audits[i].mu.Lock()
		recorded := w.audits[i].released
		w.audits[i].mu.Unlock()
		if len(recorded) != 1 {
			t.Fatalf("%s has %d receipts", testNames[i], len(recorded))
		}
		r := recorded[0]
		must(t, r.Verify(w.pins[0]))
		if r.Execution != answer.ExecutionID || r.Batch != [32]byte(batchHash(answer.ExecutionID, answer.Rows)) {
			t.Errorf("%s holds the receipt of another batch", testNames[i])
		}
		for name, change := range map[string]func(r *Receipt){
			"execution": func(r *Receipt) { r.Execution[0]++ },
			"batch":     func(r *Receipt) { r.Batch[0]++ },
			"gateway":   func(r *Receipt) { r.Gateway = "lab" },
			"key":       func(r *Receipt) { r.GatewayKey = w.keys[1].Public().(ed25519.PublicKey) },
			"signature": func(r *Receipt) { r.GatewaySignature = r.Signature },
		} {
			other := r
			change(&other)
			if other.Verify(w.pins[0]) == nil {
				t.Errorf("a receipt with another %s proves something", name)
			}
		}
	}
}

// A plan that cannot be computed is refused before anybody's budget is touched.
func TestInvalidPlanCostsNothing(t *testing.T) {
	t.Parallel()
	w := running(t, func(_ int, o *Options) {
		o.Compile = func(study *catalog.Study, q sqlplan.Query) (*sqlplan.Plan, error) {
			plan, err := testCompile(study, q)
			plan.Program.Ops = append(plan.Program.Ops, program.Lookup{Node: "n", Third: 2, Probe: 1,
				BuildRows: 1, ProbeRows: program.MaxProbeRows + 1, Lambda: 64, Match: 3})
			return plan, err
		}
	})
	_, err := w.ask(0)
	refused(t, err, pgerr.InternalError)
	for i := range parties {
		if len(w.ledgers[i].state) != 0 {
			t.Errorf("%s reserved", testNames[i])
		}
	}
}

// A database that fails under a release with noise counts like a missed slot; one that cannot be
// reached does not (RULES 12).
func TestFailedReadsAreThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ int, o *Options) {
		o.Compile = func(study *catalog.Study, q sqlplan.Query) (*sqlplan.Plan, error) {
			plan, err := testCompile(study, q)
			plan.Release = sqlplan.Release{Kind: catalog.ReleaseDP, Epsilon: 1}
			return plan, err
		}
	})
	for i := range w.study.Grants {
		w.study.Grants[i].PerQuestion = 1
	}
	for i := range parties {
		w.start(i)
	}
	w.connected()
	for range missesAllowed + 1 {
		w.sources[1].err = errUnreachable
		_, err := w.ask(0)
		refused(t, err, pgerr.SystemError, "lab", "reached")
	}
	for range missesAllowed {
		w.sources[1].err = errShape
		_, err := w.ask(0)
		refused(t, err, pgerr.SystemError, "lab")
	}
	_, err := w.ask(0)
	refused(t, err, pgerr.ConfigurationLimit, "lab", "failed or missed")
}

// The mesh speaks TLS 1.3 with a pinned certificate and its own protocol name, or nothing, and never resumes.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	certificate, err := selfCertificate(rand.Reader, w.keys[1])
	must(t, err)
	stranger, err := selfCertificate(rand.Reader, ed25519.NewKeyFromSeed(make([]byte, 32)))
	must(t, err)
	for _, c := range []struct {
		name   string
		change func(c *tls.Config)
		ok     bool
	}{
		{"honest", func(*tls.Config) {}, true},
		{"TLS 1.2", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 }, false},
		{"no certificate", func(c *tls.Config) { c.Certificates = nil }, false},
		{"another key", func(c *tls.Config) { c.Certificates = []tls.Certificate{stranger} }, false},
		{"two certificates", func(c *tls.Config) {
			two := certificate
			two.Certificate = append(two.Certificate[:1:1], stranger.Certificate[0])
			c.Certificates = []tls.Certificate{two}
		}, false},
		{"no protocol", func(c *tls.Config) { c.NextProtos = nil }, false},
		{"another protocol", func(c *tls.Config) { c.NextProtos = []string{"h2"} }, false},
	} {
		config := tlsConfig(certificate, rand.Reader, func(string) error { return nil })
		config.VerifyConnection = nil
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		c.change(config)
		dialer := tls.Dialer{Config: config}
		ok := false
		if conn, err := dialer.DialContext(t.Context(), "tcp", w.listen[0]); err == nil {
			must(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
			// In TLS 1.3 the server's refusal arrives with the first read: an honest peer gets frames.
			_, err = conn.Read(make([]byte, 1))
			var timeout net.Error
			ok = err == nil || errors.As(err, &timeout) && timeout.Timeout()
			if conn.(*tls.Conn).ConnectionState().DidResume {
				t.Errorf("%s: resumed", c.name)
			}
			_ = conn.Close()
		}
		if ok != c.ok {
			t.Errorf("%s: accepted: %t", c.name, ok)
		}
	}
}

// Until a peer that has just connected said what it remembers of this party's ledger, nothing is asked or
// answered: a ledger from an old backup would give back what was spent.
func TestNoQuestionBeforeTheFirstBeat(t *testing.T) {
	t.Parallel()
	n := newWorld(t, nil).nodes[0]
	must(t, n.ledgerTrusted())
	connect := func(s *peerState) { s.connected(nil, time.Now()) }
	beat := func(behind bool) func(s *peerState) {
		return func(s *peerState) { s.beat(&beatMessage{}, 0, behind) }
	}
	n.mesh.note("lab", connect)
	refused(t, n.ledgerTrusted(), pgerr.ObjectNotInState, "lab")
	n.mesh.note("lab", beat(false))
	must(t, n.ledgerTrusted())
	n.mesh.note("lab", beat(true))
	refused(t, n.ledgerTrusted(), pgerr.LedgerBehind)
	n.mesh.note("lab", beat(false))
	n.mesh.note("lab", connect) // again
	refused(t, n.ledgerTrusted(), pgerr.ObjectNotInState, "lab")
}

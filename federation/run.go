package federation

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Answer is what the gateway delivers: released rows, and what they cost.
type Answer struct {
	Rows        [][]*string // as Plan.Result says: group keys, then values, in text format
	Plan        *sqlplan.Plan
	ExecutionID ExecutionID
	Charges     []sqlplan.Charge
	Stats       Stats
}

// Stats are public numbers of an execution.
type Stats struct {
	Seconds     float64
	Traffic     map[string]Traffic // by party
	Rounds      int64
	RowsEntered int64 // declared rows of all tasks, padding included: never what a table really holds
}

// question is the gateway's side of one query.
type question struct {
	node     *Node
	study    *catalog.Study
	plan     *sqlplan.Plan
	planHash digest
	members  []Participant
	talks    []*conversation // one a member, in order
	nonces   []digest
	set      []signedApproval
	traffic  []Traffic
	id       ExecutionID
	opened   chan program.Opened
	own      sync.WaitGroup // the gateway's own part
}

// Run asks a question as its gateway and returns the released rows, after every
// participant's receipt. A cancel before the owners start refunds; later it does not.
func (n *Node) Run(ctx context.Context, q sqlplan.Query) (*Answer, error) {
	select {
	case n.queries <- struct{}{}:
		defer func() { <-n.queries }()
	case <-ctx.Done():
		return nil, canceled(ctx)
	}
	began := time.Now()
	g, err := n.ask(&q)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	rows, err := g.converse(ctx)
	g.hangUp(ctx, err)
	cancel()
	g.own.Wait()
	if err != nil {
		return nil, err
	}
	a := &Answer{Rows: rows, Plan: g.plan, ExecutionID: g.id, Charges: g.plan.Charges}
	a.Stats = Stats{Seconds: time.Since(began).Seconds(), Traffic: map[string]Traffic{}}
	for i, m := range g.members {
		a.Stats.Traffic[m.Name] = g.traffic[i]
		a.Stats.Rounds = max(a.Stats.Rounds, g.traffic[i].Rounds)
	}
	for _, task := range g.plan.Local {
		a.Stats.RowsEntered += int64(task.Rows)
	}
	return a, nil
}

// ask checks and compiles a question before anybody else hears of it.
func (n *Node) ask(q *sqlplan.Query) (*question, error) {
	if err := n.checkQuery(q, n.options.Self); err != nil {
		return nil, err
	}
	study, err := n.studyOf(q)
	if err != nil {
		return nil, err
	}
	plan, hash, err := n.compile(study, q)
	if err != nil {
		return nil, err
	}
	members, err := Participants(plan)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if err := n.fit(study, m.Name); err != nil {
			return nil, err
		}
	}
	return &question{node: n, study: study, plan: plan, planHash: hash, members: members,
		nonces: make([]digest, len(members)), set: make([]signedApproval, len(members)),
		traffic: make([]Traffic, len(members)), opened: make(chan program.Opened, 1)}, nil
}

// fit checks what is known of a participant already.
func (n *Node) fit(study *catalog.Study, party string) error {
	pin, _ := pinIn(study, party)
	if party == n.options.Self {
		if own, err := catalog.Fingerprint(n.mesh.publicKey()); err != nil || own != pin {
			return pgerr.New(pgerr.ObjectNotInState, "the catalog of study %q holds another key of %q", study.Name, party).WithHint("The operators compare the fingerprints of their keys: c2dproxy doctor.")
		}
		return n.ledgerTrusted()
	}
	l, err := n.mesh.link(party)
	if err != nil {
		return err
	}
	s, _ := n.mesh.status(party)
	switch {
	case l.peer.Key != pin:
		return pgerr.New(pgerr.ObjectNotInState, "the catalog of study %q holds another key of %q than %q pins", study.Name, party, n.options.Self).
			WithHint("The operators compare the fingerprints of their keys: c2dproxy doctor.")
	case s.Version != sqlplan.Version:
		return pgerr.New(pgerr.ObjectNotInState, "%q plans with version %s and gateway %q with version %s", party, s.Version, n.options.Self, sqlplan.Version).
			WithHint("Both parties must run the same version of c2dproxy: the operators compare c2dproxy version.")
	case s.LedgerBehind:
		return behind(party)
	case s.Skew.Abs() > n.limits.Skew:
		return pgerr.New(pgerr.ObjectNotInState, "the clocks of %q and %q differ by more than %s", party, n.options.Self, n.limits.Skew).
			WithHint("Their operators must set the clocks: c2dproxy doctor says which.")
	}
	return nil
}

// converse takes all participants through the steps.
func (g *question) converse(ctx context.Context) ([][]*string, error) {
	if err := g.dialUp(ctx); err != nil {
		return nil, err
	}
	if err := g.propose(ctx); err != nil {
		return nil, err
	}
	if err := g.approve(ctx); err != nil {
		return nil, err
	}
	if err := g.compute(ctx); err != nil {
		return nil, err
	}
	return g.release(ctx)
}

// dialUp opens a stream to every peer and a pipe to the gateway's own part.
func (g *question) dialUp(ctx context.Context) error {
	n := g.node
	for _, m := range g.members {
		if m.Name == n.options.Self {
			near, far := net.Pipe()
			g.talks = append(g.talks, &conversation{conn: near, peer: m.Name})
			g.own.Go(func() {
				defer far.Close()
				// The error reaches the gateway's side over the pipe, like a peer's.
				_ = n.participate(ctx, &conversation{conn: far, peer: m.Name}, nil, g.opened)
			})
			continue
		}
		l, err := n.mesh.link(m.Name)
		if err != nil {
			return err
		}
		conn, err := l.open(streamQuery)
		if err != nil {
			return err
		}
		g.talks = append(g.talks, &conversation{conn: conn, peer: m.Name})
	}
	return nil
}

// hangUp ends all conversations; after a failure everybody is told, so that nobody waits.
func (g *question) hangUp(ctx context.Context, err error) {
	var telling sync.WaitGroup
	for _, c := range g.talks {
		telling.Go(func() {
			if err != nil {
				c.give(ctx, msgAbort, nil)
			}
			_ = c.conn.Close()
		})
	}
	telling.Wait()
}

// propose sends the query to everybody and collects nonces.
func (g *question) propose(ctx context.Context) error {
	message, err := messageOf(&g.plan.Query)
	if err != nil {
		return pgerr.New(pgerr.InvalidParameterValue, "the statement or a parameter is not valid UTF-8").WithHint("SET client_encoding to what the client sends.")
	}
	return g.each(ctx, g.node.limits.Approve, "check the question", func(ctx context.Context, i int, c *conversation) error {
		if err := c.send(ctx, msgPropose, proposeMessage{message, g.planHash}); err != nil {
			return c.prior(ctx, err)
		}
		var m nonceMessage
		if err := c.receive(ctx, msgNonce, &m); err != nil {
			return err
		}
		g.nonces[i] = m.Nonce
		return nil
	})
}

// approve makes the execution id, collects every approval and hands everybody the whole set.
func (g *question) approve(ctx context.Context) error {
	g.id = executionID(g.members, g.nonces, g.planHash)
	err := g.each(ctx, g.node.limits.Approve, "approve the question", func(ctx context.Context, i int, c *conversation) error {
		if err := c.send(ctx, msgNonces, noncesMessage{g.nonces}); err != nil {
			return c.prior(ctx, err)
		}
		if err := c.receive(ctx, msgApproval, &g.set[i]); err != nil {
			return err
		}
		a := approvalFor(g.plan, g.planHash, g.id, g.members, g.members[i].Name, time.Unix(g.set[i].Expires, 0))
		return a.verify(g.study, &g.set[i])
	})
	if err != nil {
		return err
	}
	return g.each(ctx, g.node.limits.Approve, "confirm the question", func(ctx context.Context, _ int, c *conversation) error {
		if err := c.send(ctx, msgApprovals, approvalsMessage{g.set}); err != nil {
			return c.prior(ctx, err)
		}
		return c.receive(ctx, msgReady, nil)
	})
}

// compute starts everybody and waits until all parts are done.
func (g *question) compute(ctx context.Context) error {
	limit := g.node.limits.Approve + time.Duration(g.plan.ReadSlot)*time.Millisecond + g.node.limits.Compute
	return g.each(ctx, limit, "finish the computation", func(ctx context.Context, i int, c *conversation) error {
		if err := c.send(ctx, msgStart, nil); err != nil {
			return c.prior(ctx, err)
		}
		var m doneMessage
		if err := c.receive(ctx, msgDone, &m); err != nil {
			return err
		}
		g.traffic[i] = m.Traffic
		return nil
	})
}

// release decodes what was opened, signs its hash and collects the receipts (RULES 23).
func (g *question) release(ctx context.Context) ([][]*string, error) {
	var opened program.Opened
	select {
	case opened = <-g.opened:
	default:
		return nil, errors.New("federation: the gateway's own part delivered nothing")
	}
	rows, err := sqlplan.Decode(g.plan, opened)
	if err != nil {
		return nil, err
	}
	batch := batchHash(g.id, rows)
	text := releaseText(g.id, batch, g.node.options.Self)
	signature := ed25519.Sign(g.node.options.Identity, text[:])
	head, err := g.node.mesh.head(ctx)
	if err != nil {
		return nil, err
	}
	err = g.each(ctx, g.node.limits.Receipt, "acknowledge the release", func(ctx context.Context, i int, c *conversation) error {
		if err := c.send(ctx, msgRelease, releaseMessage{batch, signature, head}); err != nil {
			return c.prior(ctx, err)
		}
		var m receiptMessage
		if err := c.receive(ctx, msgReceipt, &m); err != nil {
			return err
		}
		party := g.members[i].Name
		pin, _ := pinIn(g.study, party)
		if !signedBy(pin, g.set[i].Key, receiptText(text, signature, party), m.Signature) {
			return pgerr.New(pgerr.ObjectNotInState, "the receipt of owner %q is not signed by it", party)
		}
		return g.node.exchangeHead(party, g.set[i].Key, m.Head)
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

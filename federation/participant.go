package federation

import (
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// part is one party's side of one query. The gateway's own part runs the same code.
type part struct {
	node   *Node
	talk   *conversation
	origin *link // the gateway's connection; nil at the gateway itself

	study         *catalog.Study
	plan          *sqlplan.Plan
	planHash      digest
	policyVersion string
	members       []Participant
	self          int // index in members, and number in package mpc
	nonce         digest
	execution     *execution
	expires       time.Time // the earliest expiry of all approvals
	approved      []byte    // the verified set, as the ledger keeps it
	started       time.Time
	connected     chan connection // buffered; nil until connecting began
	disconnect    context.CancelFunc
	opened        chan<- program.Opened // where the gateway's own part delivers; nil at peers
}

// participate answers one query to its end. The gateway is told of every failure
// before this party's streams close, so that it can name the cause.
func (n *Node) participate(ctx context.Context, c *conversation, origin *link, opened chan<- program.Opened) error {
	p := &part{node: n, talk: c, origin: origin, opened: opened}
	err := p.run(ctx)
	if err != nil {
		p.tell(ctx, err)
	}
	ended := p.end(ctx, err)
	if err != nil {
		return err
	}
	return ended
}

// run takes the steps in order.
func (p *part) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{p.propose, p.approve, p.confirm, p.start, p.compute, p.receipt} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// tell sends the gateway what ended this part, unless the gateway ended it.
func (p *part) tell(ctx context.Context, err error) {
	if errors.Is(err, errAborted) {
		return
	}
	if _, ok := pgerr.As(err); !ok {
		p.node.options.Logger.Error("a question failed here", "gateway", p.talk.peer, "cause", err.Error())
	}
	p.talk.give(ctx, msgFailure, failureOf(err))
}

// end settles the ledger: a refund where nothing started, the end of the execution else.
func (p *part) end(ctx context.Context, cause error) error {
	if p.connected != nil {
		p.disconnect()
		if c := <-p.connected; c.transport != nil {
			c.transport.close()
		}
	}
	if p.execution == nil {
		return nil
	}
	p.node.executions.remove(p.execution)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.node.limits.Approve)
	defer cancel()
	var settled error
	if p.started.IsZero() {
		// Start may have failed after it became durable: Abandon does nothing then.
		settled = p.node.options.Ledger.Abandon(ctx, p.execution.id)
	} else {
		settled = p.node.options.Ledger.Finish(ctx, p.execution.id)
	}
	query := p.plan.Query
	p.node.options.Logger.Info("took part in a question", "execution", p.execution.id.String(), "study", query.Study, "analyst", query.Analyst,
		"charged", !p.started.IsZero(), "completed", cause == nil)
	err := errors.Join(settled, p.node.options.Audit.Ended(ctx, p.execution.id, cause))
	if err != nil {
		p.node.options.Logger.Error("an execution was not settled", "execution", p.execution.id.String(), "cause", err.Error())
	}
	return err
}

// within gives a step of the gateway its time.
func (p *part) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, slow(p.talk.peer, "continue the question"))
}

// propose compiles the gateway's statement and compares.
func (p *part) propose(ctx context.Context) error {
	ctx, cancel := p.within(ctx, p.node.limits.Approve)
	defer cancel()
	var m proposeMessage
	if err := p.talk.receive(ctx, msgPropose, &m); err != nil {
		return err
	}
	if err := p.node.ledgerTrusted(); err != nil {
		return err
	}
	q := m.Query.query()
	if err := p.node.checkQuery(&q, p.talk.peer); err != nil {
		return err
	}
	err := p.node.misses.check(q.Analyst, p.node.options.Clock())
	if err != nil {
		return err
	}
	if p.study, err = p.node.studyOf(&q); err != nil {
		return err
	}
	if p.plan, p.planHash, err = p.node.compile(p.study, &q); err != nil {
		return err
	}
	if p.planHash != m.PlanHash {
		return pgerr.New(pgerr.ObjectNotInState, "%q (version %s) plans this statement differently than gateway %q (version %s)",
			p.node.options.Self, sqlplan.Version, p.talk.peer, clean(q.Version, 32)).
			WithHint("Both parties must run the same version of c2dproxy: the operators compare c2dproxy version.")
	}
	if p.members, err = Participants(p.plan); err != nil {
		return err
	}
	p.self = slices.IndexFunc(p.members, func(m Participant) bool { return m.Name == p.node.options.Self })
	if p.self < 0 {
		return pgerr.New(pgerr.ObjectNotInState, "%q takes no part in this question", p.node.options.Self)
	}
	p.policyVersion = p.node.policyVersion()
	if err = p.node.allow(p.study, p.plan); err != nil {
		return err
	}
	if p.nonce, err = p.node.nonce(); err != nil {
		return err
	}
	return p.talk.send(ctx, msgNonce, nonceMessage{p.nonce})
}

// approve reserves this party's charge and signs.
func (p *part) approve(ctx context.Context) error {
	ctx, cancel := p.within(ctx, p.node.limits.Approve)
	defer cancel()
	var m noncesMessage
	if err := p.talk.receive(ctx, msgNonces, &m); err != nil {
		return err
	}
	if len(m.Nonces) != len(p.members) || m.Nonces[p.self] != p.nonce {
		return p.talk.malformed()
	}
	id := executionID(p.members, m.Nonces, p.planHash)
	links, err := p.node.reach(p.plan.Compute, p.origin)
	if err != nil {
		return err
	}
	e := newExecution(id, p.plan, p.planHash, p.self, links)
	if err := p.node.executions.add(e); err != nil {
		return err
	}
	p.execution = e
	approval := approvalFor(p.plan, p.planHash, id, p.members, p.node.options.Self, p.node.options.Clock().Add(p.node.limits.Approval))
	q := &p.plan.Query
	err = p.node.options.Ledger.Reserve(ctx, Reservation{
		ID: id, Study: q.Study, Analyst: q.Analyst, SQL: q.SQL, Charges: p.ownCharges(), Expires: approval.Expires})
	if err != nil {
		return err
	}
	if err := p.node.options.Audit.Approved(ctx, approval); err != nil {
		return err
	}
	return p.talk.send(ctx, msgApproval, approval.sign(p.node.options.Identity))
}

// ownCharges are the plan's charges at this party.
func (p *part) ownCharges() (own []sqlplan.Charge) {
	for _, c := range p.plan.Charges {
		if c.Owner == p.node.options.Self {
			own = append(own, c)
		}
	}
	return own
}

// confirm verifies the whole set: exactly the participants of this party's own plan.
func (p *part) confirm(ctx context.Context) error {
	ctx, cancel := p.within(ctx, p.node.limits.Approve)
	defer cancel()
	var m approvalsMessage
	if err := p.talk.receive(ctx, msgApprovals, &m); err != nil {
		return err
	}
	var err error
	if p.expires, err = p.node.verifySet(p, m.Approvals); err != nil {
		return err
	}
	if p.approved, err = p.approvals(m.Approvals); err != nil {
		return err
	}
	return p.talk.send(ctx, msgReady, nil)
}

// verifySet checks every approval and returns the earliest expiry.
func (n *Node) verifySet(p *part, set []signedApproval) (earliest time.Time, err error) {
	if len(set) != len(p.members) {
		return earliest, pgerr.New(pgerr.ObjectNotInState, "the set of approvals is not that of this question's participants").WithHint("Ask again.")
	}
	now := n.options.Clock()
	for i, m := range p.members {
		expires := time.Unix(set[i].Expires, 0)
		if !expires.After(now) || expires.After(now.Add(n.limits.Approval+n.limits.Skew)) {
			return earliest, expired(m.Name)
		}
		a := approvalFor(p.plan, p.planHash, p.execution.id, p.members, m.Name, expires)
		if err := a.verify(p.study, &set[i]); err != nil {
			return earliest, err
		}
		if earliest.IsZero() || expires.Before(earliest) {
			earliest = expires
		}
	}
	return earliest, nil
}

// expired says that an approval is not valid now.
func expired(party string) error {
	return pgerr.New(pgerr.ObjectNotInState, "the approval of %q has expired, or the clocks of the parties differ", party).
		WithHint("Ask again. If this persists, the operators run c2dproxy doctor.")
}

// start makes the charge final. What was true at approval must still hold, in the same transaction.
func (p *part) start(ctx context.Context) error {
	ctx, cancel := p.within(ctx, p.node.limits.Approve)
	defer cancel()
	if err := p.talk.receive(ctx, msgStart, nil); err != nil {
		return err
	}
	if err := p.node.options.Ledger.Start(ctx, p.execution.id, p.approved, p.recheck); err != nil {
		return err
	}
	p.started = time.Now()
	return nil
}

// recheck runs inside the ledger's transaction.
func (p *part) recheck() error {
	if !p.expires.After(p.node.options.Clock()) {
		return expired("a participant")
	}
	study, err := p.node.studyOf(&p.plan.Query)
	if err != nil {
		return err
	}
	if p.node.policyVersion() != p.policyVersion {
		return pgerr.New(pgerr.ObjectNotInState, "the policy of %q changed while the question was approved", p.node.options.Self).WithHint("Ask again.")
	}
	return p.node.allow(study, p.plan)
}

// receipt verifies the gateway's release, records it and acknowledges it.
func (p *part) receipt(ctx context.Context) error {
	ctx, cancel := p.within(ctx, p.node.limits.Receipt)
	defer cancel()
	var m releaseMessage
	if err := p.talk.receive(ctx, msgRelease, &m); err != nil {
		return err
	}
	gateway := p.members[p.plan.Gateway].Name
	pin, _ := pinIn(p.study, gateway)
	r := Receipt{Execution: p.execution.id, Batch: m.Batch, Gateway: gateway,
		GatewayKey: p.node.keyOf(gateway, p.origin), GatewaySignature: m.Signature, Party: p.node.options.Self}
	if err := r.Verify(pin); err != nil {
		return err
	}
	text := receiptText(releaseText(r.Execution, r.Batch, gateway), m.Signature, p.node.options.Self)
	r.Signature = ed25519.Sign(p.node.options.Identity, text[:])
	if err := p.node.options.Audit.Released(ctx, r); err != nil {
		return err
	}
	if err := p.node.exchangeHead(gateway, r.GatewayKey, m.Head); err != nil {
		return err
	}
	head, err := p.node.mesh.head(ctx)
	if err != nil {
		return err
	}
	return p.talk.send(ctx, msgReceipt, receiptMessage{r.Signature, head})
}

// keyOf returns the key that a party proved to hold on a connection; without one, our own.
func (n *Node) keyOf(party string, l *link) ed25519.PublicKey {
	if l == nil && party == n.options.Self {
		return n.mesh.publicKey()
	}
	if l == nil || l.peer.Name != party {
		return nil
	}
	return l.key
}

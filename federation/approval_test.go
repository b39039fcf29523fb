package federation

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// dishonest is a gateway that takes the steps by hand.
func dishonest(t *testing.T, w *world) (_ *question, end func()) {
	t.Helper()
	q := w.query(0)
	g, err := w.nodes[0].ask(&q)
	must(t, err)
	ctx := t.Context()
	must(t, g.dialUp(ctx))
	must(t, g.propose(ctx))
	g.id = executionID(g.members, g.nonces, g.planHash)
	must(t, g.each(ctx, time.Second*5, "approve", func(ctx context.Context, i int, c *conversation) error {
		must(t, c.send(ctx, msgNonces, noncesMessage{g.nonces}))
		return c.receive(ctx, msgApproval, &g.set[i])
	}))
	return g, func() {
		g.hangUp(context.Background(), errAborted)
		g.own.Wait()
	}
}

// present sends a set of approvals to the lab and returns its answer.
func present(t *testing.T, g *question, set []signedApproval) error {
	t.Helper()
	must(t, g.talks[1].send(t.Context(), msgApprovals, approvalsMessage{set}))
	return g.talks[1].receive(t.Context(), msgReady, nil)
}

// Every tampered set of approvals is refused, and the honest one is not.
func TestApprovals(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	resign := func(change func(a *Approval)) func(g *question) []signedApproval {
		return func(g *question) []signedApproval {
			a := approvalFor(g.plan, g.planHash, g.id, g.members, "clinic", time.Unix(g.set[0].Expires, 0))
			change(&a)
			set := append([]signedApproval{}, g.set...)
			set[0] = a.sign(w.keys[0])
			return set
		}
	}
	for name, tamper := range map[string]func(g *question) []signedApproval{
		"missing":   func(g *question) []signedApproval { return g.set[:2] },
		"twice":     func(g *question) []signedApproval { return []signedApproval{g.set[0], g.set[1], g.set[1]} },
		"order":     func(g *question) []signedApproval { return []signedApproval{g.set[1], g.set[0], g.set[2]} },
		"surplus":   func(g *question) []signedApproval { return append(append([]signedApproval{}, g.set...), g.set[0]) },
		"study":     resign(func(a *Approval) { a.Study = "other" }),
		"epoch":     resign(func(a *Approval) { a.Epoch[0]++ }),
		"version":   resign(func(a *Approval) { a.Version = "0" }),
		"execution": resign(func(a *Approval) { a.Execution[0]++ }),
		"query":     resign(func(a *Approval) { a.Query[0]++ }),
		"plan":      resign(func(a *Approval) { a.PlanHash[0]++ }),
		"leakage":   resign(func(a *Approval) { a.Leakage[0]++ }),
		"cost":      resign(func(a *Approval) { a.Charges = a.Charges[:1] }),
		"roles": resign(func(a *Approval) {
			a.Participants = append([]Participant{}, a.Participants...)
			a.Participants[2].Owner = true
		}),
		"party":   resign(func(a *Approval) { a.Party = "lab" }),
		"expired": resign(func(a *Approval) { a.Expires = time.Now().Add(-time.Second) }),
		"forever": resign(func(a *Approval) { a.Expires = time.Now().Add(24 * time.Hour) }),
		"signature": func(g *question) []signedApproval {
			set := append([]signedApproval{}, g.set...)
			set[2].Signature = append([]byte{}, set[2].Signature...)
			set[2].Signature[5] ^= 1
			return set
		},
		"foreign key": func(g *question) []signedApproval {
			a := approvalFor(g.plan, g.planHash, g.id, g.members, "clinic", time.Unix(g.set[0].Expires, 0))
			_, key, err := ed25519.GenerateKey(nil)
			must(t, err)
			return append([]signedApproval{a.sign(key)}, g.set[1:]...)
		},
	} {
		g, end := dishonest(t, w)
		if err := present(t, g, tamper(g)); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			refused(t, err, pgerr.ObjectNotInState)
		}
		end()
	}
	g, end := dishonest(t, w)
	defer end()
	must(t, present(t, g, g.set))
}

// A gateway cannot choose the execution id: a foreign nonce in a participant's place is refused.
func TestNonces(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	q := w.query(0)
	g, err := w.nodes[0].ask(&q)
	must(t, err)
	must(t, g.dialUp(t.Context()))
	defer g.own.Wait()
	defer g.hangUp(context.Background(), errAborted)
	must(t, g.propose(t.Context()))
	g.nonces[1][0]++
	must(t, g.talks[1].send(t.Context(), msgNonces, noncesMessage{g.nonces}))
	refused(t, g.talks[1].receive(t.Context(), msgApproval, &signedApproval{}), pgerr.ProtocolViolation)
}

// An approval that expires between the set and start is refused inside the transaction.
func TestExpiresBeforeStart(t *testing.T) {
	t.Parallel()
	late := make(chan struct{})
	w := running(t, func(i int, o *Options) {
		if i == 1 {
			o.Clock = func() time.Time {
				select {
				case <-late:
					return time.Now().Add(90 * time.Second)
				default:
					return time.Now()
				}
			}
		}
	})
	g, end := dishonest(t, w)
	defer end()
	must(t, present(t, g, g.set))
	close(late)
	must(t, g.talks[1].send(t.Context(), msgStart, nil))
	refused(t, g.talks[1].receive(t.Context(), msgDone, &doneMessage{}), pgerr.ObjectNotInState, "expired")
	eventually(t, "refunded", func() bool { return w.ledgers[1].count("dead") == 1 })
}

// A stream that belongs to no execution, or comes for one over another connection or with another
// plan, is closed; an execution's id is taken once.
func TestExecutions(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	toLab, err := w.nodes[0].mesh.link("lab")
	must(t, err)
	fromClinic, err := w.nodes[1].mesh.link("clinic")
	must(t, err)
	fromRegistry, err := w.nodes[1].mesh.link("registry")
	must(t, err)
	plan, err := testCompile(w.study, w.query(0))
	must(t, err)
	x := &w.nodes[1].executions
	e := newExecution(ExecutionID{1}, plan, digest{2}, 1, [parties]*link{fromClinic, nil, fromRegistry})
	must(t, x.add(e))
	if x.add(e) == nil {
		t.Error("an execution was added twice")
	}
	good := dataHeader{id: e.id, planHash: e.planHash, from: 0, to: 1}
	for name, change := range map[string]func(h *dataHeader){
		"id":   func(h *dataHeader) { h.id[3]++ },
		"plan": func(h *dataHeader) { h.planHash[3]++ },
		"from": func(h *dataHeader) { h.from = 2 },
		"to":   func(h *dataHeader) { h.to = 2 },
	} {
		h := good
		change(&h)
		conn, err := toLab.open(streamData)
		must(t, err)
		_, err = conn.Write(h.encode())
		must(t, err)
		must(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
		if _, err := conn.Read(make([]byte, 1)); err == nil || err.Error() != "EOF" {
			t.Errorf("%s: the stream was not closed: %v", name, err)
		}
	}
	conn, err := toLab.open(streamData)
	must(t, err)
	_, err = conn.Write(good.encode())
	must(t, err)
	select {
	case c := <-e.inbox[0]:
		_ = c.Close()
	case <-time.After(5 * time.Second):
		t.Error("the honest stream did not arrive")
	}
	x.remove(e)
}

// The same statement twice on one connection gives unrelated secrets (RULES 1), and both ends of a
// pair the same ones.
func TestSeeds(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	seen := map[[32]byte]string{}
	for _, id := range []ExecutionID{{1}, {2}} {
		for _, hash := range []digest{{3}, {4}} {
			for a := range parties {
				for b := range parties {
					if a == b {
						continue
					}
					l, err := w.nodes[a].mesh.link(testNames[b])
					must(t, err)
					s := &seeds{self: a, id: id, planHash: hash}
					s.links[b] = l
					for _, purpose := range []string{"x", "y"} {
						secret, err := s.Seed(b, purpose)
						must(t, err)
						name := id.String() + string(hash[:1]) + purpose + testNames[min(a, b)] + testNames[max(a, b)]
						if before, ok := seen[secret]; ok && before != name {
							t.Errorf("one secret for %q and %q", before, name)
						}
						seen[secret] = name
					}
					if _, err := s.Seed(a, "x"); err == nil {
						t.Error("a seed with oneself")
					}
				}
			}
		}
	}
	if len(seen) != 2*2*2*parties {
		t.Errorf("%d secrets", len(seen))
	}
	if (&seeds{}).GoString() != "[seeds]" {
		t.Error("seeds print")
	}
}

// Only owners that are compute parties are participants.
func TestParticipants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	plan, err := testCompile(w.study, w.query(1))
	must(t, err)
	members, err := Participants(plan)
	must(t, err)
	if len(members) != 3 || !members[0].Owner || !members[1].Gateway || members[2].Owner {
		t.Errorf("participants %+v", members)
	}
	plan.Local[0].Owner = "stranger"
	if _, err := Participants(plan); err == nil {
		t.Error("a stranger takes part")
	}
	plan.Program.Ops = append(plan.Program.Ops, program.Lookup{Build: 0, Probe: 1, Third: 2})
	if !looksUp(plan, "clinic") || looksUp(plan, "registry") {
		t.Error("lookups are not attributed")
	}
}

// An owner looks by itself at who decodes its keys' tags, whatever its planner says: at approval and again at
// start (RULES 11).
func TestThirdPartyAtApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	plan, err := testCompile(w.study, w.query(0))
	must(t, err)
	plan.Program.Ops = append(plan.Program.Ops, program.Lookup{Build: 0, BuildTask: 0, Probe: 1, ProbeTask: 1, Third: 2})
	for _, node := range w.nodes[:2] { // both sides of the join, by the default of every grant
		refused(t, node.allow(w.study, plan), pgerr.InsufficientPrivilege, "granted")
	}
	for i := range w.study.Grants {
		w.study.Grants[i].Lookup = true
	}
	parts := w.study.Tables[0].Partitions
	for _, c := range []struct {
		clinic, lab []string
		refuses     int // the party that does; -1: nobody
	}{
		{nil, nil, -1},
		{[]string{"registry"}, []string{"clinic", "registry"}, -1},
		{[]string{"lab"}, nil, 0},
		{nil, []string{"clinic"}, 1},
	} {
		parts[0].ThirdParties, parts[1].ThirdParties = c.clinic, c.lab
		for i := range parties {
			err := w.nodes[i].allow(w.study, plan)
			if i == c.refuses {
				refused(t, err, pgerr.InsufficientPrivilege, testNames[i], "registry", "cohort")
			} else {
				must(t, err)
			}
		}
	}
	p := part{node: w.nodes[1], plan: plan, study: w.study, expires: time.Now().Add(time.Minute)}
	plan.Query.Epoch = w.study.Epoch()
	refused(t, p.recheck(), pgerr.InsufficientPrivilege, "registry")
}

// Every participant's nonce, every participant and the plan make another execution (RULES 1): with one fresh nonce the
// id is fresh.
func TestExecutionIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	plan, err := testCompile(w.study, w.query(0))
	must(t, err)
	members, err := Participants(plan)
	must(t, err)
	nonces := []digest{{1}, {2}, {3}}
	seen := map[ExecutionID]string{executionID(members, nonces, digest{4}): "the same"}
	check := func(name string, id ExecutionID) {
		if other, twice := seen[id]; twice {
			t.Errorf("another %s gives the id of %s", name, other)
		}
		seen[id] = name
	}
	check("plan", executionID(members, nonces, digest{5}))
	check("order", executionID(members, []digest{{2}, {1}, {3}}, digest{4}))
	check("number of participants", executionID(members[:2], nonces[:2], digest{4}))
	for i := range nonces {
		changed := append([]digest{}, nonces...)
		changed[i][31]++
		check("nonce of "+members[i].Name, executionID(members, changed, digest{4}))
		others := append([]Participant{}, members...)
		others[i].Name = "stranger"
		check("participant for "+members[i].Name, executionID(others, nonces, digest{4}))
	}
}

// A catalog that changes between the set and start ends the execution inside the transaction, refunded (RULES 4).
func TestCatalogChangesBeforeStart(t *testing.T) {
	t.Parallel()
	changed := make(chan struct{})
	w := running(t, func(i int, o *Options) {
		if i != 1 {
			return
		}
		studies := o.Studies
		o.Studies = func() map[string]*catalog.Study {
			s := *studies()["trial"]
			select {
			case <-changed:
				s.SlotBase++
			default:
			}
			return map[string]*catalog.Study{"trial": &s}
		}
	})
	g, end := dishonest(t, w)
	defer end()
	must(t, present(t, g, g.set))
	close(changed)
	must(t, g.talks[1].send(t.Context(), msgStart, nil))
	refused(t, g.talks[1].receive(t.Context(), msgDone, &doneMessage{}), pgerr.ObjectNotInState, "versions of study")
	eventually(t, "refunded", func() bool { return w.ledgers[1].count("dead") == 1 })
}

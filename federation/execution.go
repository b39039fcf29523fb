package federation

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// execution is one run of a plan at this party, from its approval to its end: the
// connections that it is bound to, and where the neighbours' streams arrive.
type execution struct {
	id       ExecutionID
	plan     *sqlplan.Plan
	planHash digest
	self     int
	links    [parties]*link
	inbox    [parties]chan net.Conn
}

// executions holds what runs here now. A stream for anything else is closed.
type executions struct {
	mu      sync.Mutex
	running map[ExecutionID]*execution
	limit   int
}

// add registers an execution; an id that runs already is refused.
func (x *executions) add(e *execution) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.running[e.id] != nil {
		return pgerr.New(pgerr.ObjectNotInState, "this execution runs already").WithHint("Ask again.")
	}
	if len(x.running) >= x.limit {
		return pgerr.New(pgerr.ConfigurationLimit, "too many questions run at once").WithHint("Try again in a moment.")
	}
	x.running[e.id] = e
	return nil
}

// Running is the number of executions in which this party takes part now.
func (n *Node) Running() int {
	n.executions.mu.Lock()
	defer n.executions.mu.Unlock()
	return len(n.executions.running)
}

// remove forgets an execution and closes streams that nobody took.
func (x *executions) remove(e *execution) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.running, e.id)
	for _, box := range e.inbox {
		select {
		case c := <-box:
			_ = c.Close()
		default:
		}
	}
}

// deliver hands an incoming stream to its execution. It must come from the party it
// names, over the very connection that the execution is bound to, once.
func (x *executions) deliver(l *link, h *dataHeader, conn net.Conn) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.running[h.id]
	if e == nil || e.planHash != h.planHash || int(h.to) != e.self || e.links[h.from] != l {
		return errUnexpected
	}
	select {
	case e.inbox[h.from] <- conn:
		return nil
	default:
		return errUnexpected
	}
}

// newExecution binds a plan to the current connections of the compute parties.
func newExecution(id ExecutionID, plan *sqlplan.Plan, planHash digest, self int, links [parties]*link) *execution {
	e := &execution{id: id, plan: plan, planHash: planHash, self: self, links: links}
	for i := range e.inbox {
		e.inbox[i] = make(chan net.Conn, 1)
	}
	return e
}

// seeds returns the secrets that this party shares with the other two.
func (e *execution) seeds() *seeds {
	return &seeds{self: e.self, links: e.links, id: e.id, planHash: e.planHash}
}

// connect opens the streams to both neighbours and waits for theirs.
func (e *execution) connect(ctx context.Context, trace func(RoundTrace)) (_ *transport, err error) {
	var out, in [parties]net.Conn
	defer func() {
		if err == nil {
			return
		}
		for i := range parties {
			for _, c := range []net.Conn{out[i], in[i]} {
				if c != nil {
					_ = c.Close()
				}
			}
		}
	}()
	for i, l := range e.links {
		if i == e.self {
			continue
		}
		if out[i], err = l.open(streamData); err != nil {
			return nil, err
		}
		header := dataHeader{id: e.id, planHash: e.planHash, from: byte(e.self), to: byte(i)}
		release := bound(ctx, out[i].SetWriteDeadline)
		_, err = out[i].Write(header.encode())
		release()
		if err != nil {
			return nil, lost(l.peer.Name)
		}
	}
	for i, l := range e.links {
		if i == e.self {
			continue
		}
		select {
		case in[i] = <-e.inbox[i]:
		case <-l.session.CloseChan():
			return nil, lost(l.peer.Name)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return newTransport(e.self, e.plan.Compute, out, in, trace), nil
}

// acceptData takes a stream of rounds from a peer.
func (x *executions) acceptData(l *link, conn net.Conn, limit time.Duration) error {
	_ = conn.SetReadDeadline(time.Now().Add(limit))
	raw := make([]byte, dataHeaderLen)
	if _, err := io.ReadFull(conn, raw); err != nil {
		return errUnexpected
	}
	_ = conn.SetReadDeadline(time.Time{})
	h, err := decodeDataHeader(raw)
	if err != nil {
		return err
	}
	return x.deliver(l, &h, conn)
}

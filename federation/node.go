package federation

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Node is one party. Safe for concurrent use.
type Node struct {
	options    Options
	limits     Limits
	mesh       *mesh
	executions executions
	queries    chan struct{} // one token a question that this gateway runs
	rehearsals chan struct{} // one token a question that it rehearses
	random     lockedReader
	misses     throttle

	// trace receives every round's public shape; nil: none.
	trace func(ExecutionID, RoundTrace)
}

// New checks the options and returns a node that has not connected yet.
func New(o Options) (*Node, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	n := &Node{options: o, limits: o.Limits.withDefaults(), random: lockedReader{r: o.Rand}}
	n.options.Rand = &n.random
	n.queries = make(chan struct{}, n.limits.Queries)
	n.rehearsals = make(chan struct{}, rehearsalsAtOnce)
	n.executions = executions{running: map[ExecutionID]*execution{}, limit: n.limits.Parts}
	m, err := newMesh(&n.options, n.limits)
	if err != nil {
		return nil, fmt.Errorf("federation: %w", err)
	}
	m.serveStream = n.serveStream
	n.mesh = m
	return n, nil
}

// Serve connects to the peers and answers them until ctx ends.
func (n *Node) Serve(ctx context.Context) error { return n.mesh.serve(ctx) }

// Peers returns the state of every configured peer, sorted by name.
func (n *Node) Peers() []PeerStatus { return n.mesh.peers() }

// Announce tells all peers now that studies or the public part changed.
func (n *Node) Announce() { n.mesh.announce() }

// Trace makes f see the public shape of every round; call it before Serve.
func (n *Node) Trace(f func(ExecutionID, RoundTrace)) { n.trace = f }

// serveStream answers one stream of an authenticated peer.
func (n *Node) serveStream(ctx context.Context, l *link, conn net.Conn) {
	kind, err := kindOf(conn, n.limits.Connect)
	if err != nil {
		_ = conn.Close()
		return
	}
	switch kind {
	case streamData:
		if err = n.executions.acceptData(l, conn, n.limits.Connect); err == nil {
			return // the execution owns the stream now
		}
	case streamQuery:
		c := &conversation{conn: conn, peer: l.peer.Name}
		err = n.participate(ctx, c, l, nil)
	case streamBudget:
		err = n.serveBudget(ctx, l, conn)
	default:
		err = fmt.Errorf("%w: no such kind of stream", errFrame)
	}
	_ = conn.Close()
	if err != nil {
		n.options.Logger.Info("a peer's request ended with an error", "peer", l.peer.Name, "kind", string(rune(kind)), "cause", err.Error())
	}
}

// ledgerTrusted refuses to work with a ledger that a peer proved to be too old, or of which a connected
// peer has not said yet what it remembers.
func (n *Node) ledgerTrusted() error {
	for _, p := range n.mesh.peers() {
		switch {
		case p.SelfBehind:
			return behind(n.options.Self)
		case p.Reachable && p.Epochs == nil:
			return pgerr.New(pgerr.ObjectNotInState, "%q and %q have just connected and not compared their ledgers yet", n.options.Self, p.Name).
				WithHint("Try again in a moment.")
		}
	}
	return nil
}

// reach returns the connections to the compute parties other than this one, by number.
// origin, if not nil, is the connection to use for its peer.
func (n *Node) reach(names [parties]string, origin *link) (links [parties]*link, err error) {
	for i, name := range names {
		switch {
		case name == n.options.Self:
		case origin != nil && origin.peer.Name == name:
			links[i] = origin
		default:
			if links[i], err = n.mesh.link(name); err != nil {
				return links, err
			}
		}
	}
	return links, nil
}

// lockedReader lets several goroutines read one source of randomness.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

// Read implements io.Reader.
func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// nonce draws 32 fresh bytes.
func (n *Node) nonce() (d digest, err error) {
	if _, err = io.ReadFull(n.options.Rand, d[:]); err != nil {
		return d, fmt.Errorf("draw a nonce: %w", err)
	}
	return d, nil
}

// sourceMissing is the error of a party that is asked for data it does not hold.
func sourceMissing() error {
	return pgerr.New(pgerr.ObjectNotInState, "this party holds no data")
}

package federation

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// mesh keeps one connection to each peer. Of every pair one side dials, and dials again
// with growing pauses; a new connection replaces the old one. Safe for concurrent use.
type mesh struct {
	options     *Options
	limits      Limits
	certificate tls.Certificate
	serveStream func(ctx context.Context, l *link, conn net.Conn)
	running     sync.WaitGroup
	recording   sync.Mutex // makes compare-and-record of a peer's ledger head one step

	mu    sync.Mutex
	links map[string]*link
	state map[string]*peerState
	kick  chan struct{} // closed and replaced when all peers should get a beat
}

// newMesh prepares the mesh; serve starts it.
func newMesh(o *Options, limits Limits) (*mesh, error) {
	certificate, err := selfCertificate(o.Rand, o.Identity)
	if err != nil {
		return nil, err
	}
	m := &mesh{
		options: o, limits: limits, certificate: certificate,
		links: map[string]*link{}, state: map[string]*peerState{}, kick: make(chan struct{}),
	}
	for _, p := range o.Peers {
		m.state[p.Name] = newPeerState(p)
	}
	return m, nil
}

// serve runs until ctx ends and every goroutine that it started has ended.
func (m *mesh) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer m.running.Wait()
	defer cancel()
	for _, p := range m.options.Peers {
		if p.Connect == Dial {
			m.running.Go(func() { m.keepDialling(ctx, p) })
		}
	}
	if m.options.Listen == nil {
		<-ctx.Done()
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = m.options.Listen.Close() })
	defer stop()
	defer m.options.Listen.Close() // also when accepting fails
	return m.acceptAll(ctx)
}

// acceptPause is between two attempts to accept while this process has no file descriptor left.
const acceptPause = 100 * time.Millisecond

// acceptAll takes connections until the listener closes with ctx. At most 32 unproven
// ones are open at a time; more wait in the listener's queue.
func (m *mesh) acceptAll(ctx context.Context) error {
	unproven := make(chan struct{}, 32)
	for {
		conn, err := m.options.Listen.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) { // passes as connections end
				m.options.Logger.Error("a connection to the peer listener was not accepted", "cause", err.Error())
				select {
				case <-time.After(acceptPause):
				case <-ctx.Done():
				}
				continue
			}
			return fmt.Errorf("accept peers: %w", err)
		}
		select {
		case unproven <- struct{}{}:
		case <-ctx.Done():
			_ = conn.Close()
			return nil
		}
		m.running.Go(func() { m.accept(ctx, conn, func() { <-unproven }) })
	}
}

// accept authenticates one connection and serves it. proven is called once.
func (m *mesh) accept(ctx context.Context, conn net.Conn, proven func()) {
	defer conn.Close()
	proven = sync.OnceFunc(proven)
	defer proven()
	var peer *Peer
	config := tlsConfig(m.certificate, m.options.Rand, func(pin string) error {
		for i := range m.options.Peers {
			if p := &m.options.Peers[i]; p.Key == pin && p.Connect == Accept {
				peer = p
				return nil
			}
		}
		return errPin
	})
	secure := tls.Server(conn, config)
	if err := m.handshake(ctx, secure); err != nil {
		m.options.Logger.Warn("a connection to the peer listener was refused", "from", conn.RemoteAddr().String(), "cause", err.Error())
		return
	}
	proven()
	err := m.run(ctx, *peer, secure, false)
	m.note(peer.Name, func(s *peerState) { s.failed(err) })
}

// keepDialling holds a connection to p until ctx ends.
func (m *mesh) keepDialling(ctx context.Context, p Peer) {
	const (
		first   = 100 * time.Millisecond
		settled = time.Second // a connection that lived so long was wanted; the peer has restarted
	)
	pause := first
	for ctx.Err() == nil {
		began := time.Now()
		err := m.dial(ctx, p)
		m.note(p.Name, func(s *peerState) { s.failed(err) })
		if time.Since(began) > min(settled, m.limits.Backoff) {
			pause = first
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, m.limits.Backoff)
	}
}

// dial makes one connection and serves it to its end.
func (m *mesh) dial(ctx context.Context, p Peer) error {
	dialer := net.Dialer{Timeout: m.limits.Connect}
	conn, err := dialer.DialContext(ctx, "tcp", p.Address)
	if err != nil {
		return fmt.Errorf("nothing answers at %s: %w", p.Address, err)
	}
	defer conn.Close()
	secure := tls.Client(conn, tlsConfig(m.certificate, m.options.Rand, func(pin string) error {
		if pin != p.Key {
			return errPin
		}
		return nil
	}))
	if err := m.handshake(ctx, secure); err != nil {
		return err
	}
	return m.run(ctx, p, secure, true)
}

// handshake runs TLS within the time for connecting.
func (m *mesh) handshake(ctx context.Context, conn *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, m.limits.Connect)
	defer cancel()
	return conn.HandshakeContext(ctx)
}

// run serves an authenticated connection until it breaks or ctx ends, and says why.
func (m *mesh) run(ctx context.Context, p Peer, conn *tls.Conn, dialled bool) error {
	l, err := newLink(p, conn, dialled, m.limits)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, l.close)
	defer stop()
	defer l.close()
	control, sent, err := m.greet(l, dialled)
	if err != nil {
		return err
	}
	m.replace(p.Name, l)
	m.options.Logger.Info("a peer is connected", "peer", p.Name, "dialled", dialled)
	defer func() {
		m.remove(p.Name, l)
		m.options.Logger.Info("a connection to a peer ended", "peer", p.Name)
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m.running.Go(func() { m.sendBeats(ctx, l, control, sent) })
	m.running.Go(func() { m.receiveBeats(l, control) })
	return l.acceptStreams(ctx, m.serveStream)
}

// replace makes l the peer's connection and closes an older one.
func (m *mesh) replace(name string, l *link) {
	m.mu.Lock()
	old := m.links[name]
	m.links[name] = l
	m.state[name].connected(l, m.options.Clock())
	m.mu.Unlock()
	if old != nil {
		old.close()
	}
	m.announce()
}

// remove forgets l if it is still the peer's connection.
func (m *mesh) remove(name string, l *link) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.links[name] == l {
		delete(m.links, name)
		m.state[name].disconnected()
	}
}

// link returns the current connection to a peer, or an error that says why there is none.
func (m *mesh) link(name string) (*link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.links[name]; l != nil {
		return l, nil
	}
	s := m.state[name]
	if s == nil {
		return nil, unreachable(name, "It is not among this party's peers.")
	}
	if s.status.KeyMismatch {
		return nil, unreachable(name, "Another key than the pinned one answers in its place.")
	}
	// Addresses and causes are the operator's: see Peers.
	return nil, unreachable(name, "All parties of the study compute each answer together, whoever holds the table.")
}

// note changes a peer's state.
func (m *mesh) note(name string, change func(s *peerState)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(m.state[name])
}

// announce makes every connection send a beat now.
func (m *mesh) announce() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.kick)
	m.kick = make(chan struct{})
}

// kicked returns the channel that announce closes next.
func (m *mesh) kicked() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kick
}

// publicKey is this party's identity as peers see it.
func (m *mesh) publicKey() ed25519.PublicKey {
	return m.options.Identity.Public().(ed25519.PublicKey)
}

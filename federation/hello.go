package federation

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// helloMessage is the first message of each side of a link.
type helloMessage struct {
	Party   string   `json:"party"`
	Planner string   `json:"planner"`          // sqlplan.Version
	Public  [][]byte `json:"public,omitempty"` // its public catalog parts for the receiver
}

// beatMessage follows the hello at every beat, and at once when something changed.
type beatMessage struct {
	Clock  int64             `json:"clock"`  // ms since 1970 UTC
	Epochs map[string]digest `json:"epochs"` // of the studies that both are parties of
	Head   signedHead        `json:"head"`
	Held   signedHead        `json:"held"`             // the newest head of the receiver that the sender recorded; Seq 0: none
	Public [][]byte          `json:"public,omitempty"` // when they changed
}

// maxStudies bounds the epochs in a beat and the public parts in a message.
const maxStudies = 1024

// greet opens or accepts the control stream and exchanges hellos. It returns the public parts that
// it sent, so that a change between the hello and the first beat is not lost.
func (m *mesh) greet(l *link, dialled bool) (_ net.Conn, public [][]byte, err error) {
	control, err := m.controlStream(l, dialled)
	if err != nil {
		return nil, nil, err
	}
	public = m.options.Public(l.peer.Name)
	deadline := time.Now().Add(m.limits.Connect)
	_ = control.SetDeadline(deadline)
	sent := make(chan error, 1)
	go func() {
		hello := helloMessage{m.options.Self, sqlplan.Version, public}
		sent <- writeJSON(control, hello, maxControlFrame)
	}()
	var hello helloMessage
	if err := readJSON(control, &hello, maxControlFrame); err != nil {
		return nil, nil, explainGreeting(err)
	}
	if err := <-sent; err != nil {
		return nil, nil, explainGreeting(err)
	}
	_ = control.SetDeadline(time.Time{})
	if hello.Party != l.peer.Name {
		return nil, nil, fmt.Errorf("it calls itself %q, and its key is pinned for %q", clean(hello.Party, 63), l.peer.Name)
	}
	version := clean(hello.Planner, 32)
	m.note(l.peer.Name, func(s *peerState) { s.status.Version = version })
	return control, public, m.takePublic(l.peer.Name, hello.Public)
}

// controlStream returns the link's one control stream.
func (m *mesh) controlStream(l *link, dialled bool) (net.Conn, error) {
	if dialled {
		return l.open(streamControl)
	}
	timer := time.AfterFunc(m.limits.Connect, l.close)
	defer timer.Stop()
	stream, err := l.session.AcceptStream()
	if err != nil {
		return nil, explainGreeting(err)
	}
	kind, err := kindOf(stream, m.limits.Connect)
	if err != nil || kind != streamControl {
		return nil, errors.New("it did not begin with a greeting")
	}
	return stream, nil
}

// explainGreeting says why no hello came. In TLS 1.3 the dialling side learns only here
// that the other one refused its key.
func explainGreeting(err error) error {
	var alert tls.AlertError
	if errors.As(err, &alert) {
		return fmt.Errorf("it refused our key, which is perhaps not pinned there: %w", err)
	}
	return fmt.Errorf("it closed the connection before it greeted, perhaps because our key is not pinned there: %w", err)
}

// takePublic hands a peer's public parts on and notes what came of it.
func (m *mesh) takePublic(peer string, parts [][]byte) error {
	if len(parts) > maxStudies {
		return errFrame
	}
	var refused error
	for _, part := range parts {
		refused = errors.Join(refused, m.options.OnPublic(peer, part))
	}
	m.note(peer, func(s *peerState) {
		s.status.CatalogError = ""
		if refused != nil {
			s.status.CatalogError = clean(refused.Error(), maxDetail)
		}
	})
	return nil
}

// sendBeats sends a beat now, at every interval and after every announcement. sent are the
// public parts that the peer has.
func (m *mesh) sendBeats(ctx context.Context, l *link, control net.Conn, sent [][]byte) {
	ticker := time.NewTicker(m.limits.Beat)
	defer ticker.Stop()
	for {
		kicked := m.kicked()
		beat, err := m.beat(ctx, l.peer.Name, l.key)
		if err != nil {
			m.options.Logger.Error("no status for peers", "peer", l.peer.Name, "cause", err.Error())
			m.note(l.peer.Name, func(s *peerState) { s.status.LastError = "this party's ledger could not be read" })
			l.close()
			return
		}
		if now := m.options.Public(l.peer.Name); !slices.EqualFunc(now, sent, bytes.Equal) {
			beat.Public, sent = now, now
		}
		_ = control.SetWriteDeadline(time.Now().Add(m.limits.Connect))
		if err := writeJSON(control, beat, maxControlFrame); err != nil {
			l.close()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-kicked:
		}
	}
}

// beat is this party's status for a peer.
func (m *mesh) beat(ctx context.Context, peer string, key ed25519.PublicKey) (*beatMessage, error) {
	head, err := m.head(ctx)
	if err != nil {
		return nil, err
	}
	beat := &beatMessage{Clock: m.options.Clock().UnixMilli(), Epochs: map[string]digest{}, Head: head}
	for name, study := range m.options.Studies() {
		if _, ok := pinIn(study, peer); ok {
			beat.Epochs[name] = study.Epoch()
		}
	}
	held, err := m.recorded(peer)
	if err == nil && held.by(peer, key) { // one that is not signed, or with a key that was replaced since, proves nothing to the peer
		beat.Held = held
	}
	return beat, err
}

// receiveBeats takes a peer's status until the link ends; silence of three beats ends it.
func (m *mesh) receiveBeats(l *link, control net.Conn) {
	defer l.close()
	for first := true; ; first = false {
		_ = control.SetReadDeadline(time.Now().Add(3*m.limits.Beat + m.limits.Connect))
		var beat beatMessage
		if err := readJSON(control, &beat, maxControlFrame); err != nil {
			return
		}
		if err := m.takeBeat(l, &beat, first); err != nil {
			m.options.Logger.Error("the status of a peer was not taken", "peer", l.peer.Name, "cause", err.Error())
			m.note(l.peer.Name, func(s *peerState) { s.status.LastError = "its status message was refused" })
			return
		}
	}
}

// takeBeat checks and stores one beat. A ledger is replaced only while its party is stopped, so the
// first beat of a connection decides whether it is behind. Heads are recorded with receipts only: a party
// that runs on an old ledger and does not know it yet must neither write an entry of its own nor have its
// head remembered, or the newest ledger would be refused when it is restored. An execution needs all
// parties, so whoever was the gateway of the last one holds the newest head and speaks before the next.
func (m *mesh) takeBeat(l *link, beat *beatMessage, first bool) error {
	if len(beat.Epochs) > maxStudies {
		return errFrame
	}
	if !beat.Head.by(l.peer.Name, l.key) {
		return unsignedHead(l.peer.Name)
	}
	if first {
		known, err := m.recorded(l.peer.Name)
		if err != nil {
			return err
		}
		older := known.Seq != 0 && olderThan(&beat.Head.ledgerHead, &known.ledgerHead)
		m.note(l.peer.Name, func(s *peerState) { s.status.LedgerBehind = older })
	}
	weAreOlder := m.weAreBehind(l.peer.Name, &beat.Held)
	if beat.Public != nil {
		if err := m.takePublic(l.peer.Name, beat.Public); err != nil {
			return err
		}
	}
	skew := time.UnixMilli(beat.Clock).Sub(m.options.Clock())
	m.note(l.peer.Name, func(s *peerState) { s.beat(beat, skew, weAreOlder) })
	return nil
}

package federation

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// PeerStatus is what this party knows of a peer, for status and doctor. Texts that come
// from the peer are bounded and printable.
type PeerStatus struct {
	Name         string
	Connect      Connect
	Address      string
	Reachable    bool
	Since        time.Time           // of the connection, or of its loss
	KeyMismatch  bool                // what answers at the address does not hold the pinned key
	Version      string              // of its compiler, as last greeted; "" when never
	Epochs       map[string][32]byte // by study, as last told; nil before the first beat of a connection
	Skew         time.Duration       // its clock minus ours; includes the way of the message
	LedgerSeq    uint64              // length of its ledger, as last told
	LedgerBehind bool                // its ledger is older than a head that it signed
	SelfBehind   bool                // it holds a newer head of our own ledger than our ledger has
	CatalogError string              // why its public catalog part was not taken; "" when it was
	LastError    string              // in words; "" when there was none
}

// peerState is a PeerStatus under the mesh's lock.
type peerState struct{ status PeerStatus }

// newPeerState is the state of a peer that was never seen.
func newPeerState(p Peer) *peerState {
	s := &peerState{PeerStatus{Name: p.Name, Connect: p.Connect, Address: p.Address}}
	s.status.LastError = "no connection was made yet"
	if p.Connect == Accept {
		s.status.LastError = "it has not dialled this party yet"
	}
	return s
}

// connected notes a new link. What the peer says of studies and ledgers counts from its first beat on.
func (s *peerState) connected(_ *link, now time.Time) {
	s.status.Reachable, s.status.KeyMismatch, s.status.Epochs = true, false, nil
	s.status.Since, s.status.LastError = now, ""
}

// disconnected notes the loss of the link.
func (s *peerState) disconnected() {
	s.status.Reachable = false
	if s.status.LastError == "" {
		s.status.LastError = "the connection was lost"
	}
}

// failed notes why there is no connection.
func (s *peerState) failed(err error) {
	if err == nil || s.status.Reachable {
		return
	}
	s.status.KeyMismatch = errors.Is(err, errPin)
	s.status.LastError = clean(err.Error(), maxMessage)
	if s.status.KeyMismatch {
		s.status.LastError = "another key than the pinned one answers at " + s.status.Address
	}
}

// beat notes a status message of the peer.
func (s *peerState) beat(b *beatMessage, skew time.Duration, weAreOlder bool) {
	s.status.Epochs = map[string][32]byte{}
	for study, epoch := range b.Epochs {
		s.status.Epochs[clean(study, 63)] = epoch
	}
	s.status.Skew, s.status.LedgerSeq = skew, uint64(b.Head.Seq)
	s.status.SelfBehind = weAreOlder
}

// peers returns a copy of all states, sorted by name.
func (m *mesh) peers() []PeerStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []PeerStatus
	for _, s := range m.state {
		c := s.status
		c.Epochs = maps.Clone(c.Epochs)
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b PeerStatus) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// status returns a copy of one peer's state.
func (m *mesh) status(name string) (PeerStatus, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.state[name]
	if s == nil {
		return PeerStatus{}, false
	}
	return s.status, true
}

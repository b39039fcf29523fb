package federation

import (
	"errors"
	"fmt"
)

// seeds is the mpc.Seeds of one execution.
type seeds struct {
	self     int
	links    [parties]*link // nil for this party itself
	id       ExecutionID
	planHash digest
}

// Seed implements mpc.Seeds by the TLS exporter of the pair's connection.
func (s *seeds) Seed(peer int, purpose string) ([32]byte, error) {
	if peer < 0 || peer >= parties || peer == s.self || s.links[peer] == nil {
		return [32]byte{}, errors.New("federation: no pair with that party")
	}
	secret, err := s.links[peer].export(seedContext(s.id, s.planHash, s.self, peer, 0, purpose))
	if err != nil {
		return secret, fmt.Errorf("seed with party %d: %w", peer, err)
	}
	return secret, nil
}

// String keeps the connections' secrets out of logs.
func (s *seeds) String() string { return "[seeds]" }

// GoString does the same for %#v.
func (s *seeds) GoString() string { return "[seeds]" }

// seedContext is H(execution id ‖ plan hash ‖ pair ‖ lane ‖ purpose) of RULES 1.
func seedContext(id ExecutionID, planHash digest, a, b, lane int, purpose string) digest {
	t := newTranscript(tagSeed)
	t.bytes(id[:])
	t.bytes(planHash[:])
	t.number(uint64(min(a, b)))
	t.number(uint64(max(a, b)))
	t.number(uint64(lane))
	t.text(purpose)
	return t.sum()
}

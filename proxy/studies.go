package proxy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// studies holds what every party said of itself and the studies that follow from it.
// A study exists once the public parts of all its parties are known and agree.
// Reads are lock-free, because the federation asks on every question.
type studies struct {
	config *catalog.Config

	mu       sync.Mutex
	parts    map[part]catalog.Public // the newest public part of each party and study
	problems map[string]string       // study → why it is not complete, for status and errors

	merged atomic.Pointer[map[string]*catalog.Study]
}

// part names one party's part of one study.
type part struct{ party, study string }

// newStudies begins with what this party says of itself; key is its fingerprint.
func newStudies(config *catalog.Config, key string) (*studies, error) {
	s := &studies{config: config, parts: map[part]catalog.Public{}, problems: map[string]string{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range config.Studies() {
		own, err := config.Public(name, key)
		if err != nil {
			return nil, err
		}
		s.parts[part{config.Party, name}] = own
	}
	s.merge()
	return s, nil
}

// public returns this party's encoded parts of the studies that peer takes part in.
func (s *studies) public(peer string) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var encoded [][]byte
	for _, name := range s.config.Studies() {
		own := s.parts[part{s.config.Party, name}]
		if !slices.Contains(own.Compute[:], peer) {
			continue
		}
		if b, err := own.Encode(); err == nil { // it was checked when the file was read
			encoded = append(encoded, b)
		}
	}
	return encoded
}

// learn takes a peer's public part and reports whether a study changed. The peer is
// authenticated by its pinned key; what it says of itself is checked before anything is merged.
func (s *studies) learn(peer string, encoded []byte) (changed bool, err error) {
	said, err := catalog.DecodePublic(encoded)
	if err != nil {
		return false, err
	}
	if said.Party.Name != peer {
		return false, fmt.Errorf("%s speaks for %s", peer, said.Party.Name)
	}
	if err := s.config.CheckPeer(said); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.current()[said.Study]
	s.parts[part{peer, said.Study}] = said
	s.merge()
	after := s.current()[said.Study]
	return (before == nil) != (after == nil) || before != nil && before.Epoch() != after.Epoch(), nil
}

// merge makes the studies anew; a study whose parts disagree is not there, with the reason kept.
func (s *studies) merge() {
	merged := map[string]*catalog.Study{}
	clear(s.problems)
	for _, name := range s.config.Studies() {
		var parts []catalog.Public
		var missing []string
		own := s.parts[part{s.config.Party, name}]
		for _, party := range own.Compute {
			if said, ok := s.parts[part{party, name}]; ok {
				parts = append(parts, said)
			} else {
				missing = append(missing, party)
			}
		}
		if len(missing) > 0 {
			s.problems[name] = "waiting for " + strings.Join(missing, " and ")
			continue
		}
		study, err := catalog.Merge(name, parts)
		if err != nil {
			s.problems[name] = strings.TrimPrefix(err.Error(), "study "+name+": ")
			continue
		}
		merged[name] = study
	}
	s.merged.Store(&merged)
}

// current returns the complete studies by name; the map is not modified.
func (s *studies) current() map[string]*catalog.Study { return *s.merged.Load() }

// get finds a complete study.
func (s *studies) get(name string) (*catalog.Study, bool) {
	study, ok := s.current()[name]
	return study, ok
}

// missing says why a study of this party is not complete.
func (s *studies) missing(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problems[name]
}

// names lists the complete studies, sorted.
func (s *studies) names() []string { return slices.Sorted(maps.Keys(s.current())) }

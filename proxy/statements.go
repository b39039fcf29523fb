package proxy

import (
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Bounds of what one session remembers: a prepared statement or a held cursor may come back
// to an old statement.
const (
	statementsKept = 16384
	textKept       = 32 << 20 // bytes of statement text; one text has at most syntax.MaxBytes
)

// statement is a federated SELECT that a session prepared.
type statement struct {
	text   string   // the SELECT as the analyst typed it
	types  []uint32 // parameter oids as the shadow inferred them
	output []uint32 // column oids as the shadow described them
	json   bool     // EXPLAIN (FORMAT JSON)
}

// statements are those of one session. Safe for concurrent use.
type statements struct {
	mu    sync.Mutex
	byID  map[string]statement
	order []string
	bytes int // of the texts in byID
}

// newStatementID draws an id that nobody guesses and no text holds by chance.
func newStatementID(random io.Reader) (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("statement id: %w", err)
	}
	return hex.EncodeToString(raw[:]), nil
}

// add remembers one under a new id, and forgets the oldest beyond the bounds.
func (s *statements) add(id string, one statement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byID == nil {
		s.byID = map[string]statement{}
	}
	s.byID[id] = one
	s.order = append(s.order, id)
	s.bytes += len(one.text)
	for len(s.order) > statementsKept || s.bytes > textKept && len(s.order) > 1 {
		s.bytes -= len(s.byID[s.order[0]].text)
		delete(s.byID, s.order[0])
		s.order = s.order[1:]
	}
}

// get finds a statement of this session; another session's id is as unknown as a made-up one.
func (s *statements) get(id string) (statement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.byID[id]
	if !ok {
		return statement{}, pgerr.New("26000", "this statement is not known any more").
			WithHint("Prepare it again.")
	}
	return one, nil
}

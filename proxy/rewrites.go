package proxy

import (
	"encoding/binary"
	"sync"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Bounds of what a party remembers of statement texts.
const (
	rewritesKept    = 8 << 20  // bytes, of each generation
	rewriteKept     = 16 << 10 // bytes of one text
	rewriteOverhead = 1024     // bytes that an entry takes beside its text, about
)

// rewrites remembers what the planner said of statement texts, for all sessions of a party: the connections of a pool send
// the same texts, and each would parse them again. Refusals are not kept. Safe for concurrent use; the zero value is empty.
//
// Two generations stand in for a list by last use: what is asked for moves to the young one, and when
// that is full the old one goes.
type rewrites struct {
	mu    sync.Mutex
	young map[rewriteKey][]sqlplan.Statement
	old   map[rewriteKey][]sqlplan.Statement
	bytes int // of young
}

// rewriteKey is all that sqlplan.Rewrite reads. The study is the very one that the session began with, so that another epoch,
// with other tables and grants, has its own entries; so has every analyst.
type rewriteKey struct {
	study   *catalog.Study
	analyst string
	text    string
	types   string // oids, packed
}

// rewrite is sqlplan.Rewrite, remembered. The statements must not be changed.
func (r *rewrites) rewrite(study *catalog.Study, analyst, text string, types []uint32) ([]sqlplan.Statement, error) {
	if len(text) > rewriteKept || len(types) > rewriteKept/4 {
		return sqlplan.Rewrite(study, analyst, text, types)
	}
	packed := make([]byte, 0, 4*len(types))
	for _, t := range types {
		packed = binary.BigEndian.AppendUint32(packed, t)
	}
	key := rewriteKey{study, analyst, text, string(packed)}
	if found, ok := r.get(key); ok {
		return found, nil
	}
	made, err := sqlplan.Rewrite(study, analyst, text, types)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(key, made)
	return made, nil
}

// get finds an entry.
func (r *rewrites) get(key rewriteKey) ([]sqlplan.Statement, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found, ok := r.young[key]; ok {
		return found, true
	}
	found, ok := r.old[key]
	if ok {
		r.keep(key, found)
	}
	return found, ok
}

// keep puts an entry into the young generation. The caller holds mu.
func (r *rewrites) keep(key rewriteKey, made []sqlplan.Statement) {
	size := (len(made)+1)*rewriteOverhead + 3*len(key.text) + len(key.types) // a statement holds parts of its text
	if r.young == nil || r.bytes+size > rewritesKept {
		r.young, r.old, r.bytes = map[rewriteKey][]sqlplan.Statement{}, r.young, 0
	}
	if _, known := r.young[key]; !known {
		r.bytes += size
	}
	r.young[key] = made
}

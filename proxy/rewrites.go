package proxy

import (
	"encoding/binary"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Bounds of one text that is remembered.
const (
	rewriteKept     = 16 << 10 // bytes
	rewriteOverhead = 1024     // bytes that an entry takes beside its text, about
)

// rewrites remembers what the planner said of statement texts, for all sessions of a party: the connections of a pool send
// the same texts, and each would parse them again. Refusals are not kept.
type rewrites struct {
	remembered[rewriteKey, []sqlplan.Statement]
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
func (r *rewrites) rewrite(key rewriteKey, types []uint32) ([]sqlplan.Statement, error) {
	if len(key.text) > rewriteKept || len(key.types) > rewriteKept {
		return sqlplan.Rewrite(key.study, key.analyst, key.text, types)
	}
	if found, ok := r.get(key); ok {
		return found, nil
	}
	made, err := sqlplan.Rewrite(key.study, key.analyst, key.text, types)
	if err != nil {
		return nil, err
	}
	r.put(key, made, (len(made)+1)*rewriteOverhead+3*len(key.text)+len(key.types)) // a statement holds parts of its text
	return made, nil
}

// packed writes oids as a key.
func packed(oids []uint32) string {
	b := make([]byte, 0, 4*len(oids))
	for _, oid := range oids {
		b = binary.BigEndian.AppendUint32(b, oid)
	}
	return string(b)
}

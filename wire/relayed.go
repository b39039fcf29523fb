package wire

import "encoding/binary"

// Bounds of what one session remembers.
const (
	relayedTexts = 128  // of each generation
	relayedBytes = 4096 // of one text
)

// relayed remembers the texts of one session that Rewrite let pass untouched, all their statements being Relay. BI tools and
// prepared-statement caches repeat few texts, and parsing one costs more than relaying it.
//
// It is safe because Rewrite is a function of text and types within a session (Session says so), because a
// Federated statement, whose Finish has an effect, is never kept, and because a refusal is never kept. Should
// a handler break that promise, the shadow still refuses to read a federated table (42501).
//
// Two generations stand in for a list by last use: what is asked for moves to the young one, and when
// that is full the old one goes.
type relayed struct {
	young, old map[relayedText]struct{}
}

// relayedText is a statement text and its declared parameter types, packed.
type relayedText struct{ text, types string }

// has says whether the text passes untouched.
func (r *relayed) has(text string, types []uint32) bool {
	key := relayedText{text, packed(types)}
	if _, ok := r.young[key]; ok {
		return true
	}
	_, ok := r.old[key]
	if ok {
		r.keep(key)
	}
	return ok
}

// add remembers a text.
func (r *relayed) add(text string, types []uint32) {
	if len(text) <= relayedBytes && len(types) <= relayedTexts {
		r.keep(relayedText{text, packed(types)})
	}
}

// keep puts a text into the young generation.
func (r *relayed) keep(key relayedText) {
	if r.young == nil || len(r.young) >= relayedTexts {
		r.young, r.old = make(map[relayedText]struct{}), r.young
	}
	r.young[key] = struct{}{}
}

// packed is a list of oids as a key.
func packed(types []uint32) string {
	if len(types) == 0 {
		return ""
	}
	b := make([]byte, 0, 4*len(types))
	for _, t := range types {
		b = binary.BigEndian.AppendUint32(b, t)
	}
	return string(b)
}

package wire

import "encoding/binary"

// Bounds of what one session remembers.
const (
	rememberedTexts = 128  // of each generation
	rememberedBytes = 4096 // of one text
)

// remembered keeps what became known of the texts of one session. BI tools and prepared-statement caches repeat few
// texts, and to parse or describe one costs more than to relay it.
//
// Two generations stand in for a list by last use: what is asked for moves to the young one, and when
// that is full the old one goes.
type remembered[V any] struct {
	young, old map[typedText]V
}

// typedText is a statement text and its declared parameter types, packed.
type typedText struct{ text, types string }

// get finds what is known of a text.
func (r *remembered[V]) get(text string, types []uint32) (V, bool) {
	key := typedText{text, packed(types)}
	if v, ok := r.young[key]; ok {
		return v, true
	}
	v, ok := r.old[key]
	if ok {
		r.keep(key, v)
	}
	return v, ok
}

// add remembers a text.
func (r *remembered[V]) add(text string, types []uint32, v V) {
	if len(text) <= rememberedBytes && len(types) <= rememberedTexts {
		r.keep(typedText{text, packed(types)}, v)
	}
}

// keep puts a text into the young generation.
func (r *remembered[V]) keep(key typedText, v V) {
	if r.young == nil || len(r.young) >= rememberedTexts {
		r.young, r.old = make(map[typedText]V), r.young
	}
	r.young[key] = v
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

package proxy

import "sync"

// rememberedBytes bounds what one memory holds, in each of its two generations.
const rememberedBytes = 8 << 20

// remembered keeps what was computed, for all sessions of a party, within a bound of bytes. Two generations stand in
// for a list by last use: what is asked for moves to the young one, and when that is full the old one goes.
// Safe for concurrent use; the zero value is empty. Values must not be changed.
type remembered[K comparable, V any] struct {
	mu    sync.Mutex
	young map[K]sized[V]
	old   map[K]sized[V]
	bytes int // of young
}

// sized is a value with the bytes that its entry takes, about.
type sized[V any] struct {
	value V
	bytes int
}

// get finds an entry.
func (r *remembered[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found, ok := r.young[key]; ok {
		return found.value, true
	}
	found, ok := r.old[key]
	if ok {
		r.keep(key, found)
	}
	return found.value, ok
}

// put remembers an entry that takes about so many bytes.
func (r *remembered[K, V]) put(key K, value V, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keep(key, sized[V]{value, bytes})
}

// keep puts an entry into the young generation. The caller holds mu.
func (r *remembered[K, V]) keep(key K, one sized[V]) {
	if r.young == nil || r.bytes+one.bytes > rememberedBytes {
		r.young, r.old, r.bytes = map[K]sized[V]{}, r.young, 0
	}
	if _, known := r.young[key]; !known {
		r.bytes += one.bytes
	}
	r.young[key] = one
}

package mpc

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
)

// keyed is the function that the two key owners of a lookup share: join key → tag (two
// words) and mask. Distinct keys give independent uniform values. The implementation
// is [lookupKey]; tests put tables of a random function in its place.
type keyed interface {
	derive(key []byte, tag, mask []uint64)
}

// lookupKey is the keyed function of one lookup node in one execution.
//
// The tag is CMAC-AES under one subkey; the mask is AES under a second subkey in counter
// mode, its starting point the CMAC under a third (a pseudo-random initial value, as in
// SIV, RFC 5297). For q keys of at most m blocks with masks of b blocks it differs from a random function
// by the advantage against AES and about (q·(m+b))²/2^128: below 2^-80 for 2^20 keys.
// The positions in the store need no secret of their own: they are a function of the
// tag and the store's public seed, both of which the third party holds anyway (RULES 7).
// One goroutine uses it.
type lookupKey struct {
	concealed
	tag, start   mac
	stream       cipher.Block
	state, block [16]byte // scratch: a buffer made for each key would go to the heap
}

// newLookupKey expands the pair's secret for a node, which [Seeds] bound to the
// execution, by HKDF-SHA-256 into the three subkeys.
func newLookupKey(secret [32]byte) (*lookupKey, error) {
	var blocks [3]cipher.Block
	for i, purpose := range []string{"tag", "mask start", "mask stream"} {
		key, err := hkdf.Key(sha256.New, secret[:], nil, "c2dproxy lookup 1 "+purpose, 16)
		if err != nil {
			return nil, fmt.Errorf("mpc: lookup key: %w", err)
		}
		if blocks[i], err = aes.NewCipher(key); err != nil {
			return nil, fmt.Errorf("mpc: lookup key: %w", err)
		}
	}
	return &lookupKey{tag: newMAC(blocks[0]), start: newMAC(blocks[1]), stream: blocks[2]}, nil
}

// derive implements keyed.
func (k *lookupKey) derive(key []byte, tag, mask []uint64) {
	k.tag.sum(key, &k.state)
	tag[0], tag[1] = binary.LittleEndian.Uint64(k.state[:8]), binary.LittleEndian.Uint64(k.state[8:])
	k.start.sum(key, &k.state)
	counter := binary.LittleEndian.Uint64(k.state[:8])
	for i := 0; i < len(mask); i += 2 {
		binary.LittleEndian.PutUint64(k.state[:8], counter+uint64(i/2))
		k.stream.Encrypt(k.block[:], k.state[:])
		mask[i] = binary.LittleEndian.Uint64(k.block[:8])
		if i+1 < len(mask) {
			mask[i+1] = binary.LittleEndian.Uint64(k.block[8:])
		}
	}
}

// concealed makes what embeds it print as a placeholder under every verb, and refuse JSON.
type concealed struct{}

// Format hides the value.
func (concealed) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[lookup secret]")) }

// LogValue hides the value.
func (concealed) LogValue() slog.Value { return slog.StringValue("[lookup secret]") }

// MarshalJSON refuses.
func (concealed) MarshalJSON() ([]byte, error) { return nil, errSecret }

// mac is CMAC with AES (RFC 4493, NIST SP 800-38B), a pseudo-random function of
// messages of any length. A message of one block costs one call of AES, which is why
// it is here: HMAC costs ten times as much a key.
type mac struct {
	block       cipher.Block
	whole, part [16]byte // K1 and K2: added to a last block that is full, and to one that is padded
}

// newMAC derives the two constants of a key.
func newMAC(block cipher.Block) mac {
	m := mac{block: block}
	var zero [16]byte
	block.Encrypt(zero[:], zero[:])
	m.whole = double(zero)
	m.part = double(m.whole)
	return m
}

// double multiplies by x in GF(2^128), big-endian, modulo x^128 + x^7 + x^2 + x + 1.
func double(b [16]byte) (out [16]byte) {
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	binary.BigEndian.PutUint64(out[:8], hi<<1|lo>>63)
	binary.BigEndian.PutUint64(out[8:], lo<<1^-(hi>>63)&0x87)
	return out
}

// sum sets state to the CMAC of msg.
func (m *mac) sum(msg []byte, state *[16]byte) {
	clear(state[:])
	for len(msg) > 16 {
		for i := range state {
			state[i] ^= msg[i]
		}
		m.block.Encrypt(state[:], state[:])
		msg = msg[16:]
	}
	last := &m.whole
	if len(msg) < 16 {
		last = &m.part
		state[len(msg)] ^= 0x80
	}
	for i, b := range msg {
		state[i] ^= b
	}
	for i, b := range last {
		state[i] ^= b
	}
	m.block.Encrypt(state[:], state[:])
}

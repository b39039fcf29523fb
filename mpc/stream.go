package mpc

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
)

// chunkWords is how many words of a stream are made at a time: the buffer stays in the first-level cache.
const chunkWords = 512

// zeros is what the key stream is XORed onto.
var zeros [8 * chunkWords]byte

// stream is a pseudo-random sequence of 64-bit words that two parties share: AES-128
// in counter mode under the first half of a seed, starting at its second half. Words are
// little-endian.
type stream struct {
	secret
	keystream cipher.Stream
	buf       [8 * chunkWords]byte
}

// newStream starts the stream of a seed.
func newStream(seed [32]byte) (*stream, error) {
	block, err := aes.NewCipher(seed[:16])
	if err != nil {
		return nil, fmt.Errorf("mpc: stream: %w", err)
	}
	return &stream{keystream: cipher.NewCTR(block, seed[16:])}, nil
}

// chunk returns the next n ≤ chunkWords words as bytes, valid until the next call.
func (s *stream) chunk(n int) []byte {
	b := s.buf[:8*n]
	s.keystream.XORKeyStream(b, zeros[:8*n])
	return b
}

// fill sets dst to the next words.
func (s *stream) fill(dst []uint64) {
	for len(dst) > 0 {
		n := min(len(dst), chunkWords)
		b := s.chunk(n)
		for i := range dst[:n] {
			dst[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
		dst = dst[n:]
	}
}

// fillBytes sets dst to the next ⌈len(dst)/8⌉ words, the last one cut.
func (s *stream) fillBytes(dst []byte) {
	for len(dst) > 0 {
		b := s.chunk(min((len(dst)+7)/8, chunkWords))
		dst = dst[copy(dst, b):]
	}
}

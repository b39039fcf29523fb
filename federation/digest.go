package federation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
)

// digest is a 32-byte hash or nonce; in messages it is 64 lower-case hexadecimal digits.
type digest [32]byte

// MarshalText implements encoding.TextMarshaler.
func (d digest) MarshalText() ([]byte, error) {
	return []byte(hex.EncodeToString(d[:])), nil
}

// UnmarshalText accepts exactly what MarshalText writes.
func (d *digest) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(d) || hex.EncodeToString(raw) != string(text) {
		return fmt.Errorf("%w: not a digest", errFrame)
	}
	copy(d[:], raw)
	return nil
}

// String returns the hexadecimal form, as audit logs and clients show an execution.
func (id ExecutionID) String() string { return hex.EncodeToString(id[:]) }

// transcript hashes typed fields injectively: each is preceded by its length, and the
// whole by a tag that separates the domain of every use.
type transcript struct{ h hash.Hash }

// newTranscript starts a transcript under a tag.
func newTranscript(tag string) transcript {
	t := transcript{sha256.New()}
	t.text(tag)
	return t
}

// bytes adds one field.
func (t transcript) bytes(b []byte) {
	t.number(uint64(len(b)))
	t.h.Write(b)
}

// text adds one field.
func (t transcript) text(s string) { t.bytes([]byte(s)) }

// optional adds one field that may be absent.
func (t transcript) optional(s *string) {
	if s == nil {
		t.number(0)
		return
	}
	t.number(1)
	t.text(*s)
}

// number adds a fixed-length field.
func (t transcript) number(n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	t.h.Write(b[:])
}

// sum returns the hash of all fields.
func (t transcript) sum() (d digest) {
	t.h.Sum(d[:0])
	return d
}

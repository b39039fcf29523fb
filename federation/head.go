package federation

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// ledgerHead says how long a party's ledger is. Peers keep the newest: a ledger that lacks
// what it once had was restored from an old copy.
type ledgerHead struct {
	Seq  entryNumber `json:"seq"`
	Hash digest      `json:"hash"`
}

// entryNumber counts a ledger's entries. It travels at a fixed length: messages are as long in a ledger's first days as
// later, whatever was asked in between.
type entryNumber uint64

// MarshalText implements encoding.TextMarshaler.
func (n entryNumber) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%016x", uint64(n)), nil }

// UnmarshalText implements encoding.TextUnmarshaler: 16 lower-case hexadecimal digits and nothing else.
func (n *entryNumber) UnmarshalText(text []byte) error {
	var raw [8]byte
	if len(text) != 16 || bytes.ContainsAny(text, "ABCDEF") {
		return errFrame
	}
	if _, err := hex.Decode(raw[:], text); err != nil {
		return errFrame
	}
	*n = entryNumber(binary.BigEndian.Uint64(raw[:]))
	return nil
}

// signedHead is a head with its party's signature. A peer shows it to that party again: only its own signature tells a
// party that its ledger is too old, so no peer can stop it with a head that it made up. A party has one ledger for all of
// its studies, so no study is in it.
type signedHead struct {
	ledgerHead
	Signature []byte `json:"signature,omitempty"`
}

// headText is what a party signs.
func headText(party string, head ledgerHead) digest {
	t := newTranscript(tagHead)
	t.text(party)
	t.number(uint64(head.Seq))
	t.bytes(head.Hash[:])
	return t.sum()
}

// by reports whether a party, whose key it is, signed the head.
func (h *signedHead) by(party string, key ed25519.PublicKey) bool {
	text := headText(party, h.ledgerHead)
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, text[:], h.Signature)
}

// head is this party's ledger head, signed.
func (m *mesh) head(ctx context.Context) (signedHead, error) {
	seq, hash, err := m.options.Ledger.Head(ctx)
	if err != nil {
		return signedHead{}, fmt.Errorf("read the ledger's head: %w", err)
	}
	head := ledgerHead{entryNumber(seq), hash}
	text := headText(m.options.Self, head)
	return signedHead{head, ed25519.Sign(m.options.Identity, text[:])}, nil
}

// recorded is the newest recorded head of a peer's ledger.
func (m *mesh) recorded(peer string) (signedHead, error) {
	seq, hash, signature, err := m.options.Heads.Peer(peer)
	if err != nil {
		return signedHead{}, fmt.Errorf("recall the ledger head of %q: %w", peer, err)
	}
	return signedHead{ledgerHead{entryNumber(seq), hash}, signature}, nil
}

// record keeps a peer's head, which is signed with key, unless it is older than what is recorded.
func (m *mesh) record(peer string, key ed25519.PublicKey, head signedHead) (older bool, err error) {
	if !head.by(peer, key) {
		return false, unsignedHead(peer)
	}
	m.recording.Lock()
	defer m.recording.Unlock()
	known, err := m.recorded(peer)
	switch {
	case err != nil:
		return false, err
	case known.Seq != 0 && olderThan(&head.ledgerHead, &known.ledgerHead):
		return true, nil
	case head.Seq == 0 || head.ledgerHead == known.ledgerHead && len(known.Signature) > 0:
		return false, nil
	}
	if err := m.options.Heads.RecordPeer(peer, uint64(head.Seq), head.Hash, head.Signature); err != nil {
		return false, fmt.Errorf("record the ledger head of %q: %w", peer, err)
	}
	return false, nil
}

// exchangeHead records the ledger head that another party sent with a release or receipt.
// One that is older than the recorded one proves nothing here: of two questions at once the
// later head may arrive first.
func (n *Node) exchangeHead(party string, key ed25519.PublicKey, head signedHead) error {
	if party == n.options.Self {
		return nil
	}
	_, err := n.mesh.record(party, key, head)
	return err
}

// unsignedHead is the error for a head that its party did not sign.
func unsignedHead(party string) *pgerr.Error {
	return pgerr.New(pgerr.ObjectNotInState, "the newest entry of the privacy ledger of owner %q is not signed by it", party).WithHint("The operator of %q must run c2dproxy ledger verify.", party)
}

// weAreBehind looks at what a peer remembers of this party's ledger. Only what this party signed itself counts; anything
// else is reported and ignored.
func (m *mesh) weAreBehind(peer string, held *signedHead) bool {
	if held.Seq == 0 {
		return false
	}
	if !held.by(m.options.Self, m.publicKey()) {
		const problem = "it shows an entry of this party's ledger that this party did not sign, which is ignored"
		reported := false
		m.note(peer, func(s *peerState) {
			reported = s.status.LastError == problem
			s.status.LastError = problem
		})
		if !reported {
			m.options.Logger.Warn("a peer shows a forged entry of our ledger", "peer", peer, "entry", uint64(held.Seq))
		}
		return false
	}
	return m.options.Heads.CheckNotBehind(uint64(held.Seq), held.Hash) != nil
}

// olderThan reports whether a ledger at head lacks what it had at known, or has other
// entries in its place.
func olderThan(head, known *ledgerHead) bool {
	return head.Seq < known.Seq || head.Seq == known.Seq && head.Hash != known.Hash
}

// behind is the error for a ledger that is older than what it once signed.
func behind(party string) *pgerr.Error {
	return pgerr.New(pgerr.LedgerBehind, "the privacy ledger of owner %q is older than a receipt that another party holds", party).
		WithHint("The operator of %q must run c2dproxy ledger verify and restore the newest ledger.", party)
}

// fingerprintOf returns the fingerprint of a public key.
func fingerprintOf(key []byte) (string, bool) {
	if len(key) != ed25519.PublicKeySize {
		return "", false
	}
	print, err := catalog.Fingerprint(ed25519.PublicKey(key))
	return print, err == nil
}

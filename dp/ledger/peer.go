package ledger

import "slices"

// RecordPeer keeps the head of a peer's ledger, durably. A head that went back, or another hash
// of the same entry, is a *PeerError: that peer's ledger was set back or replaced, and it must
// not take part until its operator has put it right. Whether a newer head contains the recorded
// one only the peer can tell: it is asked with the recorded head (see CheckNotBehind), and with its own signature, which the
// caller has verified.
func (l *Ledger) RecordPeer(peer string, seq uint64, hash [32]byte, signature []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if peer == "" || len(peer) > maxName || seq == 0 || len(signature) > maxName {
		return ErrInvalid
	}
	known := l.fold.peers[peer]
	if known.Seq == seq && known.Hash == hash && (len(known.Signature) > 0 || len(signature) == 0) {
		return nil
	}
	return l.append(PeerSeen{Peer: peer, Seq: seq, Hash: hash, Signature: slices.Clone(signature)})
}

// Peer returns the last recorded head of a peer's ledger, with its signature where it came with one; seq 0 if there is none.
func (l *Ledger) Peer(peer string) (seq uint64, hash [32]byte, signature []byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return 0, [32]byte{}, nil, err
	}
	seen := l.fold.peers[peer]
	return seen.Seq, seen.Hash, seen.Signature, nil
}

// CheckNotBehind returns nil if this ledger's chain contains entry seq with that hash, as a
// peer's receipt says, and a *BehindError otherwise: then this ledger is an old copy and its
// owner must answer nothing. The caller authenticates the peer. Seq 0 is no receipt.
func (l *Ledger) CheckNotBehind(seq uint64, hash [32]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if seq == 0 {
		return nil
	}
	k, found, err := l.store.get(seq)
	if err != nil {
		return err
	}
	if !found || k.hash != hash {
		return &BehindError{Receipt: seq, Head: l.fold.seq}
	}
	return nil
}

package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
)

// maxKey bounds a public key, in bytes.
const maxKey = 1 << 10

// consentText is what the holder of a new key signs before it is named in the ledger: that it goes on from exactly this
// chain. Without it, who can write the file but use no key could sign a chain of its own that ends by naming ours.
func consentText(previous [32]byte, old, new []byte) [32]byte {
	var e encoder
	e.text(string(old))
	e.text(string(new))
	h := sha256.New()
	h.Write([]byte("c2dproxy ledger handover 1\x00"))
	h.Write(previous[:])
	h.Write(e.bytes)
	return [32]byte(h.Sum(nil))
}

// HandOver names, in an entry that the present key signs, the key that signs from now on; consent signs with that one. The
// ledger is then unusable until it is opened with the new key, and the old one opens it never again.
func (l *Ledger) HandOver(key []byte, consent func(text [32]byte) ([]byte, error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	if l.options.Check == nil || len(key) == 0 || len(key) > maxKey || bytes.Equal(key, l.options.Key) {
		return fmt.Errorf("%w: a ledger is handed over to another key", ErrInvalid)
	}
	text := consentText(l.fold.hash, l.options.Key, key)
	signature, err := consent(text)
	if err != nil {
		return fmt.Errorf("ledger: signing with the new key: %w", err)
	}
	if err := l.options.Check(key, text, signature); err != nil {
		return fmt.Errorf("%w: the new key did not sign: %w", ErrInvalid, err)
	}
	err = l.append(HandedOver{Old: slices.Clone(l.options.Key), New: slices.Clone(key), Consent: signature})
	if err == nil {
		l.broken = ErrKey
	}
	return err
}

// Keys returns the public keys that signed this ledger, in order; the last is the present one.
func (l *Ledger) Keys() ([][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return nil, err
	}
	steps, err := l.handovers()
	if err != nil {
		return nil, err
	}
	var keys [][]byte
	for _, s := range steps {
		keys = append(keys, s.key)
	}
	return keys, nil
}

// keyed is a key and the last entry that it signs; 0: all further ones.
type keyed struct {
	key  []byte
	last uint64
}

// handovers lists who signs which entries: each key until the entry with which it hands over, and the present one at the
// end. A chain that ends with another key is not ours to open.
func (l *Ledger) handovers() ([]keyed, error) {
	var steps []keyed
	present := l.options.Key
	err := l.store.walk(func(k link) error {
		if len(k.bytes) <= kindOffset || k.bytes[kindOffset] != kindHandedOver {
			return nil
		}
		entry, err := decodeEntry(k.bytes)
		event, ok := entry.Event.(HandedOver)
		if err != nil || !ok || len(steps) > 0 && !bytes.Equal(event.Old, present) {
			return fmt.Errorf("%w (entry %d does not follow from the one before)", ErrCorrupt, k.seq)
		}
		steps = append(steps, keyed{event.Old, k.seq})
		present = event.New
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case !bytes.Equal(present, l.options.Key):
		return nil, ErrKey
	}
	return append(steps, keyed{key: present}), nil
}

// signers returns the check of one link's signature; nil if this ledger has none.
func (l *Ledger) signers() (check func(previous [32]byte, k link, event Event) error, err error) {
	if l.options.Check == nil {
		return nil, nil
	}
	steps, err := l.handovers()
	if err != nil {
		return nil, err
	}
	return func(previous [32]byte, k link, event Event) error {
		for len(steps) > 1 && k.seq > steps[0].last {
			steps = steps[1:]
		}
		if err := l.options.Check(steps[0].key, k.hash, k.signature); err != nil {
			return fmt.Errorf("%w (signature of entry %d: %w)", ErrCorrupt, k.seq, err)
		}
		if h, ok := event.(HandedOver); ok {
			if err := l.options.Check(h.New, consentText(previous, h.Old, h.New), h.Consent); err != nil {
				return fmt.Errorf("%w (the key of entry %d did not take over: %w)", ErrCorrupt, k.seq, err)
			}
		}
		return nil
	}, nil
}

package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// identity is the n-th key of these tests.
func identity(n int) ed25519.PrivateKey {
	seed := id(n)
	return ed25519.NewKeyFromSeed(seed[:])
}

// publicOf is the public half of a key.
func publicOf(key ed25519.PrivateKey) []byte { return key.Public().(ed25519.PublicKey) }

// signing are the options of a party with a key.
func signing(c *clock, key ed25519.PrivateKey) Options {
	return Options{
		Owner: "clinic", Clock: c.Now, Key: publicOf(key),
		Sign: func(h [32]byte) ([]byte, error) { return ed25519.Sign(key, h[:]), nil },
		Check: func(public []byte, h [32]byte, s []byte) error {
			if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, h[:], s) {
				return errors.New("bad signature")
			}
			return nil
		},
	}
}

// consents signs with a key.
func consents(key ed25519.PrivateKey) func([32]byte) ([]byte, error) {
	return func(text [32]byte) ([]byte, error) { return ed25519.Sign(key, text[:]), nil }
}

// TestHandOver: a ledger goes from key to key, twice, and keeps what was spent; each key opens it in its own time only.
func TestHandOver(t *testing.T) {
	t.Parallel()
	path, c := filepath.Join(t.TempDir(), "ledger.db"), newClock()
	for n := range 3 {
		l, err := Open(path, signing(c, identity(n)))
		must(t, err)
		must(t, l.Reserve(reservation(n, c, 10)))
		must(t, l.Start(id(n), nil, nil))
		must(t, l.Verify())
		keys, err := l.Keys()
		if err != nil || len(keys) != n+1 || !bytes.Equal(keys[n], publicOf(identity(n))) || !bytes.Equal(keys[0], publicOf(identity(0))) {
			t.Fatalf("%d keys after %d hand-overs, %v", len(keys), n, err)
		}
		if e, _ := spent(t, l); int(e) != 10*(n+1) {
			t.Errorf("after %d hand-overs %d is spent", n, e)
		}
		next := identity(n + 1)
		want(t, l.HandOver(publicOf(identity(n)), consents(identity(n))), ErrInvalid)
		want(t, l.HandOver(publicOf(next), consents(identity(n))), ErrInvalid) // the new key did not sign
		want(t, l.HandOver(nil, consents(next)), ErrInvalid)
		must(t, l.HandOver(publicOf(next), consents(next)))
		want(t, l.Reserve(reservation(50+n, c, 10)), ErrUnusable)
		must(t, l.Close())
		for old := range n + 1 {
			_, err := Open(path, signing(c, identity(old)))
			want(t, err, ErrKey)
		}
		_, err = Open(path, signing(c, identity(n+2)))
		want(t, err, ErrKey)
	}
	unsigned, _, _ := fresh(t)
	want(t, unsigned.HandOver(publicOf(identity(1)), consents(identity(1))), ErrInvalid)
}

// TestForgedHandOver: who can write the file and use a key of his own, but not ours, makes no chain that we open: neither
// one that ends by naming our key, nor with a consent that our key gave to another chain.
func TestForgedHandOver(t *testing.T) {
	t.Parallel()
	c, thief, ours := newClock(), identity(7), identity(1)
	honest := filepath.Join(t.TempDir(), "ledger.db")
	l, err := Open(honest, signing(c, identity(0)))
	must(t, err)
	must(t, l.Reserve(reservation(1, c, 10)))
	must(t, l.HandOver(publicOf(ours), consents(ours)))
	must(t, l.Close())
	l, err = Open(honest, signing(c, ours))
	must(t, err)
	var given HandedOver
	must(t, l.Walk(func(e Entry) error {
		if h, ok := e.Event.(HandedOver); ok {
			given = h
		}
		return nil
	}))
	must(t, l.Close())
	for name, forge := range map[string]func(old []byte) HandedOver{
		"own signature": func(old []byte) HandedOver {
			return HandedOver{old, publicOf(ours), ed25519.Sign(thief, make([]byte, 32))}
		},
		"replayed consent": func(old []byte) HandedOver { return HandedOver{old, publicOf(ours), given.Consent} },
		"replayed whole":   func([]byte) HandedOver { return given },
	} {
		path := filepath.Join(t.TempDir(), "ledger.db")
		l, err := Open(path, signing(c, thief))
		must(t, err)
		must(t, l.append(forge(publicOf(thief))))
		must(t, l.Close())
		if _, err := Open(path, signing(c, ours)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: opened: %v", name, err)
		}
	}
	// The old key, stolen later, signs another chain and ends it with the consent that was given to the honest one.
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err = Open(path, signing(c, identity(0)))
	must(t, err)
	must(t, l.append(given))
	must(t, l.Close())
	_, err = Open(path, signing(c, ours))
	want(t, err, ErrCorrupt)
	// A hand-over that the new key signed itself was not given.
	db, err := bolt.Open(honest, 0o600, nil)
	must(t, err)
	must(t, db.Update(func(tx *bolt.Tx) error {
		seals := tx.Bucket(sealBucket)
		key, seal := seals.Cursor().Last()
		if tx.Bucket(chainBucket).Get(key)[kindOffset] != kindHandedOver {
			t.Fatal("the hand-over is not the last entry")
		}
		return seals.Put(key, append(bytes.Clone(seal[:32]), ed25519.Sign(ours, seal[:32])...))
	}))
	must(t, db.Close())
	_, err = Open(honest, signing(c, ours))
	want(t, err, ErrCorrupt)
}

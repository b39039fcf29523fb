package ledger

import (
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// TestDeletedLedger: deleting the file does not reset budgets, and a copy from elsewhere is not
// taken for it.
func TestDeletedLedger(t *testing.T) {
	t.Parallel()
	l, path, c := fresh(t)
	must(t, l.Close())
	options := Options{Owner: "clinic", Clock: c.Now}
	must(t, os.Rename(path, path+".away"))
	_, err := Open(path, options)
	want(t, err, ErrMissing)
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("a ledger was made: %v", err)
	}
	c.Advance(hour)
	other := open(t, filepath.Join(t.TempDir(), "ledger.db"), c)
	must(t, other.Close())
	must(t, os.Rename(other.path, path))
	_, err = Open(path, options)
	want(t, err, ErrCorrupt)
	must(t, os.Rename(path+".away", path))
	must(t, open(t, path, c).Close())

	must(t, os.Remove(markerPath(path))) // a ledger without its marker gets it back
	must(t, open(t, path, c).Close())
	if _, err := os.Stat(markerPath(path)); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedFile: damage is ErrCorrupt, never a fresh ledger, a panic or a smaller balance.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	l, path, c := fresh(t)
	for n := range 20 {
		must(t, l.Reserve(reservation(n, c, 5)))
		must(t, l.Start(id(n), nil, nil))
	}
	must(t, l.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	options := Options{Owner: "clinic", Clock: c.Now}
	for _, size := range []int{0, 1, 100, 4096, 8192, len(whole) / 2, len(whole) - 4096} {
		must(t, os.WriteFile(path, whole[:size], 0o600))
		if l, err := Open(path, options); !errors.Is(err, ErrCorrupt) {
			if err == nil {
				e, _ := spent(t, l)
				if size >= len(whole)-4096 && e == 100 {
					must(t, l.Close())
					continue // only free pages were lost
				}
			}
			t.Fatalf("cut to %d of %d bytes: %v", size, len(whole), err)
		}
	}
	const seed = 1
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, seed))
	refused := 0
	for range 150 {
		damaged := append([]byte(nil), whole...)
		for range 1 + rng.IntN(40) {
			damaged[rng.IntN(len(damaged))] ^= byte(1 + rng.IntN(255))
		}
		must(t, os.WriteFile(path, damaged, 0o600))
		l, err := Open(path, options)
		if err != nil {
			refused++
			want(t, err, ErrCorrupt)
			continue
		}
		// What still opens holds at least all but the last commit: bbolt keeps two roots.
		if b, err := l.Spent("mia@clinic", "nafld1"); err != nil || b.Epsilon+b.ReservedEpsilon < 100 {
			t.Fatalf("a damaged file lost charges: %+v, %v", b, err)
		}
		must(t, l.Close())
	}
	if refused < 20 {
		t.Fatalf("only %d of 150 damaged files were noticed", refused)
	}
	must(t, os.WriteFile(path, make([]byte, len(whole)), 0o600))
	_, err = Open(path, options)
	want(t, err, ErrCorrupt)
}

// TestEditedChain edits entries in a file that is valid for bbolt: every edit is noticed.
func TestEditedChain(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(chain, seals *bolt.Bucket) error{
		"byte flipped": func(chain, _ *bolt.Bucket) error {
			v := append([]byte(nil), chain.Get(seqKey(2))...)
			v[len(v)-1] ^= 1
			return chain.Put(seqKey(2), v)
		},
		"entry removed":  func(chain, _ *bolt.Bucket) error { return chain.Delete(seqKey(3)) },
		"seal removed":   func(_, seals *bolt.Bucket) error { return seals.Delete(seqKey(3)) },
		"seal cut short": func(_, seals *bolt.Bucket) error { return seals.Put(seqKey(3), []byte("x")) },
		"key added":      func(chain, _ *bolt.Bucket) error { return chain.Put([]byte("x"), nil) },
		"start forged with a right hash": func(chain, seals *bolt.Bucket) error {
			v, err := encodeEntry(Entry{Seq: 4, Event: Finished{id(1)}})
			if err != nil {
				return err
			}
			hash := chainHash([32]byte(seals.Get(seqKey(3))[:32]), v)
			return errors.Join(chain.Put(seqKey(4), v), seals.Put(seqKey(4), hash[:]))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, path, c := fresh(t)
			must(t, l.Reserve(reservation(1, c, 5)))
			must(t, l.RecordPeer("lab", 1, id(1), nil))
			must(t, l.store.db.Update(func(tx *bolt.Tx) error {
				return edit(tx.Bucket(chainBucket), tx.Bucket(sealBucket))
			}))
			want(t, l.Verify(), ErrCorrupt)
			must(t, l.Close())
			_, err := Open(path, Options{Owner: "clinic", Clock: c.Now})
			want(t, err, ErrCorrupt)
		})
	}
}

// TestSignatures: with a checker, a chain sealed without the owner's key is refused.
func TestSignatures(t *testing.T) {
	t.Parallel()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	path, c := filepath.Join(t.TempDir(), "ledger.db"), newClock()
	options := Options{
		Owner: "clinic", Clock: c.Now,
		Sign: func(h [32]byte) ([]byte, error) { return ed25519.Sign(key, h[:]), nil },
		Key:  key.Public().(ed25519.PublicKey),
		Check: func(public []byte, h [32]byte, s []byte) error {
			if !ed25519.Verify(public, h[:], s) {
				return errors.New("bad signature")
			}
			return nil
		},
	}
	l, err := Open(path, options)
	must(t, err)
	must(t, l.Reserve(reservation(1, c, 1)))
	must(t, l.Verify())
	must(t, l.Close())
	unsigned := open(t, path, c)
	must(t, unsigned.Start(id(1), nil, nil))
	must(t, unsigned.Close())
	_, err = Open(path, options)
	want(t, err, ErrCorrupt)

	failing := options
	failing.Sign = func([32]byte) ([]byte, error) { return nil, os.ErrPermission }
	failing.Check = nil
	f, err := Open(filepath.Join(t.TempDir(), "ledger.db"), failing)
	if f != nil {
		t.Fatal("a ledger was made without its signature")
	}
	want(t, err, os.ErrPermission)
}

// TestOpenRefusals: options, another owner, a second process.
func TestOpenRefusals(t *testing.T) {
	t.Parallel()
	l, path, c := fresh(t)
	for _, o := range []Options{{}, {Owner: "clinic"}, {Clock: c.Now}} {
		if _, err := Open(path, o); err == nil {
			t.Errorf("options %+v were accepted", o)
		}
	}
	_, err := Open(path, Options{Owner: "clinic", Clock: c.Now})
	want(t, err, ErrLocked)
	must(t, l.Close())
	_, err = Open(path, Options{Owner: "lab", Clock: c.Now})
	want(t, err, ErrOwner)
	_, err = Open(filepath.Join(t.TempDir(), "none.db"), Options{Owner: "clinic", Clock: c.Now, ReadOnly: true})
	want(t, err, os.ErrNotExist)
}

// TestReadOnly: looking changes nothing, not even what a crash left undecided.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	l, path, c := fresh(t)
	must(t, l.Reserve(reservation(1, c, 5)))
	must(t, l.Start(id(1), nil, nil))
	seq, _, err := l.Head()
	must(t, err)
	must(t, l.Close())
	r, err := Open(path, Options{Owner: "clinic", Clock: c.Now, ReadOnly: true})
	must(t, err)
	must(t, r.Verify())
	if got, _, err := r.Head(); err != nil || got != seq {
		t.Fatalf("head moved from %d to %d, %v", seq, got, err)
	}
	want(t, r.Finish(id(1)), ErrReadOnly)
	must(t, r.Close())
}

// TestFailedCommit: after a commit that failed nothing is answered from memory.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	l, _, c := fresh(t)
	must(t, l.store.db.Close())
	if err := l.Reserve(reservation(1, c, 5)); err == nil {
		t.Fatal("a reservation on a closed file succeeded")
	}
	_, err := l.Spent("mia@clinic", "nafld1")
	want(t, err, ErrUnusable)
	want(t, l.Reserve(reservation(2, c, 5)), ErrUnusable)
}

// TestInterruptedCreation: what a crash leaves of a creation neither blocks the next one nor
// stays.
func TestInterruptedCreation(t *testing.T) {
	t.Parallel()
	path, c := filepath.Join(t.TempDir(), "ledger.db"), newClock()
	must(t, os.WriteFile(path+".new-123", []byte("half"), 0o600))
	must(t, os.WriteFile(markerPath(path)+".new", []byte("half"), 0o600))
	must(t, open(t, path, c).Close())
	files, err := filepath.Glob(path + "*")
	must(t, err)
	if len(files) != 2 {
		t.Fatalf("files %v", files)
	}
}

// TestSyncIsOn: a commit that returns is on disk.
func TestSyncIsOn(t *testing.T) {
	t.Parallel()
	l, _, _ := fresh(t)
	if db := l.store.db; db.NoSync || db.NoGrowSync || db.NoFreelistSync {
		t.Fatal("the ledger's file is not synced")
	}
}

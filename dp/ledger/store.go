package ledger

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Buckets: entry number → canonical bytes, and entry number → hash ‖ signature.
var (
	chainBucket = []byte("chain")
	sealBucket  = []byte("seals")
)

// lockTimeout is how long opening waits for another process to let go.
const lockTimeout = time.Second

// link is one entry as it is stored.
type link struct {
	seq       uint64
	bytes     []byte
	hash      [32]byte
	signature []byte
}

// store keeps links in a bbolt file, each append one fsynced transaction.
type store struct{ db *bolt.DB }

// markerPath names the file that says that a ledger exists at path; it holds the hash of its
// first entry.
func markerPath(path string) string { return path + ".exists" }

// createStore puts a new file with its first link at path, whole or not at all: the file is
// made under another name and linked, which fails if path exists by then.
func createStore(path string, first link) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-")
	if err != nil {
		return fmt.Errorf("ledger: creating: %w", err)
	}
	name := temporary.Name()
	defer func() { _ = os.Remove(name) }() // the link keeps the file
	if err := temporary.Close(); err != nil {
		return fmt.Errorf("ledger: creating: %w", err)
	}
	db, err := bolt.Open(name, 0o600, &bolt.Options{Timeout: lockTimeout})
	if err != nil {
		return fmt.Errorf("ledger: creating: %w", err)
	}
	s := store{db}
	if err := errors.Join(s.append(first), db.Close()); err != nil {
		return fmt.Errorf("ledger: creating: %w", err)
	}
	if err := os.Link(name, path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("ledger: creating: %w", err)
	}
	return syncDirectory(filepath.Dir(path))
}

// openStore opens an existing file and never creates one. Damage that bbolt meets with a panic
// or a memory fault becomes ErrCorrupt.
func openStore(path string, readOnly bool) (s *store, err error) {
	var opened *os.File
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if opened != nil {
				// bbolt's memory map outlives the panic and would keep the file locked.
				_ = syscall.Flock(int(opened.Fd()), syscall.LOCK_UN)
				_ = opened.Close()
			}
			s, err = nil, fmt.Errorf("%w (%s: %v)", ErrCorrupt, path, p)
		}
	}()
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("ledger: opening: %w", err)
	} else if info.Size() == 0 {
		return nil, fmt.Errorf("%w (%s is empty)", ErrCorrupt, path) // bbolt would begin a new one
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:  lockTimeout,
		ReadOnly: readOnly,
		OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
			var err error
			opened, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
			return opened, err
		},
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w (%s)", ErrLocked, path)
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("ledger: opening: %w", err)
	case err != nil:
		return nil, fmt.Errorf("%w (%s: %w)", ErrCorrupt, path, err)
	}
	return &store{db}, nil
}

// append writes one link and returns when it is on disk.
func (s *store) append(l link) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(&err)
	return s.db.Update(func(tx *bolt.Tx) error {
		chain, err := tx.CreateBucketIfNotExists(chainBucket)
		if err != nil {
			return err
		}
		seals, err := tx.CreateBucketIfNotExists(sealBucket)
		if err != nil {
			return err
		}
		key := seqKey(l.seq)
		if chain.Get(key) != nil {
			return fmt.Errorf("%w (entry %d exists)", ErrCorrupt, l.seq)
		}
		if err := chain.Put(key, l.bytes); err != nil {
			return err
		}
		return seals.Put(key, append(l.hash[:], l.signature...))
	})
}

// walk calls visit with each link in order, without gaps; its bytes are valid during the call
// only. Damage is ErrCorrupt.
func (s *store) walk(visit func(link) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(&err)
	return s.db.View(func(tx *bolt.Tx) error {
		info, err := os.Stat(s.db.Path())
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w (the file was cut short)", ErrCorrupt)
		}
		chain, seals := tx.Bucket(chainBucket), tx.Bucket(sealBucket)
		if chain == nil || seals == nil {
			return fmt.Errorf("%w (no chain in it)", ErrCorrupt)
		}
		var last uint64
		err = chain.ForEach(func(key, value []byte) error {
			last++
			seal := seals.Get(key)
			if len(key) != 8 || binary.BigEndian.Uint64(key) != last || len(seal) < 32 {
				return fmt.Errorf("%w (entry %d is missing)", ErrCorrupt, last)
			}
			return visit(link{last, value, [32]byte(seal[:32]), seal[32:]})
		})
		if err != nil {
			return err
		}
		if final, _ := seals.Cursor().Last(); last == 0 || !bytes.Equal(final, seqKey(last)) {
			return fmt.Errorf("%w (the chain does not end with its last seal)", ErrCorrupt)
		}
		return nil
	})
}

// get returns the link of one entry; false if there is none.
func (s *store) get(seq uint64) (l link, found bool, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		chain, seals := tx.Bucket(chainBucket), tx.Bucket(sealBucket)
		if chain == nil || seals == nil {
			return ErrCorrupt
		}
		value, seal := chain.Get(seqKey(seq)), seals.Get(seqKey(seq))
		if value == nil {
			return nil
		}
		if len(seal) < 32 {
			return ErrCorrupt
		}
		l = link{seq, append([]byte(nil), value...), [32]byte(seal[:32]), append([]byte(nil), seal[32:]...)}
		found = true
		return nil
	})
	return l, found, err
}

// backup writes a consistent copy of the file, while the ledger is in use.
func (s *store) backup(w io.Writer) error {
	return s.db.View(func(tx *bolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
}

// checkMarker holds the marker to the ledger's first entry.
func checkMarker(path string, first [32]byte) (found bool, err error) {
	text, err := os.ReadFile(markerPath(path))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ledger: reading the marker: %w", err)
	}
	if strings.TrimSpace(string(text)) != hex.EncodeToString(first[:]) {
		return true, fmt.Errorf("%w (%s is of another ledger than %s)", ErrCorrupt, path, markerPath(path))
	}
	return true, nil
}

// writeMarker writes the marker durably: whole or not at all.
func writeMarker(path string, first [32]byte) error {
	name := markerPath(path) + ".new"
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("ledger: writing the marker: %w", err)
	}
	_, err = fmt.Fprintf(f, "%x\n", first)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("ledger: writing the marker: %w", err)
	}
	if err := os.Rename(name, markerPath(path)); err != nil {
		return fmt.Errorf("ledger: writing the marker: %w", err)
	}
	return syncDirectory(filepath.Dir(path))
}

// removeLeftovers deletes what an interrupted creation left; the caller holds the lock.
func removeLeftovers(path string) error {
	directory, prefix := filepath.Dir(path), filepath.Base(path)+".new-"
	files, err := os.ReadDir(directory)
	for _, f := range files {
		if strings.HasPrefix(f.Name(), prefix) {
			err = errors.Join(err, os.Remove(filepath.Join(directory, f.Name())))
		}
	}
	return err
}

// syncDirectory makes names in a directory durable.
func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// guard turns a panic of bbolt over damaged pages into ErrCorrupt.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w (%v)", ErrCorrupt, p)
	}
}

// seqKey orders entries in the file.
func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// Options says whose ledger it is and how it seals entries.
type Options struct {
	Owner    string           // required: the party; a ledger of another one is refused
	Clock    func() time.Time // required
	ReadOnly bool             // changes nothing, not even what a crash left undecided

	// Sign signs an entry's hash. Optional: without it entries are hashed only.
	Sign func(hash [32]byte) ([]byte, error)
	// Check holds each entry to its signature by a public key, at Open and Verify. Optional.
	Check func(key []byte, hash [32]byte, signature []byte) error
	// Key is the public key of Sign. Required with Check; earlier keys are those that handed over to it.
	Key []byte
}

// Ledger is an open ledger. Its zero value refuses everything.
type Ledger struct {
	path    string
	options Options

	mu     sync.Mutex
	store  *store // nil: closed, or unusable after a failed commit
	fold   *fold
	broken error
}

// Open opens the ledger at path, verifies its whole chain and decides what a crash left:
// executions STARTED become FINAL, reservations past their expiry DEAD. It creates a ledger
// only where none ever was: without the file but with its marker it is ErrMissing.
func Open(path string, options Options) (*Ledger, error) {
	if options.Owner == "" || len(options.Owner) > maxName || options.Clock == nil || options.Check != nil && len(options.Key) == 0 {
		return nil, errors.New("ledger: options need an owner, a clock and, to check signatures, a key")
	}
	l := &Ledger{path: path, options: options}
	if err := l.ensureFile(); err != nil {
		return nil, err
	}
	s, err := openStore(path, options.ReadOnly)
	if err != nil {
		return nil, err
	}
	l.store = s
	if err := l.load(); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	return l, nil
}

// Close lets the file go. A closed ledger refuses everything.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.store == nil {
		return nil
	}
	s := l.store
	l.store = nil
	return s.db.Close()
}

// ensureFile creates the file where there is neither file nor marker.
func (l *Ledger) ensureFile() error {
	_, err := os.Stat(l.path)
	if err == nil {
		return nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("ledger: opening: %w", err)
	}
	if _, err := os.Stat(markerPath(l.path)); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w (%s)", ErrMissing, l.path)
	}
	if l.options.ReadOnly {
		return fmt.Errorf("ledger: opening: %w", err)
	}
	first, err := l.seal(Entry{Seq: 1, Time: l.options.Clock(), Event: Created{l.options.Owner}}, [32]byte{})
	if err != nil {
		return err
	}
	return createStore(l.path, first)
}

// load folds the chain, and finishes what was interrupted.
func (l *Ledger) load() error {
	f, first, err := l.refold()
	if err != nil {
		return err
	}
	if f.owner != l.options.Owner {
		return fmt.Errorf("%w: %q", ErrOwner, f.owner)
	}
	l.fold = f
	marked, err := checkMarker(l.path, first)
	if err != nil || l.options.ReadOnly {
		return err
	}
	if !marked {
		if err := writeMarker(l.path, first); err != nil {
			return err
		}
	}
	if err := removeLeftovers(l.path); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return l.recover()
}

// recover decides what a crash interrupted, in the order of reservation.
func (l *Ledger) recover() error {
	if err := l.expire(); err != nil {
		return err
	}
	for _, id := range l.openIDs() {
		if l.fold.open[id].state != StateStarted {
			continue
		}
		if err := l.append(Recovered{id}); err != nil {
			return err
		}
	}
	return nil
}

// expire refunds reservations past their expiry.
func (l *Ledger) expire() error {
	now := l.options.Clock()
	for _, id := range l.openIDs() {
		x := l.fold.open[id]
		if x.state != StateReserved || x.expires.After(now) {
			continue
		}
		if err := l.append(Expired{id}); err != nil {
			return err
		}
	}
	return nil
}

// openIDs returns the executions that are RESERVED or STARTED in the order of their
// reservation.
func (l *Ledger) openIDs() []ID {
	ids := make([]ID, 0, len(l.fold.open))
	for id := range l.fold.open {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b ID) int {
		return cmp.Compare(l.fold.open[a].entry, l.fold.open[b].entry)
	})
	return ids
}

// refold reads the whole chain from disk, checks every link, signature and event, and returns
// what it means and the hash of its first entry.
func (l *Ledger) refold() (*fold, [32]byte, error) {
	f := newFold()
	var first [32]byte
	check, err := l.signers()
	if err != nil {
		return nil, first, err
	}
	err = l.store.walk(func(k link) error {
		entry, err := decodeEntry(k.bytes)
		if err != nil || entry.Seq != k.seq || chainHash(f.hash, k.bytes) != k.hash {
			return fmt.Errorf("%w (entry %d does not follow from the one before)", ErrCorrupt, k.seq)
		}
		if check != nil {
			if err := check(f.hash, k, entry.Event); err != nil {
				return err
			}
		}
		if err := f.check(entry.Event, entry.Time); err != nil {
			return fmt.Errorf("%w (entry %d: %w)", ErrCorrupt, k.seq, err)
		}
		if k.seq == 1 {
			first = k.hash
		}
		f.apply(entry.Event, k.seq, k.hash)
		return nil
	})
	return f, first, err
}

// append checks, seals, commits and then applies one event. The caller holds the lock. A failed
// commit makes the ledger unusable: whether it is on disk is unknown.
func (l *Ledger) append(event Event) error {
	if err := l.usable(); err != nil {
		return err
	}
	if l.options.ReadOnly {
		return ErrReadOnly
	}
	now := l.options.Clock()
	if err := l.fold.check(event, now); err != nil {
		return err
	}
	k, err := l.seal(Entry{Seq: l.fold.seq + 1, Time: now, Event: event}, l.fold.hash)
	if err != nil {
		return err
	}
	if err := l.store.append(k); err != nil {
		l.broken = err
		return fmt.Errorf("ledger: committing: %w", err)
	}
	l.fold.apply(event, k.seq, k.hash)
	return nil
}

// seal encodes, hashes and signs an entry.
func (l *Ledger) seal(entry Entry, previous [32]byte) (link, error) {
	bytes, err := encodeEntry(entry)
	if err != nil {
		return link{}, err
	}
	k := link{seq: entry.Seq, bytes: bytes, hash: chainHash(previous, bytes)}
	if l.options.Sign != nil {
		if k.signature, err = l.options.Sign(k.hash); err != nil {
			return link{}, fmt.Errorf("ledger: signing: %w", err)
		}
	}
	return k, nil
}

// usable refuses a closed, zero or broken ledger.
func (l *Ledger) usable() error {
	if l.broken != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, l.broken)
	}
	if l.store == nil || l.fold == nil {
		return ErrUnusable
	}
	return nil
}

package ledger

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

// entries has one of each kind.
func entries() []Entry {
	now := time.Unix(1_800_000_000, 5).UTC()
	r := reservation(1, newClock(), 3)
	r.Expires = r.Expires.UTC()
	var all []Entry
	for i, event := range []Event{
		Created{"clinic"}, Reserved{r}, Started{ID: id(1)}, Finished{id(1)}, Recovered{id(2)}, Abandoned{id(3)}, Expired{id(4)},
		PeerSeen{Peer: "lab", Seq: 7, Hash: id(7)}, PeerSeen{"lab", 8, id(8), []byte("signed")}, Started{id(9), []byte("approvals")},
		HandedOver{[]byte("old"), []byte("new"), []byte("consent")}, Released{id(1), id(2), []byte("signature")}, Reserved{Reservation{Expires: now}},
	} {
		all = append(all, Entry{Seq: uint64(i + 1), Time: now, Event: event})
	}
	return all
}

func TestEntryRoundTrip(t *testing.T) {
	t.Parallel()
	for _, entry := range entries() {
		b, err := encodeEntry(entry)
		must(t, err)
		got, err := decodeEntry(b)
		if err != nil || !reflect.DeepEqual(got, entry) {
			t.Errorf("%T: %+v, %v; want %+v", entry.Event, got, err, entry)
		}
		for n := range b {
			if _, err := decodeEntry(b[:n]); err == nil {
				t.Errorf("%T cut to %d of %d bytes decodes", entry.Event, n, len(b))
			}
		}
		if _, err := decodeEntry(append(bytes.Clone(b), 0)); err == nil {
			t.Errorf("%T with a byte too much decodes", entry.Event)
		}
	}
	if _, err := encodeEntry(Entry{}); err == nil {
		t.Error("an entry without an event was encoded")
	}
}

// FuzzDecodeEntry: what decodes has exactly these bytes as its canonical form.
func FuzzDecodeEntry(f *testing.F) {
	for _, entry := range entries() {
		b, err := encodeEntry(entry)
		must(f, err)
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		entry, err := decodeEntry(b)
		if err != nil {
			return
		}
		again, err := encodeEntry(entry)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x decodes to %+v, which is %x, %v", b, entry, again, err)
		}
	})
}

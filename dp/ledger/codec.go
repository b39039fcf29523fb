package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/c2dproxy/c2dproxy/dp"
)

// Kinds of events on disk. Numbers are never reused.
const (
	kindCreated byte = iota + 1
	kindReserved
	kindStarted
	kindFinished
	kindRecovered
	kindAbandoned
	kindExpired
	kindPeerSeen
	kindReleased
	kindStartedApproved // Started with the approvals
	kindPeerSeenSigned  // PeerSeen with the peer's signature
	kindHandedOver
)

// kindOffset is where an entry's kind stands: behind its number and time.
const kindOffset = 16

// encoder writes the canonical form: integers as 8 bytes big endian, texts with their length as
// 4 bytes before them, arrays of 32 bytes as they are. One value has one form.
type encoder struct{ bytes []byte }

// encodeEntry returns the canonical bytes of an entry.
func encodeEntry(entry Entry) ([]byte, error) {
	var e encoder
	e.uint(entry.Seq)
	e.int(entry.Time.UnixNano())
	switch ev := entry.Event.(type) {
	case Created:
		e.kind(kindCreated)
		e.text(ev.Owner)
	case Reserved:
		e.kind(kindReserved)
		e.reservation(ev.Reservation)
	case Started:
		if len(ev.Approvals) == 0 {
			e.transition(kindStarted, ev.ID)
			break
		}
		e.transition(kindStartedApproved, ev.ID)
		e.text(string(ev.Approvals))
	case Finished:
		e.transition(kindFinished, ev.ID)
	case Recovered:
		e.transition(kindRecovered, ev.ID)
	case Abandoned:
		e.transition(kindAbandoned, ev.ID)
	case Expired:
		e.transition(kindExpired, ev.ID)
	case PeerSeen:
		e.seen(ev)
	case Released:
		e.transition(kindReleased, ev.ID)
		e.array(ev.BatchHash)
		e.text(string(ev.Signature))
	case HandedOver:
		e.kind(kindHandedOver)
		for _, b := range [][]byte{ev.Old, ev.New, ev.Consent} {
			e.text(string(b))
		}
	default:
		return nil, fmt.Errorf("ledger: unknown event %T", entry.Event)
	}
	return e.bytes, nil
}

func (e *encoder) kind(k byte)      { e.bytes = append(e.bytes, k) }
func (e *encoder) uint(v uint64)    { e.bytes = binary.BigEndian.AppendUint64(e.bytes, v) }
func (e *encoder) int(v int64)      { e.uint(uint64(v)) }
func (e *encoder) array(a [32]byte) { e.bytes = append(e.bytes, a[:]...) }
func (e *encoder) text(s string) {
	e.bytes = binary.BigEndian.AppendUint32(e.bytes, uint32(len(s)))
	e.bytes = append(e.bytes, s...)
}

// transition writes an event that begins with an execution id.
func (e *encoder) transition(k byte, id ID) {
	e.kind(k)
	e.array(id)
}

// seen writes a peer's head; without a signature in the form of ledgers that had none.
func (e *encoder) seen(ev PeerSeen) {
	kind := kindPeerSeen
	if len(ev.Signature) > 0 {
		kind = kindPeerSeenSigned
	}
	e.kind(kind)
	e.text(ev.Peer)
	e.uint(ev.Seq)
	e.array(ev.Hash)
	if len(ev.Signature) > 0 {
		e.text(string(ev.Signature))
	}
}

// reservation writes a reservation with its charges and limits in their order.
func (e *encoder) reservation(r Reservation) {
	e.array(r.ID)
	e.text(r.Study)
	e.text(r.Analyst)
	e.text(r.Statement)
	e.int(r.Expires.UnixNano())
	e.uint(uint64(len(r.Charges)))
	for _, c := range r.Charges {
		e.text(c.Source)
		e.int(int64(c.Epsilon))
		e.int(int64(c.Delta))
	}
	e.uint(uint64(len(r.Limits)))
	for _, l := range r.Limits {
		e.text(l.Source)
		e.int(int64(l.AnalystEpsilon))
		e.int(int64(l.AnalystDelta))
		e.int(int64(l.CapEpsilon))
		e.int(int64(l.CapDelta))
	}
}

// errEntry says that bytes are no entry's canonical form.
var errEntry = errors.New("ledger: not an entry")

// decoder reads the canonical form. The first failure sticks; after it reads return zeros.
type decoder struct {
	rest []byte
	bad  bool
}

// decodeEntry reads exactly one entry; bytes left over are an error.
func decodeEntry(b []byte) (Entry, error) {
	d := decoder{rest: b}
	entry := Entry{Seq: d.uint(), Time: time.Unix(0, d.int()).UTC(), Event: d.event()}
	if d.bad || len(d.rest) != 0 {
		return Entry{}, errEntry
	}
	return entry, nil
}

// event reads the kind and what belongs to it.
func (d *decoder) event() Event {
	switch kind := d.take(1); {
	case kind == nil:
		return nil
	case kind[0] == kindCreated:
		return Created{d.text(maxName)}
	case kind[0] == kindReserved:
		return Reserved{d.reservation()}
	case kind[0] == kindStarted:
		return Started{ID: d.array()}
	case kind[0] == kindStartedApproved:
		return Started{ID: d.array(), Approvals: d.filled(maxApprovals)}
	case kind[0] == kindFinished:
		return Finished{d.array()}
	case kind[0] == kindRecovered:
		return Recovered{d.array()}
	case kind[0] == kindAbandoned:
		return Abandoned{d.array()}
	case kind[0] == kindExpired:
		return Expired{d.array()}
	case kind[0] == kindPeerSeen:
		return PeerSeen{Peer: d.text(maxName), Seq: d.uint(), Hash: d.array()}
	case kind[0] == kindPeerSeenSigned:
		return PeerSeen{Peer: d.text(maxName), Seq: d.uint(), Hash: d.array(), Signature: d.filled(maxName)}
	case kind[0] == kindReleased:
		return Released{ID: d.array(), BatchHash: d.array(), Signature: []byte(d.text(maxName))}
	case kind[0] == kindHandedOver:
		return HandedOver{Old: d.filled(maxKey), New: d.filled(maxKey), Consent: d.filled(maxKey)}
	default:
		d.bad = true
		return nil
	}
}

// reservation reads a reservation.
func (d *decoder) reservation() Reservation {
	r := Reservation{ID: d.array(), Study: d.text(maxName), Analyst: d.text(maxName), Statement: d.text(maxStatement)}
	r.Expires = time.Unix(0, d.int()).UTC()
	for range d.count() {
		r.Charges = append(r.Charges, Charge{d.text(maxName), dp.Epsilon(d.int()), dp.Delta(d.int())})
	}
	for range d.count() {
		r.Limits = append(r.Limits, Limit{
			d.text(maxName), dp.Epsilon(d.int()), dp.Delta(d.int()), dp.Epsilon(d.int()), dp.Delta(d.int())})
	}
	return r
}

// take returns the next n bytes, or nil.
func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.rest) {
		d.bad = true
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// uint reads 8 bytes, big endian.
func (d *decoder) uint() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// int reads 8 bytes in two's complement.
func (d *decoder) int() int64 { return int64(d.uint()) }

// count reads the length of a list.
func (d *decoder) count() int {
	n := d.uint()
	if n > maxCharges {
		d.bad = true
		return 0
	}
	return int(n)
}

// array reads 32 bytes.
func (d *decoder) array() (a [32]byte) {
	copy(a[:], d.take(32))
	return a
}

// text reads a text of at most limit bytes.
func (d *decoder) text(limit int) string {
	b := d.take(4)
	if b == nil {
		return ""
	}
	n := binary.BigEndian.Uint32(b)
	if n > math.MaxInt32 || int(n) > limit {
		d.bad = true
		return ""
	}
	return string(d.take(int(n)))
}

// filled reads at least one and at most limit bytes: nothing has a form of its own.
func (d *decoder) filled(limit int) []byte {
	b := []byte(d.text(limit))
	if len(b) == 0 {
		d.bad = true
	}
	return b
}

package ledger

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/c2dproxy/c2dproxy/dp"
)

// ID identifies one execution (RULES 1).
type ID [32]byte

// Charge is what one execution costs at one protected source. Zero amounts are allowed: an
// exact release is recorded and costs nothing here.
type Charge struct {
	Source  string
	Epsilon dp.Epsilon
	Delta   dp.Delta
}

// Limit is what an owner allows at one source at the time of a reservation: to this analyst in
// total, and to all together. The zero value allows nothing that costs.
type Limit struct {
	Source         string
	AnalystEpsilon dp.Epsilon
	AnalystDelta   dp.Delta
	CapEpsilon     dp.Epsilon
	CapDelta       dp.Delta
}

// Reservation asks to set the charges of an execution aside until Expires. Limits has exactly
// one entry for each charge's source.
type Reservation struct {
	ID        ID
	Study     string
	Analyst   string // login@gateway
	Statement string // for the owner's history
	Charges   []Charge
	Limits    []Limit
	Expires   time.Time
}

// Entry is one link of the chain.
type Entry struct {
	Seq   uint64 // from 1, without gaps
	Time  time.Time
	Event Event
}

// Event is what an entry records. The set is closed.
type Event interface{ isEvent() }

// Created is the first entry of every ledger and of no other place.
type Created struct{ Owner string }

// Reserved sets charges aside: → RESERVED.
type Reserved struct{ Reservation Reservation }

// Started makes a charge final before data is read: RESERVED → STARTED. Approvals are what all participants signed
// before that, for whoever asks later (RULES 4, 23); what is in them is not the ledger's to know.
type Started struct {
	ID        ID
	Approvals []byte
}

// Finished: STARTED → FINAL.
type Finished struct{ ID ID }

// Recovered: STARTED → FINAL, of an execution that a crash interrupted.
type Recovered struct{ ID ID }

// Abandoned refunds what was never started: RESERVED → DEAD.
type Abandoned struct{ ID ID }

// Expired refunds what was not started in time: RESERVED → DEAD.
type Expired struct{ ID ID }

// PeerSeen is a receipt of a peer's ledger head, with the peer's signature under it: nobody else can tell that peer that
// its ledger once was there.
type PeerSeen struct {
	Peer      string
	Seq       uint64
	Hash      [32]byte
	Signature []byte
}

// Released is a gateway's signed hash of the batch that it released (RULES 23).
type Released struct {
	ID        ID
	BatchHash [32]byte
	Signature []byte
}

// HandedOver names the key that signs the entries after this one; Consent is its signature, of a text that names the chain
// and both keys.
type HandedOver struct {
	Old, New []byte
	Consent  []byte
}

func (Created) isEvent()    {}
func (Reserved) isEvent()   {}
func (Started) isEvent()    {}
func (Finished) isEvent()   {}
func (Recovered) isEvent()  {}
func (Abandoned) isEvent()  {}
func (Expired) isEvent()    {}
func (PeerSeen) isEvent()   {}
func (Released) isEvent()   {}
func (HandedOver) isEvent() {}

// chainHash seals an entry: SHA-256 over the domain, the previous hash and the entry's bytes.
func chainHash(previous [32]byte, entry []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("c2dproxy ledger chain 1\x00"))
	h.Write(previous[:])
	h.Write(entry)
	return [32]byte(h.Sum(nil))
}

// fingerprint identifies a reservation's contents but for its limits, which are the owner's and
// may change between two identical requests.
func (r Reservation) fingerprint() [32]byte {
	var e encoder
	r.Limits = nil
	e.reservation(r)
	return sha256.Sum256(e.bytes)
}

// Bounds on what an entry may hold; they keep a foreign entry's decoding cheap.
const (
	maxName      = 1 << 10
	maxStatement = 1 << 20
	maxCharges   = 1 << 10
	maxApprovals = 4 << 20
)

// check refuses a reservation that could not be charged unambiguously.
func (r Reservation) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	switch {
	case r.ID == ID{}:
		return bad("no execution id")
	case r.Analyst == "" || len(r.Analyst) > maxName || len(r.Study) > maxName:
		return bad("no analyst, or a name is too long")
	case len(r.Statement) > maxStatement:
		return bad("the statement is too long")
	case len(r.Charges) > maxCharges || len(r.Limits) != len(r.Charges):
		return bad("each charge needs exactly one limit")
	case !time.Unix(0, r.Expires.UnixNano()).Equal(r.Expires):
		return bad("no expiry, or one that is out of range")
	}
	limits := make(map[string]bool, len(r.Limits))
	for _, l := range r.Limits {
		if l.AnalystEpsilon < 0 || l.AnalystDelta < 0 || l.CapEpsilon < 0 || l.CapDelta < 0 || limits[l.Source] {
			return bad("a negative or repeated limit of source %q", l.Source)
		}
		limits[l.Source] = true
	}
	for _, c := range r.Charges {
		if c.Source == "" || len(c.Source) > maxName || c.Epsilon < 0 || c.Delta < 0 {
			return bad("a negative charge, or a charge of no source")
		}
		if !limits[c.Source] {
			return bad("no limit, or two charges, of source %q", c.Source)
		}
		delete(limits, c.Source)
	}
	return nil
}

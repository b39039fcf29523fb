package proxy

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/federation"
)

// Proof is what an owner can show others of one execution: who approved what, and what the gateway says it released
// (RULES 4, 23). It holds the statement and its parameters, and no data.
type Proof struct {
	Approvals json.RawMessage `json:"approvals"`         // federation.Approvals
	Release   *ReleaseProof   `json:"release,omitempty"` // nil: nothing was released, or the party has no receipt
}

// ReleaseProof is the gateway's signature under the hash of what it released.
type ReleaseProof struct {
	Batch     string `json:"batch"` // hexadecimal
	Key       []byte `json:"key"`
	Signature []byte `json:"signature"`
}

// maxProof bounds a proof, in bytes.
const maxProof = 8 << 20

// Pins tells whose key has a fingerprint: this party's own and its peers'.
func Pins(config *catalog.Config) (func(party, fingerprint string) bool, error) {
	key, err := catalog.ReadKey(config.KeyFile)
	if err != nil {
		return nil, err
	}
	own, err := catalog.Fingerprint(key.Public())
	if err != nil {
		return nil, err
	}
	return func(party, fingerprint string) bool {
		if party == config.Party {
			return fingerprint == own
		}
		peer, ok := config.Peer(party)
		return ok && fingerprint == peer.Key
	}, nil
}

// ProofOf takes the proof of an execution out of a ledger.
func ProofOf(l *ledger.Ledger, id ledger.ID) (*Proof, error) {
	x, err := l.Execution(id)
	switch {
	case err != nil:
		return nil, err
	case len(x.Approvals) == 0:
		return nil, fmt.Errorf("the execution was never approved by all parties: it is %s", x.State)
	}
	p := &Proof{Approvals: x.Approvals}
	if x.Released != nil {
		if len(x.Released.Signature) != ed25519.PublicKeySize+ed25519.SignatureSize {
			return nil, errors.New("the receipt of the release is damaged")
		}
		p.Release = &ReleaseProof{Batch: hex.EncodeToString(x.Released.BatchHash[:]),
			Key: x.Released.Signature[:ed25519.PublicKeySize], Signature: x.Released.Signature[ed25519.PublicKeySize:]}
	}
	return p, nil
}

// DecodeProof reads a proof that anybody may have written.
func DecodeProof(data []byte) (*Proof, error) {
	if len(data) > maxProof {
		return nil, errors.New("not a proof: it is too long")
	}
	var p Proof
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil || d.More() {
		return nil, errors.New("not a proof of an execution; write one with: c2dproxy ledger proof FILE EXECUTION")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, p.Approvals); err != nil {
		return nil, errors.New("not a proof: it has no approvals")
	}
	p.Approvals = compact.Bytes()
	return &p, nil
}

// Verify checks every signature of a proof, and returns what was approved.
func (p *Proof) Verify(pinned func(party, fingerprint string) bool) (*federation.Approvals, error) {
	a, err := federation.DecodeApprovals(p.Approvals)
	if err != nil {
		return nil, err
	}
	if err := a.Verify(pinned); err != nil {
		return nil, err
	}
	if p.Release == nil {
		return a, nil
	}
	batch, err := hex.DecodeString(p.Release.Batch)
	if err != nil || len(batch) != 32 || len(p.Release.Key) != ed25519.PublicKeySize {
		return nil, errors.New("the release is damaged")
	}
	pin, err := catalog.Fingerprint(ed25519.PublicKey(p.Release.Key))
	if err != nil {
		return nil, err
	}
	if !pinned(a.Gateway(), pin) {
		return nil, fmt.Errorf("the release is signed with %s, which is not the key of %q", pin, a.Gateway())
	}
	r := federation.Receipt{Execution: a.Execution, Batch: [32]byte(batch), Gateway: a.Gateway(), GatewayKey: p.Release.Key, GatewaySignature: p.Release.Signature}
	return a, r.Verify(pin)
}

// Audited counts what VerifyApprovals found.
type Audited struct {
	Approved int // executions with the approvals of all their participants
	Bare     int // executions that an earlier version started: it did not keep approvals
	Foreign  int // among the approved, those signed with keys that are not pinned now
}

// VerifyApprovals holds every execution that was started to the approvals that the ledger keeps of it: signed by all
// participants, and of the statement, analyst and charges that were reserved.
func VerifyApprovals(l *ledger.Ledger, owner string, pinned func(party, fingerprint string) bool) (Audited, error) {
	var found Audited
	reserved := map[ledger.ID]ledger.Reservation{}
	err := l.Walk(func(e ledger.Entry) error {
		switch event := e.Event.(type) {
		case ledger.Reserved:
			reserved[event.Reservation.ID] = event.Reservation
		case ledger.Abandoned:
			delete(reserved, event.ID)
		case ledger.Expired:
			delete(reserved, event.ID)
		case ledger.Started:
			r := reserved[event.ID]
			delete(reserved, event.ID)
			if len(event.Approvals) == 0 {
				found.Bare++
				return nil
			}
			foreign, err := checkApprovals(event.Approvals, &r, owner, pinned)
			if err != nil {
				return fmt.Errorf("entry %d: %w", e.Seq, err)
			}
			found.Approved++
			if foreign {
				found.Foreign++
			}
		}
		return nil
	})
	return found, err
}

// checkApprovals holds one execution's approvals to its reservation. foreign: a key in them is not pinned.
func checkApprovals(data []byte, r *ledger.Reservation, owner string, pinned func(party, fingerprint string) bool) (foreign bool, err error) {
	a, err := federation.DecodeApprovals(data)
	if err != nil {
		return false, err
	}
	if err := a.Verify(func(party, fingerprint string) bool {
		foreign = foreign || !pinned(party, fingerprint)
		return true
	}); err != nil {
		return false, err
	}
	var own []ledger.Charge
	for _, c := range a.Charges {
		if c.Owner == owner {
			own = append(own, ledger.Charge{Source: c.Source, Epsilon: c.Epsilon, Delta: c.Delta})
		}
	}
	if ledger.ID(a.Execution) != r.ID || a.Query.Study != r.Study || a.Query.Analyst != r.Analyst || a.Query.SQL != r.Statement || !slices.Equal(own, r.Charges) {
		return false, errors.New("the approvals are of another question than the one that was charged")
	}
	return foreign, nil
}

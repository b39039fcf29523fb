package federation

import (
	"crypto/ed25519"
	"slices"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Tags separate the domains of everything that is hashed or signed here.
const (
	tagExecution = "c2dproxy execution v1"
	tagQuery     = "c2dproxy query v1"
	tagApproval  = "c2dproxy approval v1"
	tagRelease   = "c2dproxy release v1"
	tagReceipt   = "c2dproxy receipt v1"
	tagBatch     = "c2dproxy batch v1"
	tagSeed      = "c2dproxy seed v1"
	tagHead      = "c2dproxy ledger head v1"
)

// Participant is a party of a query and its roles in it.
type Participant struct {
	Name    string
	Compute int  // its number in package mpc
	Owner   bool // it reads data
	Gateway bool // it learns the opened batch
}

// Participants returns the parties of a plan, in the order of the compute parties: all of
// those, among them every owner that is read. A plan that names another owner is refused.
func Participants(plan *sqlplan.Plan) ([]Participant, error) {
	out := make([]Participant, len(plan.Compute))
	for i, name := range plan.Compute {
		out[i] = Participant{Name: name, Compute: i, Gateway: i == plan.Gateway}
	}
	if plan.Gateway < 0 || plan.Gateway >= len(out) || plan.Compute[plan.Gateway] != plan.Query.Gateway {
		return nil, pgerr.New(pgerr.ObjectNotInState, "the gateway of a question must be a compute party of its study").
			WithHint("Connect to one of the three parties that compute for the study.")
	}
	for _, task := range plan.Local {
		i := slices.Index(plan.Compute[:], task.Owner)
		if i < 0 {
			return nil, pgerr.New(pgerr.FeatureNotSupported, "owner %q is not a compute party of the study", task.Owner).
				WithHint("Ask about tables of the three parties that compute for the study.")
		}
		out[i].Owner = true
	}
	return out, nil
}

// Approval is what one party agrees to (RULES 4). Its verifier fills in every field but
// Party and Expires from its own plan, so that a signature under anything else fails.
type Approval struct {
	Study        string
	Epoch        [32]byte
	Version      string // of the compiler
	Execution    ExecutionID
	Query        [32]byte // hash of SQL, typed arguments, analyst, gateway, settings and now()
	PlanHash     [32]byte
	Leakage      [32]byte         // sqlplan.Plan.LeakageHash
	Charges      []sqlplan.Charge // of all owners
	Participants []Participant
	Party        string    // who signs
	Expires      time.Time // whole seconds
}

// signedApproval is an approval as it travels: what its verifier cannot know by itself.
type signedApproval struct {
	Party     string `json:"party"`
	Key       []byte `json:"key"` // its identity key, checked against the pin in the catalog
	Expires   int64  `json:"expires"`
	Signature []byte `json:"signature"`
}

// approvalFor returns the approval of a party for a plan.
func approvalFor(plan *sqlplan.Plan, planHash digest, id ExecutionID, members []Participant, party string, expires time.Time) Approval {
	return Approval{
		Study: plan.Query.Study, Epoch: plan.Query.Epoch, Version: plan.Query.Version,
		Execution: id, Query: queryHash(&plan.Query), PlanHash: planHash, Leakage: plan.LeakageHash(),
		Charges: plan.Charges, Participants: members, Party: party, Expires: expires.Truncate(time.Second),
	}
}

// text is what is signed: the hash of every field under a tag.
func (a *Approval) text() digest {
	t := newTranscript(tagApproval)
	t.text(a.Study)
	t.bytes(a.Epoch[:])
	t.text(a.Version)
	t.bytes(a.Execution[:])
	t.bytes(a.Query[:])
	t.bytes(a.PlanHash[:])
	t.bytes(a.Leakage[:])
	t.number(uint64(len(a.Charges)))
	for _, c := range a.Charges {
		t.text(c.Owner)
		t.text(c.Source)
		t.number(uint64(c.Epsilon))
		t.number(uint64(c.Delta))
	}
	t.number(uint64(len(a.Participants)))
	for _, p := range a.Participants {
		t.text(p.Name)
		t.number(uint64(p.Compute))
		t.number(flag(p.Owner))
		t.number(flag(p.Gateway))
	}
	t.text(a.Party)
	t.number(uint64(a.Expires.Unix()))
	return t.sum()
}

// sign returns the approval as it travels.
func (a *Approval) sign(key ed25519.PrivateKey) signedApproval {
	text := a.text()
	return signedApproval{a.Party, key.Public().(ed25519.PublicKey), a.Expires.Unix(), ed25519.Sign(key, text[:])}
}

// verify checks that s is the approval a, signed by the key that the study pins for its party.
func (a *Approval) verify(study *catalog.Study, s *signedApproval) error {
	pin, ok := pinIn(study, a.Party)
	text := a.text()
	if !ok || s.Party != a.Party || !signedBy(pin, s.Key, text, s.Signature) {
		return pgerr.New(pgerr.ObjectNotInState, "the approval of owner %q is not valid for this question", a.Party).
			WithHint("Ask again; if it happens again, tell the operator of %q.", a.Party)
	}
	return nil
}

// signedBy reports whether signature is under text by the key with that pin.
func signedBy(pin string, key []byte, text digest, signature []byte) bool {
	got, ok := fingerprintOf(key)
	return ok && got == pin && ed25519.Verify(key, text[:], signature)
}

// pinIn returns the pin of a party in a study.
func pinIn(study *catalog.Study, party string) (string, bool) {
	for i := range study.Parties {
		if study.Parties[i].Name == party {
			return study.Parties[i].Key, true
		}
	}
	return "", false
}

// executionID hashes the participants, in order, with the nonce of each, and the plan.
func executionID(members []Participant, nonces []digest, planHash digest) ExecutionID {
	t := newTranscript(tagExecution)
	t.bytes(planHash[:])
	t.number(uint64(len(members)))
	for i, m := range members {
		t.text(m.Name)
		t.bytes(nonces[i][:])
	}
	return ExecutionID(t.sum())
}

// queryHash hashes everything that gives a statement its meaning.
func queryHash(q *sqlplan.Query) digest {
	t := newTranscript(tagQuery)
	t.text(q.SQL)
	t.number(uint64(len(q.Args)))
	for _, a := range q.Args {
		t.optional(a)
	}
	t.number(uint64(len(q.ArgTypes)))
	for _, oid := range q.ArgTypes {
		t.number(uint64(oid))
	}
	for _, s := range []string{q.Analyst, q.Gateway, q.Study, q.Version, q.Settings.SearchPath,
		q.Settings.TimeZone, q.Settings.DateStyle, q.Settings.IntervalStyle} {
		t.text(s)
	}
	t.bytes(q.Epoch[:])
	t.number(uint64(q.Settings.Now))
	t.number(uint64(q.Settings.Epsilon))
	return t.sum()
}

// flag is 1 for true.
func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

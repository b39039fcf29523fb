package federation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Approvals are what the participants of an execution signed, with all that the signatures are under. Whoever knows the
// parties' pins can check who approved what (RULES 4, 23). They hold the statement and its parameters, which every party
// of the question saw, and no data.
type Approvals struct {
	Execution    ExecutionID
	Query        sqlplan.Query
	PlanHash     [32]byte
	Leakage      [32]byte
	Charges      []sqlplan.Charge
	Participants []Participant

	signed []signedApproval // one a participant, in order
}

// approvalsRecord is Approvals as they are kept.
type approvalsRecord struct {
	Format       int                 `json:"format"`
	Execution    digest              `json:"execution"`
	Query        queryMessage        `json:"query"`
	PlanHash     digest              `json:"planHash"`
	Leakage      digest              `json:"leakage"`
	Charges      []chargeRecord      `json:"charges"`
	Participants []participantRecord `json:"participants"`
	Approvals    []signedApproval    `json:"approvals"`
}

// chargeRecord is a sqlplan.Charge as it is kept.
type chargeRecord struct {
	Owner   string     `json:"owner"`
	Source  string     `json:"source"`
	Epsilon dp.Epsilon `json:"epsilon"` // nano-ε
	Delta   dp.Delta   `json:"delta"`   // 10^-18
}

// participantRecord is a Participant as it is kept.
type participantRecord struct {
	Name    string `json:"name"`
	Compute int    `json:"compute"`
	Owner   bool   `json:"owner"`
	Gateway bool   `json:"gateway"`
}

// approvalsFormat is raised when a record changes its meaning.
const approvalsFormat = 1

// approvals returns the record of a verified set.
func (p *part) approvals(set []signedApproval) ([]byte, error) {
	a := Approvals{Execution: p.execution.id, Query: p.plan.Query, PlanHash: p.planHash, Leakage: p.plan.LeakageHash(),
		Charges: p.plan.Charges, Participants: p.members, signed: set}
	return a.Encode()
}

// Encode returns the one form in which approvals are kept.
func (a *Approvals) Encode() ([]byte, error) {
	query, err := messageOf(&a.Query)
	if err != nil {
		return nil, err
	}
	r := approvalsRecord{Format: approvalsFormat, Execution: digest(a.Execution), Query: query, PlanHash: a.PlanHash, Leakage: a.Leakage,
		Charges: []chargeRecord{}, Participants: []participantRecord{}, Approvals: a.signed}
	for _, c := range a.Charges {
		r.Charges = append(r.Charges, chargeRecord(c))
	}
	for _, m := range a.Participants {
		r.Participants = append(r.Participants, participantRecord(m))
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode approvals: %w", err)
	}
	return data, nil
}

// DecodeApprovals reads what Encode wrote, and nothing else.
func DecodeApprovals(data []byte) (*Approvals, error) {
	var r approvalsRecord
	if err := decodeStrict(data, &r); err != nil {
		return nil, err
	}
	if r.Format != approvalsFormat || len(r.Approvals) != len(r.Participants) {
		return nil, fmt.Errorf("%w: not approvals of this format", errFrame)
	}
	a := &Approvals{Execution: ExecutionID(r.Execution), Query: r.Query.query(), PlanHash: r.PlanHash, Leakage: r.Leakage, signed: r.Approvals}
	for _, c := range r.Charges {
		a.Charges = append(a.Charges, sqlplan.Charge(c))
	}
	for _, m := range r.Participants {
		a.Participants = append(a.Participants, Participant(m))
	}
	if again, err := a.Encode(); err != nil || !bytes.Equal(again, data) {
		return nil, fmt.Errorf("%w: approvals in another form", errFrame)
	}
	return a, nil
}

// Verify checks that every participant signed exactly this, each with a key that pinned accepts as that party's.
func (a *Approvals) Verify(pinned func(party, fingerprint string) bool) error {
	if len(a.Participants) != parties || len(a.signed) != parties {
		return fmt.Errorf("the execution has %d participants and %d approvals; it takes %d of each", len(a.Participants), len(a.signed), parties)
	}
	for i, m := range a.Participants {
		s := a.signed[i]
		fingerprint, ok := fingerprintOf(s.Key)
		switch {
		case s.Party != m.Name || !ok || !signedBy(fingerprint, s.Key, a.of(i).text(), s.Signature):
			return fmt.Errorf("%q has not signed this execution", m.Name)
		case !pinned(m.Name, fingerprint):
			return fmt.Errorf("the approval of %q is signed with %s, which is not its key", m.Name, fingerprint)
		}
	}
	return nil
}

// of is what the i-th participant signed.
func (a *Approvals) of(i int) *Approval {
	return &Approval{Study: a.Query.Study, Epoch: a.Query.Epoch, Version: a.Query.Version, Execution: a.Execution, Query: queryHash(&a.Query),
		PlanHash: a.PlanHash, Leakage: a.Leakage, Charges: a.Charges, Participants: a.Participants,
		Party: a.Participants[i].Name, Expires: time.Unix(a.signed[i].Expires, 0)}
}

// Gateway is the participant that learns the answer; "" if there is none.
func (a *Approvals) Gateway() string {
	for _, m := range a.Participants {
		if m.Gateway {
			return m.Name
		}
	}
	return ""
}

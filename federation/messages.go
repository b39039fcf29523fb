package federation

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// messageType names a message of a query's conversation.
type messageType string

// The conversation of one query between the gateway and one participant, in order:
// →propose ←nonce →nonces ←approval →approvals ←ready →start ←done →release ←receipt.
// Either side may send failure or abort instead, and nothing after it.
const (
	msgPropose   messageType = "propose"
	msgNonce     messageType = "nonce"
	msgNonces    messageType = "nonces"
	msgApproval  messageType = "approval"
	msgApprovals messageType = "approvals"
	msgReady     messageType = "ready"
	msgStart     messageType = "start"
	msgDone      messageType = "done"
	msgRelease   messageType = "release"
	msgReceipt   messageType = "receipt"
	msgFailure   messageType = "failure"
	msgAbort     messageType = "abort"
)

// envelope carries one message.
type envelope struct {
	Type messageType     `json:"type"`
	Body json.RawMessage `json:"body,omitempty"`
}

// proposeMessage asks a participant to compile and compare.
type proposeMessage struct {
	Query    queryMessage `json:"query"`
	PlanHash digest       `json:"planHash"`
}

// nonceMessage is a participant's part of the execution id.
type nonceMessage struct {
	Nonce digest `json:"nonce"`
}

// noncesMessage holds all parts, in participant order.
type noncesMessage struct {
	Nonces []digest `json:"nonces"`
}

// approvalsMessage is the whole set, in participant order.
type approvalsMessage struct {
	Approvals []signedApproval `json:"approvals"`
}

// doneMessage says that a participant's part of the computation ended, and what it moved.
type doneMessage struct {
	Traffic Traffic `json:"traffic"`
}

// releaseMessage is the gateway's signed hash of the batch that it opened (RULES 23).
type releaseMessage struct {
	Batch     digest     `json:"batch"`
	Signature []byte     `json:"signature"`
	Head      signedHead `json:"head"` // of the gateway's ledger
}

// receiptMessage is a participant's signature under the same release.
type receiptMessage struct {
	Signature []byte     `json:"signature"`
	Head      signedHead `json:"head"` // of the participant's ledger
}

// queryMessage is a sqlplan.Query as it travels.
type queryMessage struct {
	SQL           string    `json:"sql"`
	Args          []*string `json:"args,omitempty"`
	ArgTypes      []uint32  `json:"argTypes,omitempty"`
	Analyst       string    `json:"analyst"`
	Gateway       string    `json:"gateway"`
	Study         string    `json:"study"`
	Epoch         digest    `json:"epoch"`
	Version       string    `json:"version"`
	SearchPath    string    `json:"searchPath"`
	TimeZone      string    `json:"timeZone"`
	DateStyle     string    `json:"dateStyle"`
	IntervalStyle string    `json:"intervalStyle"`
	Now           int64     `json:"now"`
	Epsilon       int64     `json:"epsilon"`
}

// messageOf makes a query travel; text that JSON would change is refused.
func messageOf(q *sqlplan.Query) (queryMessage, error) {
	texts := []string{q.SQL, q.Analyst, q.Gateway, q.Study, q.Version,
		q.Settings.SearchPath, q.Settings.TimeZone, q.Settings.DateStyle, q.Settings.IntervalStyle}
	for _, a := range q.Args {
		if a != nil {
			texts = append(texts, *a)
		}
	}
	for _, t := range texts {
		if !utf8.ValidString(t) {
			return queryMessage{}, fmt.Errorf("%w: text is not UTF-8", errFrame)
		}
	}
	return queryMessage{q.SQL, q.Args, q.ArgTypes, q.Analyst, q.Gateway, q.Study, q.Epoch, q.Version,
		q.Settings.SearchPath, q.Settings.TimeZone, q.Settings.DateStyle, q.Settings.IntervalStyle,
		q.Settings.Now, int64(q.Settings.Epsilon)}, nil
}

// query returns what messageOf got.
func (m *queryMessage) query() sqlplan.Query {
	return sqlplan.Query{
		SQL: m.SQL, Args: m.Args, ArgTypes: m.ArgTypes, Analyst: m.Analyst, Gateway: m.Gateway,
		Study: m.Study, Epoch: m.Epoch, Version: m.Version,
		Settings: sqlplan.Settings{SearchPath: m.SearchPath, TimeZone: m.TimeZone, DateStyle: m.DateStyle,
			IntervalStyle: m.IntervalStyle, Now: m.Now, Epsilon: dp.Epsilon(m.Epsilon)},
	}
}

// Traffic counts what one party exchanged with its neighbours for one execution. All of it
// is public: no length depends on data.
type Traffic struct {
	Sent     int64 `json:"sent"`     // bytes, round headers included
	Received int64 `json:"received"` // bytes
	Rounds   int64 `json:"rounds"`
}

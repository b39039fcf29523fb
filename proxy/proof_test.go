package proxy

import (
	"testing"

	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/federation"
)

// FuzzProof: whatever somebody hands over as a proof, it proves nothing without signatures, and nothing breaks. Proofs that
// do prove are conformance.TestProofs'.
func FuzzProof(f *testing.F) {
	a := federation.Approvals{Participants: []federation.Participant{{Name: "a", Gateway: true}, {Name: "b"}, {Name: "c"}}}
	encoded, err := a.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"approvals":` + string(encoded) + `}`))
	f.Add([]byte(`{"approvals":` + string(encoded) + `,"release":{"batch":"00","key":"AA==","signature":"AA=="}}`))
	f.Add([]byte(`{"approvals":{}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"x":1}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodeProof(data)
		if err != nil {
			return
		}
		if _, err := p.Verify(func(string, string) bool { return true }); err == nil {
			t.Errorf("%s proves something", data)
		}
	})
}

// A ledger in which an execution started with what nobody signed, or without approvals, is told apart.
func TestVerifyApprovals(t *testing.T) {
	t.Parallel()
	b := testBooks(t)
	for n := range 2 {
		if err := b.ask(t, byte(n+1), "mia@b", "t", 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	anybody := func(string, string) bool { return true }
	if err := b.Start(t.Context(), federation.ExecutionID{1}, nil, func() error { return nil }); err == nil {
		t.Error("an execution starts without approvals")
	}
	if err := b.ledger.Start(ledger.ID{1}, nil, nil); err != nil {
		t.Fatal(err)
	}
	found, err := VerifyApprovals(b.ledger, "a", anybody)
	if err != nil || found != (Audited{Bare: 1}) {
		t.Errorf("found %+v, %v", found, err)
	}
	if _, err := ProofOf(b.ledger, ledger.ID{1}); err == nil {
		t.Error("an execution without approvals has a proof")
	}
	if err := b.Start(t.Context(), federation.ExecutionID{2}, []byte("approvals"), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if found, err := VerifyApprovals(b.ledger, "a", anybody); err == nil {
		t.Errorf("approvals that nobody signed are found well: %+v", found)
	}
}

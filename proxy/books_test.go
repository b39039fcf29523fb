package proxy

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// testKey is an identity key.
func testKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, 31), n))
}

// testBooks are the books of party a, which owns source t (cap ε 5) under two names, and has
// granted more ε and less δ for the second.
func testBooks(t *testing.T) *books {
	t.Helper()
	l, err := openLedger(filepath.Join(t.TempDir(), "ledger.db"), "a", testKey(1), time.Now, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	table := func(name, source string) catalog.Table {
		return catalog.Table{Name: name, Partitions: []catalog.Partition{{Owner: "a", Source: source}}}
	}
	grant := func(analyst string, total dp.Epsilon, delta dp.Delta, tables ...string) catalog.Grant {
		return catalog.Grant{Owner: "a", Analyst: analyst, Tables: tables, Total: total, TotalDelta: delta, Default: dp.OneEpsilon}
	}
	study := &catalog.Study{Name: "s", Tables: []catalog.Table{table("alias", "t"), table("free", "uncapped"), table("t", "t")},
		Grants: []catalog.Grant{
			grant("mia@b", 2*dp.OneEpsilon, 1000, "t"),
			grant("mia@b", 3*dp.OneEpsilon, 10, "alias"),
			grant("eve@b", 9*dp.OneEpsilon, 1000, "t", "free"),
		}}
	return &books{ledger: l, config: party(t, "a", "Institute b"), study: func(string) (*catalog.Study, bool) { return study, true }}
}

// ask reserves one charge.
func (b *books) ask(t *testing.T, n byte, analyst, source string, epsilon dp.Epsilon, delta dp.Delta) error {
	t.Helper()
	return b.Reserve(t.Context(), federation.Reservation{ID: federation.ExecutionID{n}, Study: "s", Analyst: analyst, SQL: "SELECT 1",
		Charges: []sqlplan.Charge{{Owner: "a", Source: source, Epsilon: epsilon, Delta: delta}}, Expires: time.Now().Add(time.Minute)})
}

// TestBooksLimits: an alias spends the same budget, the smaller ε and the smaller δ hold, the
// cap binds all analysts together without telling what others spent, and what has no grant or
// no cap is refused (RULES 19, 25).
func TestBooksLimits(t *testing.T) {
	t.Parallel()
	b := testBooks(t)
	exhausted := func(err error) *pgerr.Error {
		t.Helper()
		e, ok := pgerr.As(err)
		if !ok || e.Code != pgerr.BudgetExhausted {
			t.Fatalf("error %v", err)
		}
		return e
	}
	exhausted(b.ask(t, 1, "mia@b", "t", 2*dp.OneEpsilon+1, 0))
	exhausted(b.ask(t, 2, "mia@b", "t", dp.OneEpsilon, 11))
	if err := b.ask(t, 3, "mia@b", "t", dp.OneEpsilon, 10); err != nil {
		t.Fatal(err)
	}
	own := exhausted(b.ask(t, 4, "mia@b", "t", 2*dp.OneEpsilon, 0))
	if !strings.Contains(own.Detail, "1") {
		t.Errorf("the analyst's own remainder is not told: %q", own.Detail)
	}
	capped := exhausted(b.ask(t, 5, "eve@b", "t", 4*dp.OneEpsilon+1, 0))
	if strings.Contains(capped.Detail, "left") {
		t.Errorf("what others left is told: %q", capped.Detail)
	}
	if err := b.ask(t, 6, "eve@b", "t", 4*dp.OneEpsilon, 0); err != nil {
		t.Error(err)
	}
	exhausted(b.ask(t, 7, "eve@b", "uncapped", 1, 0))
	exhausted(b.ask(t, 8, "stranger@b", "t", 1, 0))
}

// TestBooksStartOnce: the federation's ledger refuses a second start, and a refusal of the check
// inside the transaction leaves the reservation refundable (RULES 2, 3).
func TestBooksStartOnce(t *testing.T) {
	t.Parallel()
	b := testBooks(t)
	if err := b.ask(t, 1, "mia@b", "t", dp.OneEpsilon, 0); err != nil {
		t.Fatal(err)
	}
	id, refusal := federation.ExecutionID{1}, errors.New("revoked")
	if err := b.Start(t.Context(), id, []byte("approvals"), func() error { return refusal }); !errors.Is(err, refusal) {
		t.Fatalf("start in spite of the check: %v", err)
	}
	if err := b.Start(t.Context(), id, []byte("approvals"), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context(), id, []byte("approvals"), func() error { return nil }); !errors.Is(err, ledger.ErrUsed) {
		t.Errorf("a second start: %v", err)
	}
	if err := b.Abandon(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	rest, err := b.Remaining(t.Context(), "s", "mia@b")
	if err != nil || len(rest) != 1 || rest[0].Epsilon != dp.OneEpsilon {
		t.Errorf("a started execution was refunded: %+v, %v", rest, err)
	}
}

// TestLedgerIsSigned: the party's ledger opens under its own identity key only.
func TestLedgerIsSigned(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	for _, c := range []struct {
		key ed25519.PrivateKey
		ok  bool
	}{{testKey(1), true}, {testKey(1), true}, {testKey(2), false}} {
		l, err := openLedger(path, "a", c.key, time.Now, false)
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, ledger.ErrCorrupt) {
			t.Fatalf("opened: %v", err)
		}
		if l != nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestReleasedIsProved: what the ledger holds of a release proves it without anything else but the
// gateway's pin (RULES 23).
func TestReleasedIsProved(t *testing.T) {
	t.Parallel()
	b := testBooks(t)
	if err := b.ask(t, 1, "mia@b", "t", dp.OneEpsilon, 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context(), federation.ExecutionID{1}, []byte("approvals"), func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	key, signature := make([]byte, ed25519.PublicKeySize), make([]byte, ed25519.SignatureSize)
	key[0], signature[0] = 7, 9
	r := federation.Receipt{Execution: federation.ExecutionID{1}, Batch: [32]byte{3}, Gateway: "b", GatewayKey: key, GatewaySignature: signature}
	if err := b.Released(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	found := 0
	err := b.ledger.Walk(func(e ledger.Entry) error {
		if released, ok := e.Event.(ledger.Released); ok {
			found++
			if released.BatchHash != r.Batch || released.ID != ledger.ID(r.Execution) || !bytes.Equal(released.Signature, slices.Concat(key, signature)) {
				t.Errorf("the ledger holds %+v", released)
			}
		}
		return nil
	})
	if err != nil || found != 1 {
		t.Errorf("%d releases, %v", found, err)
	}
}

package federation

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Options is what a [Node] is made of. Fields are required unless they say otherwise.
type Options struct {
	Self     string             // this party's name
	Identity ed25519.PrivateKey // its identity: the TLS key, and what signs approvals and receipts
	Listen   net.Listener       // where peers that dial us arrive; nil when this party dials all of them. Serve closes it
	Peers    []Peer

	// Studies returns the current studies by name. It is called often and must be cheap;
	// the map and the studies are not modified.
	Studies func() map[string]*catalog.Study
	// Public returns this party's public catalog parts, encoded, that a peer is to get: those of
	// the studies that both are parties of.
	Public func(peer string) [][]byte
	// OnPublic takes one public part of a peer. The peer is authenticated; the bytes are foreign.
	OnPublic func(peer string, public []byte) error

	// Guard refuses what the parser must not see; it runs before Compile. It is syntax.Guard.
	Guard func(sql string) error
	// Compile is sqlplan.Compile.
	Compile func(study *catalog.Study, q sqlplan.Query) (*sqlplan.Plan, error)
	// Compute is mpc.Run.
	Compute ComputeFunc

	// Source returns the owner's data as a study maps it; nil where this party owns nothing in it.
	Source func(study string) Source
	Ledger Ledger
	Policy Policy // optional: what this party checks beyond its grants in the catalog
	Audit  Audit
	Heads  Heads    // what peers' ledgers were last seen at
	Budget Budgeter // nil at a helper

	Limits Limits
	Clock  func() time.Time
	Rand   io.Reader // cryptographically secure; read concurrently
	Logger *slog.Logger
}

// ComputeFunc runs a program on shares; it is [mpc.Run].
type ComputeFunc func(ctx context.Context, t mpc.Transport, s mpc.Seeds, random io.Reader, p program.Program, in program.Inputs) (program.Opened, mpc.Stats, error)

// Connect says which side of a pair dials. The zero value is neither and is refused.
type Connect string

// The two sides; the peer's configuration must say the other one.
const (
	Dial   Connect = "dial"
	Accept Connect = "accept"
)

// Peer is another party as this one knows it.
type Peer struct {
	Name    string
	Key     string // pinned: "sha256:" + hex of the SHA-256 of its key's SubjectPublicKeyInfo
	Connect Connect
	Address string // host:port; only with Dial
}

// Policy is what an owner checks of a plan beyond the grants in the public catalog:
// revocations, private rules. Both methods are cheap and call no Ledger, because they
// also run inside the ledger's transaction.
type Policy interface {
	// Version changes whenever an answer of Allow may change.
	Version() string
	// Allow refuses a plan with a *pgerr.Error.
	Allow(plan *sqlplan.Plan) error
}

// Audit is the append-only record of a party. An error of it stops what was to be recorded.
type Audit interface {
	// Approved records what this party signed, before the signature leaves.
	Approved(ctx context.Context, a Approval) error
	// Released records a release that the gateway signed and this party acknowledged, before
	// the acknowledgement leaves (RULES 23).
	Released(ctx context.Context, r Receipt) error
	// Ended records how an execution ended at this party; cause is nil for success.
	Ended(ctx context.Context, id ExecutionID, cause error) error
}

// Heads remembers, durably, how long the peers' ledgers were, and holds this party's own ledger
// to what peers remember of it. *ledger.Ledger implements it.
type Heads interface {
	// RecordPeer keeps the head of a peer's ledger with the peer's signature.
	RecordPeer(peer string, seq uint64, hash [32]byte, signature []byte) error
	// Peer returns the last recorded head; seq 0 if there is none.
	Peer(peer string) (seq uint64, hash [32]byte, signature []byte, err error)
	// CheckNotBehind returns an error if this party's ledger does not contain what it once had.
	CheckNotBehind(seq uint64, hash [32]byte) error
}

// Budgeter answers what is left of an owner's budgets for one analyst.
type Budgeter interface {
	Remaining(ctx context.Context, study, analyst string) ([]Remainder, error)
}

// Remainder is an analyst's own remainder of one protected source, and whether the cap over
// all analysts would refuse a default question (RULES 25: not more).
type Remainder struct {
	Source      string     `json:"source"`
	Epsilon     dp.Epsilon `json:"epsilon"`
	Delta       dp.Delta   `json:"delta"`
	Default     dp.Epsilon `json:"default"`     // ε of a question when the analyst sets none
	PerQuestion dp.Epsilon `json:"perQuestion"` // the largest ε of one question
	CapRefuses  bool       `json:"capRefuses"`
}

// Limits bound time and concurrency. Zero fields take the default that they name.
type Limits struct {
	Connect  time.Duration // one dial with its handshake; default 10 s
	Backoff  time.Duration // longest pause between dials; default 15 s
	Beat     time.Duration // between status messages to a peer; default 5 s
	Approve  time.Duration // each step before start; default 15 s
	Compute  time.Duration // the MPC, after the read slot; default 10 min
	Receipt  time.Duration // the exchange of receipts; default 15 s
	Approval time.Duration // validity of an approval; default 60 s
	Skew     time.Duration // clock difference to a peer that is accepted; default 2 min
	Session  time.Duration // age of a transaction's now(); default 24 h
	Queries  int           // questions that this gateway runs at once, others wait; default 4
	Parts    int           // executions that this party takes part in at once; default 16
	Memory   int64         // bytes that one computation may hold here, no more than Compute takes; default program.DefaultMemory
}

// withDefaults replaces zero fields.
func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&l.Connect, 10*time.Second)
	set(&l.Backoff, 15*time.Second)
	set(&l.Beat, 5*time.Second)
	set(&l.Approve, 15*time.Second)
	set(&l.Compute, 10*time.Minute)
	set(&l.Receipt, 15*time.Second)
	set(&l.Approval, time.Minute)
	set(&l.Skew, 2*time.Minute)
	set(&l.Session, 24*time.Hour)
	if l.Queries == 0 {
		l.Queries = 4
	}
	if l.Parts == 0 {
		l.Parts = 16
	}
	if l.Memory == 0 {
		l.Memory = program.DefaultMemory
	}
	return l
}

// source finds the data of a study; nil where this party has none.
func (o *Options) source(study string) Source {
	if o.Source == nil {
		return nil
	}
	return o.Source(study)
}

// check refuses options that a node cannot work with.
func (o *Options) check() error {
	switch {
	case !validName(o.Self):
		return errors.New("federation: Self is not a party name")
	case len(o.Identity) != ed25519.PrivateKeySize:
		return errors.New("federation: Identity is not an ed25519 key")
	case o.Studies == nil, o.Public == nil, o.OnPublic == nil:
		return errors.New("federation: Studies, Public and OnPublic are required")
	case o.Guard == nil, o.Compile == nil, o.Compute == nil:
		return errors.New("federation: Guard, Compile and Compute are required")
	case o.Ledger == nil, o.Audit == nil, o.Heads == nil:
		return errors.New("federation: Ledger, Audit and Heads are required")
	case o.Clock == nil, o.Rand == nil, o.Logger == nil:
		return errors.New("federation: Clock, Rand and Logger are required")
	}
	seen := map[string]bool{o.Self: true}
	for _, p := range o.Peers {
		if err := p.check(); err != nil {
			return err
		}
		if seen[p.Name] {
			return fmt.Errorf("federation: party %q is named twice", p.Name)
		}
		seen[p.Name] = true
		if p.Connect == Accept && o.Listen == nil {
			return fmt.Errorf("federation: peer %q dials us, but there is no listener", p.Name)
		}
	}
	return nil
}

// check refuses a peer that cannot be authenticated or reached.
func (p *Peer) check() error {
	switch {
	case !validName(p.Name):
		return fmt.Errorf("federation: %q is not a party name", p.Name)
	case !validPin(p.Key):
		return fmt.Errorf("federation: the key of peer %q is not \"sha256:\" and 64 hexadecimal digits", p.Name)
	case p.Connect == Dial && p.Address == "":
		return fmt.Errorf("federation: peer %q is to be dialled but has no address", p.Name)
	case p.Connect != Dial && p.Connect != Accept:
		return fmt.Errorf("federation: peer %q: connect is neither dial nor accept", p.Name)
	}
	return nil
}

// validName reports whether s can name a party: 1 to 63 of a-z, 0-9, _ and -. Names go
// into error texts and file names, so the set is small.
func validName(s string) bool {
	if len(s) == 0 || len(s) > 63 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

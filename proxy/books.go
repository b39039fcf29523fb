package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// books is the owner's ledger as the federation sees it. It implements
// federation.Ledger, federation.Audit and federation.Budgeter: one chain holds charges and
// releases alike.
type books struct {
	ledger *ledger.Ledger
	config *catalog.Config
	study  func(name string) (*catalog.Study, bool)
}

// Reserve implements federation.Ledger.
func (b *books) Reserve(_ context.Context, r federation.Reservation) error {
	reservation := ledger.Reservation{
		ID: ledger.ID(r.ID), Study: r.Study, Analyst: r.Analyst, Statement: r.SQL, Expires: r.Expires,
	}
	for _, charge := range r.Charges {
		reservation.Charges = append(reservation.Charges, ledger.Charge{
			Source: charge.Source, Epsilon: charge.Epsilon, Delta: charge.Delta,
		})
		limit, err := b.limit(r.Study, r.Analyst, charge.Source)
		if err != nil {
			return err
		}
		reservation.Limits = append(reservation.Limits, limit)
	}
	return b.explain(b.ledger.Reserve(reservation), r.Charges)
}

// limit is what this owner allows an analyst at a source: the smallest total of the grants
// of this analyst for tables over that source, and the source's cap over everybody.
func (b *books) limit(studyName, analyst, source string) (ledger.Limit, error) {
	study, ok := b.study(studyName)
	if !ok {
		return ledger.Limit{}, pgerr.New(pgerr.ObjectNotInState, "study %q is not complete at %s", studyName, b.config.Party)
	}
	limit := ledger.Limit{Source: source}
	if grant, ok := b.grantOver(study, analyst, source); ok {
		limit.AnalystEpsilon, limit.AnalystDelta = grant.Total, grant.TotalDelta
	}
	if limitOf, ok := b.config.Cap(source); ok {
		limit.CapEpsilon, limit.CapDelta = limitOf.Epsilon, limitOf.Delta
	}
	return limit, nil
}

// grantOver finds this owner's grant of an analyst with the smallest total among those that cover a
// table over source: aliases of one source spend one budget.
func (b *books) grantOver(study *catalog.Study, analyst, source string) (least catalog.Grant, ok bool) {
	for _, grant := range study.GrantsFor(analyst) {
		if grant.Owner != b.config.Party || !slices.Contains(sourcesOf(study, grant), source) {
			continue
		}
		if !ok || grant.Total < least.Total {
			least, ok = grant, true
		}
	}
	return least, ok
}

// explain turns the ledger's refusals into the analyst's words: only the analyst's own
// remainder is told (RULES 25).
func (b *books) explain(err error, charges []sqlplan.Charge) error {
	var over *ledger.LimitError
	if !errors.As(err, &over) {
		return err
	}
	var cost dp.Epsilon
	for _, c := range charges {
		if c.Source == over.Source {
			cost = c.Epsilon
		}
	}
	refusal := pgerr.New(pgerr.BudgetExhausted, "the privacy budget of %s at %s does not cover this question", over.Source, b.config.Party)
	if over.Scope == ledger.ScopeSource {
		return refusal.WithDetail("The question costs ε = %s; the owner's limit over all analysts is reached. Nothing was charged.", cost).
			WithHint("Ask the owner.")
	}
	return refusal.WithDetail("The question costs ε = %s, ε = %s is left. Nothing was charged.", cost, over.RemainingEpsilon).
		WithHint("SELECT * FROM c2d.budget shows what is left; SET c2d.epsilon to a smaller value, or ask the owner.")
}

// Start implements federation.Ledger.
func (b *books) Start(_ context.Context, id federation.ExecutionID, recheck func() error) error {
	return b.ledger.Start(ledger.ID(id), recheck)
}

// Finish implements federation.Ledger.
func (b *books) Finish(_ context.Context, id federation.ExecutionID) error {
	return b.ledger.Finish(ledger.ID(id))
}

// Abandon implements federation.Ledger.
func (b *books) Abandon(_ context.Context, id federation.ExecutionID) error {
	return b.ledger.Abandon(ledger.ID(id))
}

// Head implements federation.Ledger.
func (b *books) Head(context.Context) (uint64, [32]byte, error) { return b.ledger.Head() }

// Approved implements federation.Audit: the reservation is the record of it.
func (b *books) Approved(context.Context, federation.Approval) error { return nil }

// Released implements federation.Audit.
func (b *books) Released(_ context.Context, r federation.Receipt) error {
	return b.ledger.Receipt(ledger.ID(r.Execution), r.Batch, r.GatewaySignature)
}

// Ended implements federation.Audit: Finish and Abandon are the record of it.
func (b *books) Ended(context.Context, federation.ExecutionID, error) error { return nil }

// Remaining implements federation.Budgeter.
func (b *books) Remaining(_ context.Context, studyName, analyst string) ([]federation.Remainder, error) {
	study, ok := b.study(studyName)
	if !ok {
		return nil, pgerr.New(pgerr.ObjectNotInState, "study %q is not complete at %s", studyName, b.config.Party)
	}
	var remainders []federation.Remainder
	seen := map[string]bool{}
	for _, grant := range study.GrantsFor(analyst) {
		if grant.Owner != b.config.Party {
			continue
		}
		for _, source := range sourcesOf(study, grant) {
			if seen[source] {
				continue
			}
			seen[source] = true
			one, err := b.remainder(studyName, analyst, source, grant)
			if err != nil {
				return nil, err
			}
			remainders = append(remainders, one)
		}
	}
	return remainders, nil
}

func (b *books) remainder(study, analyst, source string, grant catalog.Grant) (federation.Remainder, error) {
	limit, err := b.limit(study, analyst, source)
	if err != nil {
		return federation.Remainder{}, err
	}
	epsilon, delta, err := b.ledger.Remaining(analyst, limit)
	if err != nil {
		return federation.Remainder{}, err
	}
	var over *ledger.LimitError
	next := []ledger.Charge{{Source: source, Epsilon: grant.Default}}
	fits := b.ledger.Fits(analyst, next, []ledger.Limit{limit})
	return federation.Remainder{
		Source: source, Epsilon: epsilon, Delta: delta, Default: grant.Default, PerQuestion: grant.PerQuestion,
		CapRefuses: errors.As(fits, &over) && over.Scope == ledger.ScopeSource,
	}, nil
}

// sourcesOf lists its owner's protected sources behind the tables of a grant, in table order.
func sourcesOf(study *catalog.Study, grant catalog.Grant) []string {
	var sources []string
	seen := map[string]bool{}
	for _, name := range grant.Tables {
		table, ok := study.Table(name)
		if !ok {
			continue
		}
		for _, part := range table.Partitions {
			if part.Owner == grant.Owner && !seen[part.Source] {
				seen[part.Source] = true
				sources = append(sources, part.Source)
			}
		}
	}
	return sources
}

// openLedger opens the party's ledger with the clock and the signatures of its identity.
func openLedger(path, party string, clock func() time.Time) (*ledger.Ledger, error) {
	l, err := ledger.Open(path, ledger.Options{Owner: party, Clock: clock})
	if err != nil {
		return nil, fmt.Errorf("open the ledger %s: %w", path, err)
	}
	return l, nil
}

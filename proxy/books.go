package proxy

import (
	"context"
	"errors"
	"slices"

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
		if err := b.mixed(r.Study, r.Analyst, charge.Source); err != nil {
			return err
		}
		limit, err := b.limit(r.Study, r.Analyst, charge.Source)
		if err != nil {
			return err
		}
		reservation.Limits = append(reservation.Limits, limit)
	}
	return b.explain(b.ledger.Reserve(reservation), r.Charges)
}

// limit is what this owner allows an analyst at a source: the smallest totals, of ε and of δ each
// for itself, among the grants of this analyst for tables over that source, and the source's cap
// over everybody. Aliases of one source spend one budget. Without a grant or a cap it is zero.
func (b *books) limit(studyName, analyst, source string) (ledger.Limit, error) {
	study, ok := b.study(studyName)
	if !ok {
		return ledger.Limit{}, pgerr.New(pgerr.ObjectNotInState, "study %q is not complete at %s", studyName, b.config.Party)
	}
	limit := ledger.Limit{Source: source}
	first := true
	for _, grant := range study.GrantsFor(analyst) {
		if grant.Owner != b.config.Party || !slices.Contains(sourcesOf(study, grant), source) {
			continue
		}
		if first {
			limit.AnalystEpsilon, limit.AnalystDelta = grant.Total, grant.TotalDelta
		}
		limit.AnalystEpsilon = min(limit.AnalystEpsilon, grant.Total)
		limit.AnalystDelta = min(limit.AnalystDelta, grant.TotalDelta)
		first = false
	}
	if limitOf, ok := b.config.Cap(source); ok {
		limit.CapEpsilon, limit.CapDelta = limitOf.Epsilon, limitOf.Delta
	}
	return limit, nil
}

// mixed refuses a question with noise to whom an exact grant over the same source gives answers without: noise
// protects nobody from both together, and there is no total of ε for an exact grant.
func (b *books) mixed(studyName, analyst, source string) error {
	study, ok := b.study(studyName)
	if !ok {
		return nil
	}
	for _, grant := range study.GrantsFor(analyst) {
		if grant.Owner == b.config.Party && grant.Release == catalog.ReleaseExact && slices.Contains(sourcesOf(study, grant), source) {
			return pgerr.New(pgerr.InsufficientPrivilege, "permission denied: %s grants both exact and noisy answers over source %q", b.config.Party, source).
				WithDetail("Exact answers over a source void the protection of noisy ones over the same source. Nothing was charged.").
				WithHint("Ask %s to grant one release, dp or exact, for all its tables over %q.", b.config.Party, source)
		}
	}
	return nil
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
	refusal := pgerr.New(pgerr.BudgetExhausted, "the privacy budget of %s does not cover this question", over.Source)
	if over.Scope == ledger.ScopeSource {
		return refusal.WithDetail("The question costs ε = %s; the owner's limit over all analysts is reached. Nothing was charged.", cost).
			WithHint("Ask %s to raise the cap of source %q over all analysts.", b.config.Party, over.Source)
	}
	switch left := over.RemainingEpsilon; {
	case left <= 0:
		return refusal.WithDetail("The question costs ε = %s, nothing is left. Nothing was charged.", cost).
			WithHint("Ask %s to raise epsilon.total of your grant; SELECT * FROM c2d.budget shows what other owners have left.", b.config.Party)
	case left >= cost:
		return refusal.WithDetail("The question's δ is more than the δ that is left. Nothing was charged.").
			WithHint("Ask for fewer numbers or groups, or ask %s to raise delta.total of your grant.", b.config.Party)
	default:
		return refusal.WithDetail("The question costs ε = %s, ε = %s is left. Nothing was charged.", cost, left).
			WithHint("SET c2d.epsilon = %s fits, with more noise; or ask %s to raise epsilon.total of your grant.", left, b.config.Party)
	}
}

// Start implements federation.Ledger.
func (b *books) Start(_ context.Context, id federation.ExecutionID, approvals []byte, recheck func() error) error {
	if len(approvals) == 0 {
		return errors.New("an execution starts with the approvals of all participants")
	}
	return b.ledger.Start(ledger.ID(id), approvals, recheck)
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

// Approved implements federation.Audit: the reservation is the record of it, and Start that of all approvals together.
func (b *books) Approved(context.Context, federation.Approval) error { return nil }

// Released implements federation.Audit. The entry holds the gateway's key in front of its signature, so
// that it proves the release by itself, to whoever knows the pin.
func (b *books) Released(_ context.Context, r federation.Receipt) error {
	return b.ledger.Receipt(ledger.ID(r.Execution), r.Batch, slices.Concat(r.GatewayKey, r.GatewaySignature))
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

// remainder is what is left for an analyst at one source.
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

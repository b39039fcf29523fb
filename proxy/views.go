package proxy

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// historyShown bounds c2d.history.
const historyShown = 1000

// view answers the system views of schema c2d.
func (s *session) view(ctx context.Context, name string) ([][]*string, error) {
	switch name {
	case "budget":
		return s.budgetView(ctx)
	case "last":
		return s.last.Load().rows(), nil
	case "history":
		return s.historyView()
	case "studies":
		return s.studiesView(), nil
	default:
		return nil, pgerr.New(pgerr.UndefinedTable, "there is no view %q", name)
	}
}

// budgets asks every owner what is left, for EXPLAIN and c2d.budget.
func (s *session) budgets(ctx context.Context) ([]sqlplan.BudgetLine, error) {
	owners, err := s.proxy.node.Budget(ctx, s.study.Name, s.analyst)
	if err != nil {
		return nil, err
	}
	var lines []sqlplan.BudgetLine
	for _, owner := range owners {
		for _, r := range owner.Remainders {
			lines = append(lines, sqlplan.BudgetLine{Owner: owner.Owner, Source: r.Source, Epsilon: r.Epsilon, Delta: r.Delta})
		}
	}
	return lines, nil
}

// budgetView gives owner, source, total, spent, left, default questions left, and whether
// the cap over all analysts is open.
func (s *session) budgetView(ctx context.Context) ([][]*string, error) {
	owners, err := s.proxy.node.Budget(ctx, s.study.Name, s.analyst)
	if err != nil {
		return nil, err
	}
	var rows [][]*string
	for _, owner := range owners {
		if owner.Err != nil {
			return nil, owner.Err
		}
		for _, r := range owner.Remainders {
			total := s.total(owner.Owner, r.Source)
			var questions *string
			if r.Default > 0 {
				questions = text(strconv.FormatInt(int64(r.Epsilon/r.Default), 10))
			}
			rows = append(rows, []*string{
				text(owner.Owner), text(r.Source), text(total.String()), text((total - r.Epsilon).String()),
				text(r.Epsilon.String()), questions, text(strconv.FormatBool(!r.CapRefuses)),
			})
		}
	}
	return rows, nil
}

// total is what an owner granted this analyst at a source; grants are public in the study.
func (s *session) total(owner, source string) dp.Epsilon {
	var least dp.Epsilon
	for _, grant := range s.study.GrantsFor(s.analyst) {
		for _, one := range sourcesOf(s.study, grant) {
			if grant.Owner == owner && one == source && (least == 0 || grant.Total < least) {
				least = grant.Total
			}
		}
	}
	return least
}

// historyView lists the analyst's questions from this gateway's own ledger: the gateway
// takes part in each of them.
func (s *session) historyView() ([][]*string, error) {
	records, err := s.proxy.books.ledger.History(s.analyst, historyShown)
	if err != nil {
		return nil, err
	}
	rows := make([][]*string, 0, len(records))
	for _, r := range records {
		if r.Study != s.study.Name {
			continue
		}
		largest, err := largestCharge(s.proxy.books.ledger, r)
		if err != nil {
			return nil, err
		}
		rows = append(rows, []*string{
			text(r.Time.UTC().Format("2006-01-02 15:04:05.999999Z")), text(r.Statement), text(largest.String()),
			text(federation.ExecutionID(r.ID).String()), text(outcome(r)),
		})
	}
	return rows, nil
}

// largestCharge is the most that an execution cost at one owner. The gateway's own charge says nothing of the others';
// what all parties approved does.
func largestCharge(l *ledger.Ledger, r ledger.Record) (dp.Epsilon, error) {
	if r.State == ledger.StateReserved || r.State == ledger.StateDead {
		return 0, nil
	}
	execution, err := l.Execution(r.ID)
	if err != nil {
		return 0, err
	}
	var largest dp.Epsilon
	for _, c := range r.Charges {
		largest = max(largest, c.Epsilon)
	}
	if len(execution.Approvals) == 0 { // of a version that did not keep them
		return largest, nil
	}
	approvals, err := federation.DecodeApprovals(execution.Approvals)
	if err != nil {
		return 0, err
	}
	for _, c := range approvals.Charges {
		largest = max(largest, c.Epsilon)
	}
	return largest, nil
}

// outcome says how an execution ended, in the analyst's words.
func outcome(r ledger.Record) string {
	switch {
	case r.Released != nil:
		return "answered"
	case r.State == ledger.StateDead:
		return "not run, nothing charged"
	case r.State == ledger.StateReserved:
		return "running"
	default:
		return "charged, no answer recorded"
	}
}

// studiesView lists the studies in which the analyst holds a grant, with their owners.
func (s *session) studiesView() [][]*string {
	var rows [][]*string
	for _, name := range s.proxy.studies.names() {
		study, ok := s.proxy.studies.get(name)
		if !ok || len(study.GrantsFor(s.analyst)) == 0 {
			continue
		}
		rows = append(rows, []*string{text(name), text(strings.Join(study.Owners(), ", "))})
	}
	return rows
}

// lastAnswer is what c2d.last shows.
type lastAnswer struct {
	plan      *sqlplan.Plan
	execution string
	dummy     bool // answered from made-up rows
	at        time.Time
}

// lastOf keeps of an answer what c2d.last shows.
func lastOf(a *federation.Answer) *lastAnswer {
	return &lastAnswer{plan: a.Plan, execution: a.ExecutionID.String(), at: time.Now()}
}

// rows gives one row for each owner charged, then one for each draw. A nil answer has none.
func (l *lastAnswer) rows() [][]*string {
	if l == nil {
		return nil
	}
	var rows [][]*string
	no, execution, mode := text("false"), text(l.execution), text(modeLive)
	if l.dummy {
		execution, mode = nil, text(modeDummy)
	}
	for _, charge := range l.plan.Charges {
		cost := charge.Epsilon
		if l.dummy {
			cost = 0
		}
		rows = append(rows, []*string{text(charge.Owner), text(cost.String()), nil, nil, nil, no, execution, mode, text(charge.Epsilon.String())})
	}
	if l.dummy && len(rows) == 0 { // exact answers cost nothing
		for _, task := range l.plan.Local {
			rows = append(rows, []*string{text(task.Owner), text("0"), nil, nil, nil, no, nil, mode, text("0")})
		}
	}
	for _, draw := range l.plan.Release.Aggregates {
		rows = append(rows, []*string{
			nil, text(draw.Epsilon.String()), text(draw.Label), text(catalog.FormatDecimal(draw.HalfWidth95, draw.Scale)),
			text("one person changes it by at most " + catalog.FormatDecimal(draw.Sensitivity, draw.Scale)), no, execution, mode, nil,
		})
	}
	return rows
}

// text is a value that is not NULL.
func text(s string) *string { return &s }

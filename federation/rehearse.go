package federation

import (
	"context"
	"fmt"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Rehearse answers a question from other rows than the owners': each task reads source(owner) in the owner's
// place, and the program runs in the clear with noise of its own. What the public catalog can refuse is refused as by Run; no
// party gets a message, no ledger is touched, no slot is waited for. sample is the question's study with as few rows
// and units declared as the sources hold, which bounds time and memory.
//
// The answer has the plan of the real study, with its charges, and no execution id: nothing was executed.
func (n *Node) Rehearse(ctx context.Context, q sqlplan.Query, sample *catalog.Study, source func(owner string) Source) (*Answer, error) {
	began := time.Now()
	plan, err := n.allowed(&q)
	if err != nil {
		return nil, err
	}
	small, _, err := n.compile(sample, &q)
	if err != nil {
		return nil, err
	}
	if err := bearable(small.Program); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, rehearsalTime, errTooLong)
	defer cancel()
	opened, err := n.rehearse(ctx, small, source)
	if err != nil {
		return nil, err
	}
	rows, err := sqlplan.Decode(small, opened)
	if err != nil {
		return nil, err
	}
	return &Answer{Rows: rows, Plan: plan, Stats: Stats{Seconds: time.Since(began).Seconds()}}, nil
}

// allowed makes a question's plan and checks what every owner's allow checks, as far as the public catalog tells.
func (n *Node) allowed(q *sqlplan.Query) (*sqlplan.Plan, error) {
	if err := n.checkQuery(q, n.options.Self); err != nil {
		return nil, err
	}
	study, err := n.studyOf(q)
	if err != nil {
		return nil, err
	}
	plan, _, err := n.compile(study, q)
	if err != nil {
		return nil, err
	}
	members, err := Participants(plan)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if err := grantCovers(study, plan, m.Name, n.options.Clock()); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// rehearse reads and computes. A cancel does not wait for the end of the computation, which keeps its place among
// the rehearsals until then.
func (n *Node) rehearse(ctx context.Context, plan *sqlplan.Plan, source func(owner string) Source) (program.Opened, error) {
	select {
	case n.rehearsals <- struct{}{}:
	case <-ctx.Done():
		return nil, canceled(ctx)
	}
	type outcome struct {
		opened program.Opened
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-n.rehearsals }()
		var o outcome
		o.err = contain(n.options.Logger, func() (err error) {
			o.opened, err = n.evaluate(ctx, plan, source)
			return err
		})
		done <- o
	}()
	select {
	case o := <-done:
		return o.opened, o.err
	case <-ctx.Done():
		return nil, canceled(ctx)
	}
}

// evaluate reads every task and runs the program in the clear.
func (n *Node) evaluate(ctx context.Context, plan *sqlplan.Plan, source func(owner string) Source) (program.Opened, error) {
	inputs := program.Inputs{}
	for i, task := range plan.Local {
		table, err := readTask(ctx, source(task.Owner), task)
		if err != nil {
			return nil, err
		}
		inputs[i] = table
	}
	return program.Eval(plan.Program, inputs, n.options.Rand)
}

// readTask reads and pads one task.
func readTask(ctx context.Context, source Source, task sqlplan.LocalTask) (program.Table, error) {
	if source == nil {
		return program.Table{}, sourceMissing()
	}
	record, err := source.Read(ctx, task)
	if err != nil {
		return program.Table{}, err
	}
	defer record.Release()
	return tableOf(task, record)
}

// Bounds of rehearsals at one gateway.
const (
	rehearsalsAtOnce = 4
	rehearsalTime    = 30 * time.Second
	rehearsalWords   = 1 << 28 // that one program computes on and draws: a few seconds
	rehearsalRows    = 1 << 24 // that all its registers hold together
)

// errRehearsal refuses what would take the gateway too long.
var errRehearsal = pgerr.New(pgerr.ProgramLimitExceeded, "the question is too large for c2d.mode dummy").
	WithHint("Group by fewer columns, or ask in several statements.")

// bearable refuses a program that computes on too many words.
func bearable(p program.Program) error {
	shapes, err := program.Shapes(p)
	if err != nil {
		return fmt.Errorf("federation: %w", err)
	}
	var words int64
	for _, s := range shapes {
		words += int64(s.Rows)
	}
	rows := words
	for _, op := range p.Ops {
		switch op := op.(type) {
		case program.Dot:
			words += int64(len(op.A)) * int64(shapes[op.A[0]].Rows)
		case program.Noise:
			words += int64(op.N) * int64(2*len(op.Bits))
		}
	}
	if words > rehearsalWords || rows > rehearsalRows {
		return errRehearsal
	}
	return nil
}

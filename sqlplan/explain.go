package sqlplan

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// BudgetLine is what an analyst has left at one owner's source before the question.
type BudgetLine struct {
	Owner   string
	Source  string
	Epsilon dp.Epsilon
	Delta   dp.Delta
}

// explanation is what EXPLAIN shows; its JSON form has these names.
type explanation struct {
	Release string            `json:"release"`
	Errors  []expectedError   `json:"expected_errors"`
	Costs   []explainedCost   `json:"costs"`
	Cohort  int64             `json:"least_persons_per_group,omitempty"`
	Owners  []explainedTask   `json:"owners"`
	Steps   []string          `json:"steps"`
	Learns  []explainedLearns `json:"who_learns_what"`
	SlotMs  int64             `json:"read_phase_milliseconds"`
}

type expectedError struct {
	Value       string `json:"value"`
	Within      string `json:"within_95_percent"`
	Mechanism   string `json:"mechanism"`
	Sensitivity string `json:"sensitivity"`
	Epsilon     string `json:"epsilon"`
	Groups      int    `json:"groups"`
}

type explainedCost struct {
	Owner         string `json:"owner"`
	Source        string `json:"source"`
	Epsilon       string `json:"epsilon"`
	Delta         string `json:"delta"`
	EpsilonBefore string `json:"epsilon_before,omitempty"`
	EpsilonAfter  string `json:"epsilon_after,omitempty"`
}

type explainedTask struct {
	Owner string `json:"owner"`
	Rows  int    `json:"rows"`
	SQL   string `json:"sql"`
}

type explainedLearns struct {
	Who  string `json:"who"`
	What string `json:"what"`
}

func explain(plan *Plan, budgets []BudgetLine) explanation {
	e := explanation{Release: string(plan.Release.Kind), Cohort: plan.Release.Cohort, Steps: steps(plan.Program), SlotMs: plan.ReadSlot}
	for _, d := range plan.Release.Aggregates {
		e.Errors = append(e.Errors, expectedError{Value: d.Label, Within: decimalText(big.NewInt(d.HalfWidth95), d.Scale), Mechanism: d.Mechanism,
			Sensitivity: decimalText(big.NewInt(d.Sensitivity), d.Scale), Epsilon: d.Epsilon.String(), Groups: d.Cells})
	}
	for _, c := range plan.Charges {
		line := explainedCost{Owner: c.Owner, Source: c.Source, Epsilon: c.Epsilon.String(), Delta: c.Delta.String()}
		for _, b := range budgets {
			if b.Owner == c.Owner && b.Source == c.Source {
				line.EpsilonBefore, line.EpsilonAfter = b.Epsilon.String(), (b.Epsilon - c.Epsilon).String()
			}
		}
		e.Costs = append(e.Costs, line)
	}
	for _, l := range plan.Local {
		e.Owners = append(e.Owners, explainedTask{l.Owner, l.Rows, l.SQL})
	}
	for _, d := range plan.Leakage {
		e.Learns = append(e.Learns, explainedLearns(d))
	}
	return e
}

// Explain returns the lines of EXPLAIN: expected error and cost first.
func Explain(_ *catalog.Study, plan *Plan, budgets []BudgetLine) []string {
	e := explain(plan, budgets)
	var out []string
	line := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if e.Release == string(catalog.ReleaseExact) {
		line("Exact answer: groups with at least %d persons", e.Cohort)
	}
	for _, x := range e.Errors {
		line("Expected error of %s: within ±%s in 95 %% of answers (%s, sensitivity %s, epsilon %s, %d groups)", x.Value, x.Within, x.Mechanism, x.Sensitivity, x.Epsilon, x.Groups)
	}
	for _, c := range e.Costs {
		after := ""
		if c.EpsilonBefore != "" {
			after = fmt.Sprintf(" (%s before, %s after)", c.EpsilonBefore, c.EpsilonAfter)
		}
		line("Cost at %s, %s: epsilon %s, delta %s%s", c.Owner, c.Source, c.Epsilon, c.Delta, after)
	}
	for _, t := range e.Owners {
		line("Computed by %s alone, %d rows enter the joint computation:", t.Owner, t.Rows)
		for _, s := range strings.Split(t.SQL, "\n") {
			line("  %s", s)
		}
	}
	line("Joint computation:")
	for _, s := range e.Steps {
		line("  %s", s)
	}
	line("Who learns what:")
	for _, l := range e.Learns {
		line("  %s: %s", l.Who, l.What)
	}
	line("Owners read for %d ms, whatever their data", e.SlotMs)
	return out
}

// ExplainJSON is EXPLAIN (FORMAT JSON).
func ExplainJSON(_ *catalog.Study, plan *Plan, budgets []BudgetLine) (string, error) {
	text, err := json.MarshalIndent([]explanation{explain(plan, budgets)}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("explain: %w", err)
	}
	return string(text), nil
}

// steps prints the program's instructions in the analyst's words.
func steps(p program.Program) []string {
	var out []string
	for _, op := range p.Ops {
		switch x := op.(type) {
		case program.InputArith:
			out = append(out, fmt.Sprintf("enter column %d of task %d: %d rows", x.From.Column, x.From.Task, x.N))
		case program.Lookup:
			out = append(out, fmt.Sprintf("match persons: at most %d against %d, %d columns", x.ProbeRows, x.BuildRows, len(x.BuildFields)))
		case program.Noise:
			out = append(out, fmt.Sprintf("add noise to %d numbers", x.N))
		case program.GreaterEqual:
			out = append(out, fmt.Sprintf("compare with %d", x.Bound))
		case program.Dot:
			out = append(out, fmt.Sprintf("sum over matches: %d numbers", len(x.A)))
		case program.Open:
			out = append(out, fmt.Sprintf("open %s", x.Label))
		}
	}
	return out
}

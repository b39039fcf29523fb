package sqlplan

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
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
	Steps   []explainedStep   `json:"steps"`
	Rounds  int               `json:"rounds"`
	Bytes   [3]int64          `json:"bytes_sent"`
	Parties [3]string         `json:"parties"`
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

type explainedStep struct {
	Do     string   `json:"do"`
	Rows   int      `json:"rows"`
	Rounds int      `json:"rounds"`
	Bytes  [3]int64 `json:"bytes_sent"`
}

type explainedLearns struct {
	Who  string `json:"who"`
	What string `json:"what"`
}

func explain(plan *Plan, budgets []BudgetLine) (explanation, error) {
	e := explanation{Release: string(plan.Release.Kind), Cohort: plan.Release.Cohort, SlotMs: plan.ReadSlot, Parties: plan.Compute}
	costs, err := program.Cost(plan.Program)
	if err != nil {
		return explanation{}, fmt.Errorf("explain: %w", err)
	}
	for i, op := range plan.Program.Ops {
		if i >= len(costs) {
			break
		}
		e.Steps = append(e.Steps, explainedStep{words(op), costs[i].Rows, costs[i].Rounds, costs[i].Bytes})
		e.Rounds += costs[i].Rounds
		for p, b := range costs[i].Bytes {
			e.Bytes[p] += b
		}
	}
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
	return e, nil
}

// Explain returns the lines of EXPLAIN: expected error and cost first.
func Explain(_ *catalog.Study, plan *Plan, budgets []BudgetLine) []string {
	e, err := explain(plan, budgets)
	if err != nil { // a compiled plan is valid
		return []string{"The statement cannot be explained."}
	}
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
	line("Joint computation: %d rounds at most; bytes sent: %s %d, %s %d, %s %d", e.Rounds, e.Parties[0], e.Bytes[0], e.Parties[1], e.Bytes[1], e.Parties[2], e.Bytes[2])
	for _, s := range e.Steps {
		line("  %s (%d rows, %d rounds, %d bytes)", s.Do, s.Rows, s.Rounds, s.Bytes[0]+s.Bytes[1]+s.Bytes[2])
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
	e, err := explain(plan, budgets)
	if err != nil {
		return "", err
	}
	text, err := json.MarshalIndent([]explanation{e}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("explain: %w", err)
	}
	return string(text), nil
}

// explainCatalog is EXPLAIN of what the catalog answers.
func explainCatalog(asJSON bool) string {
	line := "Answered from the catalog: costs nothing, reads nothing, and tells nothing about which values occur"
	if asJSON {
		line = `[{"release": "catalog", "costs": []}]`
	}
	return fmt.Sprintf(`SELECT %s::pg_catalog.%s AS "QUERY PLAN"`, syntax.Quote(line), planType(asJSON))
}

// planType is the type of EXPLAIN's column.
func planType(asJSON bool) string {
	if asJSON {
		return "json"
	}
	return "text"
}

// words says what an instruction does, in the analyst's words.
func words(op program.Op) string {
	switch x := op.(type) {
	case program.InputArith:
		return fmt.Sprintf("enter column %d of owner %d", x.From.Column+1, x.From.Task+1)
	case program.Lookup:
		return fmt.Sprintf("match persons: at most %d against %d, %d columns", x.ProbeRows, x.BuildRows, len(x.BuildFields))
	case program.BitToArith:
		return "turn bits into numbers"
	case program.Noise:
		return fmt.Sprintf("add noise to %d numbers", x.N)
	case program.GreaterEqual:
		return fmt.Sprintf("compare with %d", x.Bound)
	case program.And, program.Not:
		return "combine conditions"
	case program.Mul:
		return "multiply"
	case program.Add:
		return "add"
	case program.Dot:
		return fmt.Sprintf("sum over matches: %d numbers", len(x.A))
	case program.Slice, program.Concat:
		return "arrange"
	case program.Open:
		return "open the " + x.Label
	}
	return "compute"
}

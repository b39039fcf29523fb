package sqlplan

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// withoutNoise replaces every draw by zeros, so that what a unit changes can be measured.
func withoutNoise(p program.Program) program.Program {
	var out program.Program
	for _, op := range p.Ops {
		if n, ok := op.(program.Noise); ok {
			op = program.Constant{Values: make([]uint64, n.N), Out: n.Out}
		}
		out.Ops = append(out.Ops, op)
	}
	return out
}

// answer evaluates a plan without its noise.
func (o *oracle) answer(t *testing.T, plan *Plan) []uint64 {
	t.Helper()
	inputs := program.Inputs{}
	for i, task := range plan.Local {
		inputs[i] = o.read(t, task)
	}
	opened, err := program.Eval(withoutNoise(plan.Program), inputs, rand.NewChaCha8([32]byte{9}))
	if err != nil {
		t.Fatal(err)
	}
	return opened[answerLabel]
}

// TestSensitivity removes whole persons from all owners' tables and holds that no vector changes by more, in
// L1 norm, than the sensitivity that its noise is calibrated to (RULES 14, 15, 18). The persons with the most
// rows are among those tried.
func TestSensitivity(t *testing.T) {
	o := startOracle(t, 4)
	for _, sql := range []string{ // persons with very many rows, at both owners, and one outside all bounds
		"INSERT INTO measurements SELECT 30, CASE WHEN i % 2 = 0 THEN 'sbp' ELSE 'chol' END, 50, 199, 1 + i % 4 FROM generate_series(1, 40) i",
		"INSERT INTO clinic_cases SELECT 7, 'blast', date '2013-04-01' + i % 5 FROM generate_series(1, 30) i",
		"INSERT INTO lab_cases SELECT 7, 'fall', date '2013-04-01' + i % 5 FROM generate_series(1, 30) i",
		"INSERT INTO patients VALUES (30, 'm', 9999, 999.9, true, '1900-01-01', 'elsewhere', 'n', 'x', '1950-01-01')",
	} {
		o.rows(t, sql, nil, nil)
	}
	audited := 0
	for _, g := range goldenCases(t) {
		if g.analyst != dpAnalyst || g.refused() {
			continue
		}
		plan, err := Compile(care(), query(g.analyst, g.query, g.args, g.types))
		if err != nil {
			t.Fatal(err)
		}
		if plan.Release.Kind != catalog.ReleaseDP {
			t.Fatalf("%s is not dp", g.name)
		}
		before := o.answer(t, plan)
		for _, unit := range []int{7, 20, 21, 30, 33} {
			o.rows(t, "BEGIN", nil, nil)
			for _, table := range []string{"patients.id", "measurements.id", "clinic_cases.pid", "lab_cases.pid", "clinic_cohort.pid"} {
				var name, column string
				if _, err := fmt.Sscanf(replaceDot(table), "%s %s", &name, &column); err != nil {
					t.Fatal(err)
				}
				o.rows(t, fmt.Sprintf("DELETE FROM %s WHERE %s = %d", name, column, unit), nil, nil)
			}
			after := o.answer(t, plan)
			o.rows(t, "ROLLBACK", nil, nil)
			offset := 0
			for _, d := range plan.Release.Aggregates {
				var change int64
				for i := offset; i < offset+d.Cells; i++ {
					change += max(int64(after[i]-before[i]), int64(before[i]-after[i]))
				}
				offset += d.Cells
				if change > d.Sensitivity {
					t.Errorf("%s: unit %d changes %s by %d, sensitivity %d", g.name, unit, d.Label, change, d.Sensitivity)
				}
				if change > 0 {
					audited++
				}
			}
		}
	}
	if audited < 20 {
		t.Fatalf("only %d changes were seen", audited)
	}
}

func replaceDot(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == '.' {
			b[i] = ' '
		}
	}
	return string(b)
}

package sqlplan

import (
	"slices"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestQuestionCostsItsEpsilon holds that a question costs the ε that was asked for, however many draws divide it, and
// that the draws together never take more.
func TestQuestionCostsItsEpsilon(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"SELECT count(*) FROM patients",
		"SELECT count(*), sum(age), sum(bmi) FROM patients",
		"SELECT avg(age), avg(bmi), avg(weight), count(*) FROM patients JOIN measurements USING (id)",
		"SELECT grade, count(*), avg(age), sum(nodes) FROM cohort GROUP BY grade",
	} {
		for _, epsilon := range []dp.Epsilon{0, dp.OneEpsilon / 3, dp.OneEpsilon, 7*dp.OneEpsilon + 1} {
			q := query(dpAnalyst, sql, nil, nil)
			q.Settings.Epsilon = epsilon
			plan, err := Compile(care(), q)
			if err != nil {
				t.Fatalf("%v\n%s", err, sql)
			}
			want := epsilon
			if want == 0 {
				want = dp.OneEpsilon // the grants' default
			}
			var drawn dp.Epsilon
			for _, d := range plan.Release.Aggregates {
				drawn += d.Epsilon
			}
			if drawn > want || want-drawn >= dp.Epsilon(len(plan.Release.Aggregates)) {
				t.Errorf("%s: draws take %v of %v", sql, drawn, want)
			}
			for _, c := range plan.Charges {
				if c.Epsilon != want || plan.Release.Epsilon != want {
					t.Errorf("%s: %s is charged %v, the question is for %v", sql, c.Owner, c.Epsilon, want)
				}
			}
		}
	}
}

// TestEpsilonOutOfRange holds that no ε outside what the owners allow makes a plan, whoever sends it.
func TestEpsilonOutOfRange(t *testing.T) {
	t.Parallel()
	for _, epsilon := range []dp.Epsilon{-1, -dp.OneEpsilon, -1 << 63, 1, 2, 20*dp.OneEpsilon + 1, 1<<63 - 1} {
		q := query(dpAnalyst, "SELECT count(*), sum(age), avg(bmi) FROM patients", nil, nil)
		q.Settings.Epsilon = epsilon
		_, err := Compile(care(), q)
		if e, ok := pgerr.As(err); !ok || e.Code != pgerr.InvalidParameterValue {
			t.Errorf("epsilon %d: %v", int64(epsilon), err)
		}
	}
	for _, text := range []string{"0", "-1", "NaN", "Infinity", "1e20", "abc", "1e-10", "", "0x1", "1_0", "1e9999999", "0.0000000001"} {
		if e, err := dp.ParseEpsilon(text); err == nil {
			t.Errorf("%q is read as %v", text, e)
		}
	}
	if e, err := dp.ParseEpsilon("1e-9"); err != nil || e != 1 {
		t.Errorf("1e-9 is %d, %v", e, err)
	}
}

// TestCohortCountsWhoIsRead holds that FILTER and NULL do not carry a value of fewer persons than the cohort past it.
func TestCohortCountsWhoIsRead(t *testing.T) {
	o := startOracle(t, 3)
	for _, c := range []struct{ sql, having string }{
		{"SELECT outcome, count(*) FILTER (WHERE age > 70) FROM patients GROUP BY outcome", "count(DISTINCT id) FILTER (WHERE age > 70) >= 3"},
		{"SELECT sex, sum(bmi) FILTER (WHERE age BETWEEN 40 AND 43) FROM patients GROUP BY sex", "count(DISTINCT id) FILTER (WHERE age BETWEEN 40 AND 43 AND bmi IS NOT NULL) >= 3"},
		{"SELECT age / 10, avg(bmi), count(age) FROM patients GROUP BY 1", "count(DISTINCT id) FILTER (WHERE bmi IS NOT NULL) >= 3 AND count(DISTINCT id) FILTER (WHERE age IS NOT NULL) >= 3"},
		{"SELECT sex, count(DISTINCT patients.id) FILTER (WHERE visit = 3 AND age > 60) FROM patients JOIN measurements USING (id) GROUP BY sex", "count(DISTINCT patients.id) FILTER (WHERE visit = 3 AND age > 60) >= 3"},
		{"SELECT age / 10, count(*) FROM patients GROUP BY 1 HAVING count(*) FILTER (WHERE sex = 'f') >= 1", "count(DISTINCT id) FILTER (WHERE sex = 'f') >= 3"},
	} {
		got, plan := o.federated(t, cohortAnalyst, c.sql, nil)
		if plan.Release.Cohort != 3 {
			t.Fatalf("cohort %d", plan.Release.Cohort)
		}
		id := "id"
		if strings.Contains(c.sql, "JOIN") {
			id = "patients.id"
		}
		oracle := c.sql
		if i := strings.Index(oracle, " HAVING "); i >= 0 {
			oracle = oracle[:i]
		}
		oracle += " HAVING count(DISTINCT " + id + ") >= 3 AND " + c.having
		fields := o.describe(t, oracle).Fields
		if g, w := canonicalRows(got, false, fields), canonicalRows(o.rows(t, oracle, nil, nil), false, fields); !slices.Equal(g, w) {
			t.Errorf("%s\ngot\n%s\nwant\n%s", c.sql, strings.Join(g, "\n"), strings.Join(w, "\n"))
		}
	}
	for _, sql := range []string{"SELECT sum(bmi) FILTER (WHERE age = 41 AND sex = 'f') FROM patients", "SELECT count(*) FROM patients WHERE age = 41 AND sex = 'f'"} {
		got, _ := o.federated(t, cohortAnalyst, sql, nil)
		if len(got) != 1 || got[0][0] != nil {
			t.Errorf("%s releases %v", sql, got)
		}
	}
}

// TestEmptyGroups holds what becomes of groups without rows: under dp every declared group is there, and AVG gives
// the middle of its bounds (RULES 18); under exact nothing.
func TestEmptyGroups(t *testing.T) {
	o := startOracle(t, 4)
	o.quiet = true
	const sql = "SELECT sex, avg(age), avg(bmi), sum(bmi), count(*) FROM patients WHERE age > 90 AND age < 10 GROUP BY sex"
	got, _ := o.federated(t, dpAnalyst, sql, nil)
	if g := canonicalRows(rounding(got), false, o.describe(t, sql).Fields); !slices.Equal(g, []string{"f | 50 | 35.0 | 0.0 | 0", "m | 50 | 35.0 | 0.0 | 0"}) {
		t.Errorf("dp: %q", g)
	}
	if got, _ := o.federated(t, exactAnalyst, sql, nil); len(got) != 0 {
		t.Errorf("exact: %d rows", len(got))
	}
}

// rounding drops zeros that a division adds behind 35.0 and 50.
func rounding(rows [][]*string) [][]*string {
	for _, r := range rows {
		for i, c := range r {
			if c != nil && strings.Contains(*c, ".000") {
				s := strings.TrimSuffix(strings.TrimRight(*c, "0"), ".")
				if i == 2 {
					s += ".0"
				}
				r[i] = &s
			}
		}
	}
	return rows
}

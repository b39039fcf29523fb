package sqlplan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// grammar is what random statements over one FROM are made of.
type grammar struct {
	from              string
	keys, sums, conds []string
	unit              string
}

var grammars = []grammar{
	{"patients", []string{"sex", "outcome", "diabetic", "age / 25", "extract(month FROM seen)", "age > 50", "CASE WHEN bmi < 25 THEN 'low' WHEN bmi >= 25 THEN 'high' END", "width_bucket(age, 10, 90, 4)", "date_trunc('month', seen)", "coalesce(outcome, 'lost')", "floor(age / 10) * 10", "floor(bmi / 7.5) * 7.5", "age % 5", "age / 10 * 10", "date_trunc('month', seen)::date", "diabetic::int", "outcome LIKE '%a%'", "date_part('month', seen)"},
		[]string{"age", "bmi", "age * 3 - 7", "bmi * bmi", "coalesce(age, 7)", "CASE WHEN diabetic THEN age END", "abs(age - 40)", "nullif(age, 50)", "greatest(age, 30)", "extract(day FROM seen)", "floor(bmi / 3)", "round(bmi)", "bmi::int", "(age > 40)::int", "age % 9 - 4", "ceil((age - 50) / 7.0)"},
		[]string{"sex = 'f'", "age > 30", "age BETWEEN 20 AND 70", "NOT diabetic", "outcome IS NULL", "outcome IN ('alive', 'lost')", "bmi * 2 > 70.5", "seen < '2013-04-01'", "(age < 30 OR bmi > 40.0)", "outcome IS DISTINCT FROM 'alive'", "diabetic IS NOT TRUE", "age <> 31", "least(age, 50) = 50", "extract(dow FROM seen) IN (0, 6)", "age = ANY ('{20,30,40,50,NULL,60,70,71,72,73,74,75}')", "age <> ALL (ARRAY[31, 50])", "outcome NOT LIKE 'a%'", "sex ILIKE 'F'", "floor(bmi / 10) > 2", "seen >= to_date('2013-02-01', 'YYYY-MM-DD')"}, "id"},
	{"cohort", []string{"grade", "hormone", "nodes > 5", "extract(year FROM at)", "date_trunc('week', at)", "age - 20"},
		[]string{"age", "nodes", "age + nodes", "least(nodes, 10)"}, []string{"age > 40", "nodes IS NOT NULL", "hormone", "at >= '2013-02-01'", "grade IN (1, 3)", "(nodes < 10) IS TRUE"}, "pid"},
	{"measurements JOIN patients USING (id)", []string{"sex", "test", "visit", "outcome", "visit * 2 - 1", "upper(test)"},
		[]string{"age", "bmi", "visit", "visit * 10", "coalesce(bmi, 20.0)"}, []string{"sex = 'm'", "test = 'sbp'", "weight > 50.5", "weight IS NULL", "age >= 18", "visit IN (1, 2)", "(diabetic OR bmi > 30.0)"}, "patients.id"},
	{"patients AS a, measurements AS b", []string{"a.sex", "b.visit", "a.diabetic"}, []string{"a.age", "b.visit", "a.bmi"}, []string{"a.age < 60", "b.test <> 'sbp'"}, "b.id"},
}

func pick(r *rand.Rand, list []string, most int) []string {
	var out []string
	for _, i := range r.Perm(len(list))[:r.IntN(min(most, len(list))+1)] {
		out = append(out, list[i])
	}
	return out
}

// statement makes a random supported statement; grand leaves GROUP BY out.
func (g grammar) statement(r *rand.Rand, grand bool) string {
	var keys, outs []string
	if !grand {
		keys = pick(r, g.keys, 2)
	}
	outs = append(outs, keys...)
	outs = append(outs, "count(*) AS n")
	for _, x := range pick(r, g.sums, 3) {
		f := []string{"sum", "avg", "count"}[r.IntN(3)]
		filter := ""
		if r.IntN(4) == 0 && !grand {
			filter = " FILTER (WHERE " + g.conds[r.IntN(len(g.conds))] + ")"
		}
		outs = append(outs, fmt.Sprintf("%s(%s)%s", f, x, filter))
	}
	if r.IntN(3) == 0 {
		outs = append(outs, "count(DISTINCT "+g.unit+")")
	}
	conds := pick(r, g.conds, 3)
	if strings.Contains(g.from, ",") {
		conds = append(conds, "a.id = b.id")
	}
	sql := "SELECT " + strings.Join(outs, ", ") + " FROM " + g.from
	if len(conds) > 0 {
		sql += " WHERE " + strings.Join(conds, " AND ")
	}
	if len(keys) > 0 {
		sql += " GROUP BY " + strings.Join(keys, ", ")
		if r.IntN(4) == 0 {
			sql += fmt.Sprintf(" HAVING count(*) >= %d", r.IntN(12))
		}
	}
	return sql
}

// TestDifferentialRandom compares random statements under exact with PostgreSQL, and under dp with the
// noise left out where bounding changes nothing.
func TestDifferentialRandom(t *testing.T) {
	const seed = 20260
	o := startOracle(t, seed)
	r := rand.New(rand.NewPCG(seed, 1))
	n := 120
	if testing.Short() {
		n = 30
	}
	compare := func(analyst, sql string) {
		got, _ := o.federated(t, analyst, sql, nil)
		d := o.describe(t, sql)
		want := o.rows(t, sql, nil, nil)
		g, w := canonicalRows(got, false, d.Fields), canonicalRows(want, false, d.Fields)
		if analyst == dpAnalyst {
			g, w = rounded(g), rounded(w)
		}
		if !slices.Equal(g, w) {
			t.Errorf("%s %s\ngot\n%s\nwant\n%s", analyst, sql, strings.Join(g, "\n"), strings.Join(w, "\n"))
		}
	}
	for i := range n {
		compare(exactAnalyst, grammars[i%len(grammars)].statement(r, i%5 == 0))
	}
	o.quiet = true
	for _, sql := range []string{"SELECT count(*), sum(age), avg(age), avg(bmi), count(DISTINCT id), sum(bmi * 2) FROM patients",
		"SELECT avg(nodes), avg(age), sum(age + nodes), count(nodes) FROM cohort WHERE hormone", "SELECT sex, avg(age), count(*) FROM patients GROUP BY sex"} {
		compare(dpAnalyst, sql)
	}
}

// rounded drops what differs by the scale of a division.
func rounded(rows []string) []string {
	var out []string
	for _, r := range rows {
		var cells []string
		for _, c := range strings.Split(r, " | ") {
			var f float64
			if _, err := fmt.Sscanf(c, "%g", &f); err == nil {
				c = fmt.Sprintf("%.8g", f)
			}
			cells = append(cells, c)
		}
		out = append(out, strings.Join(cells, " | "))
	}
	return out
}

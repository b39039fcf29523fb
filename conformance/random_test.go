package conformance

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

// seed chooses the random statements; another one finds other things.
var seed = flag.Uint64("seed", 2013, "seed of the random statements")

// words are what random statements over one FROM are made of.
type words struct {
	from                    string
	keys, measures, filters []string
	unit                    string
}

// allWords has expressions that are supported and some that may be refused; none of them is an
// error in PostgreSQL on the rows of the study.
var allWords = []words{
	{from: "people", unit: "id",
		keys: []string{"sex", "age", "city", "born", "active", "age / 10", "age % 7", "age - 50", "width_bucket(age, 10, 90, 8)", "width_bucket(weight, 50, 150, 4)",
			"date_trunc('month', born)", "date_trunc('week', born)", "extract(dow FROM born)", "extract(day FROM born)", "born < '1990-02-10'", "active AND age > 50",
			"coalesce(sex, 'm')", "upper(city)", "length(city)", "CASE WHEN age < 30 THEN 'young' WHEN sex = 'f' THEN 'woman' ELSE 'man' END",
			"income / 25000", "coalesce(age, 55) / 20", "nullif(sex, 'f')", "greatest(age, 70)", "age IS NULL", "sex || city", "-age", "abs(age - 50) / 10"},
		measures: []string{"age", "weight", "income", "age * 3 - 7", "weight * 2", "age + income", "coalesce(age, 7)", "CASE WHEN active THEN age END", "CASE WHEN sex = 'f' THEN weight ELSE 0 END",
			"abs(age - 40)", "nullif(age, 50)", "least(age, 30)", "extract(day FROM born)", "age * age", "age * weight", "weight - age", "-weight", "income % 100", "age / 7"},
		filters: []string{"sex = 'f'", "age > 30", "age BETWEEN 20 AND 70", "NOT active", "sex IS NULL", "sex IN ('f', 'm')", "weight * 2 > 150.5", "born < '1990-02-15'",
			"(age < 30 OR weight > 100.0)", "sex IS DISTINCT FROM 'f'", "active IS NOT TRUE", "age <> 31", "extract(dow FROM born) IN (0, 6)", "city <> 'a b'", "note = 'note 1'",
			"age + income > 50000", "weight IS NOT NULL", "(age > 50) = active", "lower(city) = 'åby'", "note > 'note 2'", "income NOT BETWEEN 1000 AND 90000"}},
	{from: "visits", unit: "id",
		keys: []string{"kind", "day", "ok", "rank", "rank * 2", "date_trunc('day', at)", "extract(hour FROM at)", "date_trunc('hour', at)", "extract(month FROM at)", "at::date", "rank > 2 AND ok",
			"CASE kind WHEN 'sbp' THEN 1 WHEN 'bmi' THEN 2 END", "extract(isodow FROM day)"},
		measures: []string{"score", "rank", "rank * 10", "CASE WHEN ok THEN score END", "coalesce(score, 0)", "CASE WHEN kind = 'sbp' THEN rank END", "extract(hour FROM at)"},
		filters:  []string{"kind = 'sbp'", "kind <> 'bmi'", "ok", "score > 0", "score BETWEEN -10 AND 50.25", "rank IN (1, 3)", "at < '2024-03-01 12:00'", "day >= '2024-02-29'", "value > 100", "value IS NULL", "ok IS UNKNOWN", "extract(hour FROM at) < 12"}},
	{from: "sites", unit: "pid",
		keys:     []string{"region", "grade", "flag", "grade * 2", "date_trunc('day', seen)", "extract(dow FROM seen)", "width_bucket(cost, 0, 9000, 3)", "grade > 1", "upper(region)", "seen::date", "extract(year FROM seen)"},
		measures: []string{"cost", "grade", "cost * 2", "abs(cost)", "CASE WHEN flag THEN cost END", "least(cost, 100.5)", "cost - 5000"},
		filters:  []string{"region = 'east'", "grade = 2", "flag", "cost > 0", "cost < 123.45", "seen >= '2024-02-28'", "grade IS NULL", "region IN ('north', 'south')", "NOT flag", "(cost < 0 OR grade = 3)"}},
	{from: "people p JOIN visits v ON p.id = v.id", unit: "v.id",
		keys:     []string{"p.sex", "v.kind", "v.rank", "p.age / 20", "v.day", "p.active", "v.ok", "width_bucket(p.weight, 40, 180, 3)", "p.sex = 'f'", "v.rank % 2", "extract(month FROM p.born)", "p.age > v.rank"},
		measures: []string{"p.age", "p.weight", "v.score", "v.rank", "p.income", "v.rank * 2 + 1", "CASE WHEN p.active THEN p.age END", "coalesce(v.score, 1)", "p.age + v.rank"},
		filters:  []string{"p.age > 20", "v.ok", "v.kind = 'sbp'", "p.sex = 'm'", "v.score < 50", "p.weight IS NOT NULL", "v.rank <> 3", "(p.sex = 'f' OR p.age < 40)", "v.day > '2024-02-28'", "p.city = 'Åby'", "p.age > v.rank"}},
	{from: "stays s JOIN visits v USING (id)", unit: "s.id",
		keys:     []string{"ward", "kind", "urgent", "rank", "days / 10", "extract(month FROM admitted)", "date_trunc('month', admitted)", "ok", "day"},
		measures: []string{"days", "score", "rank", "days * 2", "coalesce(days, 30)", "CASE WHEN urgent THEN days END"},
		filters:  []string{"urgent", "ward = 'A'", "ward IS NULL", "days > 5", "rank < 4", "score >= 0", "kind IN ('sbp', 'chol')", "admitted < '2024-02-01'", "NOT ok"}},
	{from: "people a, stays b", unit: "a.id",
		keys:     []string{"a.sex", "b.ward", "a.city", "b.urgent", "b.days / 5", "a.age / 25"},
		measures: []string{"a.weight", "b.days", "a.income", "a.age * 2", "b.days - 15"},
		filters:  []string{"a.age < 60", "b.urgent", "b.ward <> 'C'", "a.active", "b.days IS NOT NULL"}},
}

// some picks up to most of a list, in random order.
func some(r *rand.Rand, list []string, most int) []string {
	var out []string
	for _, i := range r.Perm(len(list))[:r.IntN(min(most, len(list))+1)] {
		out = append(out, list[i])
	}
	return out
}

// statement makes a random statement.
func (w words) statement(r *rand.Rand) string {
	keys := some(r, w.keys, 2)
	outs := append([]string{}, keys...)
	if r.IntN(4) > 0 {
		outs = append(outs, "count(*) AS n")
	}
	for _, m := range some(r, w.measures, 3) {
		filter := ""
		if r.IntN(5) == 0 {
			filter = " FILTER (WHERE " + w.filters[r.IntN(len(w.filters))] + ")"
		}
		outs = append(outs, fmt.Sprintf("%s(%s)%s", []string{"sum", "avg", "count"}[r.IntN(3)], m, filter))
	}
	if r.IntN(4) == 0 || len(outs) == len(keys) {
		outs = append(outs, "count(DISTINCT "+w.unit+")")
	}
	conditions := some(r, w.filters, 3)
	if strings.Contains(w.from, ",") {
		conditions = append(conditions, "a.id = b.id")
	}
	text := "SELECT " + strings.Join(outs, ", ") + " FROM " + w.from
	if len(conditions) > 0 {
		text += " WHERE " + strings.Join(conditions, " AND ")
	}
	if len(keys) > 0 {
		text += " GROUP BY " + strings.Join(keys, ", ")
		if r.IntN(4) == 0 {
			text += fmt.Sprintf(" HAVING count(*) %s %d", []string{">=", "<", ">", "=", "<="}[r.IntN(5)], r.IntN(20))
		}
		if r.IntN(2) == 0 { // all keys: then the order is total
			var order []string
			for i := range keys {
				order = append(order, fmt.Sprint(i+1, []string{"", " DESC", " NULLS FIRST"}[r.IntN(3)]))
			}
			text += " ORDER BY " + strings.Join(order, ", ")
		}
	}
	return text
}

// documented are the codes with which a statement may be refused.
var documented = map[string]bool{"0A000": true, "42501": true, "54000": true, "ZD002": true, "ZD012": true}

// decimals are numbers with digits behind the point.
var decimals = regexp.MustCompile(`^(-?[0-9]+\.[0-9]*?)0+$`)

// sameScale drops zeros at the end of numbers. Where an expression mixes scales, such as
// least(cost, 100.5), the zeros of PostgreSQL's sum tell of the rows' scales; the federation's do not,
// it shows the larger scale always.
func sameScale(a answer) answer {
	for _, row := range a.rows {
		for i, field := range row {
			row[i] = strings.TrimSuffix(decimals.ReplaceAllString(field, "$1"), ".")
		}
	}
	return a
}

// TestRandomStatements compares random statements with the oracle: an answer is right, or the
// statement is refused with a documented code.
func TestRandomStatements(t *testing.T) {
	long(t)
	f := running(t)
	t.Logf("seed %d (go test ./conformance -run TestRandomStatements -seed N)", *seed)
	r := rand.New(rand.NewPCG(*seed, 415))
	const n = 160
	var texts []string
	for i := range n {
		texts = append(texts, allWords[i%len(allWords)].statement(r))
	}
	var answered, refused atomic.Int64
	connections := f.pairs(t, "rosa", "trial")
	inParallel(n, func(worker, i int) {
		got, want, err, oracleErr := connections[worker].both(t.Context(), statement{sql: texts[i]})
		switch {
		case oracleErr != nil:
			t.Errorf("the oracle says %v\n%s", oracleErr, texts[i])
		case err != nil && !documented[code(err)]:
			t.Errorf("%v\n%s\n%s", err, texts[i], f.causes(err))
		case err != nil:
			refused.Add(1)
		default:
			answered.Add(1)
			if d := differ(sameScale(got), sameScale(want), strings.Contains(texts[i], "ORDER BY")); d != "" {
				t.Errorf("%s\n%s", texts[i], d)
			}
		}
	})
	t.Logf("%d answered, %d refused", answered.Load(), refused.Load())
	if answered.Load() < n/2 {
		t.Errorf("only %d of %d statements were answered", answered.Load(), n)
	}
}

package sqlplan

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// wrappings are other ways to write the FROM of a grammar, as tools do: a text before the statement, and the FROM.
var wrappings = map[string][][2]string{
	"patients": {{"", "(SELECT * FROM patients) AS patients"},
		{"", "(SELECT x.* FROM (SELECT patients.*, 1 AS one FROM public.patients) AS x) AS patients"},
		{"WITH w AS (SELECT * FROM patients), patients AS (SELECT * FROM w) ", "patients"},
		{"", "(SELECT id, outcome, sex, s, a, diabetic, seen, b FROM (SELECT id, sex, outcome, age AS a, diabetic, seen, bmi AS b, length(note) AS s FROM patients) AS y) AS patients (id, outcome, sex, s, age, diabetic, seen, bmi)"}},
	"cohort": {{"", "(SELECT * FROM cohort) AS q01"}, {"WITH c (a, b) AS (SELECT pid, grade, age, nodes, hormone, at FROM cohort) ", "(SELECT a AS pid, b AS grade, c.age, nodes, hormone, at FROM c) AS z"}},
	"measurements JOIN patients USING (id)": {{"", "(SELECT * FROM measurements) AS m JOIN (SELECT * FROM patients) AS patients USING (id)"},
		{"WITH m AS (SELECT * FROM measurements) ", "m JOIN (patients) USING (id)"}},
	"patients AS a, measurements AS b": {{"", "(SELECT * FROM patients AS t) AS a, (SELECT * FROM measurements AS t) AS b"},
		{"", "(SELECT * FROM patients) AS a JOIN measurements AS b ON b.id = a.id"}},
}

// TestFlattenSamePlan holds that a statement over subqueries that only rename has the plan of the statement
// without them: what owners compute, what is opened, and the result.
func TestFlattenSamePlan(t *testing.T) {
	t.Parallel()
	const seed = 77
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	compared := 0
	for i := range 240 {
		g := grammars[i%len(grammars)]
		plain := g.statement(r, i%5 == 0)
		w := wrappings[g.from][r.IntN(len(wrappings[g.from]))]
		from := strings.ReplaceAll(w[1], "(patients)", "patients")
		wrapped := w[0] + strings.Replace(plain, " FROM "+g.from, " FROM "+from, 1)
		for _, analyst := range []string{exactAnalyst, dpAnalyst} {
			want, err := Compile(care(), query(analyst, plain, nil, nil))
			if err != nil {
				continue
			}
			got, err := Compile(care(), query(analyst, wrapped, nil, nil))
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, plain, wrapped)
			}
			compared++
			if a, b := planText(got), planText(want); a != b || !reflect.DeepEqual(got.Result, want.Result) {
				t.Fatalf("%s\n%s\n%s\n%s", plain, wrapped, b, a)
			}
		}
	}
	if compared < 200 {
		t.Fatalf("%d plans compared", compared)
	}
}

func planText(p *Plan) string {
	return fmt.Sprintf("%+v\n%s\n%+v", p.Local, p.Program.String(), p.Release)
}

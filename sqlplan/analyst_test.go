package sqlplan

import (
	"slices"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// analystStatements are what analysts and their tools write, in the tools' own spelling. groups is the number of declared
// groups that may be answered; 0: not looked at.
var analystStatements = []struct {
	sql    string
	groups int
}{
	// Metabase
	{`SELECT "public"."patients"."sex" AS "sex", COUNT(*) AS "count" FROM "public"."patients" GROUP BY "public"."patients"."sex" ORDER BY "public"."patients"."sex" ASC`, 2},
	{`SELECT CAST(DATE_TRUNC('month', "public"."patients"."seen") AS DATE) AS "seen", SUM("public"."patients"."age") AS "sum" FROM "public"."patients" GROUP BY CAST(DATE_TRUNC('month', "public"."patients"."seen") AS DATE) ORDER BY CAST(DATE_TRUNC('month', "public"."patients"."seen") AS DATE) ASC`, 7},
	{`SELECT CAST(extract(month from "public"."cohort"."at") AS integer) AS "at", count(*) AS "count" FROM "public"."cohort" GROUP BY CAST(extract(month from "public"."cohort"."at") AS integer) ORDER BY CAST(extract(month from "public"."cohort"."at") AS integer) ASC`, 12},
	{`SELECT CAST("public"."cohort"."at" AS date) AS "at", count(*) AS "count" FROM "public"."cohort" GROUP BY CAST("public"."cohort"."at" AS date) ORDER BY 1`, 0},
	{`SELECT FLOOR((("public"."patients"."age" - 0.0) / 10.0)) * 10 AS "age", COUNT(*) AS "count" FROM "public"."patients" GROUP BY FLOOR((("public"."patients"."age" - 0.0) / 10.0)) * 10 ORDER BY 1`, 12},
	{`SELECT ((FLOOR((("public"."patients"."bmi" - 10.0) / 12.5)) * 12.5) + 10.0) AS "bmi", COUNT(*) AS "count" FROM "public"."patients" GROUP BY 1`, 6},
	{`SELECT "source"."sex" AS "sex", SUM("source"."count") AS "sum" FROM (SELECT "public"."patients"."sex" AS "sex", "public"."patients"."diabetic" AS "diabetic", COUNT(*) AS "count" FROM "public"."patients" GROUP BY "public"."patients"."sex", "public"."patients"."diabetic") AS "source" GROUP BY "source"."sex" ORDER BY "source"."sex" ASC`, 4},
	// Superset
	{`SELECT DATE_TRUNC('day', "at") AS __timestamp, COUNT(*) AS count FROM public.cohort WHERE "at" >= TO_TIMESTAMP('2013-02-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND "at" < TO_TIMESTAMP('2013-03-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY DATE_TRUNC('day', "at") ORDER BY __timestamp`, 0},
	{`SELECT sex AS sex, COUNT(*) AS "COUNT(*)", AVG(bmi) AS "AVG(bmi)" FROM public.patients WHERE seen >= TO_DATE('2013-01-10', 'YYYY-MM-DD') AND seen < TO_DATE('2013-05-01', 'YYYY-MM-DD') GROUP BY sex ORDER BY "COUNT(*)" DESC, sex`, 2},
	{`SELECT sex AS sex, sum(n) AS "SUM(n)" FROM (SELECT sex, diabetic, count(*) AS n FROM patients GROUP BY sex, diabetic) AS virtual_table WHERE sex IN ('f') GROUP BY sex LIMIT 100`, 4},
	{`SELECT * FROM (SELECT outcome, count(*) AS n, avg(age) AS a FROM patients GROUP BY outcome) AS "virtual_table" ORDER BY outcome LIMIT 2`, 4},
	// Tableau
	{`SELECT "patients"."sex" AS "sex", COUNT(1) AS "cnt:n:ok", SUM(1) AS "n" FROM "public"."patients" "patients" GROUP BY 1`, 2},
	{`SELECT AVG(CAST("patients"."age" AS DOUBLE PRECISION)) AS "avg:age:ok" FROM "public"."patients" "patients" HAVING (COUNT(1) > 0)`, 1},
	{`SELECT CAST(TRUNC(EXTRACT(YEAR FROM "patients"."seen")) AS INTEGER) AS "yr:seen:ok", COUNT(1) AS n FROM "public"."patients" "patients" GROUP BY 1`, 1},
	{`SELECT "t"."sex" AS "sex", SUM("t"."x") AS "s" FROM (SELECT "sex", "outcome", COUNT(1) AS "x" FROM "patients" GROUP BY 1, 2) "t" GROUP BY 1 HAVING (COUNT(1) > 0)`, 8},
	// Power BI
	{`select "rows"."sex" as "sex", sum("rows"."age") as "a0" from ( select "_"."sex", "_"."age" from "public"."patients" "_" where "_"."sex" = 'f' and "_"."sex" is not null ) "rows" group by "sex"`, 2},
	{`select "_"."sex", "_"."a0" from ( select "rows"."sex" as "sex", count(1) as "a0" from ( select "_"."sex" from "public"."patients" "_" ) "rows" group by "sex" ) "_" where not "_"."a0" is null order by "_"."sex" limit 1001`, 2},
	// dbplyr
	{`SELECT "decade", COUNT(*) AS "n" FROM (SELECT FLOOR("age" / 10.0) * 10.0 AS "decade" FROM "patients") "q01" GROUP BY "decade"`, 12},
	{`SELECT "q01".*, "n" * 100.0 / SUM("n") OVER () AS "percent" FROM (SELECT "sex", COUNT(*) AS "n" FROM "patients" GROUP BY "sex") "q01"`, 2},
	{`SELECT "sex", AVG("bmi") AS "m", SUM(CASE WHEN ("age" > 40.0) THEN 1 WHEN NOT ("age" > 40.0) THEN 0 END) AS "o" FROM "patients" WHERE ("age" >= 18.0) GROUP BY "sex"`, 2},
	// by hand
	{"SELECT age / 10 * 10 AS decade, count(*) FROM patients GROUP BY 1 ORDER BY 1", 12},
	{"SELECT 5 + age / 20 * 2 AS x, count(*) FROM patients GROUP BY 1", 7},
	{"SELECT 100 - age / 25 AS x, count(*) FROM patients GROUP BY 1", 6},
	{"SELECT floor(age / 10) * 10 AS decade, count(*) FROM patients GROUP BY 1 ORDER BY 1", 12},
	{"SELECT floor(bmi), ceil(bmi / 10), count(*) FROM patients GROUP BY 1, 2", 0},
	{"SELECT round(bmi) AS b, sum(trunc(bmi)), sum(round(bmi)), sum(ceiling(bmi)) FROM patients GROUP BY 1", 52},
	{"SELECT sum(floor((bmi - 30.0) / 3)), sum(trunc((bmi - 30.0) / -3)), sum(ceil((bmi - 30) / 0.7)), sum(round((bmi - 30) / 2)) FROM patients", 1},
	{"SELECT age % 7 AS d, count(*), sum(mod(age, 3)), sum((age - 50) % 9) FROM patients GROUP BY 1", 8},
	{"SELECT age - age % 10 AS d, count(*) FROM patients GROUP BY 1", 0},
	{"SELECT sex, sum(diabetic::int), avg(diabetic::int), sum(CAST(age > 40 AS integer)) FROM patients GROUP BY sex", 2},
	{"SELECT diabetic::int AS d, count(*) FROM patients GROUP BY 1", 2},
	{"SELECT sum(bmi::int), sum((bmi * 2)::integer), sum((bmi - 40)::smallint) FROM patients", 1},
	{"SELECT date_part('year', seen) AS y, date_part('month', seen) AS m, count(*) FROM patients GROUP BY 1, 2", 12},
	{"SELECT extract(year FROM seen)::int AS y, extract(quarter FROM seen)::int AS q, count(*) FROM patients GROUP BY y, q", 4},
	{"SELECT date_trunc('week', at)::date AS w, count(*) FROM cohort GROUP BY 1", 0},
	{"SELECT date_trunc('month', seen)::date AS m, count(*) AS n, sum(count(*)) OVER (ORDER BY date_trunc('month', seen)::date) AS total FROM patients GROUP BY 1 ORDER BY 1", 7},
	{"SELECT sex, count(*) * 100.0 / sum(count(*)) OVER () AS pct FROM patients GROUP BY sex", 2},
	{"SELECT outcome, count(*), rank() OVER (ORDER BY count(*) DESC, outcome), dense_rank() OVER w, row_number() OVER w FROM patients GROUP BY outcome WINDOW w AS (ORDER BY outcome DESC)", 4},
	{"SELECT grade, count(*) - lag(count(*)) OVER (ORDER BY grade) AS diff, lead(avg(age), 1, 0) OVER (ORDER BY grade), lag(count(*), 1, 0.5) OVER (ORDER BY grade) FROM cohort GROUP BY grade", 3},
	{"SELECT sex, diabetic, count(*), sum(count(*)) OVER (PARTITION BY sex ORDER BY diabetic ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), max(sum(age)) OVER (), min(avg(bmi)) OVER (PARTITION BY sex), avg(count(*)) OVER (), ntile(2) OVER (ORDER BY count(*), sex, diabetic), first_value(sex) OVER (ORDER BY sex), percent_rank() OVER (ORDER BY sex), count(*) FILTER (WHERE diabetic) OVER () FROM patients GROUP BY sex, diabetic", 4},
	{"SELECT sex, sum(sum(weight)) OVER (), avg(sum(weight)) OVER (), sum(visit) OVER () FROM (SELECT sex, visit, sum(weight) AS weight FROM patients JOIN measurements USING (id) GROUP BY sex, visit) AS t GROUP BY sex, visit", 8},
	{"SELECT sex, count(*) FROM patients GROUP BY sex HAVING count(*) > 25 ORDER BY sum(count(*)) OVER (), sex", 2},
	{"SELECT count(*) FROM patients WHERE outcome LIKE 'a%' OR outcome LIKE '%\\\\ d__d'", 1},
	{"SELECT count(*), count(*) FILTER (WHERE outcome ILIKE '%DEAD'), count(*) FILTER (WHERE outcome NOT LIKE '%i%'), count(*) FILTER (WHERE (outcome LIKE 'none') IS NULL), count(*) FILTER (WHERE outcome NOT ILIKE 'none%') FROM patients", 1},
	{"SELECT count(*) FROM patients WHERE outcome LIKE NULL", 1},
	{"SELECT outcome LIKE '%e%' AS e, count(*) FROM patients GROUP BY 1", 3},
	{"SELECT t.sex, t.n FROM (SELECT sex, count(*) AS n FROM patients GROUP BY sex) t WHERE t.n > 5", 2},
	{"WITH t AS (SELECT sex, count(*) AS n FROM patients GROUP BY sex) SELECT a.sex, a.n, round(a.n / (SELECT sum(n) FROM t), 3) AS f FROM t AS a JOIN t AS b ON a.sex <> b.sex", 2},
	{"WITH RECURSIVE t(n) AS ((SELECT count(*) FROM patients) UNION ALL SELECT n + 1 FROM t WHERE n < 65) SELECT * FROM t", 1},
	{"SELECT max(n), string_agg(sex, ',' ORDER BY sex) FROM (SELECT sex, count(*) AS n FROM patients GROUP BY sex) t", 2},
	{"SELECT s FROM generate_series(1, 3) AS s WHERE s * 20 <= (SELECT count(*) FROM patients)", 1},
	{"SELECT v.x, (SELECT t.n FROM (SELECT sex, count(*) AS n FROM patients GROUP BY sex) t WHERE t.sex = v.x) FROM (VALUES ('f'), ('m'), ('x')) AS v(x)", 2},
	{"SELECT EXISTS (SELECT sex FROM patients GROUP BY sex HAVING count(*) > 20)", 2},
	{"SELECT sex, outcome, sum(n) FROM (SELECT sex, outcome, count(*) AS n FROM patients GROUP BY sex, outcome) t GROUP BY ROLLUP (sex, outcome)", 8},
	{"SELECT coalesce(sum(age), 0), 'x' AS label, round(avg(age)::numeric, 2), avg(age)::numeric(10,2), cast(count(*) AS numeric(12)) FROM patients", 1},
}

// TestAnalystStatements holds tools' statements to PostgreSQL, and their groups to those that can occur.
func TestAnalystStatements(t *testing.T) {
	o := startOracle(t, 6)
	for _, c := range analystStatements {
		got, plan := o.federated(t, exactAnalyst, c.sql, nil)
		d := o.describe(t, c.sql)
		want := o.rows(t, c.sql, nil, d.ParamOIDs)
		ordered := strings.Contains(c.sql, "ORDER BY 1") || strings.HasSuffix(c.sql, "ASC")
		if g, w := canonicalRows(got, ordered, d.Fields), canonicalRows(want, ordered, d.Fields); !slices.Equal(g, w) {
			t.Errorf("%s\ngot\n%s\nwant\n%s", c.sql, strings.Join(g, "\n"), strings.Join(w, "\n"))
		}
		if len(want) == 0 && !strings.Contains(c.sql, "> 25") {
			t.Errorf("%s: no rows to compare", c.sql)
		}
		if n := len(plan.Result.Keys); c.groups > 0 && n != c.groups {
			t.Errorf("%s has %d groups, want %d", c.sql, n, c.groups)
		}
		if _, plan := o.federated(t, dpAnalyst, c.sql, nil); plan.Release.Kind != catalog.ReleaseDP {
			t.Errorf("%s: not noisy", c.sql)
		}
	}
}

package sqlplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// browsed are listings and what is answered, rows separated by semicolons.
var browsed = map[string]string{
	"SELECT DISTINCT sex FROM patients": "f; m",
	`SELECT "t"."sex" AS "c" FROM "public"."patients" "t" GROUP BY 1 ORDER BY 1 ASC LIMIT 1001`:                                                               "f; m",
	"SELECT DISTINCT outcome FROM patients ORDER BY outcome":                                                                                                  `alive; it's \ dead; lost; ∅`,
	"SELECT outcome FROM patients GROUP BY outcome HAVING outcome IS NOT NULL ORDER BY 1 DESC":                                                                `lost; it's \ dead; alive`,
	"SELECT DISTINCT outcome AS o FROM patients WHERE outcome IS NOT NULL AND outcome <> 'lost'":                                                              `alive; it's \ dead`,
	"SELECT DISTINCT outcome FROM patients WHERE outcome LIKE 'a%' OR lower(outcome) ILIKE '%OST'":                                                            "alive; lost",
	"SELECT DISTINCT sex, diabetic FROM patients WHERE diabetic ORDER BY sex DESC":                                                                            "m | t; f | t",
	"SELECT DISTINCT upper(sex) || '!' AS s, sex FROM patients ORDER BY s":                                                                                    "F! | f; M! | m",
	"SELECT age / 25 FROM patients GROUP BY age / 25 ORDER BY 1":                                                                                              "0; 1; 2; 3; 4; ∅",
	"SELECT DISTINCT age / 50 FROM patients ORDER BY 1":                                                                                                       "0; 1; 2; ∅",
	"SELECT DISTINCT visit FROM measurements ORDER BY visit OFFSET 1 LIMIT 2":                                                                                 "2; 3",
	"SELECT test, visit FROM measurements WHERE test = 'sbp' AND visit IN (1, 4) GROUP BY visit, test":                                                        "sbp | 1; sbp | 4",
	"SELECT DISTINCT date_trunc('year', at) FROM cohort ORDER BY 1":                                                                                           "2013-01-01 00:00:00",
	"SELECT DISTINCT day FROM cases WHERE day < '2013-04-03'":                                                                                                 "2013-04-01; 2013-04-02",
	"SELECT DISTINCT p.sex, m.test FROM patients p JOIN measurements m USING (id) WHERE m.test = 'chol'":                                                      "f | chol; m | chol",
	"SELECT p.sex FROM patients p, measurements m WHERE p.id = m.id AND p.sex = 'f' GROUP BY p.sex":                                                           "f",
	"SELECT DISTINCT s FROM (SELECT sex AS s, age FROM patients) AS x WHERE s > 'f'":                                                                          "m",
	"WITH x AS (SELECT grade AS g FROM cohort) SELECT g * 10 AS ten FROM x GROUP BY g ORDER BY g":                                                             "10; 20; 30",
	"SELECT sex FROM (SELECT * FROM patients) AS \"Custom SQL Query\" GROUP BY 1 HAVING (sex = 'm')":                                                          "m",
	`SELECT "public"."patients"."sex" AS "sex" FROM "public"."patients" GROUP BY "public"."patients"."sex" ORDER BY "public"."patients"."sex" ASC LIMIT 1000`: "f; m",
	`SELECT sex AS sex FROM (SELECT * FROM patients) AS virtual_table WHERE 1 = 1 AND sex IN ('m') GROUP BY sex`:                                              "m",
	"SELECT TRUE FROM patients WHERE 1 <> 1 LIMIT 0":                                                                                                          "",
	"SELECT DISTINCT grade FROM cohort WHERE grade BETWEEN 2 AND 9":                                                                                           "2; 3",
	"SELECT CASE WHEN sex = 'f' THEN 'woman' ELSE 'man' END AS w FROM patients GROUP BY sex ORDER BY w":                                                       "man; woman",
	"SELECT * FROM (SELECT sex, age FROM patients) AS t WHERE 0=1":                                                                                            "",
	"SELECT * FROM (SELECT sex, age + 1 AS a FROM patients WHERE false) AS t":                                                                                 "",
	"SELECT sex, age + 1 FROM patients WHERE age > 3 AND 1 <> 1":                                                                                              "",
	"WITH q AS (SELECT * FROM patients) SELECT * FROM q WHERE (0 = 1)":                                                                                        "",
}

// TestBrowse holds that listings are answered from declared domains alone, with the described columns, and that what
// occurs is among what is listed.
func TestBrowse(t *testing.T) {
	o := startOracle(t, 5)
	for sql, want := range browsed {
		for _, analyst := range []string{dpAnalyst, exactAnalyst, countsAnalyst} {
			parts, err := Rewrite(care(), analyst, sql, nil)
			if err != nil {
				t.Fatal(err)
			}
			d := o.describe(t, sql)
			if !parts[0].FromCatalog(0) {
				t.Errorf("%s: asks the owners", sql)
			}
			tail, err := parts[0].Render(typesOf(d), 0, "c2d.run('id', NULL::text[])")
			if err != nil {
				t.Errorf("%s: %v", sql, err)
				continue
			}
			if strings.Contains(tail, "c2d.run") || strings.Contains(tail, "patients") {
				t.Errorf("%s: %s", sql, tail)
			}
			for i, f := range o.describe(t, tail).Fields {
				if w := d.Fields[i]; f.Name != w.Name || f.DataTypeOID != w.DataTypeOID {
					t.Errorf("%s: column %s of type %d, described %s %d", sql, f.Name, f.DataTypeOID, w.Name, w.DataTypeOID)
				}
			}
			ordered := strings.Contains(sql, "ORDER BY")
			got := canonicalRows(o.rows(t, tail, nil, nil), ordered, d.Fields)
			if strings.Join(got, "; ") != want {
				t.Errorf("%s\ngot  %s\nwant %s", sql, strings.Join(got, "; "), want)
			}
			for _, r := range canonicalRows(o.rows(t, sql, nil, nil), ordered, d.Fields) {
				if !slices.Contains(got, r) {
					t.Errorf("%s: %s occurs and is not listed", sql, r)
				}
			}
		}
	}
}

// TestBrowseParameters holds that conditions on listed columns take parameters.
func TestBrowseParameters(t *testing.T) {
	o := startOracle(t, 5)
	const sql = "SELECT DISTINCT visit FROM measurements WHERE visit > $1 ORDER BY visit LIMIT $2"
	d := o.describe(t, sql)
	parts, err := Rewrite(care(), dpAnalyst, sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	tail, err := parts[0].Render(typesOf(d), len(d.ParamOIDs), "c2d.run('id', NULL::text[])")
	if err != nil {
		t.Fatal(err)
	}
	one, two := "1", "2"
	got := canonicalRows(o.rows(t, tail, []*string{&one, &two}, d.ParamOIDs), true, d.Fields)
	if strings.Join(got, "; ") != "2; 3" {
		t.Errorf("%s: %v", tail, got)
	}
}

// TestBrowseRefusals holds the one error of requests for rows, and that what the catalog does not know is refused
// before anybody is asked.
func TestBrowseRefusals(t *testing.T) {
	t.Parallel()
	const rows = "ZD001 persons' rows are not released"
	for text, want := range map[string]string{
		"SELECT * FROM patients":            rows,
		"SELECT * FROM patients LIMIT 1000": rows,
		"SELECT sex FROM patients":          rows,
		`SELECT "t"."sex" AS "sex" FROM "public"."patients" "t" LIMIT 200 OFFSET 10`:     rows,
		"SELECT t.*, ctid FROM patients t":                                               rows,
		"SELECT * FROM (SELECT * FROM patients LIMIT 10) AS x":                           rows,
		"SELECT * FROM (SELECT sex, age FROM patients) AS x WHERE age > 3":               rows,
		"SELECT age FROM patients UNION ALL SELECT age FROM cohort":                      rows,
		"SELECT row_number() OVER (ORDER BY age), age FROM patients":                     rows,
		"SELECT * FROM patients p LEFT JOIN measurements m USING (id)":                   rows,
		"SELECT note FROM patients WHERE id = 3 ORDER BY random() LIMIT 1":               rows,
		"WITH x AS (SELECT sex FROM patients) SELECT * FROM x":                           rows,
		"SELECT SUBSTRING(note, 1, 1234) AS s FROM patients LIMIT 10000":                 rows,
		"SELECT count(*) OVER (), age FROM patients":                                     rows,
		"EXPLAIN SELECT * FROM patients":                                                 rows,
		"SELECT DISTINCT 1 FROM patients":                                                rows,
		"SELECT DISTINCT sex FROM patients WHERE age > 30":                               "ZD001",
		"SELECT sex FROM patients GROUP BY sex HAVING age > 3":                           "ZD001",
		"SELECT sex, age FROM patients GROUP BY sex":                                     "ZD001",
		"SELECT DISTINCT s FROM (SELECT sex AS s FROM patients WHERE age > 30) AS x":     "ZD001",
		"SELECT DISTINCT note FROM patients":                                             "ZD012",
		"SELECT note FROM patients GROUP BY note":                                        "ZD012",
		"SELECT DISTINCT at FROM cohort":                                                 "ZD012",
		"SELECT DISTINCT * FROM patients":                                                "ZD001",
		"SELECT DISTINCT id FROM patients":                                               "42501",
		"SELECT DISTINCT born FROM patients":                                             "42501",
		"SELECT DISTINCT a.sex FROM patients a, measurements b":                          "ZD004",
		"SELECT min(age), max(age) FROM patients":                                        "ZD003",
		"SELECT age, day, bmi FROM patients GROUP BY 1, 2, 3":                            "42703",
		"SELECT age, seen, diabetic, outcome FROM patients GROUP BY 1, 2, 3, 4, age / 2": "54000",
		"SELECT count(*) FROM (SELECT DISTINCT sex FROM patients) AS x":                  "0A000",
	} {
		parts, err := Rewrite(care(), dpAnalyst, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := parts[0].Render([]OutputColumn{{Name: "a", OID: 25, TypeModifier: -1}}, 0, "c2d.run('id', NULL::text[])")
		e, ok := pgerr.As(err)
		if !ok || !strings.HasPrefix(fmt.Sprintf("%s %s", e.Code, e.Message), want) {
			t.Errorf("%s: %q %v, want %s", text, out, err, want)
		}
	}
}

// TestBrowseExplain holds that EXPLAIN of what the catalog answers says so.
func TestBrowseExplain(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"EXPLAIN SELECT DISTINCT sex FROM patients", "EXPLAIN (FORMAT JSON) SELECT sex FROM patients LIMIT 0"} {
		parts, err := Rewrite(care(), dpAnalyst, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := parts[0].Render([]OutputColumn{{Name: "sex", OID: 25, TypeModifier: -1}}, 0, "c2d.explain('id', NULL::text[])")
		if err != nil || strings.Contains(out, "c2d.") || !strings.Contains(out, "catalog") {
			t.Errorf("%s: %q %v", text, out, err)
		}
	}
}

// TestFlattenBounds holds that nested subqueries cannot make a short statement large.
func TestFlattenBounds(t *testing.T) {
	t.Parallel()
	sum := "SELECT age AS a FROM patients"
	for range 60 {
		sum = "SELECT a + a AS a FROM (" + sum + ") AS x"
	}
	twice := "WITH q0 AS (SELECT id FROM patients)"
	for i := range 60 {
		twice += fmt.Sprintf(", q%d AS (SELECT x.id FROM q%d AS x, q%d AS y)", i+1, i, i)
	}
	for _, text := range []string{"SELECT sum(a) FROM (" + sum + ") AS x", twice + " SELECT count(*) FROM q60"} {
		_, err := Compile(care(), query(dpAnalyst, text, nil, nil))
		if e, ok := pgerr.As(err); !ok || e.Code != pgerr.ProgramLimitExceeded && e.Code != pgerr.FeatureNotSupported {
			t.Errorf("%.80s…: %v", text, err)
		}
	}
}

package sqlplan

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
)

// Analysts of the fixture: exact with cohort 1, exact with cohort 3, dp, counts only.
const (
	exactAnalyst  = "eve@clinic"
	cohortAnalyst = "max@clinic"
	dpAnalyst     = "mia@clinic"
	countsAnalyst = "cat@clinic"
)

// care is the study of all tests of this package.
func care() *catalog.Study {
	all := catalog.Uses{Group: true, Filter: true, Aggregate: true}
	join := catalog.Uses{Join: true}
	col := func(name string, t catalog.Type) catalog.Column {
		return catalog.Column{Name: name, Type: t, Visibility: catalog.Visible, Uses: all}
	}
	with := func(c catalog.Column, f func(*catalog.Column)) catalog.Column { f(&c); return c }
	bounds := func(lo, hi int64) func(*catalog.Column) {
		return func(c *catalog.Column) { c.Bounds = &catalog.Bounds{Lower: lo, Upper: hi} }
	}
	domain := func(v ...string) func(*catalog.Column) { return func(c *catalog.Column) { c.Domain = v } }
	nullable := func(c catalog.Column) catalog.Column { c.Nullable = true; return c }
	scale := func(c catalog.Column, s int) catalog.Column { c.Scale = s; return c }
	id := catalog.Column{Name: "id", Type: catalog.Bigint, Visibility: catalog.JoinOnly, Uses: join}
	patients := catalog.Table{Name: "patients", Unit: "id", UnitKind: "person", UnitIDs: catalog.Shared, UniqueUnit: true,
		Columns: []catalog.Column{id, with(col("sex", catalog.Text), domain("f", "m")), nullable(with(col("age", catalog.Integer), bounds(0, 100))),
			nullable(scale(with(col("bmi", catalog.Numeric), bounds(100, 600)), 1)), col("diabetic", catalog.Boolean),
			with(col("seen", catalog.Date), bounds(15706, 15900)), nullable(with(col("outcome", catalog.Text), domain("alive", "it's \\ dead", "lost"))),
			col("note", catalog.Text), {Name: "secret", Type: catalog.Text},
			with(col("born", catalog.Date), func(c *catalog.Column) { c.Uses = catalog.Uses{Filter: true} })},
		Partitions: []catalog.Partition{{Owner: "clinic", Source: "patients", Rows: 100, Units: 100, GroupsPerUnit: 1, RowsPerGroup: 1}}}
	measurements := catalog.Table{Name: "measurements", Unit: "id", UnitKind: "person", UnitIDs: catalog.Shared,
		Columns: []catalog.Column{id, with(col("test", catalog.Text), domain("sbp", "chol")),
			scale(with(col("value", catalog.Numeric), func(c *catalog.Column) {
				c.BoundsBy = &catalog.BoundsBy{Column: "test", Values: map[string]catalog.Bounds{"sbp": {Lower: 600, Upper: 2600}, "chol": {Lower: 100, Upper: 500}}}
			}), 1),
			nullable(scale(with(col("weight", catalog.Double), bounds(0, 20000)), 2)), with(col("visit", catalog.Smallint), bounds(1, 4))},
		Partitions: []catalog.Partition{{Owner: "lab", Source: "measurements", Rows: 400, Units: 120, GroupsPerUnit: 2, RowsPerGroup: 3}}}
	cohort := catalog.Table{Name: "cohort", Unit: "pid", UnitKind: "person", UnitIDs: catalog.OwnerScoped, UniqueUnit: true,
		Columns: []catalog.Column{{Name: "pid", Type: catalog.Integer, Visibility: catalog.JoinOnly, Uses: join},
			with(col("grade", catalog.Integer), domain("1", "2", "3")), with(col("age", catalog.Integer), bounds(20, 90)),
			nullable(with(col("nodes", catalog.Bigint), bounds(0, 50))), col("hormone", catalog.Boolean),
			with(col("at", catalog.Timestamp), bounds(1357000000000000, 1380000000000000))},
		Partitions: []catalog.Partition{{Owner: "clinic", Source: "rotterdam", Rows: 90, Units: 90, GroupsPerUnit: 1, RowsPerGroup: 1},
			{Owner: "lab", Source: "gbsg", Rows: 70, Units: 70, GroupsPerUnit: 1, RowsPerGroup: 1}}}
	cases := catalog.Table{Name: "cases", Unit: "pid", UnitKind: "person", UnitIDs: catalog.Shared,
		Columns: []catalog.Column{{Name: "pid", Type: catalog.Integer, Visibility: catalog.JoinOnly, Uses: join}, with(col("mechanism", catalog.Text), domain("blast", "fall", "traffic")),
			with(col("day", catalog.Date), bounds(15796, 15800))},
		Partitions: []catalog.Partition{{Owner: "clinic", Source: "cases", Rows: 80, Units: 80, GroupsPerUnit: 2, RowsPerGroup: 2},
			{Owner: "lab", Source: "cases", Rows: 80, Units: 80, GroupsPerUnit: 2, RowsPerGroup: 2}}}
	s := &catalog.Study{Name: "care", Compute: [3]string{"clinic", "lab", "helper"}, SlotBase: 100, SlotPerMillionRows: 1000,
		Parties: []catalog.Party{{Name: "clinic", Institution: "A"}, {Name: "helper", Institution: "C", Helper: true}, {Name: "lab", Institution: "B"}},
		Tables:  []catalog.Table{cases, cohort, measurements, patients}}
	grant := func(owner, analyst string, r catalog.ReleaseKind, p catalog.Preset, cohort int64) {
		s.Grants = append(s.Grants, catalog.Grant{Owner: owner, Analyst: analyst, Tables: []string{"cases", "cohort", "measurements", "patients"}, Preset: p, Release: r, Cohort: cohort,
			Default: dp.OneEpsilon, PerQuestion: 20 * dp.OneEpsilon, Total: 100 * dp.OneEpsilon, TotalDelta: dp.OneDelta / 1000, Delta: dp.OneDelta / 1_000_000, Lookup: true})
	}
	for _, o := range []string{"clinic", "lab"} {
		grant(o, exactAnalyst, catalog.ReleaseExact, catalog.Statistics, 1)
		grant(o, cohortAnalyst, catalog.ReleaseExact, catalog.Statistics, 3)
		grant(o, dpAnalyst, catalog.ReleaseDP, catalog.Statistics, 0)
		grant(o, countsAnalyst, catalog.ReleaseDP, catalog.Counts, 0)
	}
	return s
}

// fixtureSQL is random data that keeps every declaration of care.
func fixtureSQL(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 7))
	var w strings.Builder
	w.WriteString(`CREATE TABLE patients (id bigint, sex text, age integer, bmi numeric(4,1), diabetic boolean, seen date, outcome text, note text, secret text, born date);
CREATE TABLE measurements (id bigint, test text, value numeric(5,1), weight double precision, visit smallint);
CREATE TABLE clinic_cohort (pid integer, grade integer, age integer, nodes bigint, hormone boolean, at timestamp);
CREATE TABLE lab_cohort (LIKE clinic_cohort);
CREATE TABLE clinic_cases (pid integer, mechanism text, day date);
CREATE TABLE lab_cases (LIKE clinic_cases);
`)
	maybe := func(p int, s string) string {
		if r.IntN(100) < p {
			return "NULL"
		}
		return s
	}
	for i := range 60 {
		fmt.Fprintf(&w, "INSERT INTO patients VALUES (%d, '%c', %s, %s, %t, date '1970-01-01' + %d, %s, 'n%d', 'x', '1950-01-01');\n", i, "fm"[r.IntN(2)],
			maybe(10, fmt.Sprint(r.IntN(101))), maybe(20, fmt.Sprintf("%d.%d", 10+r.IntN(50), r.IntN(10))), r.IntN(3) == 0, 15706+r.IntN(195),
			maybe(15, []string{"'alive'", `'it''s \ dead'`}[r.IntN(2)]), i%7)
	}
	for range 200 {
		test, value := "sbp", 600+r.IntN(2001)
		if r.IntN(2) == 0 {
			test, value = "chol", 100+r.IntN(401)
		}
		fmt.Fprintf(&w, "INSERT INTO measurements VALUES (%d, '%s', %d.%d, %s, %d);\n", 20+r.IntN(70), test, value/10, value%10, maybe(25, fmt.Sprintf("%d.%02d", r.IntN(200), r.IntN(100))), 1+r.IntN(4))
	}
	for _, part := range []string{"clinic", "lab"} {
		for i := range 50 {
			fmt.Fprintf(&w, "INSERT INTO %s_cohort VALUES (%d, %d, %d, %s, %t, timestamp '2013-01-02' + interval '%d hours');\n", part, i+1000*len(part), 1+r.IntN(3), 20+r.IntN(71), maybe(10, fmt.Sprint(r.IntN(51))), r.IntN(2) == 0, r.IntN(5000))
			fmt.Fprintf(&w, "INSERT INTO %s_cases VALUES (%d, '%s', date '2013-04-01' + %d);\n", part, i+r.IntN(3), []string{"blast", "fall"}[r.IntN(2)], r.IntN(5))
		}
	}
	w.WriteString("CREATE VIEW cohort AS SELECT * FROM clinic_cohort UNION ALL SELECT * FROM lab_cohort;\nCREATE VIEW cases AS SELECT * FROM clinic_cases UNION ALL SELECT * FROM lab_cases;\nDELETE FROM measurements WHERE ctid NOT IN (SELECT ctid FROM measurements LIMIT 400);")
	return w.String()
}

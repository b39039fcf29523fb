package sqlplan

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// madeUpSQL gives the oracle's tables a marker, and functions that return their rows.
const madeUpSQL = `ALTER TABLE patients ADD COLUMN c2d_synthetic boolean NOT NULL DEFAULT true;
ALTER TABLE measurements ADD COLUMN c2d_synthetic boolean NOT NULL DEFAULT true;
CREATE SCHEMA c2d;
CREATE FUNCTION c2d.made_up_3() RETURNS SETOF patients LANGUAGE sql STABLE AS 'SELECT * FROM patients';
CREATE FUNCTION c2d.made_up_2() RETURNS SETOF measurements LANGUAGE sql STABLE AS 'SELECT * FROM measurements';`

// madeUpFunctions are those of madeUpSQL.
var madeUpFunctions = map[string]string{"patients": "made_up_3", "measurements": "made_up_2"}

// shown are requests for rows in the shapes that tools and people write them in; all show the marker.
var shown = []string{
	"SELECT * FROM patients",
	"TABLE patients",
	"SELECT * FROM patients LIMIT 100",
	"SELECT * FROM public.patients WHERE age > 40 ORDER BY age DESC NULLS LAST, id LIMIT 5 OFFSET 2",
	"SELECT id, c2d_synthetic FROM patients ORDER BY id FETCH FIRST 3 ROWS ONLY",
	`SELECT t.* FROM "public"."patients" t ORDER BY t.id DESC LIMIT 200`,
	"SELECT public.patients.id, public.patients.sex, public.patients.c2d_synthetic FROM public.patients",
	`SELECT "source"."sex" AS "s x", "source"."c2d_synthetic" AS "c2d_synthetic" FROM (SELECT * FROM "public"."patients" WHERE "public"."patients"."age" < 30) "source" LIMIT 10`,
	"SELECT * FROM (SELECT sex, age + 1 AS a, c2d_synthetic FROM patients) AS q WHERE a > 30 ORDER BY a, sex",
	"WITH x AS (SELECT * FROM patients), patients AS (SELECT 7 AS seven) SELECT x.*, seven FROM x, patients ORDER BY x.id",
	"SELECT p.id, m.*, p.c2d_synthetic FROM patients p JOIN measurements m USING (id) ORDER BY p.id, m.test, m.value, m.weight, m.visit LIMIT 90",
	"SELECT * FROM patients NATURAL JOIN measurements",
	"SELECT * FROM patients p JOIN LATERAL (SELECT visit FROM measurements m WHERE m.id = p.id AND m.c2d_synthetic) AS v ON true",
	"SELECT sex, row_number() OVER (ORDER BY id), c2d_synthetic FROM ONLY patients AS p",
	"SELECT age, c2d_synthetic FROM patients WHERE EXISTS (SELECT FROM measurements WHERE measurements.id = patients.id)",
	"SELECT c2d_synthetic, upper(outcome), bmi::numeric(6,3), date_trunc('month', seen) FROM patients WHERE c2d_synthetic",
	"SELECT 'it''s' AS \"q\"\"q\", c2d_synthetic FROM patients AS p (a) WHERE a < 9",
}

// described is what PostgreSQL says of columns, their tables included.
func described(d *pgconn.StatementDescription) []OutputColumn {
	out := typesOf(d)
	for i, f := range d.Fields {
		out[i].Table = f.TableOID
	}
	return out
}

// browsing rewrites one statement as a login that browses made-up rows.
func browsing(t *testing.T, sql string) Statement {
	t.Helper()
	parts, err := Rewrite(care(), dpAnalyst, sql, nil)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return parts[0].Browsing(madeUpFunctions)
}

// TestMadeUp runs, on one PostgreSQL, what needs its word on columns and rows.
func TestMadeUp(t *testing.T) {
	o := startOracle(t, 5)
	if _, err := o.conn.Exec(t.Context(), madeUpSQL); err != nil {
		t.Fatal(err)
	}
	for name, run := range map[string]func(*testing.T, *oracle){
		"rows": madeUpRows, "marked": madeUpRowsAreAllMarked, "parameters": madeUpParameters, "refused": unmarkedRowsAreRefused, "live": liveBesideMadeUp,
	} {
		t.Run(name, func(t *testing.T) { run(t, o) })
	}
}

// madeUpRows compares what a request for rows gives over functions with PostgreSQL's answer over the tables that the
// functions return: the same columns and rows, and the marker true in each of them.
func madeUpRows(t *testing.T, o *oracle) {
	for _, sql := range shown {
		d := o.describe(t, sql)
		s := browsing(t, sql)
		if !s.MadeUp(described(d)) {
			t.Errorf("%s: not a request for made-up rows", sql)
			continue
		}
		text, err := s.Render(described(d), 0, "c2d.run('id', NULL::text[])")
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if strings.Contains(text, "c2d.run") {
			t.Errorf("%s asks the owners: %s", sql, text)
		}
		for i, f := range o.describe(t, text).Fields {
			if w := d.Fields[i]; f.Name != w.Name || f.DataTypeOID != w.DataTypeOID || f.TypeModifier != w.TypeModifier {
				t.Errorf("%s: column %s of type %d %d, described %s %d %d", sql, f.Name, f.DataTypeOID, f.TypeModifier, w.Name, w.DataTypeOID, w.TypeModifier)
			}
			if f.TableOID != 0 {
				t.Errorf("%s reads a table: %s", sql, text)
			}
		}
		ordered := strings.Contains(sql, "ORDER BY")
		got, want := canonicalRows(o.rows(t, text, nil, nil), ordered, d.Fields), canonicalRows(o.rows(t, sql, nil, nil), ordered, d.Fields)
		if len(got) == 0 || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s\ngot  %.300s\nwant %.300s\nby %s", sql, strings.Join(got, "; "), strings.Join(want, "; "), text)
		}
	}
}

// madeUpRowsAreAllMarked holds that the marker is true also where a join would make it NULL.
func madeUpRowsAreAllMarked(t *testing.T, o *oracle) {
	const sql = "SELECT p.id, m.c2d_synthetic FROM patients p LEFT JOIN measurements m ON m.id = p.id AND m.visit > 9"
	d := o.describe(t, sql)
	text, err := browsing(t, sql).Render(described(d), 0, "c2d.run('id', NULL::text[])")
	if err != nil {
		t.Fatal(err)
	}
	rows := o.rows(t, text, nil, nil)
	for _, r := range rows {
		if r[1] == nil || *r[1] != "t" {
			t.Fatalf("a row is not marked: %v", canonicalRows(rows, false, d.Fields))
		}
	}
	if len(rows) == 0 {
		t.Error("no rows")
	}
}

// madeUpParameters holds that requests for rows take parameters.
func madeUpParameters(t *testing.T, o *oracle) {
	const sql = "SELECT id, c2d_synthetic FROM patients WHERE id > $1 ORDER BY id LIMIT $2"
	d := o.describe(t, sql)
	text, err := browsing(t, sql).Render(described(d), 2, "c2d.run('id', NULL::text[])")
	if err != nil {
		t.Fatal(err)
	}
	one, two := "1", "2"
	if got := canonicalRows(o.rows(t, text, []*string{&one, &two}, d.ParamOIDs), true, d.Fields); strings.Join(got, "; ") != "2 | t; 3 | t" {
		t.Errorf("%s: %v", text, got)
	}
}

// unmarkedRowsAreRefused holds that no row leaves without the marker, that owners are not asked for it, and where
// a login does not browse nothing has changed. The columns are described by a PostgreSQL.
func unmarkedRowsAreRefused(t *testing.T, o *oracle) {
	for sql, want := range map[string]string{
		"SELECT id, age FROM patients":                                                           "ZD001",
		"SELECT true AS c2d_synthetic, age FROM patients":                                        "ZD001",
		"SELECT NOT c2d_synthetic AS c2d_synthetic, age FROM patients":                           "ZD001",
		"SELECT c2d_synthetic AS age FROM patients":                                              "ZD001",
		"SELECT p FROM patients p":                                                               "ZD001",
		"SELECT age FROM patients WHERE c2d_synthetic":                                           "ZD001",
		"SELECT age, c2d_synthetic FROM patients UNION ALL SELECT visit, true FROM measurements": "ZD001",
		"SELECT * FROM patients TABLESAMPLE SYSTEM (10)":                                         "0A000",
		"SELECT c2d_synthetic, count(*) FROM patients GROUP BY c2d_synthetic":                    "0A000",
		"SELECT DISTINCT c2d_synthetic FROM patients":                                            "0A000",
		"SELECT DISTINCT * FROM measurements":                                                    "0A000",
		"SELECT count(*) FROM patients WHERE c2d_synthetic":                                      "0A000",
		"SELECT count(c2d_synthetic) FROM patients":                                              "0A000",
		"SELECT count(*) FILTER (WHERE p.c2d_synthetic) FROM patients p":                         "0A000",
		"SELECT sex, c2d_synthetic, (SELECT count(*) FROM patients) FROM patients":               "0A000",
	} {
		d := o.describe(t, sql)
		s := browsing(t, sql)
		_, err := s.Render(described(d), 0, "c2d.run('id', NULL::text[])")
		if e, ok := pgerr.As(err); !ok || e.Code != want || e.Hint == "" && want != "0A000" {
			t.Errorf("%s: %v, expected %s with a hint", sql, err, want)
		} else if strings.Contains(sql, "(WHERE p.c2d") && e.Position != 31 {
			t.Errorf("%s: position %d", sql, e.Position)
		}
		if s.functions = nil; s.MadeUp(described(d)) {
			t.Errorf("%s: made-up rows for a login that does not browse", sql)
		}
	}
	for _, sql := range []string{"SELECT * FROM patients", "SELECT id, c2d_synthetic FROM patients"} {
		d := o.describe(t, sql)
		s := browsing(t, sql)
		s.functions = nil
		if _, err := s.Render(described(d), 0, "c2d.run('id', NULL::text[])"); err == nil || !strings.Contains(err.Error(), "persons' rows are not released") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// liveBesideMadeUp holds that whoever browses made-up rows asks the owners and the catalog as anybody.
func liveBesideMadeUp(t *testing.T, o *oracle) {
	for sql, live := range map[string]bool{
		"SELECT count(*) FROM patients":                                        true,
		"SELECT sex, avg(age) FROM (SELECT * FROM patients) AS x GROUP BY sex": true,
		"SELECT count(*) FROM patients p JOIN measurements m USING (id)":       true,
		"SELECT * FROM patients LIMIT 0":                                       false,
		"SELECT * FROM patients WHERE 1 = 0":                                   false,
		"SELECT DISTINCT sex FROM patients":                                    false,
	} {
		d := o.describe(t, sql)
		text, err := browsing(t, sql).Render(described(d), 0, "c2d.run('id', NULL::text[])")
		if err != nil || strings.Contains(text, "made_up") || strings.Contains(text, "c2d.run") != live {
			t.Errorf("%s: %s, %v", sql, text, err)
		}
	}
}

// TestNobodyCallsMadeUpFunctions holds that analysts do not name the functions behind made-up rows.
func TestNobodyCallsMadeUpFunctions(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{"SELECT * FROM c2d.made_up_3()", "SELECT age FROM made_up_3()", `SELECT (c2d."made_up_3"()).age`, "SELECT 1 WHERE 1 IN (SELECT age FROM made_up_3() AS x)"} {
		if _, err := Rewrite(care(), dpAnalyst, sql, nil); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// TestExplainMadeUp holds EXPLAIN of a request for rows.
func TestExplainMadeUp(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"EXPLAIN SELECT * FROM patients":               "made-up rows",
		"EXPLAIN (FORMAT JSON) SELECT * FROM patients": `"release": "synthetic"`,
	} {
		text, err := browsing(t, sql).Render([]OutputColumn{{Name: Marker, OID: boolOID, Table: 1}}, 0, "c2d.explain('id', NULL::text[])")
		if err != nil || !strings.Contains(text, want) || strings.Contains(text, "c2d.explain") {
			t.Errorf("%s: %s, %v", sql, text, err)
		}
	}
}

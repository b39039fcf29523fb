package sqlplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// totalExpressions are conditions, summands and group keys over a table with hostile values: an error on any of
// them would tell an analyst about one row without noise (RULES 12).
var totalExpressions = struct{ conditions, sums, keys []string }{
	conditions: []string{
		"d < timestamp '2013-01-01 00:00:00'", "d = ts", "ts > d", "d::timestamp > '2013-01-01'", "ts::date = d", "tz < d", "d BETWEEN ts AND ts",
		"date_trunc('week', d) > '2013-01-01'", "date_trunc('year', ts) < '2013-01-01'", "date_trunc('hour', tz) < '2013-01-01'", "date_trunc('quarter', ts) = ts",
		"extract(day FROM d) = 3", "extract(doy FROM ts) > 3", "extract(week FROM tz) > 3", "extract(hour FROM ts) = 1", "extract(isodow FROM d) IN (1, 7)",
		"num < dbl", "dbl = num", "num::float8 > 1", "num > 1.5e10", "num = 'NaN'", "dbl > 5", "dbl = 'Infinity'", "bnum::float8 < 3", "bnum > bdbl", "num IN (1, 2.5)",
		"i4::numeric * i4 > 5", "i4::int8 > 3", "i4::float8 > 1e10", "i8 > 5", "i8::numeric > 5", "i8 = -9223372036854775808", "abs(i4::numeric) > 3", "-(i4::numeric) < 3",
		"i4::numeric / 3 > 2", "i2 + 1 > 5", "i2 * i2 > 5", "i2 / -1 > 0", "- i2 > 3", "bi4 * bi4 > 7", "bnum * bnum * bnum > 1", "bnum - bnum = 0",
		"width_bucket(num, 0, 10, 5) = 6", "width_bucket(dbl, 0, 10, 5) = 6", "width_bucket(dbl, 10.5, 0, 5) = 1", "width_bucket(bnum, 0, 10, 5) = 1", "width_bucket(i8, 0, 10, 5) = 1",
		"lower(txt) = 'a'", "upper(txt) > 'B'", "length(txt) > 5", "txt < 'x'", "txt = lower(dom)", "txt IN ('a', 'b')", "length(dom) * 1000000 > 3", "coalesce(txt, dom) = 'a'", "lower(coalesce(txt, dom)) = 'a'", "length(CASE WHEN b THEN txt ELSE dom END) > 1",
		"greatest(d, '2013-01-01') > d", "nullif(num, 0) > 1", "coalesce(num, dbl) > 1", "CASE WHEN dom = 'x' THEN num ELSE dbl END > 1", "CASE dom WHEN 'x' THEN i4 ELSE i8 END > 1",
		"least(num, 5) > greatest(dbl, 3)", "NOT b", "b IS UNKNOWN", "num IS DISTINCT FROM dbl", "d IS DISTINCT FROM ts",
	},
	sums: []string{
		"bnum", "bdbl", "bi4", "bnum * bnum", "bi4 * bi4 * bi4", "abs(bi4)", "- bi4", "bi4 / 7", "length(dom)", "length(dom) * 1000000000", "extract(day FROM d)", "extract(year FROM bd)",
		"width_bucket(num, 0, 10, 5)", "width_bucket(dbl, 0, 10, 5)", "coalesce(bdbl, bnum)", "CASE WHEN b THEN bnum ELSE bdbl END", "greatest(bnum, bdbl)", "nullif(bdbl, 0)", "long", "long / 3",
		"bnum * 0.000000000000000001", "floor(bnum / 2.5) * 2.5", "ceil(bi4 / 10) * 10", "round(bnum)", "trunc(bi4 / 0.5)", "bnum::int", "b::int", "bi4 % 7", "date_part('month', bd)", "floor(bi4 / 100) * 100 + 5", "i2 / 10 * 10", "CASE WHEN num > dbl THEN 1 ELSE 0 END",
	},
	keys: []string{
		"floor(bnum / 100)", "floor(bi4 / 100) * 100", "i2 / 10 * 10", "i2 % 10", "date_trunc('month', bd)::date", "extract(month FROM d)::int", "date_part('dow', ts)", "b::int", "dom LIKE 'x%'", "dom = ANY ('{x,q}')", "round(bnum / 50) * 50.5",
		"dom", "b", "bi4 / 100000", "date_trunc('month', bd)", "bd", "extract(month FROM d)", "extract(dow FROM ts)", "width_bucket(num, 0, 10, 5)", "width_bucket(dbl, 0, 10, 5)", "num > dbl", "upper(dom)",
		"length(dom)", "coalesce(dom, 'x')", "CASE WHEN txt = 'a' THEN dom ELSE 'y' END", "extract(year FROM bd)", "ts < d",
	},
}

// hostileStudy has a column of every type, with and without bounds.
func hostileStudy() *catalog.Study {
	all := catalog.Uses{Group: true, Filter: true, Aggregate: true}
	var columns []catalog.Column
	add := func(name string, t catalog.Type, scale int, lo, hi int64, domain ...string) {
		c := catalog.Column{Name: name, Type: t, Scale: scale, Nullable: true, Visibility: catalog.Visible, Uses: all, Domain: domain}
		if lo < hi {
			c.Bounds = &catalog.Bounds{Lower: lo, Upper: hi}
		}
		columns = append(columns, c)
	}
	columns = append(columns, catalog.Column{Name: "id", Type: catalog.Text, Visibility: catalog.JoinOnly, Uses: catalog.Uses{Join: true}})
	add("i2", catalog.Smallint, 0, -100, 100)
	add("i4", catalog.Integer, 0, 0, 0)
	add("i8", catalog.Bigint, 0, 0, 0)
	add("bi4", catalog.Integer, 0, -1000, 1000)
	add("long", catalog.Bigint, 0, -1<<55, 1<<55)
	add("num", catalog.Numeric, 2, 0, 0)
	add("bnum", catalog.Numeric, 2, -1000, 1000)
	add("dbl", catalog.Double, 3, 0, 0)
	add("bdbl", catalog.Double, 3, -1000, 1000)
	add("txt", catalog.Text, 0, 0, 0)
	add("dom", catalog.Text, 0, 0, 0, "x", "y")
	add("b", catalog.Boolean, 0, 0, 0)
	add("d", catalog.Date, 0, 0, 0)
	add("bd", catalog.Date, 0, 15706, 15900)
	add("ts", catalog.Timestamp, 0, 0, 0)
	add("tz", catalog.Timestamptz, 0, 0, 0)
	s := &catalog.Study{Name: "care", Compute: [3]string{"clinic", "lab", "helper"}, SlotBase: 100,
		Parties: []catalog.Party{{Name: "clinic", Institution: "A"}, {Name: "helper", Institution: "C"}, {Name: "lab", Institution: "B"}}}
	table := catalog.Table{Name: "hostile", Unit: "id", UnitKind: "person", UnitIDs: catalog.Shared, Columns: columns,
		Partitions: []catalog.Partition{{Owner: "clinic", Source: "hostile", Rows: 4, Units: 4, GroupsPerUnit: 3, RowsPerGroup: 2}}}
	other := table
	other.Name = "other"
	other.Columns = columns[:1]
	other.Partitions = []catalog.Partition{{Owner: "lab", Source: "other", Rows: 4, Units: 4, GroupsPerUnit: 1, RowsPerGroup: 1}}
	s.Tables = []catalog.Table{table, other}
	for _, owner := range []string{"clinic", "lab"} {
		s.Grants = append(s.Grants, catalog.Grant{Owner: owner, Analyst: dpAnalyst, Tables: []string{"hostile", "other"}, Preset: catalog.Statistics, Release: catalog.ReleaseDP,
			Default: dp.OneEpsilon, PerQuestion: 20 * dp.OneEpsilon, Total: 100 * dp.OneEpsilon, TotalDelta: dp.OneDelta / 1000, Delta: dp.OneDelta / 1_000_000, Lookup: true})
	}
	return s
}

// hostileRows: for each type its worst values, crossed column by column with ordinary rows; far more rows than
// declared; identifiers that need escaping, and very long ones.
const hostileRows = `
CREATE TABLE clinic_hostile (id text, i2 smallint, i4 integer, i8 bigint, bi4 integer, long bigint, num numeric, bnum numeric, dbl float8, bdbl float8, txt text, dom text, b boolean, d date, bd date, ts timestamp, tz timestamptz);
INSERT INTO clinic_hostile SELECT
  CASE i % 7 WHEN 0 THEN repeat('x', 70000) WHEN 1 THEN 'a\b' WHEN 2 THEN 'é|''"' WHEN 3 THEN '' WHEN 4 THEN NULL ELSE i::text END,
  (ARRAY[NULL, -32768, 32767, 0, 5])[1 + i % 5]::smallint, (ARRAY[-2147483648, 2147483647, 0, NULL, 7])[1 + i % 5], (ARRAY[-9223372036854775808, 9223372036854775807, 0, NULL, 9])[1 + i % 5],
  (ARRAY[2147483647, -2147483648, NULL, 3])[1 + i % 4], (ARRAY[9223372036854775807, -9223372036854775808, NULL, 3])[1 + i % 4],
  (ARRAY['NaN', 'Infinity', '-Infinity', '1e400', '-1e400', '1e-400', NULL, '1e-16000', '0', '2.5', '1e100000'])[1 + i % 11]::numeric,
  (ARRAY['NaN', 'Infinity', '-Infinity', '1e400', '-1e400', '1e-400', NULL, '1e-16000', '0', '2.5', '3.33333333333333333333333333333333333'])[1 + i / 11 % 11]::numeric,
  (ARRAY['NaN', 'Infinity', '-Infinity', '1e308', '-1e308', '5e-324', NULL, '-0', '2.5'])[1 + i % 9]::float8,
  (ARRAY['NaN', 'Infinity', '-Infinity', '1e308', '-1e308', '5e-324', NULL, '-0', '2.5'])[1 + i / 9 % 9]::float8,
  CASE i % 4 WHEN 0 THEN repeat('ß', 3000) WHEN 1 THEN '' WHEN 2 THEN NULL ELSE 'a' END, (ARRAY['x', 'y', repeat('z', 3000), '', NULL])[1 + i % 5],
  (ARRAY[true, false, NULL])[1 + i % 3],
  (ARRAY['infinity', '-infinity', '5874897-12-31', '4713-01-01 BC', NULL, '2013-02-03'])[1 + i % 6]::date, (ARRAY['infinity', '-infinity', '5874897-12-31', '4713-01-01 BC', NULL, '2013-02-03'])[1 + i / 6 % 6]::date,
  (ARRAY['infinity', '-infinity', '294276-12-31 23:59:59.999999', '4714-11-24 00:00:00 BC', NULL, '2013-02-03 04:05:06.7'])[1 + i / 2 % 6]::timestamp,
  (ARRAY['infinity', '-infinity', '294276-12-31 23:59:59.999999+00', '4714-11-24 00:00:00+00 BC', NULL, '2013-02-03 04:05:06.7+00'])[1 + i / 3 % 6]::timestamptz
FROM generate_series(1, 200) AS i;
CREATE TABLE lab_other (id text);
INSERT INTO lab_other SELECT id FROM clinic_hostile;
ALTER TABLE clinic_hostile ALTER txt TYPE text COLLATE "POSIX";
`

// TestTotality runs every expression on hostile data, alone and behind a join, and holds that no owner's SQL fails
// and that no result leaves its range.
func TestTotality(t *testing.T) {
	o := startOracle(t, 1)
	if _, err := o.conn.Exec(t.Context(), hostileRows); err != nil {
		t.Fatal(err)
	}
	study, ran := hostileStudy(), 0
	try := func(sql string) {
		plan, err := Compile(study, query(dpAnalyst, sql, nil, nil))
		if err != nil {
			t.Logf("refused: %s: %v", sql, err)
			return
		}
		ran++
		for _, task := range plan.Local {
			own := "salt"
			var args [][]byte
			if strings.Contains(task.SQL, "$1") {
				args = [][]byte{[]byte(own)}
			}
			text := fmt.Sprintf("WITH hostile AS (SELECT * FROM clinic_hostile), other AS (SELECT * FROM lab_other)\n%s", task.SQL)
			res := o.conn.PgConn().ExecParams(t.Context(), text, args, nil, nil, nil).Read()
			if res.Err != nil {
				t.Errorf("an owner's SQL fails on data: %v\n%s", res.Err, sql)
				continue
			}
			for _, row := range res.Rows {
				for i, c := range task.Columns {
					if row[i] == nil || c.Kind == Key && len(row[i]) > 2*1100 {
						t.Errorf("column %s: NULL, or a key of %d digits: %s", c.Name, len(row[i]), sql)
					}
				}
			}
		}
	}
	for _, x := range totalExpressions.conditions {
		try("SELECT count(*) FROM hostile WHERE " + x)
		try("SELECT b, count(*) FILTER (WHERE " + x + "), count(DISTINCT id) FILTER (WHERE " + x + ") FROM hostile GROUP BY b")
		try("SELECT count(*) FROM hostile JOIN other USING (id) WHERE " + x)
	}
	for _, x := range totalExpressions.sums {
		try("SELECT sum(" + x + "), avg(" + x + "), count(" + x + ") FROM hostile")
		try("SELECT b, sum(" + x + ") FROM hostile JOIN other USING (id) GROUP BY b")
	}
	for _, x := range totalExpressions.keys {
		try("SELECT " + x + ", count(*) FROM hostile GROUP BY 1")
		try("SELECT " + x + ", b, count(*) FROM hostile JOIN other USING (id) GROUP BY 1, 2")
	}
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("count(*) FILTER (WHERE bi4 > %d)", i))
	}
	try("SELECT " + strings.Join(many, ", ") + " FROM hostile")
	try("SELECT sum(long) FROM hostile") // far more rows than the proof against overflow counts
	if ran < 150 {
		t.Errorf("only %d statements ran", ran)
	}
}

// TestComplexityIsBounded holds that statements whose expressions grow when they are written out for owners are
// refused at once: each level of these multiplies its operand.
func TestComplexityIsBounded(t *testing.T) {
	t.Parallel()
	list := strings.Repeat("true, ", 50) + "true"
	for _, grow := range []string{"nullif(%s, 1)", "(%s IN (" + list + ")) IS TRUE", "(CASE %s WHEN 1 THEN 2 WHEN 3 THEN 4 WHEN 5 THEN 6 END)", "(%s BETWEEN false AND true)",
		"coalesce(%s, NULL)", "abs(%s)", "- (%s)", "greatest(%s, 3)"} {
		x := "age"
		if strings.Contains(grow, "true") {
			x = "(age > 3)"
		}
		for range 100 {
			x = fmt.Sprintf(grow, x)
		}
		condition := "(" + x + ") IS NOT NULL"
		for _, sql := range []string{"SELECT count(*) FROM patients WHERE " + condition, "SELECT count(" + x + ") FROM patients", "SELECT count(*) FILTER (WHERE " + condition + ") FROM patients",
			"SELECT " + condition + ", count(*) FROM patients GROUP BY 1"} {
			begin := time.Now()
			if _, err := Rewrite(care(), dpAnalyst, sql, nil); err != nil {
				continue // too long before anything is bound
			}
			plan, err := Compile(care(), query(dpAnalyst, sql, nil, nil))
			if e, ok := pgerr.As(err); err != nil && (!ok || e.Code != pgerr.ProgramLimitExceeded && e.Code != pgerr.FeatureNotSupported) {
				t.Errorf("%s: %v", grow, err)
			}
			if err == nil && len(plan.Local[0].SQL) > 2*longestTask {
				t.Errorf("%s: %d bytes of SQL", grow, len(plan.Local[0].SQL))
			}
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("%s takes %v", grow, d)
			}
		}
	}
}

// TestManyDeclaredMoments holds that a key with very many declared values, nullable or not, groups as PostgreSQL does,
// and that its cost does not grow with their number.
func TestManyDeclaredMoments(t *testing.T) {
	o := startOracle(t, 5)
	for _, sql := range []string{
		"SELECT date_trunc('hour', at), count(*) FROM cohort GROUP BY 1",
		"SELECT date_trunc('day', at), grade, count(*), sum(age) FROM cohort GROUP BY 1, 2",
		"SELECT date_trunc('hour', CASE WHEN hormone THEN at END), count(*) FROM cohort GROUP BY 1",
		"SELECT width_bucket(age, 0, 100, 1000), count(*) FROM cohort GROUP BY 1",
		"SELECT width_bucket(nodes, 0, 100, 1000), hormone, count(*) FROM cohort GROUP BY 1, 2",
	} {
		got, _ := o.federated(t, exactAnalyst, sql, nil)
		fields := o.describe(t, sql).Fields
		if g, w := canonicalRows(got, false, fields), canonicalRows(o.rows(t, sql, nil, nil), false, fields); !slices.Equal(g, w) || len(w) < 2 {
			t.Errorf("%s\ngot\n%s\nwant\n%s", sql, strings.Join(g, "\n"), strings.Join(w, "\n"))
		}
	}
	study := care()
	plan, err := Compile(study, query(exactAnalyst, "SELECT date_trunc('hour', at), count(*) FROM cohort GROUP BY 1", nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	o.rows(t, "CREATE TABLE many AS SELECT i AS pid, timestamp '2013-01-02' + (i % 6000) * interval '1 hour' AS at FROM generate_series(1, 100000) AS i", nil, nil)
	begin := time.Now()
	o.rows(t, "WITH cohort AS (SELECT * FROM many)\n"+plan.Local[0].SQL, nil, nil)
	if d := time.Since(begin); d > 3*time.Second {
		t.Errorf("100000 rows among %d groups take %v", len(plan.Result.Keys), d)
	}
}

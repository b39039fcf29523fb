package sqlplan

import (
	"strconv"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// countedSQL is a source of released rows that counts its calls, of the kind that c2d.run is.
const countedSQL = `CREATE SEQUENCE calls; CREATE TYPE duplet AS (a bigint, b bigint, c bigint); CREATE FUNCTION counted(n text) RETURNS SETOF text[] LANGUAGE sql VOLATILE SECURITY DEFINER
	BEGIN ATOMIC SELECT ARRAY[n, n] WHERE nextval('calls') > 0; END;`

// TestOneExecution holds that what is around a question has PostgreSQL run it once: each run is an execution with a charge and
// noise of its own.
func TestOneExecution(t *testing.T) {
	o := startOracle(t, 1)
	if _, err := o.conn.Exec(t.Context(), countedSQL); err != nil {
		t.Fatal(err)
	}
	const q = "SELECT count(*) AS n FROM patients"
	for _, sql := range []string{
		"SELECT (" + q + ") FROM generate_series(1, 5)",
		"SELECT g, (SELECT n FROM (" + q + ") AS t WHERE n > g) FROM generate_series(1, 5) AS g",
		"SELECT g FROM generate_series(1, 5) AS g WHERE g NOT IN (" + q + ")",
		"SELECT g FROM generate_series(1, 5) AS g WHERE g < ALL (SELECT n + g FROM (" + q + ") AS t)",
		"SELECT g FROM generate_series(1, 5) AS g WHERE EXISTS (SELECT FROM (" + q + ") AS t WHERE n > g)",
		"SELECT * FROM generate_series(1, 5) AS g LEFT JOIN LATERAL (SELECT n FROM (" + q + ") AS t WHERE n <> g LIMIT 1) AS u ON true",
		"WITH t AS (" + q + ") SELECT * FROM t AS a, t AS b, generate_series(1, 3)",
		"WITH t AS NOT MATERIALIZED (" + q + ") SELECT * FROM t AS a, t AS b",
		"WITH RECURSIVE t AS (" + q + "), r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r, t WHERE i < 5) SELECT * FROM r",
		"WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM r, (" + q + ") AS t WHERE i < 5) SELECT * FROM r",
		"SELECT x, x + 1, x * x FROM (SELECT (" + q + ") AS x) AS y WHERE x > 0 ORDER BY x",
		"SELECT g, (SELECT max(random() + n) FROM (" + q + ") AS t) FROM generate_series(1, 5) AS g",
		"SELECT CASE (" + q + ") WHEN 1 THEN 2 WHEN 3 THEN 4 END, nullif((SELECT 1), 2)",
		"SELECT t.n BETWEEN 1 AND 5, (t).* FROM (" + q + ") AS t",
		"SELECT 1 BETWEEN (" + q + ") AND 5",
		"SELECT g IN (1, (" + q + ")) FROM generate_series(1, 5) AS g",
		"SELECT * FROM (SELECT ROW(n, 1, NULL)::duplet AS d FROM (" + q + ") AS t) AS u, LATERAL (SELECT (d).*) AS v",
		"SELECT coalesce((" + q + "), 1), greatest((SELECT 1), 2)",
		"SELECT g, (" + q + ") FROM generate_series(1, 5) AS g GROUP BY GROUPING SETS ((g), ())",
		"SELECT log(2, (" + q + ")), quote_literal((SELECT 1))",
	} {
		parts, err := Rewrite(care(), exactAnalyst, sql, nil)
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		text, err := parts[0].Render([]OutputColumn{{Name: "n", OID: 20, TypeModifier: -1}}, 0, "counted('7')")
		if err != nil || strings.Count(text, "counted") != 1 {
			t.Errorf("%s: %s, %v", sql, text, err)
			continue
		}
		calls := o.calls(t)
		res := o.conn.PgConn().ExecParams(t.Context(), text, nil, nil, nil, nil).Read()
		if res.Err != nil || len(res.Rows) == 0 {
			t.Errorf("%s: %v", sql, res.Err)
		}
		if n := o.calls(t) - calls - 1; n != 1 {
			t.Errorf("%s asks %d times", sql, n)
		}
	}
	for _, sql := range []string{
		"SELECT (" + q + ") BETWEEN 1 AND 5",
		"SELECT (" + q + ") + 1 NOT BETWEEN SYMMETRIC 5 AND 1",
		"SELECT 1 BETWEEN SYMMETRIC (" + q + ") AND 5",
		"SELECT (" + q + ") IN (1, 2, 3)",
		"SELECT (" + q + ") IN (1, g, g + 1) FROM generate_series(1, 5) AS g",
		"SELECT ((" + q + "), 1) IN ((1, 2), (3, 4))",
		"SELECT (ROW((" + q + "), 1, NULL)::duplet).*",
		"SELECT ((SELECT ROW(n, 1, NULL)::duplet FROM (" + q + ") AS t)).*",
	} {
		_, err := Rewrite(care(), exactAnalyst, sql, nil)
		if e, ok := pgerr.As(err); !ok || e.Code != pgerr.FeatureNotSupported || e.Position == 0 || e.Hint == "" {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// calls counts up the calls of the source, by one more.
func (o *oracle) calls(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(*o.rows(t, "SELECT nextval('calls')", nil, nil)[0][0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

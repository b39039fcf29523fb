package shadow_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// update rewrites the golden file of TestComments.
var update = flag.Bool("update", false, "rewrite golden files")

// TestComments holds what \d+ and \dt+ tell a newcomer about tables and columns.
func TestComments(t *testing.T) {
	conn := connect(t)
	rows, err := conn.Query(t.Context(), `
		SELECT CASE WHEN attnum IS NULL THEN E'\n' || relname || ': ' || coalesce(obj_description(c.oid), '')
		       ELSE '  ' || attname || ' ' || format_type(atttypid, atttypmod) || ': ' || coalesce(col_description(c.oid, attnum), '') END
		FROM pg_class c LEFT JOIN LATERAL (SELECT NULL::smallint AS attnum, NULL::name AS attname, NULL::oid AS atttypid, NULL::integer AS atttypmod
		  UNION ALL SELECT attnum, attname, atttypid, atttypmod FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) a ON true
		WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname, attnum NULLS FIRST`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	got := strings.TrimSpace(strings.Join(lines, "\n")) + "\n"
	const file = "testdata/comments.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

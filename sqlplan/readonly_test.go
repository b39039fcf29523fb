package sqlplan

import (
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestReadOnlyWords holds that a write is refused in PostgreSQL's words: tools that probe for a read-only server
// look for them.
func TestReadOnlyWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"INSERT INTO people (id) VALUES (1)":                  "INSERT",
		"UPDATE people SET age = 1":                           "UPDATE",
		"DELETE FROM people":                                  "DELETE",
		"WITH d AS (DELETE FROM people RETURNING 1) TABLE d":  "DELETE",
		"EXPLAIN ANALYZE DELETE FROM people":                  "DELETE",
		"PREPARE p AS UPDATE people SET age = 1":              "UPDATE",
		"COPY people FROM STDIN":                              "COPY FROM",
		"CREATE LOCAL TEMPORARY TABLE \"#Tableau_1\" (x int)": "CREATE TABLE",
		"CREATE TABLE t AS SELECT 1":                          "CREATE TABLE AS",
		"SELECT 1 AS x INTO t":                                "SELECT INTO",
		"DROP TABLE people":                                   "DROP TABLE",
		"TRUNCATE people":                                     "TRUNCATE TABLE",
		"SELECT * FROM people FOR NO KEY UPDATE":              "SELECT FOR NO KEY UPDATE",
		"SELECT (SELECT 1 FROM pg_class FOR SHARE)":           "SELECT FOR SHARE",
		"LOAD 'x'": "this statement",
	} {
		_, err := Rewrite(&catalog.Study{}, "mia@clinic", text, nil)
		e, ok := pgerr.As(err)
		if want = "cannot execute " + want + " in a read-only transaction"; !ok || e.Code != pgerr.ReadOnlyTransaction || e.Message != want {
			t.Errorf("%s: %v, expected %s", text, err, want)
		}
	}
}

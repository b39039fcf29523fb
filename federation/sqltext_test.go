package federation

import (
	"strings"
	"testing"
)

// The mapping is computed whole before a task filters it. Were it inlined, a row on which the
// mapping fails would make only those questions fail whose filter reaches that row (RULES 12).
func TestMappingIsComputedWhole(t *testing.T) {
	t.Parallel()
	sql, err := taskSQL("SELECT 1 FROM \"t\" WHERE x = 2", []string{"t"}, map[string]MappedTable{"t": {SQL: "SELECT w::numeric AS x FROM raw"}}, strings.Repeat("0", 64))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(sql, `WITH "t" AS MATERIALIZED (SELECT w::numeric AS x FROM raw`) {
		t.Errorf("the task runs as %s", sql)
	}
}

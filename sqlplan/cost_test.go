package sqlplan

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestShortStatementsAreCheap holds that no statement that the size limit lets pass takes a party's time or memory: every
// party compiles it. What is allocated stands for both, since it does not depend on the machine.
func TestShortStatementsAreCheap(t *testing.T) {
	nested := func(n int) string {
		e := "age"
		for range n {
			e = "CASE WHEN floor((" + e + ")/1) > 0 THEN 1 ELSE 2 END"
		}
		return "SELECT sum(" + e + ") FROM patients"
	}
	var queries, numbers []string
	for i := range 3000 {
		queries = append(queries, fmt.Sprintf("a%d AS(TABLE b)", i))
	}
	for i := range 10_000 {
		numbers = append(numbers, fmt.Sprint(i))
	}
	for name, c := range map[string]struct {
		sql, arg string
		code     string
	}{
		"nested bins":              {sql: nested(18)},
		"a chain on a key":         {sql: "SELECT age" + strings.Repeat("+1", 900) + ", count(*) FROM patients GROUP BY age"},
		"a chain on listed values": {sql: "SELECT sum((age * 99) / 1" + strings.Repeat("+1", 500) + ") FROM patients"},
		"a long pattern":           {sql: "SELECT count(*) FROM patients WHERE sex LIKE $1", arg: strings.Repeat("%", 5_000_000), code: pgerr.ProgramLimitExceeded},
		"one array, many times":    {sql: "SELECT count(*) FROM patients WHERE " + strings.Repeat("age = ANY ($1) AND ", 300) + "true", arg: "{" + strings.Join(numbers, ",") + "}", code: pgerr.ProgramLimitExceeded},
		"many queries of WITH":     {sql: "WITH b AS (TABLE patients), " + strings.Join(queries, ",") + " SELECT count(*) FROM b", code: pgerr.FeatureNotSupported},
		"a question deep inside": {sql: "SELECT " + strings.Repeat("(SELECT ", 190) + "count(*) FILTER (WHERE age IN (1" + strings.Repeat(",1", 29_000) + ")) FROM patients" + strings.Repeat(")", 190),
			code: pgerr.ProgramLimitExceeded},
		"no question deep inside": {sql: "SELECT count(*) FROM " + strings.Repeat("(SELECT * FROM ", 190) + "patients" + strings.Repeat(") AS t", 190) + " WHERE true" + strings.Repeat(" AND true", 2000)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		parts, err := Rewrite(care(), exactAnalyst, c.sql, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var args []*string
		if c.arg != "" {
			args = append(args, &c.arg)
		}
		_, err = Compile(care(), query(exactAnalyst, parts[0].Select, args, make([]uint32, len(args))))
		runtime.ReadMemStats(&after)
		e, _ := pgerr.As(err)
		if (err == nil) != (c.code == "") || err != nil && (e == nil || e.Code != c.code) {
			t.Errorf("%s: %v", name, err)
		}
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 1000 {
			t.Errorf("%s allocates %d MB", name, mb)
		} else {
			t.Logf("%s allocates %d MB", name, mb)
		}
	}
}

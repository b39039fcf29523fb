package sqlplan

import (
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestNegativeZero holds that a group that PostgreSQL would show as -0 is refused: 0 would be another answer.
func TestNegativeZero(t *testing.T) {
	t.Parallel()
	for sql, refused := range map[string]bool{
		"SELECT floor(age / 10) * 10, count(*) FROM patients GROUP BY 1":           false,
		"SELECT 10 * ceil(age / 10) - 100, count(*) FROM patients GROUP BY 1":      false,
		"SELECT floor(age / 10) * -10, count(*) FROM patients GROUP BY 1":          true,
		"SELECT 0 * floor((age - 50) / 10), count(*) FROM patients GROUP BY 1":     true,
		"SELECT floor(age / 10.0) * -10.0, count(*) FROM patients GROUP BY 1":      false, // numeric has no -0
		"SELECT -5 - floor(age / 10), count(*) FROM patients GROUP BY 1":           false,
		"SELECT date_part('dow', seen) * -1, count(*) FROM patients GROUP BY 1":    true,
		"SELECT extract(dow FROM seen) * -1, count(*) FROM patients GROUP BY 1":    false,
		"SELECT floor(age / 10) * 10 / 10, count(*) FROM patients GROUP BY 1":      true,
		"SELECT floor(age / 10) * age, count(*) FROM patients GROUP BY 1":          true,
		"SELECT floor(age / 10) * NULL::float8, count(*) FROM patients GROUP BY 1": true,
	} {
		if _, err := Compile(care(), query(exactAnalyst, sql, nil, nil)); (err != nil) != refused {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// TestQuotientErrors holds that what is wrong with a division inside floor is said, and where.
func TestQuotientErrors(t *testing.T) {
	t.Parallel()
	_, err := Compile(care(), query(exactAnalyst, "SELECT sum(floor(age / 0)) FROM patients", nil, nil))
	if e, ok := pgerr.As(err); !ok || !strings.Contains(e.Message, "division") || e.Position == 0 {
		t.Errorf("%v", err)
	}
}

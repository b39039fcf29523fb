package syntax

import (
	"testing"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestDeparse holds that no statement is written with another meaning than it was read with: it is written as
// typed, with COALESCE in place of parentheses, or refused.
func TestDeparse(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"(a AND b) IS NULL":           "COALESCE(a AND b) IS NULL",
		"(NOT a) IS NULL":             "COALESCE(NOT a) IS NULL",
		"(a OR b) IS NOT NULL":        "COALESCE(a OR b) IS NOT NULL",
		"(a AND b) IS TRUE":           "COALESCE(a AND b) IS TRUE",
		"(NOT a) IS NOT UNKNOWN":      "COALESCE(NOT a) IS NOT UNKNOWN",
		"NOT a IS NULL":               "NOT a IS NULL",
		"a AND b IS NULL":             "a AND b IS NULL",
		"-(-1) + (- a)":               "- (-1) + - a",
		"(a AT TIME ZONE 'x')::date":  "",
		"a BETWEEN b AND (c = d)":     "",
		"a LIKE (b = c)":              "",
		"(ARRAY[1,2])[1]":             "",
		"((a AND b) IS NULL) IS NULL": "COALESCE(a AND b) IS NULL IS NULL",
	} {
		s := one("SELECT " + expression + " FROM t")
		text, err := deparse(s)
		if err != nil {
			if e, ok := pgerr.As(err); !ok || e.Code != pgerr.FeatureNotSupported || want != "" {
				t.Errorf("%s: %v", expression, err)
			}
			continue
		}
		if want == "" {
			t.Errorf("%s became %s", expression, text)
			continue
		}
		if a, b := fingerprint(t, text), fingerprint(t, "SELECT "+want+" FROM t"); a != b {
			t.Errorf("%s became %s", expression, text)
		}
	}
}

func fingerprint(t *testing.T, text string) string {
	t.Helper()
	f, err := pg.Fingerprint(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f
}

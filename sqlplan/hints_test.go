package sqlplan

import (
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestHints holds that refusals name the owner and say what to type.
func TestHints(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string][]string{
		"SELECT sum(length(note)) FROM patients":                                     {pgerr.UnboundedColumn},
		"SELECT sum(value) FROM measurements":                                        {pgerr.UnboundedColumn, "WHERE test = "},
		"SELECT note, count(*) FROM patients GROUP BY note":                          {pgerr.DomainRequired, "ask clinic", `"note"`},
		"SELECT born, count(*) FROM patients GROUP BY born":                          {pgerr.InsufficientPrivilege, "may be used to filter", "Ask clinic to add group"},
		"SELECT count(*) FROM patients WHERE id = 3":                                 {pgerr.InsufficientPrivilege, "identifies the person"},
		"SELECT to_char(seen, 'YYYY'), count(*) FROM patients GROUP BY 1":            {pgerr.FeatureNotSupported, "date_trunc"},
		"SELECT count(*) FROM patients WHERE seen > now()":                           {pgerr.FeatureNotSupported, "constant"},
		"SELECT stddev(age) FROM patients":                                           {pgerr.NotPrivate, "avg(x * x)"},
		"SELECT sex, count(*) FROM patients GROUP BY CUBE (sex)":                     {pgerr.FeatureNotSupported, "ROLLUP"},
		"SELECT (SELECT count(*) FROM patients), count(*) FROM cohort":               {pgerr.FeatureNotSupported, "statement of its own"},
		"SELECT count(*) FROM patients UNION SELECT count(*) FROM cohort":            {pgerr.FeatureNotSupported, "each part"},
		"SELECT sum(age) FILTER (WHERE note ~ 'a') FROM patients":                    {pgerr.FeatureNotSupported, "LIKE"},
		"SELECT count(*) FROM patients WHERE age IN (SELECT 1)":                      {pgerr.FeatureNotSupported, "constant"},
		"SELECT count(*) FROM patients WHERE seen - INTERVAL '1 day' > '2013-01-01'": {pgerr.FeatureNotSupported, "Cast constants"},
	} {
		_, err := Compile(care(), query(dpAnalyst, sql, nil, nil))
		e, ok := pgerr.As(err)
		if !ok || e.Code != want[0] || e.Hint == "" {
			t.Errorf("%s: %+v", sql, err)
			continue
		}
		for _, w := range want[1:] {
			if !strings.Contains(e.Hint, w) {
				t.Errorf("%s: %q is not in the hint %q", sql, w, e.Hint)
			}
		}
	}
}

// TestEpsilonHint holds that the hint is an ε that fits at every owner, and that a grant without noise beside one with
// noise says so.
func TestEpsilonHint(t *testing.T) {
	t.Parallel()
	study := care()
	for i := range study.Grants {
		if g := &study.Grants[i]; g.Analyst == dpAnalyst && g.Owner == "lab" {
			g.PerQuestion = dp.OneEpsilon / 4
		}
	}
	q := query(dpAnalyst, "SELECT count(*) FROM patients JOIN measurements USING (id)", nil, nil)
	e, ok := pgerr.As(second(Compile(study, q)))
	if !ok || e.Code != pgerr.InvalidParameterValue || e.Hint != "SET c2d.epsilon = 0.25" || !strings.Contains(e.Message, "lab") {
		t.Fatalf("%+v", e)
	}
	q.Settings.Epsilon = dp.OneEpsilon / 4
	if _, err := Compile(study, q); err != nil {
		t.Fatalf("the hint does not fit: %v", err)
	}
	for i := range study.Grants {
		if g := &study.Grants[i]; g.Analyst == dpAnalyst && g.Owner == "lab" {
			g.Release, g.PerQuestion, g.Default = catalog.ReleaseExact, 0, 0
		}
	}
	if e, ok := pgerr.As(second(Compile(study, q))); !ok || e.Code != pgerr.InsufficientPrivilege || !strings.Contains(e.Message, "lab grants exact answers") {
		t.Fatalf("%+v", e)
	}
}

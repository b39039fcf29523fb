package sqlplan

import (
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestQuestion holds which part of a statement is asked, and that what is around it stays as it was typed.
func TestQuestion(t *testing.T) {
	t.Parallel()
	grouped := "SELECT sex, count(*) AS n FROM patients GROUP BY sex"
	source := "c2d.run('id', NULL)"
	for sql, want := range map[string]string{
		"SELECT max(n) FROM (" + grouped + ") AS t":                                                           grouped,
		"SELECT * FROM (SELECT * FROM (" + grouped + ") AS t) AS u":                                           grouped,
		"WITH t AS (" + grouped + "), u AS (SELECT max(n) FROM t) SELECT * FROM t, u":                         grouped,
		"DECLARE c CURSOR FOR SELECT * FROM (" + grouped + ") AS t":                                           grouped,
		"COPY (SELECT n FROM (" + grouped + ") AS t) TO STDOUT":                                               grouped,
		"SELECT 'é', (SELECT count(*) FROM patients) + 1":                                                     "SELECT count(*) FROM patients",
		"SELECT count(*) FROM (SELECT sex FROM patients) AS t":                                                "",
		"SELECT s, count(*) FROM (SELECT sex AS s FROM (SELECT * FROM patients) AS p) AS t GROUP BY s":        "",
		"SELECT * FROM (" + grouped + ") AS t LIMIT 0":                                                        "",
		"SELECT count(*) FROM (SELECT DISTINCT sex FROM patients) AS t":                                       "",
		"SELECT count(*) FROM patients WHERE sex = (SELECT max(s) FROM (SELECT 'f' AS s) AS t)":               "",
		"SELECT (SELECT count(*) FROM patients), (SELECT count(*) FROM cohort)":                               "",
		"WITH patients AS (SELECT 1 AS id) SELECT * FROM (SELECT count(*) FROM cohort, patients) AS t":        "",
		"WITH a AS (SELECT * FROM patients), b AS (SELECT sex, count(*) FROM a GROUP BY sex) SELECT * FROM b": "",
	} {
		parts, err := Rewrite(care(), dpAnalyst, sql, nil)
		if err != nil || len(parts) != 1 || parts[0].Kind != Federated {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		p := parts[0]
		if sql[p.SelectAt:p.SelectAt+len(p.Select)] != p.Select {
			t.Errorf("%s: the place of the question is wrong", sql)
		}
		if whole := strings.HasPrefix(sql, p.Select); want == "" && !whole || want != "" && p.Select != want {
			t.Errorf("%s asks %q", sql, p.Select)
		}
		if want == "" {
			continue
		}
		desc := []OutputColumn{{Name: "sex", OID: 25, TypeModifier: -1}, {Name: "n", OID: 20, TypeModifier: -1}}
		text, err := p.Render(desc[strings.Count(want, ",")*-1+1:][:strings.Count(want, ",")+1], 0, source)
		if err != nil || strings.Count(text, source) != 1 || strings.Contains(text, "patients") {
			t.Errorf("%s became %s: %v", sql, text, err)
			continue
		}
		before, after, _ := strings.Cut(sql, want)
		if !strings.HasPrefix(text, before) || !strings.HasSuffix(text, after) {
			t.Errorf("%s became %s", sql, text)
		}
	}
}

// TestQuestionErrors holds the places of errors inside a question, and that parameters stay inside it.
func TestQuestionErrors(t *testing.T) {
	t.Parallel()
	sql := "SELECT 'é' FROM (SELECT note, count(*) FROM patients GROUP BY note) AS t"
	parts, err := Rewrite(care(), dpAnalyst, sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parts[0].Render([]OutputColumn{{Name: "note", OID: 25}, {Name: "count", OID: 20}}, 0, "c2d.run('id', NULL)")
	if e, ok := pgerr.As(err); !ok || e.Code != pgerr.DomainRequired || !strings.HasPrefix(string([]rune(sql)[e.Position-1:]), "note) AS t") {
		t.Errorf("%+v", err)
	}
	if _, err := Rewrite(care(), dpAnalyst, "SELECT * FROM (SELECT count(*) AS n FROM patients WHERE age > $1) AS t", nil); err != nil {
		t.Error(err)
	}
	_, err = Rewrite(care(), dpAnalyst, "SELECT * FROM (SELECT count(*) AS n FROM patients WHERE age > $1) AS t WHERE n > $2", nil)
	if e, ok := pgerr.As(err); !ok || e.Code != pgerr.FeatureNotSupported || e.Position == 0 || e.Hint == "" {
		t.Errorf("a parameter outside: %v", err)
	}
}

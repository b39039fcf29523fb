package sqlplan

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// TestRewriteClasses holds who answers what. The expectation is relay, federated or an SQLSTATE.
func TestRewriteClasses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SELECT 1":                          "relay",
		"SET TimeZone = 'UTC'":              "relay",
		"SHOW all":                          "relay",
		"BEGIN":                             "relay",
		"SAVEPOINT a":                       "relay",
		"DISCARD ALL":                       "relay",
		"SET ROLE none":                     "relay",
		"RESET ROLE":                        "relay",
		"SET SESSION AUTHORIZATION DEFAULT": "relay",
		"UNLISTEN *":                        "relay",
		"DEALLOCATE ALL":                    "relay",
		"FETCH 3 FROM c":                    "relay",
		"EXECUTE p(1)":                      "relay",
		"SELECT * FROM pg_class":            "relay",
		"SELECT * FROM c2d.budget":          "relay",
		"COPY pg_class TO STDOUT":           "relay",
		"WITH patients AS (SELECT 1) SELECT * FROM patients":                             "relay",
		"WITH x AS (SELECT * FROM patients) SELECT * FROM x":                             "federated",
		"WITH patients AS (SELECT * FROM patients) SELECT 1":                             "federated",
		"SELECT (WITH patients AS (SELECT 1) SELECT 2), (SELECT count(*) FROM patients)": "federated",
		"SELECT count(*) FROM patients":                                                  "federated",
		"SELECT count(*) FROM public.patients":                                           "federated",
		`SELECT count(*) FROM "patients"`:                                                "federated",
		`SELECT count(*) FROM "Patients"`:                                                "relay",
		"SELECT count(*) FROM other.patients":                                            "relay",
		"SELECT 1 WHERE EXISTS (SELECT 1 FROM patients)":                                 "federated",
		"DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT count(*) FROM patients":            "federated",
		"COPY (SELECT count(*) FROM patients) TO STDOUT (FORMAT csv)":                    "federated",
		"PREPARE p(int) AS SELECT count(*) FROM patients WHERE age > $1":                 "federated",
		"EXPLAIN (FORMAT JSON) SELECT count(*) FROM patients":                            "federated",
		"EXPLAIN ANALYZE SELECT count(*) FROM patients":                                  pgerr.FeatureNotSupported,
		"COPY patients TO STDOUT":                                                        pgerr.NotAggregated,
		"COPY patients FROM STDIN":                                                       pgerr.ReadOnlyTransaction,
		"COPY (SELECT 1) TO '/tmp/x'":                                                    pgerr.ReadOnlyTransaction,
		"COPY (SELECT 1) TO PROGRAM 'sh'":                                                pgerr.ReadOnlyTransaction,
		"INSERT INTO patients VALUES (1)":                                                pgerr.ReadOnlyTransaction,
		"WITH x AS (DELETE FROM patients RETURNING 1) SELECT 1":                          pgerr.ReadOnlyTransaction,
		"SELECT 1 INTO x":                                pgerr.ReadOnlyTransaction,
		"CREATE TABLE x AS SELECT 1":                     pgerr.ReadOnlyTransaction,
		"SELECT * FROM pg_class FOR UPDATE":              pgerr.ReadOnlyTransaction,
		"PREPARE p AS INSERT INTO x VALUES (1)":          pgerr.ReadOnlyTransaction,
		"DO $$ begin end $$":                             pgerr.ReadOnlyTransaction,
		"CALL p()":                                       pgerr.ReadOnlyTransaction,
		"LISTEN x":                                       pgerr.ReadOnlyTransaction,
		"GRANT SELECT ON patients TO public":             pgerr.ReadOnlyTransaction,
		"SET ROLE postgres":                              pgerr.InsufficientPrivilege,
		"SET SESSION AUTHORIZATION postgres":             pgerr.InsufficientPrivilege,
		"SELECT c2d.run('x', NULL)":                      pgerr.InsufficientPrivilege,
		"SELECT * FROM c2d.explain('x', NULL)":           pgerr.InsufficientPrivilege,
		"SELECT run('x', NULL)":                          pgerr.InsufficientPrivilege,
		"SELECT dblink_connect('x')":                     pgerr.InsufficientPrivilege,
		`SELECT * FROM public."dblink"('x') AS t(a int)`: pgerr.InsufficientPrivilege,
		"SELECT count(*) FROM patients, pg_class":        pgerr.FeatureNotSupported,
		"SELECT 1 +":                                     pgerr.SyntaxError,
		"SELECT 'x":                                      pgerr.SyntaxError,
		"":                                               "none",
		" ; ;":                                           "none",
	} {
		parts, err := Rewrite(care(), exactAnalyst, text, nil)
		got := "none"
		if err != nil {
			e, ok := pgerr.As(err)
			if !ok {
				t.Errorf("%q: %v", text, err)
				continue
			}
			got = e.Code
		} else if len(parts) == 1 {
			got = map[StatementKind]string{Relayed: "relay", Federated: "federated"}[parts[0].Kind]
		}
		if got != want {
			t.Errorf("%q: %s, want %s (%v)", text, got, want, err)
		}
	}
}

// TestRewriteSpans holds the spans of statements and of the SELECTs inside.
func TestRewriteSpans(t *testing.T) {
	t.Parallel()
	const q = "SELECT count(*) AS \"é\" FROM patients"
	text := "SELECT 'é' ; /* c */ " + q + "; PREPARE p (int, text) AS " + q + " ; DECLARE c CURSOR FOR " + q + "; COPY ( " + q + " ) TO STDOUT; EXPLAIN VERBOSE " + q + " -- end"
	parts, err := Rewrite(care(), exactAnalyst, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) != 6 {
		t.Fatalf("%d statements", len(parts))
	}
	for i, p := range parts[1:] {
		if p.Select != q || text[p.SelectAt:p.SelectAt+len(q)] != q || p.Kind != Federated {
			t.Errorf("statement %d: %q at %d", i+2, p.Select, p.SelectAt)
		}
		out, err := p.Render([]OutputColumn{{Name: "é", OID: 20, TypeModifier: -1}}, 0, "c2d.run('id', NULL::text[])")
		if err != nil {
			t.Fatal(err)
		}
		if again, err := syntax.Split(out); err != nil || len(again) != 1 {
			t.Errorf("statement %d became %q: %v", i+2, out, err)
		}
	}
	if got := fmt.Sprint(parts[2].Types); got != "[23 25]" {
		t.Errorf("declared types %s", got)
	}
	if !parts[5].Explain || parts[5].JSON {
		t.Error("EXPLAIN is not recognised")
	}
}

// TestDecodeRefuses holds that missing words are errors, never empty rows.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	plan, err := Compile(care(), query(exactAnalyst, "SELECT sex, count(*) FROM patients GROUP BY sex", nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, opened := range []map[string][]uint64{nil, {keepLabel: {1, 1}}, {keepLabel: {1, 1}, answerLabel: {1}}, {answerLabel: {1, 2, 3, 4}}} {
		if rows, err := Decode(plan, opened); err == nil {
			t.Errorf("%v gave %d rows", opened, len(rows))
		}
	}
}

// TestEpsilonLimits holds that an owner's limit for one question and a term's end are kept.
func TestEpsilonLimits(t *testing.T) {
	t.Parallel()
	q := query(dpAnalyst, "SELECT count(*) FROM patients", nil, nil)
	q.Settings.Epsilon = 21_000_000_000
	if e, _ := pgerr.As(second(Compile(care(), q))); e == nil || e.Code != pgerr.InvalidParameterValue {
		t.Error("epsilon above the limit is accepted")
	}
	study := care()
	for i := range study.Grants {
		study.Grants[i].Expires = "2023-11-13"
	}
	q.Settings.Epsilon = 0
	if e, _ := pgerr.As(second(Compile(study, q))); e == nil || e.Code != pgerr.InsufficientPrivilege {
		t.Error("an expired grant is accepted")
	}
	for i := range study.Grants {
		study.Grants[i].Expires, study.Grants[i].Lookup = "", false
	}
	q.SQL = "SELECT count(*) FROM patients JOIN measurements USING (id)"
	if e, _ := pgerr.As(second(Compile(study, q))); e == nil || e.Code != pgerr.InsufficientPrivilege {
		t.Error("a join without the owners' consent is accepted")
	}
}

func second[T any](_ T, err error) error { return err }

// FuzzRewrite holds that no text makes Rewrite or Compile panic, that Guard comes first, and that compiling is
// deterministic.
func FuzzRewrite(f *testing.F) {
	for _, g := range goldenCases(f) {
		f.Add(g.query)
	}
	f.Add("SELECT " + strings.Repeat("(", 300))
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := Rewrite(care(), dpAnalyst, text, nil)
		if syntax.Guard(text) != nil && err == nil {
			t.Fatal("the guard was passed by")
		}
		for _, p := range parts {
			if p.Kind != Federated {
				continue
			}
			_, _ = p.Render([]OutputColumn{{Name: "a", OID: 20, TypeModifier: -1}}, 0, "c2d.run('id', NULL::text[])")
			q := query(dpAnalyst, p.Select, nil, nil)
			x, err1 := Compile(care(), q)
			y, err2 := Compile(care(), q)
			if (err1 == nil) != (err2 == nil) || err1 == nil && x.Hash() != y.Hash() {
				t.Fatal("compiling is not deterministic")
			}
		}
	})
}

// TestInjection compiles statements with random hostile literals and names and holds that the owner's SQL stays one
// SELECT with the same tables.
func TestInjection(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 5))
	pieces := []string{"'", `"`, `\`, "$1", "$$", ";", "--", "/*", "*/", "é", "x", " OR true", "\n", "DROP TABLE patients", "E'", "%", "{}", "U&"}
	for range 300 {
		var s string
		for range 1 + r.IntN(6) {
			s += pieces[r.IntN(len(pieces))]
		}
		arg := s
		q := query(dpAnalyst, "SELECT count(*) FROM patients AS "+syntax.Ident(s)+" WHERE note = "+syntax.Quote(s)+" OR note = $1", []*string{&arg}, []uint32{25})
		plan, err := Compile(care(), q)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		parts, err := syntax.Split(plan.Local[0].SQL)
		if err != nil || len(parts) != 1 || parts[0].Verb != syntax.Query {
			t.Fatalf("%q became %s: %v", s, plan.Local[0].SQL, err)
		}
		for _, table := range parts[0].Tables {
			if table.Name != "patients" {
				t.Fatalf("%q reads %q", s, table.Name)
			}
		}
		if n := strings.Count(plan.Local[0].SQL, "$1"); n != strings.Count(plan.Local[0].SQL, "$1::pg_catalog.text") {
			t.Fatalf("%q: $1 outside the salt", s)
		}
	}
}

// TestAlwaysEmpty holds that questions for names and types only are answered without anybody's data, and
// nothing else is.
func TestAlwaysEmpty(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"SELECT * FROM patients LIMIT 0":                                      true,
		"SELECT * FROM patients WHERE 1 = 0":                                  true,
		"SELECT sex, age FROM patients WHERE false":                           true,
		"SELECT * FROM (SELECT id FROM patients) x LIMIT 0":                   true,
		"SELECT count(*) FROM patients WHERE false":                           false,
		"SELECT * FROM patients LIMIT 1":                                      false,
		"SELECT * FROM patients WHERE 1 = 1":                                  false,
		"SELECT * FROM patients WHERE 1 = 0 OR true":                          false,
		"SELECT age FROM patients WHERE false UNION SELECT age FROM patients": false,
	} {
		parts, err := Rewrite(care(), dpAnalyst, text, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := parts[0].Render([]OutputColumn{{Name: "a", OID: 23, TypeModifier: -1}}, 0, "c2d.run('id', NULL::text[])")
		got := err == nil && !strings.Contains(out, "c2d.run")
		if got != want {
			t.Errorf("%s: %q %v", text, out, err)
		}
	}
}

// TestRenderPositions holds that positions count characters of the whole text.
func TestRenderPositions(t *testing.T) {
	t.Parallel()
	text := "SELECT 'é'; DECLARE c CURSOR FOR SELECT note, count(*) FROM patients GROUP BY note"
	parts, err := Rewrite(care(), dpAnalyst, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parts[1].Render([]OutputColumn{{Name: "note", OID: 25}, {Name: "count", OID: 20}}, 0, "c2d.run('id', NULL::text[])")
	e, ok := pgerr.As(err)
	if !ok || e.Code != pgerr.DomainRequired || string([]rune(text)[e.Position-1:]) != "note" {
		t.Errorf("%+v", err)
	}
}

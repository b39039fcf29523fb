package sqlplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestArrays holds ANY and ALL to PostgreSQL, with what drivers send: array parameters, literals and ARRAY[…], with NULL
// elements, NULL arrays and empty ones, behind AND, NOT and IS UNKNOWN.
func TestArrays(t *testing.T) {
	o := startOracle(t, 4)
	operands := []struct {
		column, element string
		arrays          []string
	}{
		{"age", "int4", []string{"{31,50,NULL}", "{}", "{1,2,3,4,5,6,7,8,9,10,50}", "{NULL}", " { 7 , 8 } ", "{\"50\"}"}},
		{"bmi", "numeric", []string{"{20.5,30}", "{NULL,21.0}", "{}"}},
		{"sex", "text", []string{"{f}", "{f,NULL}", `{"f","m, \"q\""}`, `{nu\ll, null ,"NULL"}`, "{}"}},
		{"outcome", "text", []string{`{alive,"it's \\ dead"}`, "{NULL,lost}"}},
		{"seen", "date", []string{"{2013-02-01,2013-03-05}", "{NULL}"}},
		{"diabetic", "bool", []string{"{t}", "{true,NULL}", "{f,t}"}},
	}
	forms := []string{"%s = ANY (%s)", "%s <> ALL (%s)", "NOT (%s = ANY (%s))", "%s > ANY (%s)", "%s <= ALL (%s)", "(%s <> ANY (%s)) IS UNKNOWN", "%s = SOME (%s) OR diabetic"}
	ran, differed := 0, 0
	check := func(sql string, args []*string) {
		got, _ := o.federated(t, exactAnalyst, sql, args)
		d := o.describe(t, sql)
		want := o.rows(t, sql, args, d.ParamOIDs)
		ran++
		if g, w := canonicalRows(got, false, d.Fields), canonicalRows(want, false, d.Fields); !slices.Equal(g, w) {
			t.Errorf("%s %v\ngot %v\nwant %v", sql, args, g, w)
		}
		if first := want[0][0]; first != nil && *first != "0" && *first != "60" {
			differed++
		}
	}
	for i, x := range operands {
		for j, array := range x.arrays {
			form := forms[(i+3*j)%len(forms)]
			sql := "SELECT count(*), count(*) FILTER (WHERE sex = 'f') FROM patients WHERE "
			check(sql+fmt.Sprintf(form, x.column, "$1"), []*string{&array})
			check(sql+fmt.Sprintf(forms[(i+j)%len(forms)], x.column, "$1::"+x.element+"[]"), []*string{&array})
			check(sql+fmt.Sprintf(forms[(i+2*j+1)%len(forms)], x.column, "'"+strings.ReplaceAll(array, "'", "''")+"'"), nil)
		}
		check("SELECT count(*) FROM patients WHERE ("+x.column+" = ANY ($1)) IS UNKNOWN", []*string{nil})
		check("SELECT count(*) FROM patients WHERE "+x.column+" = ANY (NULL::"+x.element+"[])", nil)
	}
	for _, sql := range []string{
		"SELECT count(*) FROM patients WHERE age = ANY (ARRAY[31, 50, NULL, 7.5])", "SELECT count(*) FROM patients WHERE age <> ALL (ARRAY[31, 50])",
		"SELECT count(*) FROM patients WHERE sex = ANY (ARRAY['f', 'x'])", "SELECT count(*) FROM patients WHERE seen = ANY (ARRAY['2013-02-01', '2013-03-05']::date[])",
		"SELECT count(*) FROM patients WHERE age < ALL ('{50,60}'::bigint[])", "SELECT sum(CASE WHEN age = ANY ('{31,50}') THEN 1 ELSE 0 END) FROM patients",
		"SELECT sum(value) FROM measurements WHERE test = ANY ('{sbp,chol,NULL}')", "SELECT count(*) FROM patients GROUP BY sex HAVING count(*) > 3",
		"SELECT sex, count(*) FROM patients WHERE age BETWEEN 10 AND 90 GROUP BY sex HAVING count(*) >= 1 ORDER BY sex",
		"SELECT count(*) FROM cohort WHERE at > ANY (ARRAY[timestamp '2013-02-01 00:00', '2013-03-01'])", "SELECT age = ANY ('{31,50}') AS a, count(*) FROM patients GROUP BY 1",
	} {
		check(sql, nil)
	}
	if ran < 70 || differed < 30 {
		t.Fatalf("%d statements ran, %d told rows apart", ran, differed)
	}
}

// TestArraysRefused holds the refusals: what they say, and where.
func TestArraysRefused(t *testing.T) {
	t.Parallel()
	long := "'{" + strings.Repeat("1,", maxElements) + "1}'"
	for sql, code := range map[string]string{
		"SELECT count(*) FROM patients WHERE age = ANY ('{{1,2},{3,4}}')":         pgerr.FeatureNotSupported,
		"SELECT count(*) FROM patients WHERE age = ANY ('[0:1]={1,2}')":           pgerr.FeatureNotSupported,
		"SELECT count(*) FROM patients WHERE age = ANY (ARRAY[age, 3])":           pgerr.FeatureNotSupported,
		"SELECT count(*) FROM patients WHERE age = ANY (string_to_array('1',''))": pgerr.FeatureNotSupported,
		"SELECT count(*) FROM patients WHERE note ~ ANY ('{a,b}')":                pgerr.FeatureNotSupported,
		"SELECT count(*) FROM patients WHERE age = ANY ('{1,2')":                  "22P02",
		"SELECT count(*) FROM patients WHERE age = ANY ('{1,,2}')":                "22P02",
		"SELECT count(*) FROM patients WHERE age = ANY ('{a}')":                   "22P02",
		"SELECT count(*) FROM patients WHERE age = ANY ('{3000000000}')":          "22003",
		"SELECT count(*) FROM patients WHERE sex = ANY ('{1}'::int[])":            "42883",
		"SELECT count(*) FROM patients WHERE id = ANY ('{1}')":                    pgerr.InsufficientPrivilege,
		"SELECT count(*) FROM patients WHERE age = ANY (" + long + ")":            pgerr.ProgramLimitExceeded,
	} {
		_, err := Compile(care(), query(dpAnalyst, sql, nil, nil))
		e, ok := pgerr.As(err)
		if !ok || e.Code != code || e.Position == 0 {
			t.Errorf("%s: %+v, want %s", sql[:min(len(sql), 90)], err, code)
		}
	}
}

// FuzzArray holds that reading an array's text does not panic, and that what it read and wrote again is the same.
func FuzzArray(f *testing.F) {
	for _, s := range []string{"{}", "{1,2}", `{"a\"b",c\,d, NULL ,"NULL"}`, "{{1}}", "[1:2]={1,2}", "{a\\}", "{ a b , c }", "{\"", "{\\ a\\ }", "{,}", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := parseArray(s)
		if err != nil {
			return
		}
		var parts []string
		for _, e := range list {
			if e == nil {
				parts = append(parts, "NULL")
			} else {
				parts = append(parts, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(*e)+`"`)
			}
		}
		again, err := parseArray("{" + strings.Join(parts, ",") + "}")
		if err != nil || len(again) != len(list) {
			t.Fatalf("%q: %v, %d elements of %d", s, err, len(again), len(list))
		}
		for i := range list {
			if (list[i] == nil) != (again[i] == nil) || list[i] != nil && *list[i] != *again[i] {
				t.Fatalf("%q: element %d changed", s, i)
			}
		}
	})
}

package catalog

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite golden files")

// ownKey is a fingerprint for tests.
var ownKey = "sha256:" + strings.Repeat("0a", 32)

func example(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../configs/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExample(t *testing.T) {
	t.Parallel()
	c, err := Parse("/etc/c2d/example.yaml", []byte(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	if c.KeyFile != "/etc/c2d/clinic.key" || c.Source.DSNFile != "/etc/c2d/clinic.dsn" {
		t.Errorf("paths are not relative to the file: %s, %s", c.KeyFile, c.Source.DSNFile)
	}
	p, err := c.Public("liver", ownKey)
	if err != nil {
		t.Fatal(err)
	}
	table := p.Tables[0]
	if got := columnNames(table.Columns); got != "id, sex, age, weight, visited, seen_at, scale_name, score, insured, note" {
		t.Errorf("order of columns: %s", got)
	}
	weight, _ := table.Column("weight")
	if *weight.Bounds != (Bounds{200, 2505}) {
		t.Errorf("weight bounds %v", *weight.Bounds)
	}
	if p.Grants[0].Default != 100_000_000 || p.Grants[0].Delta != 1_000_000 {
		t.Errorf("grant %+v", p.Grants[0])
	}
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{"hospital.patients", "clinic.dsn", "mia.scram", "20000000000"} {
		if bytes.Contains(b, []byte(private)) {
			t.Errorf("public part contains %q", private)
		}
	}
	if sql, ok := c.Mapping("liver", "patients"); !ok || !strings.Contains(sql, "hospital.patients") {
		t.Errorf("mapping %q", sql)
	}
	again, err := DecodePublic(b)
	if err != nil {
		t.Fatal(err)
	}
	if b2, _ := again.Encode(); !bytes.Equal(b, b2) {
		t.Error("decode is not the inverse of encode")
	}
}

// Each case replaces one text of the example and expects the first error, word for word.
func TestErrors(t *testing.T) {
	t.Parallel()
	cases := []struct{ old, new, want string }{
		{"party: clinic ", "praty: clinic ", "f.yaml:10:1: praty: unknown setting; write one of: party, institution, identity, state_dir, listen, analyst_tls, sessions, source, peers, analysts, caps, studies"},
		{"bounds: [0, 120]", "bounds: [120, 0]", "f.yaml:121:13: studies.liver.tables.patients.columns.age.bounds: lower 120 is above upper 0; write [lower, upper]"},
		{"bounds: [0, 120]", "bounds: [0, 40000]", `f.yaml:121:13: studies.liver.tables.patients.columns.age.bounds: "40000" is outside type smallint`},
		{"bounds: [20, 250.5]", "bounds: [20, 250.55]", `f.yaml:128:13: studies.liver.tables.patients.columns.weight.bounds: "250.55" has more than 1 decimals; write fewer, or a larger scale`},
		{"domain: [f, m]", "domain: [f, m, f]", `f.yaml:116:28: studies.liver.tables.patients.columns.sex.domain[2]: "f" is there twice`},
		{"units: 20000", "units: 20001", "f.yaml:94:9: studies.liver.tables.patients.units: is 20001; write a bound on the different units, at least 1 and at most rows (20000)"},
		{"unit: id ", "unit: ids ", `f.yaml:95:9: studies.liver.tables.patients.unit: "ids" is not a column of the table; write the column that identifies the person`},
		{"compute: [clinic, lab, registry]", "compute: [clinic, lab]", "f.yaml:80:5: studies.liver.compute: names 2 parties; write three, such as [a, b, c]"},
		{"institution: National Registry", "institution: state  laboratory", `f.yaml:80:28: studies.liver.compute[2]: lab and registry are both of institution "state  laboratory"; the three compute parties belong to three institutions`},
		{"tables: [patients]\n        preset: statistics", "tables: [patient]\n        preset: statistics", `f.yaml:162:9: studies.liver.grants[0].tables: clinic has no table "patient" in this study`},
		{"default: 0.1 ", "default: 0.1234567891", `f.yaml:166:11: studies.liver.grants[0].epsilon.default: "0.1234567891" has more than 9 decimals`},
		{"per_question: 1\n", "per_question: 11\n", "f.yaml:165:9: studies.liver.grants[0].epsilon: write numbers with 0 < default ≤ per_question ≤ total"},
		{"third_parties: [registry]", "third_parties: [registry, uni]", `f.yaml:99:35: studies.liver.tables.patients.third_parties[1]: "uni" does not compute in this study; write one of lab, registry`},
		{"third_parties: [registry]", "third_parties: [clinic]", "f.yaml:99:25: studies.liver.tables.patients.third_parties[0]: clinic owns the table; name other parties of the study"},
		{"third_parties: [registry]", "third_parties: [lab, lab]", "f.yaml:99:30: studies.liver.tables.patients.third_parties[1]: lab is named twice"},
		{"third_parties: [registry]", "third_parties: []", "f.yaml:99:9: studies.liver.tables.patients.third_parties: names nobody; write a list of parties, or remove it and leave lookup out of the grants"},
		{"third_parties: [registry]", "third_parties: registry", "f.yaml:99:9: studies.liver.tables.patients.third_parties: is one value; write a list in [ ]"},
		{"expires: 2027-06-30", "expires: 2027-06-31", `f.yaml:172:9: studies.liver.grants[0].expires: "2027-06-31" is not a date; write one such as 2027-12-31`},
		{"rows: 20000", "rows: many", `f.yaml:93:9: studies.liver.tables.patients.rows: "many" is not a whole number; write one such as 1000`},
		{"state_dir: state ", "state_dir: ", "f.yaml:16:1: state_dir: has no value; write one or remove the line"},
	}
	for _, c := range cases {
		text := strings.Replace(example(t), c.old, c.new, 1)
		if text == example(t) {
			t.Errorf("case %q changes nothing", c.old)
			continue
		}
		_, err := Parse("f.yaml", []byte(text))
		var errs Errors
		if !errors.As(err, &errs) {
			t.Errorf("%s → %s: no error (%v)", c.old, c.new, err)
			continue
		}
		if got := errs[0].Error(); got != c.want {
			t.Errorf("%s → %s:\n got %s\nwant %s", c.old, c.new, got, c.want)
		}
	}
}

// Refusals whose position is not the point.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, new, want string }{
		{"visibility: join-only ", "visibility: visible ", "the unit column is never selected"},
		{"uses: [join, aggregate]", "uses: [join, group]", "a join-only column allows [join]"},
		{"        unique_unit: true", "        unique_unit: &u true", "anchors, aliases and tags are not read"},
		{"release: dp ", "release: rows ", `"rows": write dp`},
		{"preset: statistics ", "preset: custom ", `"custom": write counts`},
		{"connect: accept", "connect: both", "write dial"},
		{"source: patients_2026 ", "source: other ", "has no cap"},
		{"type: smallint", "type: jsonb", `type "jsonb" is not supported`},
		{"meld: [6, 40]", "melt: [6, 40]", "is not in the domain of scale_name"},
		{"visibility: visible\n            uses: [filter]\n", "uses: [filter]\n", "a hidden column has no uses"},
		{"rows: 20000", "rows: 1000000000000", "needs more than 62 bits"},
		{"analysts: [mia@clinic]", "analysts: [mia]", "is not login@gateway"},
		{"party: clinic ", "party: [", "not YAML"},
	} {
		text := strings.Replace(example(t), c.old, c.new, 1)
		if c.want == "needs more than 62 bits" {
			text = strings.Replace(text, "scale: 1 ", "scale: 7 ", 1)
		}
		_, err := Parse("f.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s → %s: %v", c.old, c.new, err)
		}
	}
}

// parts makes three parties' parts of a union of two owners and a helper.
func parts(t testing.TB, edit func(i int, yaml string) string) []Public {
	t.Helper()
	const file = `
party: PARTY
institution: Institution of PARTY
identity: {key_file: k}
state_dir: s
SOURCE
peers:
PEERS
caps: {cancer: {epsilon: 10, delta: 1e-6}}
studies:
  breast:
    compute: [a, b, c]
TABLES`
	const tables = `    tables:
      cohort:
        source: cancer
        sql: SELECT 1
        rows: 100
        units: 90
        unit: pid
        unit_kind: person
        unit_ids: owner-scoped
        groups_per_unit: 2
        rows_per_group: 3
        columns:
          pid: {type: integer, nullable: false, visibility: join-only, uses: [join]}
          age: {type: integer, visibility: visible, uses: [aggregate], bounds: [0, 120]}
          grade: {type: text, visibility: visible, uses: [group], domain: [x, y]}
    grants:
      - {analysts: [mia@c], tables: [cohort], preset: counts, release: exact, cohort: 5}
`
	var out []Public
	for i, name := range []string{"a", "b", "c"} {
		var peers strings.Builder
		for _, p := range []string{"a", "b", "c"} {
			if p != name {
				peers.WriteString("  - {party: " + p + ", institution: Institution of " + p + ", connect: dial, address: 'h:1', key: 'sha256:" + strings.Repeat("a"+p, 32) + "'}\n")
			}
		}
		source, own := "source: {postgres: {dsn_file: d}}", tables
		if name == "c" {
			source, own = "", ""
		}
		text := strings.NewReplacer("PARTY", name, "PEERS", peers.String(), "SOURCE", source, "TABLES", own).Replace(file)
		c, err := Parse(name+".yaml", []byte(edit(i, text)))
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Public("breast", "sha256:"+strings.Repeat("a"+name, 32))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func unchanged(_ int, s string) string { return s }

func TestMerge(t *testing.T) {
	t.Parallel()
	ps := parts(t, unchanged)
	s, err := Merge("breast", ps)
	if err != nil {
		t.Fatal(err)
	}
	table, ok := s.Table("cohort")
	if !ok || !table.Partitioned() || table.Rows() != 200 || s.Index("c") != 2 || len(s.GrantsFor("mia@c")) != 2 {
		t.Errorf("study %+v", s)
	}
	if got := strings.Join(s.Owners(), ","); got != "a,b" {
		t.Errorf("owners %s", got)
	}
	ps[0], ps[2] = ps[2], ps[0]
	other, err := Merge("breast", ps)
	if err != nil || other.Epoch() != s.Epoch() {
		t.Errorf("order of parts changes the study: %v", err)
	}
}

func TestMergeConflicts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, new, want string }{
		{"[0, 120]", "[0, 100]", "table cohort: column age: bounds differs: a has [0, 120], b has [0, 100]"},
		{"[x, y]", "[y, x]", "table cohort: column grade: domain differs: a has [x, y], b has [y, x]"},
		{"age: {type: integer", "age: {type: bigint", "table cohort: column age: type differs: a has integer, b has bigint"},
		{"unit_ids: owner-scoped", "unit_ids: shared", "table cohort: unit_ids differs: a has owner-scoped, b has shared"},
		{"compute: [a, b, c]", "compute: [b, a, c]", "study breast: compute differs: a has [a b c], b has [b a c]"},
		{"          age:", "          older:", "table cohort: the list of columns differs: a has pid, age, grade, b has pid, older, grade"},
	} {
		ps := partsWithB(t, c.old, c.new)
		if ps == nil {
			continue
		}
		_, err := Merge("breast", ps)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s → %s:\n got %v\nwant %s", c.old, c.new, err, c.want)
		}
	}
	ps := parts(t, unchanged)
	ps[1].Party.Institution = "Institution of  A"
	if _, err := Merge("breast", ps); err == nil || !strings.Contains(err.Error(), "a and b are both of institution") {
		t.Errorf("one institution twice: %v", err)
	}
	if _, err := Merge("breast", parts(t, unchanged)[:2]); err == nil {
		t.Error("two parts make no study")
	}
}

// partsWithB changes b's file.
func partsWithB(t *testing.T, old, new string) []Public {
	t.Helper()
	return parts(t, func(i int, s string) string {
		if i != 1 {
			return s
		}
		changed := strings.Replace(s, old, new, 1)
		if changed == s {
			t.Fatalf("%q changes nothing", old)
		}
		return changed
	})
}

func TestEpoch(t *testing.T) {
	t.Parallel()
	s, err := Merge("breast", parts(t, unchanged))
	if err != nil {
		t.Fatal(err)
	}
	epoch := s.Epoch()
	golden := filepath.Join("testdata", "epoch.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(hex.EncodeToString(epoch[:])+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(epoch[:]) + "\n"; got != string(want) {
		t.Errorf("epoch %s want %s: a change of the encoding is a new format version", got, want)
	}
	seen := map[[32]byte]string{epoch: "unchanged"}
	for _, c := range [][2]string{
		{"rows: 100", "rows: 101"}, {"units: 90", "units: 91"}, {"groups_per_unit: 2", "groups_per_unit: 1"}, {"rows_per_group: 3", "rows_per_group: 2"},
		{"source: cancer", "source: cancer\n        citation: X"}, {"source: cancer", "source: cancer\n        comment: X"},
		{"source: cancer", "source: cancer\n        third_parties: [c]"}, {"source: cancer", "source: cancer\n        third_parties: [a, c]"},
		{"cohort: 5", "cohort: 6"}, {"mia@c", "kim@c"}, {"preset: counts", "preset: statistics"}, {"cohort: 5", "cohort: 5, lookup: true"},
		{"cohort: 5", "cohort: 5, expires: 2027-01-01"}, {"cohort: 5", "cohort: 5, purpose: p"}, {"cohort: 5", "cohort: 5, protocol: p"},
		{"institution: Institution of b", "institution: B"},
	} {
		s, err := Merge("breast", partsWithB(t, c[0], c[1]))
		if err != nil {
			t.Fatal(err)
		}
		if was, twice := seen[s.Epoch()]; twice {
			t.Errorf("%v: same epoch as %s", c, was)
		}
		seen[s.Epoch()] = c[1]
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	g := Grant{Expires: "2027-06-30"}
	last := time.Date(2027, 6, 30, 23, 59, 59, 0, time.UTC)
	if g.Expired(last) || !g.Expired(last.Add(time.Second)) || !(&Grant{Expires: "?"}).Expired(last) || (&Grant{}).Expired(last) {
		t.Error("Expired is wrong")
	}
}

func TestDecodePublicRefuses(t *testing.T) {
	t.Parallel()
	b, err := parts(t, unchanged)[0].Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodePublic(b); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{
		{`"format":1`, `"format":1,"x":1`}, {`"format":1`, `"format":2`}, {`"format":1`, `"Format":1`}, {`"format":1`, `"format":1,"format":1`},
		{`"owner":"a"`, `"owner":"b"`}, {`"rows":100`, `"rows":-1`}, {`"rows":100`, `"rows":1e2`}, {`"type":"integer"`, `"type":"oid"`},
		{`"rows_per_group":3`, `"rows_per_group":3,"third_parties":["a"]`}, {`"rows_per_group":3`, `"rows_per_group":3,"third_parties":["x"]`},
		{`"rows_per_group":3`, `"rows_per_group":3,"third_parties":["c","b"]`}, {`"rows_per_group":3`, `"rows_per_group":3,"third_parties":[]`},
		{`"upper":120`, `"upper":3000000000`}, {`"release":"exact"`, `"release":"rows"`}, {`"name":"cohort"`, `"name":"pg_class"`}, {`["x","y"]`, `["x","x"]`},
	} {
		bad := strings.Replace(string(b), c[0], c[1], 1)
		if bad == string(b) {
			t.Fatalf("%s changes nothing in %s", c[0], b)
		}
		if _, err := DecodePublic([]byte(bad)); err == nil {
			t.Errorf("accepted %s", c[1])
		}
	}
	if _, err := DecodePublic(make([]byte, MaxPublic+1)); err == nil {
		t.Error("accepted a part that is too long")
	}
}

func FuzzDecodePublic(f *testing.F) {
	for _, p := range parts(f, unchanged) {
		b, err := p.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"format":1}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodePublic(data)
		if err != nil {
			return
		}
		b, err := p.Encode()
		if err != nil || !bytes.Equal(b, data) {
			t.Errorf("accepted what it does not write: %q", data)
		}
		if _, err := Merge(p.Study, []Public{p, p, p}); err == nil {
			t.Error("one party three times made a study")
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example(f)))
	f.Add([]byte("a: &x [*x]"))
	f.Add([]byte("studies: {s: {compute: [a, b, c], tables: {t: {columns: {c: {type: int}}}}}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f.yaml", data)
		if (c == nil) == (err == nil) {
			t.Errorf("config %v and error %v", c, err)
		}
	})
}

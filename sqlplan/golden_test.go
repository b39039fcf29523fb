package sqlplan

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden is one case of testdata/golden.
type golden struct {
	name, path, analyst, query string
	args                       []*string
	types                      []uint32
	archive                    *txtar.Archive
}

func (g golden) refused() bool { return strings.HasPrefix(g.name, "no_") }

func goldenCases(t testing.TB) []golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(paths) < 60 {
		t.Fatalf("%d golden cases, %v", len(paths), err)
	}
	var out []golden
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		g := golden{name: strings.TrimSuffix(filepath.Base(p), ".txtar"), path: p, archive: a}
		for _, f := range a.Files {
			switch f.Name {
			case "query":
				g.query = strings.TrimSpace(string(f.Data))
			case "options":
				g.options(t, string(f.Data))
			}
		}
		out = append(out, g)
	}
	return out
}

func (g *golden) options(t testing.TB, text string) {
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		name, value, _ := strings.Cut(line, ": ")
		if name == "analyst" {
			g.analyst = value
			continue
		}
		oid, v, _ := strings.Cut(value, " ")
		n, err := strconv.ParseUint(oid, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		g.types = append(g.types, uint32(n))
		if v == "NULL" {
			g.args = append(g.args, nil)
			continue
		}
		v = v[1:]
		g.args = append(g.args, &v)
	}
}

// TestGolden holds plans, owners' SQL, programs, disclosures, tails and errors to what was reviewed.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, g := range goldenCases(t) {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			got := &txtar.Archive{}
			for _, f := range g.archive.Files {
				if f.Name == "options" || f.Name == "query" {
					got.Files = append(got.Files, f)
				}
			}
			got.Files = append(got.Files, g.outputs(t)...)
			text := txtar.Format(got)
			if *update {
				if err := os.WriteFile(g.path, text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if string(text) != string(txtar.Format(g.archive)) {
				t.Errorf("%s changed; review with go test -run TestGolden ./sqlplan -update and git diff\n%s", g.path, text)
			}
		})
	}
}

func (g golden) outputs(t *testing.T) []txtar.File {
	var out []txtar.File
	add := func(name, format string, args ...any) {
		out = append(out, txtar.File{Name: name, Data: []byte(strings.TrimSuffix(fmt.Sprintf(format, args...), "\n") + "\n")})
	}
	plan, err := Compile(care(), query(g.analyst, g.query, g.args, g.types))
	if (err != nil) != g.refused() {
		t.Errorf("error %v", err)
	}
	if err != nil {
		e, ok := pgerr.As(err)
		if !ok {
			t.Fatalf("not a client error: %v", err)
		}
		add("error", "%s at %d: %s\nhint: %s", e.Code, e.Position, e.Message, e.Hint)
		return out
	}
	var p strings.Builder
	fmt.Fprintf(&p, "release %s epsilon %v delta %v cohort %d, slot %d ms\n", plan.Release.Kind, plan.Release.Epsilon, plan.Release.Delta, plan.Release.Cohort, plan.ReadSlot)
	for _, c := range plan.Columns {
		fmt.Fprintf(&p, "column %q type %d\n", c.Name, c.OID)
	}
	for _, d := range plan.Release.Aggregates {
		fmt.Fprintf(&p, "draw %+v\n", d)
	}
	for _, c := range plan.Charges {
		fmt.Fprintf(&p, "charge %s %s %v %v\n", c.Owner, c.Source, c.Epsilon, c.Delta)
	}
	fmt.Fprintf(&p, "%d cells, keep %q, grand %t\n", len(plan.Result.Keys), plan.Result.Keep, plan.Result.Grand)
	for _, v := range plan.Result.Values {
		non := -1
		if v.NonNull != nil {
			non = *v.NonNull
		}
		fmt.Fprintf(&p, "value %s %q offset %d scale %d nonnull %d half %d constant %q\n", v.Label, v.Name, v.Offset, v.Scale, non, v.HalfWidth95, v.Constant)
	}
	add("plan", "%s", p.String())
	for _, l := range plan.Local {
		add("local/"+l.Owner+".sql", "%s", l.SQL)
		if l.Check != "" {
			add("local/"+l.Owner+".check.sql", "%s", l.Check)
		}
	}
	add("program", "%s", plan.Program.String())
	var d strings.Builder
	for _, x := range plan.Leakage {
		fmt.Fprintf(&d, "%s: %s\n", x.Who, x.What)
	}
	add("leakage", "%s", d.String())
	parts, err := Rewrite(care(), g.analyst, g.query, g.types)
	if err != nil {
		t.Fatal(err)
	}
	var desc []OutputColumn
	for i, c := range plan.Columns {
		desc = append(desc, OutputColumn{Name: fmt.Sprintf("out%d", i+1), OID: c.OID, TypeModifier: -1})
	}
	tail, err := parts[0].Render(desc, len(g.args), "c2d.run('id', NULL)")
	if err != nil {
		t.Fatal(err)
	}
	add("tail", "%s", tail)
	for _, line := range append(Explain(care(), plan, nil), d.String()) {
		for _, word := range []string{" share", "PRF", "epoch", "shadow", " tail", "manifest"} {
			if strings.Contains(line, word) {
				t.Errorf("%q is a word that analysts do not see: %s", word, line)
			}
		}
	}
	return out
}

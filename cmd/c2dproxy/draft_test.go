package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// Whatever the party's own name is, the two placeholders differ from it.
func TestDraftThreeParties(t *testing.T) {
	t.Parallel()
	for _, own := range []string{"clinic", "lab", "registry", "x"} {
		parties := threeParties(own)
		slices.Sort(parties)
		if len(slices.Compact(parties)) != 3 {
			t.Errorf("%s: %v", own, parties)
		}
	}
}

// What init suggests is a valid file once the comment signs are taken away, and the
// names in it cannot leave their lines.
func TestDraftUncommented(t *testing.T) {
	t.Parallel()
	nasty := "x: y\n# \"z"
	text := draft(initOptions{party: "clinic", institution: nasty}, []found{{
		Schema: "hospital", Name: "patients", Comment: nasty, Rows: 200, Key: "id", KeyRows: 200,
		Columns: []foundColumn{
			{Name: "id", SQLType: "integer", Type: catalog.Integer, NotNull: true, Low: "1", High: "200"},
			{Name: "sex", SQLType: "character varying(3)", Type: catalog.Text, Values: []string{"f", nasty}},
			{Name: "weight", SQLType: "double precision", Type: catalog.Double, Low: "50.25", High: "70"},
			{Name: "takenOn", SQLType: "date", Type: catalog.Date, Low: "2020-01-01", High: "2021-01-01"},
			{Name: "taken_on", SQLType: "character(1)", Type: catalog.Text, Cast: true},
			{Name: "null", SQLType: "uuid", Type: catalog.Text, Cast: true},
			{Name: nasty, SQLType: "bigint", Type: catalog.Bigint, Low: "-1", High: "7"},
			{Name: nasty + "2", SQLType: "jsonb"},
		},
	}})
	if _, err := catalog.Parse("clinic.yaml", []byte(text)); err != nil {
		t.Fatalf("as written: %v\n%s", err, text)
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		if i > 3 {
			lines[i] = strings.TrimPrefix(lines[i], "# ")
			if strings.Contains(lines[i], "# bounds") || strings.Contains(lines[i], "# scale") || strings.Contains(lines[i], "# domain") {
				lines[i] = strings.Replace(lines[i], "# ", "", 1)
			}
		}
	}
	text = strings.Join(lines, "\n")
	text = strings.Replace(text, "sha256:…", "sha256:"+strings.Repeat("1", 64), 1)
	text = strings.Replace(text, "sha256:…", "sha256:"+strings.Repeat("2", 64), 1)
	c, err := catalog.Parse("clinic.yaml", []byte(text))
	if err != nil {
		t.Fatalf("uncommented: %v\n%s", err, text)
	}
	p, err := c.Public("mystudy", noFingerprint)
	if err != nil {
		t.Fatal(err)
	}
	mapping, _ := c.Mapping("mystudy", "patients")
	if want := `"takenOn" AS "taken_on", "taken_on"::text AS "taken_on_2", "null"::text AS "null"`; !strings.Contains(mapping, want) {
		t.Errorf("mapping SQL %s, want %s in it", mapping, want)
	}
	if got := p.Tables[0].Comment; got != nasty {
		t.Errorf("comment %q", got)
	}
	for _, col := range p.Tables[0].Columns {
		if col.Visibility == catalog.Visible {
			t.Errorf("column %s is granted by default", col.Name)
		}
	}
}

package shadow

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// Profile is what a set of analysts sees of a study. The zero value is nothing.
type Profile struct {
	Tables    []ProfileTable // sorted by name
	Synthetic bool           // requests for rows are answered with made-up ones, marked in the column Marker
}

// ProfileTable is one visible table, its visible columns in declared order, and what is released of it: the strictest of
// the owners' terms holds.
type ProfileTable struct {
	Name    string
	Columns []string
	Preset  catalog.Preset
	Release catalog.ReleaseKind
	Cohort  int64
}

// ProfileOf is what analyst (login@gateway) sees of study: tables that every owner of a part
// grants (a question needs each of their approvals), without their hidden columns. Analysts with
// equal profiles may use one server. An expired grant still shows its tables: asking is what it no longer allows.
func ProfileOf(study *catalog.Study, analyst string) Profile {
	var p Profile
	for i := range study.Tables {
		table := &study.Tables[i]
		visible, ok := granted(study, table, analyst)
		if !ok {
			continue
		}
		for _, column := range table.Columns {
			if shows(column.Visibility) {
				visible.Columns = append(visible.Columns, column.Name)
			}
		}
		p.Tables = append(p.Tables, visible)
	}
	slices.SortFunc(p.Tables, func(a, b ProfileTable) int { return strings.Compare(a.Name, b.Name) })
	return p
}

// granted is what every owner of a part of table allows analyst; false where one of them does not.
func granted(study *catalog.Study, table *catalog.Table, analyst string) (ProfileTable, bool) {
	visible := ProfileTable{Name: table.Name, Preset: catalog.Statistics, Release: catalog.ReleaseExact}
	for _, partition := range table.Partitions {
		at := slices.IndexFunc(study.Grants, func(g catalog.Grant) bool {
			return g.Owner == partition.Owner && g.Analyst == analyst &&
				g.Release != "" && g.Preset != "" && slices.Contains(g.Tables, table.Name)
		})
		if at < 0 {
			return ProfileTable{}, false
		}
		visible.restrict(study.Grants[at])
	}
	return visible, len(table.Partitions) > 0
}

// restrict lowers what is released to what one more owner allows.
func (t *ProfileTable) restrict(g catalog.Grant) {
	if g.Release != catalog.ReleaseExact {
		t.Release = catalog.ReleaseDP
	}
	if g.Preset != catalog.Statistics {
		t.Preset = catalog.Counts
	}
	t.Cohort = max(t.Cohort, g.Cohort)
}

// shows reports whether a column exists for analysts; an unknown visibility hides it.
func shows(v catalog.Visibility) bool {
	return v == catalog.Visible || v == catalog.JoinOnly
}

// Key is equal for equal profiles and different for different ones.
func (p Profile) Key() string {
	h := sha256.New()
	for _, table := range p.Tables {
		fmt.Fprintf(h, "%q:%q %q %q %d\n", table.Name, table.Columns, table.Preset, table.Release, table.Cohort)
	}
	fmt.Fprintf(h, "%t\n", p.Synthetic)
	return hex.EncodeToString(h.Sum(nil))
}

// table is what the profile says of a table; the zero ProfileTable where it is not visible.
func (p Profile) table(name string) ProfileTable {
	at := slices.IndexFunc(p.Tables, func(t ProfileTable) bool { return t.Name == name })
	if at < 0 {
		return ProfileTable{}
	}
	return p.Tables[at]
}

// columns are the declarations of table's visible columns; false where the table is not visible.
func (p Profile) columns(table *catalog.Table) ([]catalog.Column, bool) {
	at := slices.IndexFunc(p.Tables, func(t ProfileTable) bool { return t.Name == table.Name })
	if at < 0 {
		return nil, false
	}
	var visible []catalog.Column
	for _, column := range table.Columns {
		if shows(column.Visibility) && slices.Contains(p.Tables[at].Columns, column.Name) {
			visible = append(visible, column)
		}
	}
	return visible, true
}

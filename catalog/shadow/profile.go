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
	Tables []ProfileTable // sorted by name
}

// ProfileTable is one visible table and its visible columns in declared order.
type ProfileTable struct {
	Name    string
	Columns []string
}

// ProfileOf is what analyst (login@gateway) sees of study: tables that every owner of a part
// grants (a question needs each of their approvals), without their hidden columns. Analysts with
// equal profiles may use one server. An expired grant still shows its tables: asking is what it no longer allows.
func ProfileOf(study *catalog.Study, analyst string) Profile {
	var p Profile
	for i := range study.Tables {
		table := &study.Tables[i]
		if !granted(study, table, analyst) {
			continue
		}
		visible := ProfileTable{Name: table.Name}
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

// granted reports whether every owner of a part of table grants it to analyst.
func granted(study *catalog.Study, table *catalog.Table, analyst string) bool {
	for _, partition := range table.Partitions {
		ok := slices.ContainsFunc(study.Grants, func(g catalog.Grant) bool {
			return g.Owner == partition.Owner && g.Analyst == analyst &&
				g.Release != "" && g.Preset != "" && slices.Contains(g.Tables, table.Name)
		})
		if !ok {
			return false
		}
	}
	return len(table.Partitions) > 0
}

// shows reports whether a column exists for analysts; an unknown visibility hides it.
func shows(v catalog.Visibility) bool {
	return v == catalog.Visible || v == catalog.JoinOnly
}

// Key is equal for equal profiles and different for different ones.
func (p Profile) Key() string {
	h := sha256.New()
	for _, table := range p.Tables {
		fmt.Fprintf(h, "%q:%q\n", table.Name, table.Columns)
	}
	return hex.EncodeToString(h.Sum(nil))
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

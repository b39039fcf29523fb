package shadow

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// describe fills c2d.tables (a row for each owner of a part) and c2d.columns.
func (w *writer) describe(table *catalog.Table, columns []catalog.Column) {
	owners := make([]string, 0, len(table.Partitions))
	visibleUnit := ""
	for _, c := range columns {
		if c.Name == table.Unit {
			visibleUnit = c.Name
		}
	}
	for _, p := range table.Partitions {
		owners = append(owners, p.Owner)
		w.add("INSERT INTO c2d.tables VALUES (%s, %s, %s, %s, %s, %s, %t, %t, %t, %d, %d, %d, %d, %s, %s)",
			w.text(table.Name), w.text(p.Owner), w.text(p.Source), w.text(visibleUnit), w.text(table.UnitKind),
			w.text(string(table.UnitIDs)), table.Disjoint, p.Bounded, table.UniqueUnit,
			p.Rows, p.Units, p.GroupsPerUnit, p.RowsPerGroup, w.text(table.Citation), w.text(table.Comment))
	}
	for i, c := range columns {
		lower, upper := "", ""
		if c.Bounds != nil {
			lower, upper = c.Format(c.Bounds.Lower), c.Format(c.Bounds.Upper)
		}
		w.add("INSERT INTO c2d.columns VALUES (%s, %s, %d, %s, %s, %t, %t, %s, %s, %s, %s, %s, %s)",
			w.text(table.Name), w.text(c.Name), i+1, w.text(c.SQLType()), w.texts(owners), c.Nullable,
			c.Visibility != catalog.JoinOnly, w.texts(usesOf(c.Uses)), w.text(lower), w.text(upper),
			w.text(boundsBy(c, columns)), w.texts(c.Domain), w.text(c.Comment))
	}
}

// usesOf lists what a column may be used for.
func usesOf(u catalog.Uses) []string {
	var uses []string
	for _, use := range []struct {
		allowed bool
		name    string
	}{{u.Group, "group"}, {u.Filter, "filter"}, {u.Aggregate, "aggregate"}, {u.Join, "join"}} {
		if use.allowed {
			uses = append(uses, use.name)
		}
	}
	return uses
}

// boundsBy lists bounds that depend on a domain column, in the domain's byte order: "test: chol 0..500, sbp 60..300".
// Nothing where that column is not among the visible ones.
func boundsBy(c catalog.Column, visible []catalog.Column) string {
	if c.BoundsBy == nil {
		return ""
	}
	if !slices.ContainsFunc(visible, func(v catalog.Column) bool { return v.Name == c.BoundsBy.Column }) {
		return ""
	}
	parts := make([]string, 0, len(c.BoundsBy.Values))
	for _, value := range slices.Sorted(maps.Keys(c.BoundsBy.Values)) {
		b := c.BoundsBy.Values[value]
		parts = append(parts, fmt.Sprintf("%s %s..%s", value, c.Format(b.Lower), c.Format(b.Upper)))
	}
	return c.BoundsBy.Column + ": " + strings.Join(parts, ", ")
}

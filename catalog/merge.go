package catalog

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"
)

// Merge makes the study of its three parties' parts, in any order. Its errors name both
// parties and the field in which they differ.
func Merge(study string, parts []Public) (*Study, error) {
	parts = slices.Clone(parts)
	sort.Slice(parts, func(i, j int) bool { return parts[i].Party.Name < parts[j].Party.Name })
	for i := range parts {
		parts[i] = parts[i].clone()
		parts[i].sort()
		if err := parts[i].check(); err != nil {
			return nil, err
		}
	}
	if err := sameFrame(study, parts); err != nil {
		return nil, err
	}
	s := &Study{Name: study, Compute: parts[0].Compute, SlotBase: parts[0].SlotBase, SlotPerMillionRows: parts[0].SlotPerMillionRows}
	byName := map[string]*Table{}
	var errs []error
	for _, p := range parts {
		s.Parties = append(s.Parties, p.Party)
		s.Grants = append(s.Grants, p.Grants...)
		for _, t := range p.Tables {
			if first, ok := byName[t.Name]; ok {
				errs = append(errs, first.union(t)...)
			} else {
				byName[t.Name] = &t
			}
		}
	}
	for _, t := range byName {
		errs = append(errs, t.finish()...)
		s.Tables = append(s.Tables, *t)
	}
	if len(errs) > 0 {
		sort.Slice(errs, func(i, j int) bool { return errs[i].Error() < errs[j].Error() })
		return nil, errors.Join(errs...)
	}
	slices.SortFunc(s.Tables, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Grants, compareGrants)
	return s, nil
}

// sameFrame checks that the parts are those of the three compute parties, that they agree on
// who these are and on slots, and that institutions and keys differ.
func sameFrame(study string, parts []Public) error {
	var names []string
	for _, p := range parts {
		names = append(names, p.Party.Name)
		if p.Study != study {
			return fmt.Errorf("study %s: %s sent its part of study %q", study, p.Party.Name, p.Study)
		}
	}
	if len(parts) != 3 {
		return fmt.Errorf("study %s: parts of %d parties (%s); it takes three", study, len(parts), strings.Join(names, ", "))
	}
	a := parts[0]
	want := slices.Sorted(slices.Values(a.Compute[:]))
	if !slices.Equal(names, want) {
		return fmt.Errorf("study %s: compute at %s names %s, but the parts are of %s", study, a.Party.Name, strings.Join(want, ", "), strings.Join(names, ", "))
	}
	for i, b := range parts {
		for _, f := range []struct {
			field    string
			inA, inB any
		}{
			{"compute", a.Compute, b.Compute},
			{"slot.base", a.SlotBase, b.SlotBase},
			{"slot.per_million_rows", a.SlotPerMillionRows, b.SlotPerMillionRows},
		} {
			if f.inA != f.inB {
				return fmt.Errorf("study %s: %s differs: %s has %v, %s has %v", study, f.field, a.Party.Name, f.inA, b.Party.Name, f.inB)
			}
		}
		for _, other := range parts[:i] {
			if institutionKey(other.Party.Institution) == institutionKey(b.Party.Institution) {
				return fmt.Errorf("study %s: %s and %s are both of institution %q; the three compute parties belong to three institutions", study, other.Party.Name, b.Party.Name, b.Party.Institution)
			}
			if other.Party.Key == b.Party.Key {
				return fmt.Errorf("study %s: %s and %s have the same key", study, other.Party.Name, b.Party.Name)
			}
		}
	}
	return nil
}

// union adds another owner's part to a table, and tells in what the two differ.
func (t *Table) union(o Table) []error {
	a, b := t.Partitions[0].Owner, o.Partitions[0].Owner
	differ := func(what string, x, y any) error {
		return fmt.Errorf("table %s: %s differs: %s has %v, %s has %v", t.Name, what, a, x, b, y)
	}
	var errs []error
	for _, f := range []struct {
		field string
		x, y  any
	}{{"unit", t.Unit, o.Unit}, {"unit_kind", t.UnitKind, o.UnitKind}, {"unit_ids", t.UnitIDs, o.UnitIDs}, {"unique_unit", t.UniqueUnit, o.UniqueUnit}} {
		if f.x != f.y {
			errs = append(errs, differ(f.field, f.x, f.y))
		}
	}
	if x, y := columnNames(t.Columns), columnNames(o.Columns); x != y {
		return append(errs, differ("the list of columns", x, y))
	}
	columns := slices.Clone(t.Columns)
	for i := range columns {
		if field, x, y, same := compareColumns(&columns[i], &o.Columns[i]); !same {
			errs = append(errs, differ("column "+columns[i].Name+": "+field, x, y))
		}
		if columns[i].Comment == "" {
			columns[i].Comment = o.Columns[i].Comment
		}
	}
	t.Columns = columns
	if t.Comment == "" {
		t.Comment = o.Comment
	}
	if o.Citation != "" && !strings.Contains(t.Citation, o.Citation) {
		t.Citation = strings.TrimPrefix(t.Citation+"; "+o.Citation, "; ")
	}
	t.Disjoint = t.Disjoint && o.Disjoint // every owner has to sign
	t.Partitions = append(t.Partitions, o.Partitions...)
	return errs
}

// finish checks what only the whole union shows.
func (t *Table) finish() []error {
	// A unit that is at two owners has two rows, however unique it is at each.
	t.UniqueUnit = t.UniqueUnit && (!t.Partitioned() || t.Disjoint || t.UnitIDs == OwnerScoped)
	var errs []error
	for i := range t.Columns {
		c := &t.Columns[i]
		if !c.Uses.Aggregate || !c.Type.number() {
			continue
		}
		intervals := []Bounds{}
		if c.Bounds != nil {
			intervals = append(intervals, *c.Bounds)
		}
		if c.BoundsBy != nil {
			for _, b := range c.BoundsBy.Values {
				intervals = append(intervals, b)
			}
		}
		for _, b := range intervals {
			if !sumFits(b, t.Rows()) {
				errs = append(errs, fmt.Errorf("table %s: column %s: a sum over the %d rows of %s needs more than 62 bits", t.Name, c.Name, t.Rows(), strings.Join(t.Owners(), " and ")))
				break
			}
		}
	}
	return errs
}

// columnNames lists the names in order.
func columnNames(columns []Column) string {
	names := make([]string, len(columns))
	for i := range columns {
		names[i] = columns[i].Name
	}
	return strings.Join(names, ", ")
}

// compareColumns finds the first field in which two parts of a column differ.
func compareColumns(a, b *Column) (field string, x, y any, same bool) {
	for _, f := range []struct {
		field string
		x, y  any
	}{
		{"type", a.SQLType(), b.SQLType()},
		{"nullable", a.Nullable, b.Nullable},
		{"visibility", a.Visibility, b.Visibility},
		{"uses", a.Uses.String(), b.Uses.String()},
		{"scale", a.Scale, b.Scale},
		{"domain", "[" + strings.Join(a.Domain, ", ") + "]", "[" + strings.Join(b.Domain, ", ") + "]"},
		{"bounds", a.boundsText(), b.boundsText()},
	} {
		if f.x != f.y {
			return f.field, f.x, f.y, false
		}
	}
	if !reflect.DeepEqual(a.BoundsBy, b.BoundsBy) {
		return "bounds_by", "one table of bounds", "another", false
	}
	return "", nil, nil, true
}

// boundsText writes bounds as the file does.
func (c *Column) boundsText() string {
	if c.Bounds == nil {
		return "none"
	}
	return "[" + c.Format(c.Bounds.Lower) + ", " + c.Format(c.Bounds.Upper) + "]"
}

// String lists the uses as the file does.
func (u Uses) String() string {
	var names []string
	for _, f := range []struct {
		on   bool
		name string
	}{{u.Group, "group"}, {u.Filter, "filter"}, {u.Aggregate, "aggregate"}, {u.Join, "join"}} {
		if f.on {
			names = append(names, f.name)
		}
	}
	return "[" + strings.Join(names, ", ") + "]"
}

// Epoch is the hash of everything public in a study. Every plan names it; any
// change of any party's part changes it.
func (s *Study) Epoch() [32]byte {
	b, err := canonical(s)
	if err != nil { // unreachable: a Study holds strings, numbers and maps of them
		panic("catalog: study does not encode: " + err.Error())
	}
	return sha256.Sum256(append([]byte("c2d study epoch v1\n"), b...))
}

// Table finds a table.
func (s *Study) Table(name string) (*Table, bool) {
	for i := range s.Tables {
		if s.Tables[i].Name == name {
			return &s.Tables[i], true
		}
	}
	return nil, false
}

// Party finds a party.
func (s *Study) Party(name string) (*Party, bool) {
	for i := range s.Parties {
		if s.Parties[i].Name == name {
			return &s.Parties[i], true
		}
	}
	return nil, false
}

// Index is a party's number in package mpc, or -1.
func (s *Study) Index(party string) int { return slices.Index(s.Compute[:], party) }

// Owners lists the parties that own a table, sorted.
func (s *Study) Owners() []string {
	var names []string
	for _, p := range s.Parties {
		if !p.Helper {
			names = append(names, p.Name)
		}
	}
	return names
}

// GrantsFor lists an analyst's grants of all owners, in order. Expired ones are among them: see Grant.Expired.
func (s *Study) GrantsFor(analyst string) []Grant {
	var out []Grant
	for _, g := range s.Grants {
		if g.Analyst == analyst {
			out = append(out, g)
		}
	}
	return out
}

// Expired reports whether the grant's last day, in UTC, is over. A date that does not
// parse is over.
func (g *Grant) Expired(now time.Time) bool {
	if g.Expires == "" {
		return false
	}
	last, err := time.Parse(time.DateOnly, g.Expires)
	return err != nil || !now.Before(last.AddDate(0, 0, 1))
}

// Covers reports whether the grant names a table.
func (g *Grant) Covers(table string) bool { return slices.Contains(g.Tables, table) }

// Column finds a column.
func (t *Table) Column(name string) (*Column, bool) {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i], true
		}
	}
	return nil, false
}

// Owners lists the owners of the table's parts, sorted.
func (t *Table) Owners() []string {
	names := make([]string, len(t.Partitions))
	for i := range t.Partitions {
		names[i] = t.Partitions[i].Owner
	}
	return names
}

// Partition finds an owner's part.
func (t *Table) Partition(owner string) (*Partition, bool) {
	for i := range t.Partitions {
		if t.Partitions[i].Owner == owner {
			return &t.Partitions[i], true
		}
	}
	return nil, false
}

// Rows is the declared bound on the rows of all parts together.
func (t *Table) Rows() int64 {
	var n int64
	for i := range t.Partitions {
		n += t.Partitions[i].Rows
	}
	return n
}

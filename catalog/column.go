package catalog

import (
	"fmt"
	"strings"
)

// column converts one column, its bounds and its domain.
func (b *builder) column(at string, f FileColumn) Column {
	c := Column{Name: f.Name, Comment: f.Comment, Nullable: f.Nullable == nil || *f.Nullable, Visibility: Visibility(f.Visibility)}
	if f.Visibility == "hidden" {
		c.Visibility = Hidden
	}
	if f.Type == "" {
		b.add(child(at, "type"), "is missing; write a PostgreSQL type such as integer")
		return c
	}
	var err error
	if c.Type, c.Precision, c.Scale, err = ParseType(f.Type); err != nil {
		b.add(child(at, "type"), "%v", err)
		return c
	}
	b.scale(child(at, "scale"), f, &c)
	b.uses(child(at, "uses"), f.Uses, &c.Uses)
	if f.Bounds != nil {
		if bounds, ok := b.bounds(child(at, "bounds"), &c, f.Bounds); ok {
			c.Bounds = &bounds
		}
	}
	c.Domain = b.domain(child(at, "domain"), &c, f.Domain)
	if c.Type == Boolean && c.Domain == nil && c.Uses.Group {
		c.Domain = []string{"f", "t"} // the type is its own public domain
	}
	return c
}

// scale sets the decimals kept.
func (b *builder) scale(at string, f FileColumn, c *Column) {
	if f.Scale == nil {
		return
	}
	switch {
	case !c.Type.fractional():
		b.add(at, "type %s has no decimals; remove scale", c.Type)
	case c.Precision > 0 && *f.Scale != int64(c.Scale):
		b.add(at, "differs from type %s; remove scale", c.SQLType())
	case *f.Scale < 0 || *f.Scale > maxScale:
		b.add(at, "write the number of decimals kept, 0 to %d", maxScale)
	default:
		c.Scale = int(*f.Scale)
	}
}

// uses reads what a column may be used for.
func (b *builder) uses(at string, names []string, u *Uses) {
	for i, name := range names {
		switch name {
		case "group":
			u.Group = true
		case "filter":
			u.Filter = true
		case "aggregate":
			u.Aggregate = true
		case "join":
			u.Join = true
		default:
			b.add(item(at, i), "%q is no use of a column; write group, filter, aggregate or join", clip(name))
		}
	}
}

// bounds reads [lower, upper].
func (b *builder) bounds(at string, c *Column, pair []string) (Bounds, bool) {
	if len(pair) != 2 {
		b.add(at, "has %d values; write [lower, upper]", len(pair))
		return Bounds{}, false
	}
	var out Bounds
	for i, place := range []*int64{&out.Lower, &out.Upper} {
		n, err := c.Lattice(pair[i])
		if err != nil {
			b.add(at, "%v", err)
			return Bounds{}, false
		}
		*place = n
	}
	return out, true
}

// boundsBy reads bounds that depend on another column's value.
func (b *builder) boundsBy(at string, f *FileBoundsBy, columns []Column, i int) {
	by := &BoundsBy{Column: f.Column, Values: map[string]Bounds{}}
	var key *Column
	for j := range columns {
		if columns[j].Name == f.Column {
			key = &columns[j]
		}
	}
	if key == nil {
		b.add(child(at, "column"), "the table has no column %q", clip(f.Column))
		return
	}
	for _, v := range f.Values {
		value, err := key.Canonical(v.Value)
		if err != nil {
			b.add(child(child(at, "values"), v.Value), "%v", err)
			continue
		}
		if bounds, ok := b.bounds(child(child(at, "values"), v.Value), &columns[i], v.Bounds); ok {
			by.Values[value] = bounds
		}
	}
	columns[i].BoundsBy = by
}

// domain reads a list of values, or a range of whole numbers or dates.
func (b *builder) domain(at string, c *Column, f FileDomain) []string {
	if f.Range == "" {
		var out []string
		for i, text := range f.Values {
			v, err := c.Canonical(text)
			if err != nil {
				b.add(item(at, i), "%v", err)
				continue
			}
			out = append(out, v)
		}
		if f.Values != nil && len(f.Values) == 0 {
			b.add(at, "is empty; write its values, or remove it")
		}
		return out
	}
	out, err := c.expand(f.Range)
	if err != nil {
		b.add(at, "%v", err)
	}
	return out
}

// expand lists the values of a range such as 0..120 or 2013-04-01..2013-04-30.
func (c *Column) expand(text string) ([]string, error) {
	from, to, ok := strings.Cut(text, "..")
	if !ok || !c.Type.integer() && c.Type != Date {
		return nil, fmt.Errorf("%q is not a list of values; write [a, b, …], or for whole numbers and dates a range such as 0..9", clip(text))
	}
	lo, err := c.Lattice(strings.TrimSpace(from))
	if err != nil {
		return nil, err
	}
	hi, err := c.Lattice(strings.TrimSpace(to))
	if err != nil {
		return nil, err
	}
	if lo > hi || uint64(hi)-uint64(lo) >= maxDomain {
		return nil, fmt.Errorf("range %s holds no value or more than %d", clip(text), maxDomain)
	}
	out := make([]string, 0, hi-lo+1)
	for v := lo; ; v++ {
		out = append(out, c.Format(v))
		if v == hi {
			return out, nil
		}
	}
}

package shadow

import (
	"fmt"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// listed is how many values of a domain, or bounds that depend on one, a comment lists; c2d.columns has them all.
const listed = 12

// tableComment is what \dt+ and \d+ show: the owner's words, who holds the table, what is protected, what this
// profile's analysts are answered, and how to cite.
func tableComment(table *catalog.Table, visible ProfileTable, hasUnit bool) string {
	var sentences []string
	if table.Comment != "" {
		sentences = append(sentences, strings.TrimSuffix(table.Comment, "."))
	}
	owners := make([]string, 0, len(table.Partitions))
	for _, p := range table.Partitions {
		owners = append(owners, p.Owner)
	}
	sentences = append(sentences, "Held by "+enumerated(owners))
	if table.UnitKind != "" && hasUnit {
		sentences = append(sentences, fmt.Sprintf("Protects each %s (%s)", table.UnitKind, table.Unit))
	} else if table.UnitKind != "" {
		sentences = append(sentences, "Protects each "+table.UnitKind)
	}
	sentences = append(sentences, visible.answers(table.UnitKind))
	if table.Citation != "" {
		sentences = append(sentences, "Cite: "+table.Citation)
	}
	return strings.Join(sentences, ". ")
}

// answers says what a question about the table is answered with.
func (t ProfileTable) answers(unit string) string {
	what := "counts"
	if t.Preset == catalog.Statistics {
		what = "counts, sums and averages"
	}
	if t.Release != catalog.ReleaseExact {
		return "Answers " + what + ", with noise"
	}
	if t.Cohort > 1 && unit != "" {
		return fmt.Sprintf("Answers exact %s, of groups with at least %d %ss", what, t.Cohort, unit)
	}
	return "Answers exact " + what
}

// columnComment is what \d+ shows of a column: the owner's words, bounds or domain, and what it may be used for.
func columnComment(table *catalog.Table, c catalog.Column, visible []catalog.Column) string {
	var parts []string
	if c.Comment != "" {
		parts = append(parts, strings.TrimSuffix(c.Comment, "."))
	}
	if c.Name == table.Unit && table.UnitKind != "" {
		parts = append(parts, "identifies the "+table.UnitKind)
	}
	switch by := boundsBy(c, visible); {
	case c.Type == catalog.Boolean: // its domain is known
	case len(c.Domain) > listed:
		parts = append(parts, fmt.Sprintf("one of %s, … (%d values: see c2d.columns)", strings.Join(c.Domain[:listed], ", "), len(c.Domain)))
	case len(c.Domain) > 0:
		parts = append(parts, "one of "+strings.Join(c.Domain, ", "))
	case c.Bounds != nil:
		parts = append(parts, c.Format(c.Bounds.Lower)+" to "+c.Format(c.Bounds.Upper))
	case by != "" && len(c.BoundsBy.Values) > listed:
		parts = append(parts, "bounds depend on "+c.BoundsBy.Column+" (see c2d.columns)")
	case by != "":
		parts = append(parts, "bounds by "+by)
	}
	return strings.Join(append(parts, usage(c)), "; ")
}

// usage says where a column may stand.
func usage(c catalog.Column) string {
	places := make([]string, 0, 4)
	for _, use := range []struct {
		allowed bool
		place   string
	}{
		{c.Uses.Group, "GROUP BY"}, {c.Uses.Filter, "WHERE"}, {c.Uses.Join, "joins"},
		{c.Uses.Aggregate && c.Visibility == catalog.JoinOnly, "count(DISTINCT)"}, {c.Uses.Aggregate && c.Visibility != catalog.JoinOnly, "aggregates"},
	} {
		if use.allowed {
			places = append(places, use.place)
		}
	}
	switch {
	case c.Visibility == catalog.JoinOnly && len(places) > 0:
		return "for " + enumerated(places) + " only: it cannot be selected"
	case len(places) > 0:
		return "for " + enumerated(places)
	default:
		return "not for use in questions"
	}
}

// enumerated writes a list as people do: "a, b and c".
func enumerated(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

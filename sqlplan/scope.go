package sqlplan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// use is what a column is used for in a statement.
type use string

const (
	useGroup     use = "group"
	useFilter    use = "filter"
	useAggregate use = "aggregate"
	useJoin      use = "join"
)

// allowed reports whether a column's declared uses cover u.
func allowed(u catalog.Uses, want use) bool {
	switch want {
	case useGroup:
		return u.Group
	case useFilter:
		return u.Filter
	case useAggregate:
		return u.Aggregate
	case useJoin:
		return u.Join
	}
	return false
}

// binder gives names and expressions of one statement their meaning.
type binder struct {
	study    *catalog.Study
	query    Query
	tables   []*catalog.Table
	aliases  []string
	joinCols map[string]bool // USING columns: an unqualified name means either side
	// pinned are columns that WHERE fixes to literal values, for bounds that depend on them: "side.column" → values.
	pinned map[string][]string
	// shape is set while arguments and settings are not known: constants have no value.
	shape bool
	// listing is set where declared values are listed instead of rows read.
	listing bool
	used    [2][]*catalog.Column // columns read, for Check
	fresh   string               // a numeric column without declared bounds, read since it was last cleared
	// What short texts could have done over and over is counted for the whole statement: values listed of expressions,
	// elements of arrays, and steps of matching patterns.
	listed, elementsRead, matched int64
	// note, unless nil, hears of each expression that is bound.
	note func(e syntax.Expr, v value, err error)
}

// noteUse remembers that a column is read.
func (b *binder) noteUse(side int, col *catalog.Column) {
	if !slices.Contains(b.used[side], col) {
		b.used[side] = append(slices.Clone(b.used[side]), col)
	}
	if kindOf(col.Type).number() && b.bounds(side, col) == nil {
		b.fresh = col.Name
	}
}

// fail is an error at an expression.
func (b *binder) fail(at int, code, hint, format string, args ...any) error {
	e := pgerr.New(code, format, args...)
	if at >= 0 {
		e = e.At(syntax.Position(b.query.SQL, at))
	}
	if hint != "" {
		e = e.WithHint("%s", hint)
	}
	return e
}

func (b *binder) unsupported(at int, hint, format string, args ...any) error {
	return b.fail(at, pgerr.FeatureNotSupported, hint, format, args...)
}

// lookupTable finds a table of the study by the name that the analyst wrote.
func lookupTable(study *catalog.Study, schema, name string) *catalog.Table {
	if schema != "" && schema != "public" {
		return nil
	}
	for i := range study.Tables {
		if study.Tables[i].Name == name {
			return &study.Tables[i]
		}
	}
	return nil
}

// bindFrom resolves FROM and refuses shapes that have no plan.
func (b *binder) bindFrom(s *syntax.Select) error {
	for _, f := range s.From {
		t := lookupTable(b.study, f.Schema, f.Name)
		if t == nil {
			return b.fail(f.At, pgerr.UndefinedTable, "SELECT * FROM c2d.tables shows yours.", "relation %q does not exist", f.Name)
		}
		for i, a := range b.aliases {
			if a == f.Alias {
				return b.fail(f.At, "42712", "Give each table its own alias.", "table name %q specified more than once", f.Alias)
			}
			if b.tables[i] == t {
				return b.unsupported(f.At, "Name each table once.", "a table cannot be joined with itself")
			}
		}
		b.tables, b.aliases = append(b.tables, t), append(b.aliases, f.Alias)
	}
	switch {
	case len(b.tables) == 0:
		return b.unsupported(-1, "Send one statement for each subquery.", "federated tables in several subqueries of one statement are not supported")
	case len(b.tables) > 2:
		return b.unsupported(s.From[2].At, "Join two tables.", "a join of more than two tables is not supported")
	}
	return nil
}

// column resolves a column reference; a hidden column does not exist.
func (b *binder) column(c *syntax.Column) (side int, col *catalog.Column, err error) {
	name := c.Parts[len(c.Parts)-1]
	if name == "*" {
		return 0, nil, b.fail(c.At(), pgerr.NotAggregated, "Use count, sum or avg.", "persons' rows are not released")
	}
	side = -1
	for i, t := range b.tables {
		if len(c.Parts) > 1 && c.Parts[len(c.Parts)-2] != b.aliases[i] {
			continue
		}
		for j := range t.Columns {
			if t.Columns[j].Name != name || t.Columns[j].Visibility == catalog.Hidden {
				continue
			}
			if side >= 0 {
				if b.joinCols[name] {
					continue
				}
				return 0, nil, b.fail(c.At(), "42702", "Write the table before it: t.column.", "column reference %q is ambiguous", name)
			}
			side, col = i, &t.Columns[j]
		}
	}
	if side < 0 {
		return 0, nil, b.fail(c.At(), pgerr.UndefinedColumn, "SELECT * FROM c2d.columns shows yours.", "column %q does not exist", name)
	}
	return side, col, nil
}

// need checks that a column may be used so.
func (b *binder) need(at, side int, col *catalog.Column, want use) error {
	if allowed(col.Uses, want) && (col.Visibility == catalog.Visible || want == useJoin || want == useAggregate) {
		return nil
	}
	owners := ownersText(b.tables[side])
	hint := fmt.Sprintf("%s Ask %s to add %s to the uses of %q.", usesText(col), owners, want, col.Name)
	if col.Name == b.tables[side].Unit {
		hint = fmt.Sprintf("%q identifies the person: join tables on it, or count it with count(DISTINCT %s).", col.Name, col.Name)
	}
	return b.fail(at, pgerr.InsufficientPrivilege, hint, "permission denied: %s does not allow column %q to be used to %s", owners, col.Name, want)
}

// usesText says what a column may be used for.
func usesText(col *catalog.Column) string {
	var list []string
	for _, u := range []use{useGroup, useFilter, useAggregate, useJoin} {
		if allowed(col.Uses, u) {
			list = append(list, string(u))
		}
	}
	if len(list) == 0 {
		return fmt.Sprintf("%q may be used for nothing yet.", col.Name)
	}
	return fmt.Sprintf("%q may be used to %s.", col.Name, strings.Join(list, ", "))
}

// ownersText names a table's owners.
func ownersText(t *catalog.Table) string {
	names := ""
	for i, p := range t.Partitions {
		if i > 0 {
			names += ", "
		}
		names += p.Owner
	}
	return names
}

// policy is what all owners read agree on.
type policy struct {
	kind    catalog.ReleaseKind
	preset  catalog.Preset
	cohort  int64
	epsilon dp.Epsilon
	delta   dp.Delta
	lookup  string // an owner that forbids lookups, or ""
}

// grants finds the analyst's grant at each owner read; the strictest term holds. With checkTime false
// expiry and ε, which depend on the session, are left to Compile.
func (b *binder) grants(checkTime bool) (policy, error) {
	p := policy{kind: catalog.ReleaseExact, preset: catalog.Statistics}
	first := true
	for _, t := range b.tables {
		for _, part := range t.Partitions {
			g, err := b.grant(part.Owner, t.Name, checkTime)
			if err != nil {
				return policy{}, err
			}
			p.merge(g, first)
			first = false
		}
	}
	if checkTime && p.kind == catalog.ReleaseDP {
		return p, b.chooseEpsilon(&p)
	}
	return p, nil
}

func (p *policy) merge(g *catalog.Grant, first bool) {
	if g.Release != catalog.ReleaseExact {
		p.kind = catalog.ReleaseDP
	}
	if g.Preset != catalog.Statistics {
		p.preset = catalog.Counts
	}
	p.cohort = max(p.cohort, g.Cohort, 1)
	if first || g.Default < p.epsilon {
		p.epsilon = g.Default
	}
	if first || g.Delta < p.delta {
		p.delta = g.Delta
	}
	if !g.Lookup && p.lookup == "" {
		p.lookup = g.Owner
	}
}

// grant finds and checks one owner's grant for a table.
func (b *binder) grant(owner, table string, checkTime bool) (*catalog.Grant, error) {
	denied := b.fail(-1, pgerr.InsufficientPrivilege, fmt.Sprintf("Ask %s for a grant to %s.", owner, b.query.Analyst), "permission denied: %s does not allow this analyst to ask about table %q", owner, table)
	for i := range b.study.Grants {
		g := &b.study.Grants[i]
		if g.Owner != owner || g.Analyst != b.query.Analyst || !contains(g.Tables, table) {
			continue
		}
		if g.Preset != catalog.Counts && g.Preset != catalog.Statistics || g.Release != catalog.ReleaseDP && g.Release != catalog.ReleaseExact {
			return nil, denied
		}
		if checkTime && g.Expires != "" {
			end, err := time.Parse(time.DateOnly, g.Expires)
			if err != nil || b.query.Settings.Now >= end.AddDate(0, 0, 1).UnixMicro() {
				return nil, b.fail(-1, pgerr.InsufficientPrivilege, fmt.Sprintf("Ask %s to move the date expires of your grant.", owner), "permission denied: the access that %s granted has expired", owner)
			}
		}
		return g, nil
	}
	return nil, denied
}

// chooseEpsilon takes the session's ε or the least default, and holds it to each owner's limit.
func (b *binder) chooseEpsilon(p *policy) error {
	least, owner := dp.Epsilon(0), ""
	if b.query.Settings.Epsilon != 0 {
		p.epsilon = b.query.Settings.Epsilon
	}
	for _, t := range b.tables {
		for _, part := range t.Partitions {
			g, err := b.grant(part.Owner, t.Name, true)
			if err != nil {
				return err
			}
			if g.Release == catalog.ReleaseExact && g.PerQuestion == 0 {
				return b.fail(-1, pgerr.InsufficientPrivilege, fmt.Sprintf("Ask about one table at a time, or ask %s for a grant with release dp.", part.Owner),
					"permission denied: %s grants exact answers about table %q, and others noisy ones", part.Owner, t.Name)
			}
			if least == 0 || g.PerQuestion < least {
				least, owner = g.PerQuestion, part.Owner
			}
		}
	}
	if p.epsilon <= 0 || p.epsilon > least {
		return b.fail(-1, pgerr.InvalidParameterValue, fmt.Sprintf("SET c2d.epsilon = %v", least),
			"c2d.epsilon %v is outside what %s allows for one question (at most %v)", p.epsilon, owner, least)
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

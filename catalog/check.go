package catalog

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/c2dproxy/c2dproxy/dp"
)

// Limits of one part of a study. They are far above any real study and keep a foreign part small.
const (
	maxTables  = 256
	maxColumns = 512
	maxDomain  = 10_000
	maxGrants  = 4096
	maxRows    = 1 << 40
)

// Forms of names. Tables and columns are what an analyst types without quotes.
var (
	partyForm       = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	identifierForm  = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
	loginForm       = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,62}$`)
	sourceForm      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,126}$`)
	fingerprintForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// checker checks a Public, the same way for the own file and for a peer's part.
type checker struct {
	at         *problems
	prefix     string   // path of the study in the file; empty for a peer's part
	grantPaths []string // path of each grant; nil: by index
}

// add notes a problem below the prefix.
func (c *checker) add(path, format string, args ...any) {
	if c.prefix != "" {
		path = child(c.prefix, path)
	}
	c.at.add(path, format, args...)
}

// public checks a whole part.
func (c *checker) public(p *Public) {
	if p.Format != publicFormat {
		c.add("format", "is %d; this version reads %d", p.Format, publicFormat)
		return
	}
	if !identifierForm.MatchString(p.Study) || slices.Contains([]string{"postgres", "template0", "template1"}, p.Study) {
		c.add("", "%q cannot name a study; write lower-case letters, digits and _ (it is the database's name)", clip(p.Study))
	}
	c.party(p)
	if p.SlotBase < 0 || p.SlotBase > 3_600_000 || p.SlotPerMillionRows < 0 || p.SlotPerMillionRows > 3_600_000 {
		c.add("slot", "is outside 0 to 1h")
	}
	if len(p.Tables) > maxTables || len(p.Grants) > maxGrants {
		c.add("tables", "too many tables or grants")
		return
	}
	names := map[string]bool{}
	for i := range p.Tables {
		t := &p.Tables[i]
		at := child("tables", clip(t.Name))
		if names[t.Name] {
			c.add(at, "is declared twice")
		}
		names[t.Name] = true
		c.table(at, t, p.Party.Name)
		c.thirdParties(child(at, "third_parties"), t, p)
	}
	c.grants(p, names)
}

// party checks who speaks and who computes.
func (c *checker) party(p *Public) {
	if c.prefix == "" { // the file's own names are checked where they are written
		if !partyForm.MatchString(p.Party.Name) || !fingerprintForm.MatchString(p.Party.Key) {
			c.add("party", "has no valid name or key")
		}
		c.text("party.institution", p.Party.Institution, true)
	}
	if p.Party.Helper != (len(p.Tables) == 0) {
		c.add("party.helper", "a helper is a party without tables")
	}
	if !slices.Contains(p.Compute[:], p.Party.Name) {
		c.add("compute", "does not name %s itself", clip(p.Party.Name))
	}
	for i, name := range p.Compute {
		if !partyForm.MatchString(name) || slices.Contains(p.Compute[:i], name) {
			c.add(item("compute", i), "%q: write three different parties", clip(name))
		}
	}
}

// text checks a text that people will read on a terminal.
func (c *checker) text(path, s string, required bool) {
	if required && strings.TrimSpace(s) == "" {
		c.add(path, "is missing")
	}
	if len(s) > maxText {
		c.add(path, "is longer than %d bytes", maxText)
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		c.add(path, "has characters that do not print")
	}
}

// table checks one owner's part of a table.
func (c *checker) table(at string, t *Table, owner string) {
	if !identifierForm.MatchString(t.Name) || strings.HasPrefix(t.Name, "pg_") || strings.HasPrefix(t.Name, "c2d_") {
		c.add(at, "%q cannot name a table; write lower-case letters, digits and _, not starting with pg_ or c2d_", clip(t.Name))
	}
	c.text(child(at, "comment"), t.Comment, false)
	c.text(child(at, "citation"), t.Citation, false)
	if !identifierForm.MatchString(t.UnitKind) {
		c.add(child(at, "unit_kind"), "write what the unit is in one word, such as person")
	}
	if t.UnitIDs != OwnerScoped && t.UnitIDs != Shared {
		c.add(child(at, "unit_ids"), "write shared (equal identifiers at two owners are one %s) or owner-scoped", orPerson(t.UnitKind))
	}
	if len(t.Partitions) != 1 || t.Partitions[0].Owner != owner {
		c.add(at, "has a part that is not %s's", clip(owner))
		return
	}
	c.partition(at, t, &t.Partitions[0])
	if len(t.Columns) == 0 || len(t.Columns) > maxColumns {
		c.add(child(at, "columns"), "write 1 to %d columns", maxColumns)
		return
	}
	names := map[string]bool{}
	for i := range t.Columns {
		col := &t.Columns[i]
		path := child(child(at, "columns"), clip(col.Name))
		if names[col.Name] {
			c.add(path, "is declared twice")
		}
		names[col.Name] = true
		c.column(path, t, col)
	}
	if !names[t.Unit] {
		c.add(child(at, "unit"), "%q is not a column of the table; write the column that identifies the %s", clip(t.Unit), orPerson(t.UnitKind))
	}
}

// orPerson is the unit's kind in words.
func orPerson(kind string) string {
	if kind == "" {
		return "person"
	}
	return clip(kind)
}

// partition checks declared constants.
func (c *checker) partition(at string, t *Table, p *Partition) {
	if !sourceForm.MatchString(p.Source) {
		c.add(child(at, "source"), "%q: write a name for the protected data, such as %s; caps are kept under it", clip(p.Source), clip(t.Name))
	}
	if p.Rows < 1 || p.Rows > maxRows {
		c.add(child(at, "rows"), "is %d; write a bound on the rows, at least 1", p.Rows)
	}
	if p.Units < 1 || p.Units > p.Rows {
		c.add(child(at, "units"), "is %d; write a bound on the different units, at least 1 and at most rows (%d)", p.Units, p.Rows)
	}
	if p.GroupsPerUnit < 1 || p.GroupsPerUnit > maxRows {
		c.add(child(at, "groups_per_unit"), "is %d; write how many groups one unit may influence, at least 1", p.GroupsPerUnit)
	}
	if p.RowsPerGroup < 1 || p.RowsPerGroup > maxRows {
		c.add(child(at, "rows_per_group"), "is %d; write how many rows one unit may have in a group, at least 1", p.RowsPerGroup)
	}
	if t.UniqueUnit && (p.GroupsPerUnit != 1 || p.RowsPerGroup != 1) {
		c.add(child(at, "unique_unit"), "one row a unit means groups_per_unit: 1 and rows_per_group: 1")
	}
}

// thirdParties checks whom the owner lets help to match its units: other compute parties of the study.
func (c *checker) thirdParties(at string, t *Table, p *Public) {
	for i := range t.Partitions {
		list := t.Partitions[i].ThirdParties
		for j, name := range list {
			switch {
			case name == p.Party.Name:
				c.add(item(at, j), "%s owns the table; name other parties of the study", clip(name))
			case !slices.Contains(p.Compute[:], name):
				c.add(item(at, j), "%q does not compute in this study; write one of %s", clip(name), strings.Join(others(p), ", "))
			case slices.Contains(list[:j], name):
				c.add(item(at, j), "%s is named twice", clip(name))
			}
		}
	}
}

// others lists the compute parties but for the one that speaks.
func others(p *Public) []string {
	return slices.DeleteFunc(slices.Clone(p.Compute[:]), func(name string) bool { return name == p.Party.Name })
}

// column checks one column.
func (c *checker) column(at string, t *Table, col *Column) {
	if !identifierForm.MatchString(col.Name) || slices.Contains([]string{"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}, col.Name) {
		c.add(at, "%q cannot name a column; write lower-case letters, digits and _", clip(col.Name))
	}
	if !slices.Contains([]Type{Boolean, Smallint, Integer, Bigint, Numeric, Double, Text, Date, Timestamp, Timestamptz}, col.Type) {
		if col.Type != "" || c.prefix == "" { // in the file a missing type is reported where it is read
			c.add(child(at, "type"), "%q is not supported", clip(string(col.Type)))
		}
		return
	}
	if col.Scale < 0 || col.Scale > maxScale || col.Scale > 0 && !col.Type.fractional() || col.Precision < 0 || col.Precision > 1000 ||
		col.Precision > 0 && (col.Type != Numeric || col.Scale > col.Precision) {
		c.add(child(at, "scale"), "does not fit type %s", col.Type)
		return
	}
	c.text(child(at, "comment"), col.Comment, false)
	c.rights(at, t, col)
	c.values(at, col)
	if col.Bounds != nil {
		c.interval(child(at, "bounds"), col, *col.Bounds, t.Partitions[0].Rows)
	}
	if col.BoundsBy != nil {
		c.dependent(child(at, "bounds_by"), t, col)
	}
}

// rights checks visibility against uses.
func (c *checker) rights(at string, t *Table, col *Column) {
	u := col.Uses
	switch col.Visibility {
	case Hidden:
		if (u != Uses{}) {
			c.add(child(at, "uses"), "a hidden column has no uses; write visibility: visible or join-only, or remove uses")
		}
	case JoinOnly:
		if u.Group || u.Filter || u.Aggregate && col.Name != t.Unit {
			c.add(child(at, "uses"), "a join-only column allows [join], and the unit column also aggregate")
		}
	case Visible:
	default:
		c.add(child(at, "visibility"), "%q: write visible, join-only or hidden", clip(string(col.Visibility)))
	}
	if col.Name == t.Unit {
		c.unit(at, col)
	}
	if u.Join && (col.Type == Double || col.Type == Boolean) {
		c.add(child(at, "uses"), "tables are not joined on type %s; remove join", col.Type)
	}
	if u.Group && col.Domain == nil && (col.Bounds == nil || !col.Type.ordered()) {
		c.add(child(at, "uses"), "group needs a domain, or bounds for date_trunc, width_bucket and extract; write domain: [a, b]")
	}
}

// unit checks the column that identifies the privacy unit.
func (c *checker) unit(at string, col *Column) {
	if col.Nullable {
		c.add(child(at, "nullable"), "the unit column is never null; write nullable: false, and leave rows without a unit out in the mapping SQL")
	}
	if !col.Type.integer() && col.Type != Text {
		c.add(child(at, "type"), "a unit is identified by a whole number or text; cast it in the mapping SQL")
	}
	if col.Visibility == Visible {
		c.add(child(at, "visibility"), "the unit column is never selected; write join-only or hidden")
	}
	if col.Domain != nil {
		c.add(child(at, "domain"), "a domain would publish the units; remove it")
	}
}

// values checks a domain.
func (c *checker) values(at string, col *Column) {
	if col.Domain == nil {
		return
	}
	at = child(at, "domain")
	if len(col.Domain) == 0 || len(col.Domain) > maxDomain || col.Type == Double {
		c.add(at, "write 1 to %d values; type double precision has none", maxDomain)
		return
	}
	seen := map[string]bool{}
	for i, v := range col.Domain {
		canonical, err := col.Canonical(v)
		switch {
		case err != nil:
			c.add(item(at, i), "%v", err)
		case canonical != v:
			c.add(item(at, i), "%q is not in PostgreSQL's text format", clip(v))
		case seen[c.same(col, v)]:
			c.add(item(at, i), "%q is there twice", clip(v))
		}
		seen[c.same(col, v)] = true
		if n, err := col.Lattice(v); col.Type != Text && err == nil && col.Bounds != nil && col.Bounds.Lower <= col.Bounds.Upper && (n < col.Bounds.Lower || n > col.Bounds.Upper) {
			c.add(item(at, i), "%q is outside bounds", clip(v))
		}
	}
}

// same maps values that SQL finds equal to one text (1.5 and 1.50).
func (c *checker) same(col *Column, v string) string {
	if n, err := col.Lattice(v); err == nil {
		return fmt.Sprint(n)
	}
	return v
}

// interval checks bounds: ordered, inside the type, and small enough that no sum overflows.
func (c *checker) interval(at string, col *Column, b Bounds, rows int64) {
	if !col.Type.ordered() {
		c.add(at, "type %s has no bounds; write a domain", col.Type)
		return
	}
	if b.Lower > b.Upper {
		c.add(at, "lower %s is above upper %s; write [lower, upper]", col.Format(b.Lower), col.Format(b.Upper))
		return
	}
	for _, n := range []int64{b.Lower, b.Upper} {
		if col.Type.integer() || col.Type == Numeric {
			if _, err := col.Lattice(col.Format(n)); err != nil {
				c.add(at, "%v", err)
			}
		} else if !col.Type.number() && (n < minTime || n > maxTime) {
			c.add(at, "is outside the years 1 to 9999")
			return
		}
	}
	if col.Uses.Aggregate && col.Type.number() && !sumFits(b, rows) {
		c.add(at, "a sum over %d rows within these bounds needs more than 62 bits; declare fewer rows, narrower bounds or a smaller scale", rows)
	}
}

// Years 1 to 9999 in microseconds since 1970.
const (
	minTime = -62135596800 * 1_000_000
	maxTime = 253402300799*1_000_000 + 999_999
)

// sumFits reports whether every sum of rows values inside b, and of their offsets from a
// bound, is below 2^62.
func sumFits(b Bounds, rows int64) bool {
	lo, hi := big.NewInt(b.Lower), big.NewInt(b.Upper)
	widest := new(big.Int).Sub(hi, lo)
	for _, n := range []*big.Int{lo, hi} {
		if n.CmpAbs(widest) > 0 {
			widest.Abs(n)
		}
	}
	return widest.Mul(widest, big.NewInt(rows)).BitLen() <= 62
}

// dependent checks bounds that depend on another column.
func (c *checker) dependent(at string, t *Table, col *Column) {
	if col.Bounds != nil {
		c.add(at, "a column has bounds or bounds_by, not both")
	}
	key, ok := t.Column(col.BoundsBy.Column)
	if !ok || key.Domain == nil {
		c.add(child(at, "column"), "%q is not a column of the table with a domain", clip(col.BoundsBy.Column))
		return
	}
	if len(col.BoundsBy.Values) == 0 {
		c.add(child(at, "values"), "is empty; write value: [lower, upper]")
	}
	for v, b := range col.BoundsBy.Values {
		path := child(child(at, "values"), clip(v))
		if !slices.Contains(key.Domain, v) {
			c.add(path, "%q is not in the domain of %s", clip(v), key.Name)
		}
		c.interval(path, col, b, t.Partitions[0].Rows)
	}
}

// grants checks who may do what.
func (c *checker) grants(p *Public, tables map[string]bool) {
	type right struct{ analyst, table string }
	seen := map[right]bool{}
	for i := range p.Grants {
		g := &p.Grants[i]
		at := item("grants", i)
		if c.grantPaths != nil {
			at = c.grantPaths[i]
		}
		c.grant(at, g, p)
		for _, t := range g.Tables {
			if !tables[t] {
				c.add(child(at, "tables"), "%s has no table %q in this study", clip(p.Party.Name), clip(t))
			}
			if seen[right{g.Analyst, t}] {
				c.add(child(at, "tables"), "%s is already granted table %s; write one grant for an analyst and a table", clip(g.Analyst), clip(t))
			}
			seen[right{g.Analyst, t}] = true
		}
	}
}

// grant checks one grant.
func (c *checker) grant(at string, g *Grant, p *Public) {
	login, gateway, ok := strings.Cut(g.Analyst, "@")
	if !ok || !loginForm.MatchString(login) || !slices.Contains(p.Compute[:], gateway) {
		c.add(child(at, "analysts"), "%q is not login@gateway with a gateway among %s", clip(g.Analyst), strings.Join(p.Compute[:], ", "))
	}
	if g.Owner != p.Party.Name {
		c.add(at, "is not %s's to give", clip(p.Party.Name))
	}
	if len(g.Tables) == 0 || len(g.Tables) > maxTables {
		c.add(child(at, "tables"), "names no table; write a list of tables")
	}
	if g.Preset != Counts && g.Preset != Statistics {
		c.add(child(at, "preset"), "%q: write counts (count only) or statistics (count, sum, avg)", clip(string(g.Preset)))
	}
	switch g.Release {
	case ReleaseDP:
		if g.Cohort != 0 {
			c.add(child(at, "cohort"), "is for release: exact; remove it")
		}
		c.budget(at, g)
	case ReleaseExact:
		if g.Cohort < 1 {
			c.add(child(at, "cohort"), "is %d; write the least number of units behind a released value, at least 1", g.Cohort)
		}
		if g.Default != 0 || g.PerQuestion != 0 || g.Total != 0 || g.Delta != 0 || g.TotalDelta != 0 {
			c.budget(at, g)
		}
	default:
		c.add(child(at, "release"), "%q: write dp (noisy aggregates) or exact", clip(string(g.Release)))
	}
	if _, err := time.Parse(time.DateOnly, g.Expires); g.Expires != "" && err != nil {
		c.add(child(at, "expires"), "%q is not a date; write one such as 2027-12-31", clip(g.Expires))
	}
	c.text(child(at, "purpose"), g.Purpose, false)
	c.text(child(at, "protocol"), g.Protocol, false)
}

// budget checks 0 < default ≤ per question ≤ total, and the same of δ.
func (c *checker) budget(at string, g *Grant) {
	if path := child(c.prefix, child(at, "epsilon")); c.at.has(path) {
		return // a number that does not parse is reported where it is written
	}
	if path := child(c.prefix, child(at, "delta")); c.at.has(path) {
		return
	}
	if g.Default <= 0 || g.Default > g.PerQuestion || g.PerQuestion > g.Total || g.Total > dp.MaxEpsilon {
		c.add(child(at, "epsilon"), "write numbers with 0 < default ≤ per_question ≤ total")
	}
	if g.Delta <= 0 || g.Delta > g.TotalDelta || g.TotalDelta > maxDelta {
		c.add(child(at, "delta"), "write numbers with 0 < per_question ≤ total, at most 0.01")
	}
}

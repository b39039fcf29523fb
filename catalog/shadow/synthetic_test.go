package shadow

import (
	"crypto/sha256"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// madeUpStudy declares every type, with and without bounds and domains, and three tables that join.
func madeUpStudy() *catalog.Study {
	part := func(owner string, rows, units, groups, perGroup int64) catalog.Partition {
		return catalog.Partition{Owner: owner, Rows: rows, Units: units, GroupsPerUnit: groups, RowsPerGroup: perGroup}
	}
	col := func(name string, t catalog.Type, set ...func(*catalog.Column)) catalog.Column {
		c := catalog.Column{Name: name, Type: t, Visibility: catalog.Visible, Nullable: true}
		for _, f := range set {
			f(&c)
		}
		return c
	}
	id := func(t catalog.Type) catalog.Column {
		return catalog.Column{Name: "id", Type: t, Visibility: catalog.JoinOnly}
	}
	bounds := func(lo, hi int64) func(*catalog.Column) {
		return func(c *catalog.Column) { c.Bounds = &catalog.Bounds{Lower: lo, Upper: hi} }
	}
	domain := func(values ...string) func(*catalog.Column) {
		return func(c *catalog.Column) { c.Domain = values }
	}
	decimals := func(precision, scale int) func(*catalog.Column) {
		return func(c *catalog.Column) { c.Precision, c.Scale = precision, scale }
	}
	value := col("value", catalog.Double, decimals(0, 2))
	value.BoundsBy = &catalog.BoundsBy{Column: "test", Values: map[string]catalog.Bounds{"sbp": {Lower: 5000, Upper: 30000}, "dbp": {Upper: 20000}}}
	strict := col("strict", catalog.Integer, bounds(-3, 3))
	strict.Nullable = false
	return &catalog.Study{Name: "s", Tables: []catalog.Table{
		{Name: "cases", Unit: "id", UnitKind: "person", UnitIDs: catalog.Shared, Columns: []catalog.Column{id(catalog.Integer), col("day", catalog.Date, bounds(100, 130))},
			Partitions: []catalog.Partition{part("clinic", 5000, 900, 1, 3), part("lab", 40, 20, 2, 1)}},
		{Name: "cohort", Unit: "id", UnitKind: "person", UnitIDs: catalog.Shared, Disjoint: true, UniqueUnit: true, Columns: []catalog.Column{id(catalog.Bigint), strict},
			Partitions: []catalog.Partition{part("clinic", 500, 500, 1, 1), part("lab", 500, 500, 1, 1)}},
		{Name: "measurements", Unit: "id", UnitKind: "person", UnitIDs: catalog.Shared,
			Columns:    []catalog.Column{id(catalog.Smallint), col("test", catalog.Text, domain("sbp", "dbp", `it's \ \t`)), value},
			Partitions: []catalog.Partition{part("lab", 1_000_000, 50_000, 4, 2)}},
		{Name: "patients", Unit: "id", UnitKind: "person", UnitIDs: catalog.Shared, UniqueUnit: true,
			Columns: []catalog.Column{id(catalog.Integer), strict, col("flag", catalog.Boolean), col("small", catalog.Smallint), col("big", catalog.Bigint, bounds(math.MinInt64, math.MaxInt64)),
				col("price", catalog.Numeric, decimals(3, 2)), col("open", catalog.Numeric), col("note", catalog.Text), col("born", catalog.Date),
				col("seen", catalog.Timestamp, bounds(-90_000_001, 7)), col("at", catalog.Timestamptz), col("one", catalog.Integer, bounds(0, 1)), col("grade", catalog.Smallint, domain("1", "2", "3"))},
			Partitions: []catalog.Partition{part("clinic", 20_000, 20_000, 1, 1)}},
		{Name: "tiny", Unit: "id", UnitKind: "person", UnitIDs: catalog.OwnerScoped, UniqueUnit: true,
			Columns:    []catalog.Column{{Name: "id", Type: catalog.Integer, Bounds: &catalog.Bounds{Lower: 7, Upper: 9}}},
			Partitions: []catalog.Partition{part("clinic", 100, 100, 1, 1)}},
	}}
}

// everything is the made-up rows of a study, as they are copied.
func everything(study *catalog.Study) string {
	var b strings.Builder
	sample := Sample(study)
	for i := range sample.Tables {
		all := make([]int, len(sample.Tables[i].Columns))
		for at := range all {
			all[at] = at
		}
		copyText(&b, sample, i, all)
	}
	return b.String()
}

// TestMadeUpRowsAreWithinDeclarations holds every value of every row to what is declared of it.
func TestMadeUpRowsAreWithinDeclarations(t *testing.T) {
	t.Parallel()
	sample := Sample(madeUpStudy())
	values := 0
	for i := range sample.Tables {
		table := &sample.Tables[i]
		for number, declared := range madeUpStudy().Tables[i].Partitions {
			p := newPart(sample, table, number)
			if p.rows() < 1 || p.rows() > min(declared.Rows, syntheticRows) {
				t.Errorf("%s: %d rows of %d", table.Name, p.rows(), declared.Rows)
			}
			units := map[string]int64{}
			for row := range p.rows() {
				for at := range table.Columns {
					values++
					checkValue(t, p, at, row)
					if v := p.value(at, row); table.Columns[at].Name == table.Unit {
						units[*v]++
					}
				}
			}
			if int64(len(units)) > declared.Units {
				t.Errorf("%s: %d units of %d", table.Name, len(units), declared.Units)
			}
			for u, n := range units {
				if n > declared.GroupsPerUnit*declared.RowsPerGroup || table.UniqueUnit && n > 1 {
					t.Errorf("%s: unit %s has %d rows", table.Name, u, n)
				}
			}
		}
	}
	if values < 10_000 {
		t.Errorf("%d values were looked at", values)
	}
}

// checkValue holds one value to its column's declarations.
func checkValue(t *testing.T, p *part, at int, row int64) {
	t.Helper()
	c, v := &p.columns[at], p.value(at, row)
	if v == nil {
		if !c.Nullable {
			t.Errorf("%s.%s is NULL", p.table.Name, c.Name)
		}
		return
	}
	if canonical, err := c.Canonical(*v); err != nil || canonical != *v {
		t.Errorf("%s.%s: %q, %v", p.table.Name, c.Name, *v, err)
	}
	if c.Domain != nil && !slices.Contains(c.Domain, *v) {
		t.Errorf("%s.%s: %q is not in the domain", p.table.Name, c.Name, *v)
	}
	bounds := c.Bounds
	if c.BoundsBy != nil {
		for by := range p.columns {
			if key := p.value(by, row); p.columns[by].Name == c.BoundsBy.Column && key != nil {
				if b, ok := c.BoundsBy.Values[*key]; ok {
					bounds = &b
				}
			}
		}
		if bounds == nil {
			t.Errorf("%s.%s: %q without bounds", p.table.Name, c.Name, *v)
			return
		}
	}
	if n, err := c.Lattice(*v); bounds != nil && (err != nil || n < bounds.Lower || n > bounds.Upper) {
		t.Errorf("%s.%s: %q outside %v, %v", p.table.Name, c.Name, *v, *bounds, err)
	}
}

// TestMadeUpRowsVary holds that columns are not constant, have NULLs where they may, and reach most of their bounds.
func TestMadeUpRowsVary(t *testing.T) {
	t.Parallel()
	sample := Sample(madeUpStudy())
	for i := range sample.Tables {
		p := newPart(sample, &sample.Tables[i], 0)
		if p.rows() < 100 {
			continue
		}
		for at, c := range p.columns {
			seen, nulls := map[string]bool{}, 0
			for row := range p.rows() {
				if v := p.value(at, row); v != nil {
					seen[*v] = true
				} else {
					nulls++
				}
			}
			if len(seen) < 2 || c.Nullable != (nulls > 0) || nulls > int(p.rows())*9/10 {
				t.Errorf("%s.%s: %d values, %d NULLs in %d rows", p.table.Name, c.Name, len(seen), nulls, p.rows())
			}
			if b := c.Bounds; b != nil && c.Name == "strict" && len(seen) != int(b.Upper-b.Lower+1) {
				t.Errorf("%s.%s: %d values", p.table.Name, c.Name, len(seen))
			}
		}
	}
}

// TestMadeUpUnits holds who is in several tables and parts: units of shared identifiers, and not those of disjoint parts.
func TestMadeUpUnits(t *testing.T) {
	t.Parallel()
	sample := Sample(madeUpStudy())
	units := func(table string, number int) map[string]bool {
		at := slices.IndexFunc(sample.Tables, func(x catalog.Table) bool { return x.Name == table })
		p, out := newPart(sample, &sample.Tables[at], number), map[string]bool{}
		for row := range p.rows() {
			out[*p.value(0, row)] = true
		}
		return out
	}
	common := func(a, b map[string]bool) (n int) {
		for u := range a {
			if b[u] {
				n++
			}
		}
		return n
	}
	if n := common(units("patients", 0), units("measurements", 0)); n < 50 {
		t.Errorf("a join has %d matches", n)
	}
	if n := common(units("cases", 0), units("cases", 1)); n == 0 || n == len(units("cases", 1)) {
		t.Errorf("%d units are in both parts", n)
	}
	if n := common(units("cohort", 0), units("cohort", 1)); n != 0 {
		t.Errorf("%d units are in both disjoint parts", n)
	}
	for u := range units("tiny", 0) {
		if n, err := strconv.Atoi(u); err != nil || n < 7 || n > 9 {
			t.Errorf("unit %s is outside its bounds", u)
		}
	}
}

// TestMadeUpRowsFollowFromDeclarations holds that equal declarations give equal rows, to the byte and for good: a gateway
// has nothing else to make them from. The hash is that of the first version; a change of it changes what analysts saw.
func TestMadeUpRowsFollowFromDeclarations(t *testing.T) {
	t.Parallel()
	rows := everything(madeUpStudy())
	if everything(madeUpStudy()) != rows {
		t.Error("two studies of equal declarations have different rows")
	}
	other := madeUpStudy()
	other.Grants = []catalog.Grant{{Owner: "clinic", Analyst: "mia@clinic"}}
	other.Tables[3].Comment = "another"
	if everything(other) != rows {
		t.Error("grants and comments change rows")
	}
	other.Tables[3].Columns[1].Bounds = &catalog.Bounds{Upper: 1}
	if everything(other) == rows {
		t.Error("bounds do not change rows")
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256([]byte(rows)))[:8]; sum != "d4912dce" {
		t.Errorf("rows have changed: %s", sum)
	}
}

// BenchmarkMadeUpRows makes up all rows of a study of five tables.
func BenchmarkMadeUpRows(b *testing.B) {
	study := madeUpStudy()
	for b.Loop() {
		b.SetBytes(int64(len(everything(study))))
	}
}

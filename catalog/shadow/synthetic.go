package shadow

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// Made-up rows follow from a study's public declarations alone, so that they cannot tell anything about data: equal
// declarations give equal rows, byte for byte, at every gateway. Each value is a function of study, table, part, column and
// row number.

// syntheticRows bounds the rows made up for one table, all its parts together.
const syntheticRows = 1000

// Sample is the study with the rows and units of each part lowered to what is made up of it. A question that
// compiles against a study compiles against its sample, and its program is as large as the made-up rows need.
func Sample(study *catalog.Study) *catalog.Study {
	sample := *study
	sample.Tables = slices.Clone(study.Tables)
	for i := range sample.Tables {
		t := &sample.Tables[i]
		t.Partitions = slices.Clone(t.Partitions)
		for j := range t.Partitions {
			p := &t.Partitions[j]
			most := max(int64(syntheticRows/len(t.Partitions)), 1)
			p.Rows = min(p.Rows, most)
			p.Units = min(p.Units, p.Rows, max(most/rowsPerUnit(t, *p), 1), identifiers(t))
			p.Rows = min(p.Rows, p.Units*rowsPerUnit(t, *p))
		}
	}
	return &sample
}

// rowsPerUnit is the largest number of rows that a made-up unit has.
func rowsPerUnit(t *catalog.Table, p catalog.Partition) int64 {
	if t.UniqueUnit {
		return 1
	}
	const enough = 4
	return max(min(p.RowsPerGroup, enough)*min(p.GroupsPerUnit, enough), 1)
}

// identifiers is how many different units the declared type and bounds leave room for, over all parts.
func identifiers(t *catalog.Table) int64 {
	room := int64(math.MaxInt16)
	if c := column(t, t.Unit); c != nil && c.Bounds != nil {
		if n := uint64(c.Bounds.Upper) - uint64(c.Bounds.Lower); n < uint64(room) {
			room = int64(n) + 1
		}
	}
	return max(room/int64(len(t.Partitions)), 1)
}

// column finds a column of a table; nil if there is none.
func column(t *catalog.Table, name string) *catalog.Column {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// part makes up the rows of one part of a table.
type part struct {
	study   *catalog.Study // the sample
	table   *catalog.Table
	number  int
	columns []catalog.Column
	seeds   []uint64 // of the columns
}

// newPart prepares the rows of part number of a sample's table.
func newPart(sample *catalog.Study, table *catalog.Table, number int) *part {
	p := &part{study: sample, table: table, number: number, columns: table.Columns}
	for _, c := range table.Columns {
		p.seeds = append(p.seeds, seedOf(sample.Name, table.Name, table.Partitions[number].Owner, c.Name))
	}
	return p
}

// seedOf hashes the name of a column.
func seedOf(study, table, owner, column string) uint64 {
	h := sha256.Sum256(fmt.Appendf(nil, "made up %q %q %q %q", study, table, owner, column))
	return binary.BigEndian.Uint64(h[:])
}

// rows is their number.
func (p *part) rows() int64 { return p.table.Partitions[p.number].Rows }

// value is the value of a column in a row, in PostgreSQL's text format; nil is NULL.
func (p *part) value(at int, row int64) *string {
	c := &p.columns[at]
	if c.Name == p.table.Unit {
		text := p.unit(c, row%p.table.Partitions[p.number].Units)
		return &text
	}
	draw := mix(p.seeds[at] ^ mix(uint64(row)))
	if c.Nullable && draw%11 == 0 {
		return nil
	}
	bounds := c.Bounds
	if c.BoundsBy != nil {
		if bounds = p.dependent(c, row); bounds == nil && c.Nullable {
			return nil
		}
	}
	text := made(c, bounds, mix(draw))
	return &text
}

// dependent is the bounds of a row's value where they follow from another column's; nil where none are declared.
func (p *part) dependent(c *catalog.Column, row int64) *catalog.Bounds {
	at := slices.IndexFunc(p.columns, func(by catalog.Column) bool { return by.Name == c.BoundsBy.Column })
	if at >= 0 {
		if by := p.value(at, row); by != nil {
			if b, ok := c.BoundsBy.Values[*by]; ok {
				return &b
			}
		}
	}
	if c.Nullable {
		return nil
	}
	for _, value := range slices.Sorted(maps.Keys(c.BoundsBy.Values)) {
		b := c.BoundsBy.Values[value]
		return &b
	}
	return nil
}

// unit is the identifier of a part's nth unit. Shared identifiers of one kind are the same in all tables, so that
// joins find matches; of two parts that are not disjoint, half are in both.
func (p *part) unit(c *catalog.Column, n int64) string {
	parts := int64(len(p.table.Partitions))
	switch {
	case parts > 1 && p.table.UnitIDs == catalog.Shared && !p.table.Disjoint && n%2 == 0:
		n = n / 2 * (parts + 1)
	case parts > 1 && p.table.UnitIDs == catalog.Shared && !p.table.Disjoint:
		n = n/2*(parts+1) + 1 + int64(p.number)
	case parts > 1 && p.table.UnitIDs == catalog.Shared:
		n = n*parts + int64(p.number)
	}
	if c.Type == catalog.Text {
		return fmt.Sprintf("made-up-%05d", n+1)
	}
	return strconv.FormatInt(p.firstUnit(c)+n, 10)
}

// firstUnit is the least identifier that all tables of the kind have room for, if there is one.
func (p *part) firstUnit(c *catalog.Column) int64 {
	first := int64(1)
	for i := range p.study.Tables {
		t := &p.study.Tables[i]
		if t.UnitKind != p.table.UnitKind || t.UnitIDs != p.table.UnitIDs {
			continue
		}
		if u := column(t, t.Unit); u != nil && u.Bounds != nil {
			first = max(first, u.Bounds.Lower)
		}
	}
	if b := c.Bounds; b != nil {
		first = max(first, b.Lower)
		last := b.Upper - min(identifiers(p.table)*int64(len(p.table.Partitions))-1, b.Upper-b.Lower)
		first = min(first, last)
	}
	return first
}

// made is a value from a column's domain, within its bounds, or a plain one of its type.
func made(c *catalog.Column, bounds *catalog.Bounds, draw uint64) string {
	switch {
	case len(c.Domain) > 0:
		return c.Domain[draw%uint64(len(c.Domain))]
	case c.Type == catalog.Text:
		return fmt.Sprintf("made up %d", draw%100+1)
	case c.Type == catalog.Boolean:
		return c.Format(int64(draw % 2))
	case bounds == nil:
		bounds = usual(c)
	}
	return c.Format(within(c, *bounds, draw))
}

// usual are bounds for a column that declares none.
func usual(c *catalog.Column) *catalog.Bounds {
	const days2000, days2025 = 10957, 20088
	switch c.Type {
	case catalog.Date:
		return &catalog.Bounds{Lower: days2000, Upper: days2025}
	case catalog.Timestamp, catalog.Timestamptz:
		return &catalog.Bounds{Lower: days2000 * 86400_000_000, Upper: days2025 * 86400_000_000}
	}
	upper := int64(100)
	digits := c.Scale
	if c.Precision > 0 && c.Precision < c.Scale+3 {
		upper, digits = 9, c.Precision-1
	}
	for range digits {
		upper *= 10
	}
	return &catalog.Bounds{Upper: upper}
}

// within is a place on the column's lattice, more often in the middle than at the ends; times are whole minutes
// where the bounds allow.
func within(c *catalog.Column, b catalog.Bounds, draw uint64) int64 {
	span := uint64(b.Upper) - uint64(b.Lower)
	n := below(draw, span)
	if c.Type != catalog.Date && span > 10 {
		n = n/2 + below(mix(draw), span)/2
	}
	at := int64(uint64(b.Lower) + n)
	if c.Type == catalog.Timestamp || c.Type == catalog.Timestamptz {
		const minute = 60_000_000
		if whole := at - (at%minute+minute)%minute; whole >= b.Lower {
			return whole
		}
	}
	return at
}

// below maps a draw to 0 … span.
func below(draw, span uint64) uint64 {
	if span == math.MaxUint64 {
		return draw
	}
	hi, _ := bits.Mul64(draw, span+1)
	return hi
}

// mix is the finalizer of SplitMix64: a bijection that spreads its input over all bits. The rows need no secrecy.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

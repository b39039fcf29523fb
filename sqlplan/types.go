package sqlplan

import (
	"math/big"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// kind is an SQL type of a private expression. unknown is the type of a quoted literal or NULL before
// it meets another type.
type kind string

const (
	unknown     kind = "unknown"
	boolean     kind = "bool"
	int2        kind = "int2"
	int4        kind = "int4"
	int8        kind = "int8"
	numeric     kind = "numeric"
	float8      kind = "float8"
	text        kind = "text"
	date        kind = "date"
	timestamp   kind = "timestamp"
	timestamptz kind = "timestamptz"
)

// kindOf maps the catalog's types.
func kindOf(t catalog.Type) kind {
	switch t {
	case catalog.Boolean:
		return boolean
	case catalog.Smallint:
		return int2
	case catalog.Integer:
		return int4
	case catalog.Bigint:
		return int8
	case catalog.Numeric:
		return numeric
	case catalog.Double:
		return float8
	case catalog.Text:
		return text
	case catalog.Date:
		return date
	case catalog.Timestamp:
		return timestamp
	case catalog.Timestamptz:
		return timestamptz
	}
	return ""
}

// oids are PostgreSQL's fixed type oids.
var oids = map[kind]uint32{boolean: 16, int8: 20, int2: 21, int4: 23, text: 25, float8: 701,
	date: 1082, timestamp: 1114, timestamptz: 1184, numeric: 1700, unknown: 25}

// kindOfOID is the inverse of oids, with varchar and bpchar as text; "" for any other.
func kindOfOID(oid uint32) kind {
	switch oid {
	case 1043, 1042, 19:
		return text
	case 705:
		return unknown
	case 25:
		return text
	}
	for k, o := range oids {
		if o == oid && k != unknown {
			return k
		}
	}
	return ""
}

func (k kind) integer() bool { return k == int2 || k == int4 || k == int8 }
func (k kind) number() bool  { return k.integer() || k == numeric || k == float8 }
func (k kind) moment() bool  { return k == date || k == timestamp || k == timestamptz }

// sql is the type's schema-qualified name.
func (k kind) sql() string { return "pg_catalog." + string(k) }

// wider returns the common type of two numbers as PostgreSQL's operators choose it.
func wider(a, b kind) kind {
	rank := map[kind]int{int2: 1, int4: 2, int8: 3, numeric: 4, float8: 5}
	if rank[a] > rank[b] {
		return a
	}
	return b
}

// interval is a closed interval of integers on a lattice.
type interval struct{ lo, hi *big.Int }

func newInterval(lo, hi int64) *interval { return &interval{big.NewInt(lo), big.NewInt(hi)} }

// typeRange is the interval of an integer type.
func typeRange(k kind) *interval {
	switch k {
	case int2:
		return newInterval(-1<<15, 1<<15-1)
	case int4:
		return newInterval(-1<<31, 1<<31-1)
	case int8:
		return newInterval(-1<<63, 1<<63-1)
	}
	return nil
}

func (i *interval) hull(j *interval) *interval {
	if i == nil || j == nil {
		return nil
	}
	out := &interval{i.lo, i.hi}
	if j.lo.Cmp(out.lo) < 0 {
		out.lo = j.lo
	}
	if j.hi.Cmp(out.hi) > 0 {
		out.hi = j.hi
	}
	return out
}

// int64s returns the ends when both are within 2^62.
func (i *interval) int64s() (lo, hi int64, ok bool) {
	limit := new(big.Int).Lsh(big.NewInt(1), 62)
	if i == nil || new(big.Int).Abs(i.lo).Cmp(limit) >= 0 || new(big.Int).Abs(i.hi).Cmp(limit) >= 0 {
		return 0, 0, false
	}
	return i.lo.Int64(), i.hi.Int64(), true
}

// rescale moves an interval to a finer lattice.
func (i *interval) rescale(digits int) *interval {
	if i == nil || digits == 0 {
		return i
	}
	f := pow10(digits)
	return &interval{new(big.Int).Mul(i.lo, f), new(big.Int).Mul(i.hi, f)}
}

func (i *interval) add(j *interval) *interval {
	return &interval{new(big.Int).Add(i.lo, j.lo), new(big.Int).Add(i.hi, j.hi)}
}

func (i *interval) negate() *interval {
	return &interval{new(big.Int).Neg(i.hi), new(big.Int).Neg(i.lo)}
}

func (i *interval) mul(j *interval) *interval {
	var out *interval
	for _, a := range []*big.Int{i.lo, i.hi} {
		for _, b := range []*big.Int{j.lo, j.hi} {
			p := new(big.Int).Mul(a, b)
			out = (&interval{p, p}).hullOr(out)
		}
	}
	return out
}

// hullOr is the hull with j, or i where j is nil.
func (i *interval) hullOr(j *interval) *interval {
	if j == nil {
		return i
	}
	return i.hull(j)
}

// within reports whether i lies in j.
func (i *interval) within(j *interval) bool {
	return i.lo.Cmp(j.lo) >= 0 && i.hi.Cmp(j.hi) <= 0
}

func pow10(digits int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)
}

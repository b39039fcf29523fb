package sqlplan

import (
	"math/big"
	"strings"

	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// cast allows what cannot fail: literals, widening, and between dates and timestamps.
func (b *binder) cast(c *syntax.Cast, want use) (value, error) {
	k := kind(c.Type)
	if c.Type == "varchar" || c.Type == "bpchar" {
		k = text
	}
	if _, ok := oids[k]; !ok || k == unknown {
		return value{}, b.unsupported(c.At(), castHint, "this cast is not supported over federated rows")
	}
	v, err := b.scalar(c.Arg, want)
	if err != nil || v.k == k {
		return v, err
	}
	if v.k == unknown || v.isLit && v.lit != nil && k != boolean && !(k.integer() && v.scale > 0) {
		t := v
		t.k = unknown
		return b.coerce(c.At(), t, k)
	}
	if err := b.widens(c.At(), v, k); err != nil {
		return value{}, err
	}
	if v.k == numeric && k == float8 && !v.isLit {
		return v.double(), nil
	}
	if v.k == boolean && k == int4 {
		return value{k: int4, sql: "(" + v.sql + ")::pg_catalog.int4", iv: newInterval(0, 1), domain: []string{"0", "1"}, null: v.null, sides: v.sides}, nil
	}
	if v.k == numeric && k.integer() && v.iv != nil && !v.isLit {
		return b.rounds(c.At(), v, k)
	}
	v = v.clamped()
	switch {
	case v.k.integer() && (k == numeric || k.integer() && v.iv != nil && v.iv.within(typeRange(k))),
		v.k == numeric && k == float8, v.k.integer() && k == float8, v.k == timestamp && k == date, v.k == date && k == timestamp,
		v.k == timestamptz && (k == date || k == timestamp) && b.utc():
	default:
		return value{}, b.unsupported(c.At(), castHint, "a cast from %s to %s is not supported over federated rows", typeWord(v.k), typeWord(k))
	}
	out := v
	out.k, out.domain = k, nil
	out.sql = "(" + v.sql + ")::" + k.sql()
	if v.iv != nil && v.k.moment() {
		out.iv = convertMoment(v.iv, v.k, k)
		out.domain = castMoments(v, k)
	}
	return out, nil
}

const castHint = "Cast constants, whole numbers, numeric columns with declared bounds, or dates and timestamps."

// rounds is a bounded numeric as a whole number, rounded as PostgreSQL does.
func (b *binder) rounds(at int, v value, k kind) (value, error) {
	unit := pow10(v.scale)
	out := value{k: k, null: v.null, sides: v.sides, sql: "(" + v.numeric() + ")::" + k.sql(),
		iv: &interval{toWhole("round", new(big.Rat).SetFrac(v.iv.lo, unit)), toWhole("round", new(big.Rat).SetFrac(v.iv.hi, unit))}}
	if v.scale == 0 {
		out.domain = v.domain
	}
	return b.checkRange(at, out)
}

// castMoments casts the values that a moment is known to have; nil where none are known.
func castMoments(v value, k kind) []string {
	var out []string
	for _, d := range v.domain {
		n, ok := parseMoment(v.k, d)
		if !ok {
			return nil
		}
		iv := convertMoment(newInterval(n, n), v.k, k)
		out = append(out, strings.Trim(strings.SplitN(bound(k, iv.lo, 0), "::", 2)[0], "'"))
	}
	return distinct(out)
}

const dayMicros = 86_400_000_000

// convertMoment moves an interval between days and microseconds.
func convertMoment(iv *interval, from, to kind) *interval {
	day := big.NewInt(dayMicros)
	switch {
	case from == date && to != date:
		return &interval{new(big.Int).Mul(iv.lo, day), new(big.Int).Mul(iv.hi, day)}
	case from != date && to == date:
		return &interval{new(big.Int).Div(iv.lo, day), new(big.Int).Div(iv.hi, day)} // Euclidean: floor for positive divisors
	}
	return iv
}

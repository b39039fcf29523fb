package sqlplan

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// value is a private expression with its meaning and its SQL at the owner.
type value struct {
	sql    string // total SQL over the alias t
	k      kind
	scale  int       // decimal digits of its lattice (numeric, float8)
	iv     *interval // on the lattice: numbers; days or microseconds for moments; nil if unknown
	null   bool      // may be NULL
	sides  int       // bit i: reads table i
	domain []string  // every value that it can have besides NULL, in order; nil if unknown
	lit    *string   // a constant's text; nil for anything else, and for the constant NULL
	isLit  bool      // a constant, NULL included
	raw    bool      // a bare column: sql is not clamped yet
	open   bool      // a parameter whose value is not known yet (before Bind)
	name   string    // what to call it, in the analyst's words
}

// clamped returns the value held to its interval; NULL and NaN become NULL.
func (v value) clamped() value {
	if !v.raw || v.iv == nil || !v.k.number() && !v.k.moment() {
		return v
	}
	out := v
	out.raw = false
	if r := typeRange(v.k); r != nil && r.within(v.iv) {
		return out
	}
	lo, hi := bound(v.k, v.iv.lo, v.scale), bound(v.k, v.iv.hi, v.scale)
	nan := ""
	if v.k == float8 || v.k == numeric {
		nan = fmt.Sprintf("WHEN %s OPERATOR(pg_catalog.=) 'NaN'::%s THEN NULL ", v.sql, v.k.sql())
	}
	out.sql = fmt.Sprintf("CASE %sWHEN %s OPERATOR(pg_catalog.<) %s THEN %s WHEN %s OPERATOR(pg_catalog.>) %s THEN %s ELSE %s END",
		nan, v.sql, lo, lo, v.sql, hi, hi, v.sql)
	return out
}

// numeric returns the SQL of the clamped value as numeric, on which no arithmetic overflows. A column is first
// rounded to its lattice, so that the digits of a product, and with them its cost, are bounded.
func (v value) numeric() string {
	sql := "(" + v.clamped().sql + ")::pg_catalog.numeric"
	if v.raw && !v.k.integer() {
		return fmt.Sprintf("pg_catalog.round(%s, %d)", sql, v.scale)
	}
	return sql
}

// double returns a bounded number as float8. Rounded to the lattice it is neither too large nor too near to 0
// for the type, either of which would be an error.
func (v value) double() value {
	out := v.clamped()
	out.sql = fmt.Sprintf("pg_catalog.round((%s)::pg_catalog.numeric, %d)::pg_catalog.float8", out.sql, v.scale)
	out.k, out.domain, out.raw = float8, nil, false
	return out
}

// lattice returns the SQL of a bounded value in lattice steps, as int8. Where the interval is a proof about an
// expression, or a double is rounded to fifteen digits, the result is held to the interval once more: whatever the
// data are, noise is calibrated to it and the conversion cannot fail. NULL stays NULL; NaN becomes the upper bound.
func (v value) lattice() string {
	in := v.clamped().sql
	if v.raw && v.k.integer() {
		return "(" + in + ")::pg_catalog.int8"
	}
	steps := "(" + in + ")::pg_catalog.numeric"
	if !v.k.integer() {
		steps = fmt.Sprintf("pg_catalog.round(%s OPERATOR(pg_catalog.*) %s::pg_catalog.numeric)", steps, pow10(v.scale))
	}
	if v.raw && v.k == numeric {
		return steps + "::pg_catalog.int8"
	}
	return fmt.Sprintf("CASE WHEN (%s) IS NOT NULL THEN least(greatest(%s, %s), %s)::pg_catalog.int8 END", in, steps,
		bound(numeric, v.iv.lo, 0), bound(numeric, v.iv.hi, 0))
}

// years holds a moment without declared bounds to years 1 to 9999, in which no function of time fails.
func (v value) years() value {
	if v.iv != nil || !v.k.moment() {
		return v
	}
	lo, hi := "0001-01-01", "9999-12-31"
	if v.k != date {
		hi += " 23:59:59.999999"
	}
	if v.k == timestamptz {
		lo, hi = lo+" 00:00:00+00", hi+"+00"
	}
	v.sql = fmt.Sprintf("CASE WHEN %s OPERATOR(pg_catalog.<) '%s'::%s THEN '%s'::%s WHEN %s OPERATOR(pg_catalog.>) '%s'::%s THEN '%s'::%s ELSE %s END",
		v.sql, lo, v.k.sql(), lo, v.k.sql(), v.sql, hi, v.k.sql(), hi, v.k.sql(), v.sql)
	v.raw = false
	return v
}

// bound writes a lattice number as a literal of a type.
func bound(k kind, n *big.Int, scale int) string {
	switch k {
	case date:
		return "'" + dateText(n.Int64()) + "'::pg_catalog.date"
	case timestamp, timestamptz:
		return "'" + timestampText(k, n.Int64()) + "'::" + k.sql()
	}
	return "'" + decimalText(n, scale) + "'::" + k.sql()
}

func dateText(days int64) string { return time.Unix(days*86400, 0).UTC().Format(time.DateOnly) }

// timestampText is PostgreSQL's ISO text of microseconds since 1970 (UTC).
func timestampText(k kind, us int64) string {
	s := time.UnixMicro(us).UTC().Format("2006-01-02 15:04:05.999999")
	if k == timestamptz {
		s += "+00"
	}
	return s
}

// decimalText writes n / 10^scale with exactly scale digits behind the point.
func decimalText(n *big.Int, scale int) string {
	s := new(big.Int).Abs(n).String()
	if scale > 0 {
		if len(s) <= scale {
			s = strings.Repeat("0", scale+1-len(s)) + s
		}
		s = s[:len(s)-scale] + "." + s[len(s)-scale:]
	}
	if n.Sign() < 0 {
		s = "-" + s
	}
	return s
}

// constant makes a typed constant of a text in PostgreSQL's format.
func (b *binder) constant(at int, k kind, txt string) (value, error) {
	bad := func() (value, error) {
		return value{}, b.fail(at, "22P02", "", "invalid input syntax for type %s: %q", typeWord(k), txt)
	}
	v := value{k: k, isLit: true, lit: &txt}
	trimmed := strings.TrimSpace(txt)
	switch {
	case k.integer():
		n, ok := new(big.Int).SetString(strings.TrimPrefix(trimmed, "+"), 10)
		if !ok || strings.Contains(trimmed, "_") {
			return bad()
		}
		v.iv = &interval{n, n}
		if !v.iv.within(typeRange(k)) {
			return value{}, b.fail(at, "22003", "", "value %q is out of range for type %s", txt, typeWord(k))
		}
		trimmed = n.String()
	case k == numeric || k == float8:
		n, scale, ok := parseDecimal(trimmed)
		if !ok {
			return bad()
		}
		v.iv, v.scale = &interval{n, n}, scale
		trimmed = decimalText(n, scale)
	case k == boolean:
		t, ok := parseBool(trimmed)
		if !ok {
			return bad()
		}
		trimmed = t
		v.domain = []string{t[:1]}
	case k.moment():
		n, ok := parseMoment(k, trimmed)
		if !ok {
			if e, found := pgerr.As(func() error { _, err := bad(); return err }()); found {
				return value{}, e.WithHint("Write dates as YYYY-MM-DD and times as YYYY-MM-DD HH:MM:SS.")
			}
		}
		v.iv = newInterval(n, n)
		trimmed = strings.Trim(strings.SplitN(bound(k, big.NewInt(n), 0), "::", 2)[0], "'")
	default:
		trimmed = txt
		v.k = text
		v.domain = []string{txt}
	}
	v.lit = &trimmed
	v.sql = syntax.Quote(trimmed) + "::" + v.k.sql()
	return v, nil
}

func typeWord(k kind) string {
	words := map[kind]string{boolean: "boolean", int2: "smallint", int4: "integer", int8: "bigint", float8: "double precision",
		timestamp: "timestamp without time zone", timestamptz: "timestamp with time zone"}
	if w, ok := words[k]; ok {
		return w
	}
	return string(k)
}

var decimalForm = regexp.MustCompile(`^([+-]?)([0-9]{0,40})(?:\.([0-9]{0,40}))?(?:[eE]([+-]?[0-9]{1,2}))?$`)

// parseDecimal reads a decimal exactly, as integer and scale.
func parseDecimal(s string) (*big.Int, int, bool) {
	m := decimalForm.FindStringSubmatch(s)
	if m == nil || m[2]+m[3] == "" {
		return nil, 0, false
	}
	n, _ := new(big.Int).SetString(m[2]+m[3], 10)
	if m[1] == "-" {
		n.Neg(n)
	}
	scale := len(m[3])
	if m[4] != "" {
		var e int
		if _, err := fmt.Sscanf(m[4], "%d", &e); err != nil {
			return nil, 0, false
		}
		scale -= e
	}
	if scale < 0 {
		n.Mul(n, pow10(-scale))
		scale = 0
	}
	return n, scale, true
}

func parseBool(s string) (string, bool) {
	s = strings.ToLower(s)
	for _, t := range []string{"true", "yes", "on", "1"} {
		if s == t || s != "" && s != "o" && strings.HasPrefix(t, s) {
			return "true", true
		}
	}
	for _, f := range []string{"false", "no", "off", "0"} {
		if s == f || s != "" && s != "o" && strings.HasPrefix(f, s) {
			return "false", true
		}
	}
	return "", false
}

// parseMoment reads ISO dates and timestamps (UTC). As in PostgreSQL, a zone means something for timestamp with time zone only,
// and a time nothing for a date: tools write one format for all three.
func parseMoment(k kind, s string) (int64, bool) {
	for _, l := range []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999",
		"2006-01-02 15:04:05.999999999Z07", "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z07:00"} {
		t, err := time.Parse(l, s)
		if err != nil || t.Year() < 1 || strings.Contains(s, ",") { // Go takes a comma for a point
			continue
		}
		if k != timestamptz {
			_, east := t.Zone()
			t = t.Add(time.Duration(east) * time.Second)
		}
		if k == date {
			days := t.Unix() / 86400
			if t.Unix()%86400 < 0 {
				days--
			}
			return days, true
		}
		return t.Round(time.Microsecond).UnixMicro(), true
	}
	return 0, false
}

// nullOf is the constant NULL of a type.
func nullOf(k kind) value {
	return value{sql: "NULL::" + k.sql(), k: k, isLit: true, null: true}
}

// coerce gives an untyped literal a type; other values stay.
func (b *binder) coerce(at int, v value, k kind) (value, error) {
	switch {
	case v.k != unknown || k == unknown:
		return v, nil
	case v.open:
		return value{sql: "NULL::" + k.sql(), k: k, isLit: true, open: true, iv: newInterval(0, 0), null: true}, nil
	case v.lit == nil:
		return nullOf(k), nil
	}
	return b.constant(at, k, *v.lit)
}

// reference binds a column of a table for a use.
func (b *binder) reference(c *syntax.Column, want use) (value, error) {
	side, col, err := b.column(c)
	if err != nil {
		return value{}, err
	}
	if err := b.need(c.At(), side, col, want); err != nil {
		return value{}, err
	}
	b.noteUse(side, col)
	k := kindOf(col.Type)
	if k == timestamptz && !b.utc() {
		return value{}, b.unsupported(c.At(), "SET TimeZone = 'UTC'", "timestamp with time zone outside UTC is not supported over federated tables")
	}
	v := value{sql: "t." + syntax.Ident(col.Name), k: k, null: col.Nullable, sides: 1 << side, raw: true, name: col.Name}
	if k == numeric || k == float8 {
		v.scale = col.Scale
	}
	v.iv = typeRange(k)
	if iv := b.bounds(side, col); iv != nil {
		v.iv = iv
	}
	v.domain = col.Domain
	if k == boolean {
		v.domain = []string{"f", "t"}
	}
	return v, nil
}

// bounds returns a column's declared bounds, those of the pinned values of the domain column
// where they depend on it.
func (b *binder) bounds(side int, col *catalog.Column) *interval {
	if by := col.BoundsBy; by != nil {
		var hull *interval
		for _, v := range b.pinned[fmt.Sprintf("%d.%s", side, by.Column)] {
			bb, ok := by.Values[v]
			if !ok {
				hull = nil
				break
			}
			hull = newInterval(bb.Lower, bb.Upper).hullOr(hull)
		}
		if hull != nil {
			return hull
		}
	}
	if col.Bounds != nil {
		return newInterval(col.Bounds.Lower, col.Bounds.Upper)
	}
	return nil
}

func (b *binder) utc() bool {
	switch strings.ToUpper(b.query.Settings.TimeZone) {
	case "UTC", "ETC/UTC", "GMT", "ETC/GMT", "UCT", "ETC/UCT", "ZULU":
		return true
	}
	return b.shape
}

package sqlplan

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// aggregates are the functions that summarise rows; those without an entry in measure are refused.
var aggregates = []string{"count", "sum", "avg", "min", "max", "string_agg", "array_agg", "json_agg", "jsonb_agg", "json_object_agg",
	"jsonb_object_agg", "bool_and", "bool_or", "every", "bit_and", "bit_or", "bit_xor", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop",
	"var_samp", "corr", "covar_pop", "covar_samp", "regr_count", "regr_slope", "regr_intercept", "regr_avgx", "regr_avgy", "regr_r2", "regr_sxx", "regr_sxy", "regr_syy",
	"percentile_cont", "percentile_disc", "mode", "rank", "dense_rank", "percent_rank", "cume_dist", "xmlagg", "range_agg", "grouping"}

// function binds a call of an allowlisted function.
func (b *binder) function(c *syntax.Call, want use) (value, error) {
	if slices.Contains(aggregates, c.Name) {
		return value{}, b.fail(c.At(), "42803", "Put conditions on aggregates into HAVING.", "aggregate functions are not allowed here")
	}
	known := c.Schema == "" || c.Schema == "pg_catalog"
	if !known || !c.Plain || c.Star || c.Distinct || c.Filter != nil {
		return value{}, b.unsupported(c.At(), rowHint(c.Name), "function %s is not supported over federated rows", c.Name)
	}
	if slices.Contains([]string{"floor", "ceil", "ceiling", "trunc", "round"}, c.Name) && len(c.Args) == 1 {
		return b.whole(c, want)
	}
	vs, sides, err := b.all(c.Args, want)
	if err != nil {
		return value{}, err
	}
	switch {
	case c.Name == "mod" && len(vs) == 2:
		return b.remainder(c.At(), vs[0], vs[1], sides)
	case (c.Name == "to_date" || c.Name == "to_timestamp") && len(vs) == 2 && vs[0].lit != nil && vs[1].lit != nil:
		return b.toMoment(c, *vs[0].lit, *vs[1].lit)
	case c.Name == "date_part" && len(vs) == 2 && vs[0].lit != nil:
		v, err := b.extract(c, *vs[0].lit, vs[1])
		v.k, v.sql = float8, "("+v.sql+")::pg_catalog.float8"
		return v, err
	case c.Name == "abs" && len(vs) == 1 && vs[0].k.number():
		return b.abs(c, vs[0])
	case (c.Name == "lower" || c.Name == "upper" || c.Name == "length" || c.Name == "char_length") && len(vs) == 1:
		return b.textFunction(c, vs[0])
	case c.Name == "date_trunc" && len(vs) == 2 && vs[0].lit != nil:
		return b.dateTrunc(c, *vs[0].lit, vs[1])
	case c.Name == "extract" && len(vs) == 2 && vs[0].lit != nil:
		return b.extract(c, *vs[0].lit, vs[1])
	case c.Name == "width_bucket" && len(vs) == 4:
		return b.widthBucket(c, vs, sides)
	}
	return value{}, b.unsupported(c.At(), rowHint(c.Name), "function %s is not supported over federated rows", c.Name)
}

func (b *binder) abs(c *syntax.Call, v value) (value, error) {
	if v.iv == nil || v.k == float8 {
		return value{}, b.unsupported(c.At(), "Use a column with bounds (see c2d.columns).", "abs needs an integer or numeric column with declared bounds")
	}
	out := v.clamped()
	zero := newInterval(0, 0)
	switch {
	case v.iv.lo.Sign() >= 0:
	case v.iv.hi.Sign() <= 0:
		out.iv = v.iv.negate()
	default:
		out.iv = zero.hull(v.iv.negate()).hull(v.iv)
		out.iv = &interval{big.NewInt(0), out.iv.hi}
	}
	out.sql, out.domain, out.isLit = "pg_catalog.abs("+v.numeric()+")", nil, false
	return b.checkRange(c.At(), out)
}

func (b *binder) textFunction(c *syntax.Call, v value) (value, error) {
	v, err := b.coerce(c.At(), v, text)
	if err != nil {
		return value{}, err
	}
	if v.k != text {
		return value{}, b.fail(c.At(), "42883", "", "function %s(%s) does not exist", c.Name, typeWord(v.k))
	}
	out := value{k: text, null: v.null, sides: v.sides, sql: "pg_catalog." + c.Name + "(" + v.sql + `)`}
	if c.Name == "length" || c.Name == "char_length" {
		out.k = int4
		if v.domain != nil {
			for _, d := range v.domain {
				n := int64(len([]rune(d)))
				out.iv = newInterval(n, n).hullOr(out.iv)
			}
		}
		return out, nil
	}
	if !isASCII(v.domain) {
		v.domain = nil
	}
	for _, d := range v.domain {
		m := strings.ToLower(d)
		if c.Name == "upper" {
			m = strings.ToUpper(d)
		}
		if !slices.Contains(out.domain, m) {
			out.domain = append(out.domain, m)
		}
	}
	return out, nil
}

func isASCII(list []string) bool {
	for _, s := range list {
		for _, r := range s {
			if r > 127 {
				return false
			}
		}
	}
	return true
}

// dateTrunc follows PostgreSQL: a date is first a timestamp with time zone.
func (b *binder) dateTrunc(c *syntax.Call, unit string, v value) (value, error) {
	v, err := b.coerce(c.At(), v, timestamptz)
	if err != nil {
		return value{}, err
	}
	unit = strings.ToLower(unit)
	if !v.k.moment() || !slices.Contains([]string{"hour", "day", "week", "month", "quarter", "year"}, unit) {
		return value{}, b.unsupported(c.At(), "Use hour, day, week, month, quarter or year.", "date_trunc(%q) is not supported over federated tables", unit)
	}
	k := v.k
	if k == date {
		k = timestamptz
	}
	if k == timestamptz && !b.utc() {
		return value{}, b.unsupported(c.At(), "SET TimeZone = 'UTC', or cast the date to timestamp.", "date_trunc of %s outside UTC is not supported over federated tables", typeWord(v.k))
	}
	if err := b.widens(c.At(), v, k); err != nil {
		return value{}, err
	}
	in := v.clamped()
	out := value{k: k, null: v.null, sides: v.sides,
		sql: fmt.Sprintf("pg_catalog.date_trunc(%s, (%s)::%s)", syntax.Quote(unit), in.years().sql, k.sql())}
	if v.iv == nil {
		return out, nil
	}
	iv := convertMoment(v.iv, v.k, k)
	lo, hi, ok := iv.int64s()
	if !ok {
		return out, nil
	}
	first, last := truncate(time.UnixMicro(lo).UTC(), unit), truncate(time.UnixMicro(hi).UTC(), unit)
	out.iv = newInterval(first.UnixMicro(), last.UnixMicro())
	for t := first; !t.After(last) && len(out.domain) <= maxCells; t = next(t, unit) {
		out.domain = append(out.domain, timestampText(k, t.UnixMicro()))
	}
	return out, nil
}

// truncate is date_trunc in UTC.
func truncate(t time.Time, unit string) time.Time {
	y, m, d := t.Date()
	switch unit {
	case "hour":
		return t.Truncate(time.Hour)
	case "week":
		back := (int(t.Weekday()) + 6) % 7
		return time.Date(y, m, d-back, 0, 0, 0, 0, time.UTC)
	case "month":
		d = 1
	case "quarter":
		m, d = (m-1)/3*3+1, 1
	case "year":
		m, d = 1, 1
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func next(t time.Time, unit string) time.Time {
	switch unit {
	case "hour":
		return t.Add(time.Hour)
	case "day":
		return t.AddDate(0, 0, 1)
	case "week":
		return t.AddDate(0, 0, 7)
	case "month":
		return t.AddDate(0, 1, 0)
	case "quarter":
		return t.AddDate(0, 3, 0)
	}
	return t.AddDate(1, 0, 0)
}

// toMoment reads a constant date or time in the formats that tools write.
func (b *binder) toMoment(c *syntax.Call, txt, format string) (value, error) {
	layouts := map[string]string{"YYYY-MM-DD": time.DateOnly, "YYYY-MM-DD HH24:MI:SS": time.DateTime, "YYYY-MM-DD HH24:MI:SS.US": time.DateTime + ".999999"}
	k := timestamptz
	if c.Name == "to_date" {
		k = date
	}
	at, err := time.Parse(layouts[format], txt)
	if layouts[format] == "" || err != nil || k == timestamptz && !b.utc() {
		return value{}, b.unsupported(c.At(), "Write a constant such as DATE '2020-01-31' or TIMESTAMP '2020-01-31 12:00:00'.", "this form of %s is not supported over federated tables", c.Name)
	}
	if k == date {
		return b.constant(c.At(), date, at.Format(time.DateOnly))
	}
	return b.constant(c.At(), timestamptz, timestampText(timestamptz, at.UnixMicro()))
}

// fieldRange bounds the fields of extract that do not depend on the year.
var fieldRange = map[string][2]int64{"month": {1, 12}, "quarter": {1, 4}, "day": {1, 31}, "dow": {0, 6}, "isodow": {1, 7},
	"hour": {0, 23}, "minute": {0, 59}, "week": {1, 53}, "doy": {1, 366}}

// extract returns numeric, as PostgreSQL since 14.
func (b *binder) extract(c *syntax.Call, field string, v value) (value, error) {
	field = strings.ToLower(field)
	if !v.k.moment() {
		return value{}, b.unsupported(c.At(), "Cast constants, as in DATE '2024-01-31'.", "extract is supported from dates and timestamps only")
	}
	if v.k == date && (field == "hour" || field == "minute") {
		return value{}, b.unsupported(c.At(), "Take it from a timestamp.", "extract(%s) from a date is not supported", field)
	}
	out := value{k: numeric, null: v.null, sides: v.sides,
		sql: fmt.Sprintf("EXTRACT(%s FROM %s)", field, v.clamped().years().sql)}
	if r, ok := fieldRange[field]; ok {
		out.iv = newInterval(r[0], r[1])
	} else if field == "year" && v.iv != nil {
		iv := convertMoment(v.iv, v.k, timestamp)
		lo, hi, ok := iv.int64s()
		if !ok {
			return value{}, b.unsupported(c.At(), "Use month, quarter or week, or a column with bounds (see c2d.columns).", "extract(year) needs a column with declared bounds")
		}
		out.iv = newInterval(int64(time.UnixMicro(lo).UTC().Year()), int64(time.UnixMicro(hi).UTC().Year()))
	} else {
		return value{}, b.unsupported(c.At(), "Use year (of a bounded column), quarter, month, week, day, doy, dow, isodow, hour or minute.", "extract(%s) is not supported here", field)
	}
	lo, hi, _ := out.iv.int64s()
	for n := lo; n <= hi; n++ {
		out.domain = append(out.domain, strconv.FormatInt(n, 10))
	}
	return out, nil
}

func (b *binder) widthBucket(c *syntax.Call, vs []value, sides int) (value, error) {
	for i := 1; i < 4; i++ {
		var err error
		want := numeric
		if i == 3 {
			want = int4
		}
		if vs[i], err = b.coerce(c.At(), vs[i], want); err != nil {
			return value{}, err
		}
		if vs[i].lit == nil {
			return value{}, b.unsupported(c.At(), "Write the limits and the number of buckets as constants.", "width_bucket needs constant limits")
		}
	}
	count, _, ok := vs[3].iv.int64s()
	lo, hi := vs[1].iv.rescale(max(vs[2].scale-vs[1].scale, 0)), vs[2].iv.rescale(max(vs[1].scale-vs[2].scale, 0))
	if !ok || vs[3].k != int4 || count < 1 || count > 10_000 || !vs[0].k.number() || lo.lo.Cmp(hi.lo) == 0 {
		return value{}, b.fail(c.At(), "2201G", "Write width_bucket(x, 0, 100, 10).", "width_bucket needs different limits and 1 to 10000 buckets")
	}
	k := numeric
	for _, v := range vs[:3] {
		if v.k == float8 {
			k = float8
		}
	}
	arg := vs[0].clamped()
	if vs[0].iv == nil && !vs[0].k.integer() { // NaN is an error in width_bucket
		arg.sql = fmt.Sprintf("nullif(%s, 'NaN'::%s)", arg.sql, arg.k.sql())
		arg.null = true
	}
	out := value{k: int4, null: arg.null || arg.k == float8 || arg.k == numeric && vs[0].null, sides: sides, iv: newInterval(0, count+1)}
	out.null = arg.null
	out.sql = fmt.Sprintf("pg_catalog.width_bucket((%s)::%s, (%s)::%s, (%s)::%s, %d)", arg.sql, k.sql(), vs[1].sql, k.sql(), vs[2].sql, k.sql(), count)
	for n := int64(0); n <= count+1; n++ {
		out.domain = append(out.domain, strconv.FormatInt(n, 10))
	}
	return out, nil
}

package sqlplan

import (
	"slices"

	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// window binds a window function over released rows; PostgreSQL itself computes it. What it reads are group keys and
// aggregates: over rows of persons there is none.
func (b *binder) window(a *analysis, c *syntax.Call) (kind, error) {
	if b.listing {
		return "", b.unsupported(c.At(), "Use it over count, sum or avg.", "a window function is not supported where no aggregate is asked for")
	}
	if c.Distinct || c.Schema != "" && c.Schema != "pg_catalog" {
		return "", b.unsupported(c.At(), "Use a window function in its plain form.", "this form of %s is not supported over federated tables", c.Name)
	}
	var kinds []kind
	for _, e := range c.Args {
		k, err := b.outer(a, e)
		if err != nil {
			return "", err
		}
		kinds = append(kinds, k)
	}
	rest := c.Window
	if c.Filter != nil {
		rest = append(slices.Clone(rest), c.Filter)
	}
	if err := b.outerAll(a, rest); err != nil {
		return "", err
	}
	if k := windowKind(c, kinds); k != "" {
		return k, nil
	}
	return "", b.unsupported(c.At(), "Use row_number, rank, dense_rank, ntile, lag, lead, first_value, last_value, count, sum, avg, min or max.",
		"window function %s is not supported over released values", c.Name)
}

// windowKind is a window function's type in PostgreSQL; "" where it is not supported.
func windowKind(c *syntax.Call, args []kind) kind {
	switch c.Name {
	case "row_number", "rank", "dense_rank", "count":
		return int8
	case "ntile":
		return int4
	case "percent_rank", "cume_dist":
		return float8
	}
	if len(args) == 0 {
		return ""
	}
	switch c.Name {
	case "lag", "lead":
		if len(args) == 3 {
			return common([]kind{args[0], args[2]})
		}
		return common(args[:1])
	case "first_value", "last_value", "nth_value", "min", "max":
		return common(args[:1])
	case "sum":
		if args[0].number() {
			return sumKind(args[0])
		}
	case "avg":
		if args[0] == float8 {
			return float8
		}
		if args[0].number() {
			return numeric
		}
	}
	return ""
}

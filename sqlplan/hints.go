package sqlplan

import (
	"fmt"
	"slices"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// allowHint is for expressions on rows that are not allowed and of which no more is known.
const allowHint = "Use comparisons, AND/OR/NOT, IS NULL, IN, = ANY, BETWEEN, + - * %, CASE, coalesce, nullif, abs, greatest, least, floor, round, extract, date_trunc, width_bucket, lower, upper or length."

// rowHint says what to write in place of a function on rows.
func rowHint(function string) string {
	switch function {
	case "now", "current_timestamp", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "age":
		return "Write the time as a constant, such as DATE '2024-01-31' or TIMESTAMP '2024-01-31 12:00:00'."
	case "to_char", "concat", "concat_ws", "format", "initcap", "left", "right", "replace", "substring", "substr", "btrim", "ltrim", "rtrim":
		return "Group by the column, or by date_trunc of it, and use " + function + " on the group key in the select list."
	case "power", "pow", "sqrt", "ln", "exp", "log":
		return "Multiply instead (x * x), or use width_bucket; compute on sums and counts as you like."
	case "regexp_match", "regexp_replace", "regexp_like", "similar_to_escape", "strpos", "position", "starts_with":
		return "Use LIKE on a column with declared values, or compare with = or IN."
	case "cbrt", "random":
		return "Compute it from the released values."
	}
	return allowHint
}

// aggregateHint says what to ask in place of an aggregate that has no private form.
func aggregateHint(name string) string {
	switch name {
	case "min", "max":
		return "Use count, sum or avg; declared bounds are in c2d.columns, and count(*) with GROUP BY width_bucket(…) shows where the values lie."
	case "percentile_cont", "percentile_disc", "mode":
		return "Use count, sum or avg, or count(*) with GROUP BY width_bucket(x, low, high, n) and take the quantile from the counts."
	case "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp":
		return "Use count, sum or avg: avg(x * x) - avg(x) ^ 2 is the variance."
	case "corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept", "regr_r2", "regr_sxy":
		return "Use count, sum or avg: compute it from sum(x * y), sum(x), sum(y) and count(*)."
	case "bool_and", "bool_or", "every":
		return "Use count(*) FILTER (WHERE …)."
	}
	return "Use count, sum or avg."
}

// domainHint says how a group key can get declared values.
func (b *binder) domainHint(v value) string {
	if v.name == "" || !v.raw || v.sides != 1 && v.sides != 2 {
		return "Group by a column with a domain (see c2d.columns), or by date_trunc, width_bucket or extract of a bounded column."
	}
	owners := ownersText(b.tables[v.sides-1])
	if v.k == numeric || v.k == float8 || v.k == timestamp || v.k == timestamptz {
		return fmt.Sprintf("Group by width_bucket, floor or date_trunc of it where it has bounds (see c2d.columns), or ask %s to declare a domain of %q.", owners, v.name)
	}
	return fmt.Sprintf("Group by a column with a domain (see c2d.columns), or ask %s to declare a domain of %q.", owners, v.name)
}

// boundsHint says how an aggregate can get bounds for a column that has none.
func (b *binder) boundsHint(column string) string {
	for i, t := range b.tables {
		at := slices.IndexFunc(t.Columns, func(c catalog.Column) bool { return c.Name == column })
		if at < 0 {
			continue
		}
		if by := t.Columns[at].BoundsBy; by != nil {
			return fmt.Sprintf("Filter to a value for which bounds are declared, such as WHERE %s = '…' (see c2d.columns).", by.Column)
		}
		return fmt.Sprintf("Aggregate a column with bounds (see c2d.columns), or ask %s to declare bounds of %q.", ownersText(b.tables[i]), column)
	}
	return "Aggregate a column with bounds (see c2d.columns), or filter to a value for which bounds are declared."
}

// otherHint says what to write in place of a construct that has no meaning here.
func otherHint(x *syntax.Other) string {
	switch x.What {
	case "a subquery in an expression":
		return "Send the subquery as a statement of its own, and write its result as a constant."
	case "CURRENT_DATE and its like":
		return rowHint("now")
	}
	return allowHint
}

// operatorHint says what to write in place of an operator on rows.
func operatorHint(name string) string {
	switch name {
	case "||":
		return rowHint("concat")
	case "^":
		return rowHint("power")
	case "~", "~*", "!~", "!~*":
		return rowHint("regexp_like")
	}
	return allowHint
}

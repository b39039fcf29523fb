package sqlplan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// rowsSQL is the filtered rows of one side: cell, unit u and a column r0, r1, … a partial. Under dp each
// unit keeps at most C∞ rows a group and C0 groups, in an order that only the owner's
// salt decides (RULES 13); rows without a unit are dropped.
func (a *analysis) rowsSQL(side int, t *catalog.Table, p catalog.Partition) string {
	list := []string{a.cellSQL(side) + " AS cell", unitSQL(t) + " AS u"}
	for i, part := range a.partials[side] {
		list = append(list, fmt.Sprintf("%s AS r%d", part.row, i))
	}
	where := ""
	if len(a.where[side]) > 0 {
		where = " WHERE " + strings.Join(a.where[side], " AND ")
	}
	rows := fmt.Sprintf("SELECT %s\n    FROM %s AS t%s", strings.Join(list, ", "), syntax.Ident(t.Name), where)
	if a.policy.kind != catalog.ReleaseDP {
		return rows
	}
	own := make([]string, 0, len(a.partials[side]))
	for i := range a.partials[side] {
		own = append(own, fmt.Sprintf("r%d", i))
	}
	tie := strings.Join(own, ", ")
	hash := func(what, of string) string {
		return fmt.Sprintf("pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat_ws('|', $1::pg_catalog.text, '%s', %s), 'UTF8'))", what, of)
	}
	return fmt.Sprintf(`SELECT * FROM (SELECT *,
      pg_catalog.dense_rank() OVER (PARTITION BY u ORDER BY %s, cell) AS g,
      pg_catalog.row_number() OVER (PARTITION BY u, cell ORDER BY %s, %s) AS n
    FROM (%s) AS s WHERE u IS NOT NULL AND cell IS NOT NULL) AS w
    WHERE g OPERATOR(pg_catalog.<=) %d AND n OPERATOR(pg_catalog.<=) %d`,
		hash("group", "u, cell"), hash("row", "u, cell, "+joined(own)), tie, rows, min(p.GroupsPerUnit, a.cells(side)), p.RowsPerGroup)
}

// unitSQL identifies a row's unit. Text is compared bytewise: under a collation that takes different identifiers
// for one, how many rows a person keeps would depend on another's.
func unitSQL(t *catalog.Table) string {
	u := "t." + syntax.Ident(t.Unit)
	if unitKind(t) == text {
		return "(" + u + `::pg_catalog.text) COLLATE pg_catalog."C"`
	}
	return u
}

// joined writes a list of arguments of concat_ws in groups, as functions take a hundred arguments at most.
func joined(list []string) string {
	const group = 50
	if len(list) <= group {
		return strings.Join(list, ", ")
	}
	var out []string
	for part := range slices.Chunk(list, group) {
		out = append(out, "pg_catalog.concat_ws('|', "+strings.Join(part, ", ")+")")
	}
	return joined(out)
}

// largestSum keeps an owner's sums within their type, whatever its data: more rows than declared must not be an error.
const largestSum = int64(1)<<62 - 1

// cellSQL is the cell number of a row among one side's keys; NULL outside the declared domains.
func (a *analysis) cellSQL(side int) string {
	sql := ""
	for _, k := range a.keys {
		switch {
		case k.side != side:
		case sql == "":
			sql = k.code
		default:
			sql = fmt.Sprintf("(%s OPERATOR(pg_catalog.*) %d OPERATOR(pg_catalog.+) %s)", sql, len(k.cells), k.code)
		}
	}
	if sql == "" {
		sql = "0"
	}
	return sql + "::pg_catalog.int8"
}

// denseTask is one partition's partial sums: exactly one row a cell, in cell order.
func (a *analysis) denseTask(t *catalog.Table, p catalog.Partition) LocalTask {
	task := LocalTask{Owner: p.Owner, Tables: []string{t.Name}, Rows: int(a.cells(0)), Exact: true}
	var out, sums []string
	for i, part := range a.partials[0] {
		name := fmt.Sprintf("p%d", i)
		out = append(out, fmt.Sprintf("coalesce(a.%s, 0)::pg_catalog.int8 AS %s", name, name))
		sum := fmt.Sprintf("least(greatest(pg_catalog.sum(r%d), -%d), %d)::pg_catalog.int8", i, largestSum, largestSum)
		if part.units {
			sum = fmt.Sprintf("pg_catalog.count(DISTINCT CASE WHEN r%d THEN u END)", i)
		}
		sums = append(sums, sum+" AS "+name)
		task.Columns = append(task.Columns, LocalColumn{Name: name, Kind: Word})
	}
	task.SQL = fmt.Sprintf(`SELECT %s
FROM pg_catalog.generate_series(0::pg_catalog.int8, %d::pg_catalog.int8) AS d(cell)
LEFT JOIN (
  SELECT cell, %s
  FROM (
    %s
  ) AS rows
  GROUP BY cell
) AS a ON a.cell OPERATOR(pg_catalog.=) d.cell
ORDER BY d.cell`, strings.Join(out, ", "), a.cells(0)-1, strings.Join(sums, ", "), a.rowsSQL(0, t, p))
	return task
}

// joinTask is one side of a join: at most one row a unit, with its key and for each of the side's cells
// each partial.
func (a *analysis) joinTask(side int, t *catalog.Table, p catalog.Partition) LocalTask {
	task := LocalTask{Owner: p.Owner, Tables: []string{t.Name}, Rows: int(p.Units), Exact: a.policy.kind == catalog.ReleaseExact,
		Columns: []LocalColumn{{Name: "key", Kind: Key}}}
	list := []string{keySQL(t) + " AS key"}
	for cell := range a.cells(side) {
		for i, part := range a.partials[side] {
			name := fmt.Sprintf("c%d_p%d", cell, i)
			sql := fmt.Sprintf("coalesce(pg_catalog.sum(r%d) FILTER (WHERE cell OPERATOR(pg_catalog.=) %d), 0)::pg_catalog.int8", i, cell)
			if part.units {
				sql = fmt.Sprintf("coalesce(pg_catalog.max(CASE WHEN r%d THEN 1 ELSE 0 END) FILTER (WHERE cell OPERATOR(pg_catalog.=) %d), 0)::pg_catalog.int8", i, cell)
			}
			list = append(list, sql+" AS "+name)
			task.Columns = append(task.Columns, LocalColumn{Name: name, Kind: Word})
		}
	}
	order := "u"
	limit := ""
	if !task.Exact { // the excess is cut in an order that the salt decides
		order = "pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.concat_ws('|', $1::pg_catalog.text, 'unit', u), 'UTF8')), u"
		limit = fmt.Sprintf("\nLIMIT %d", p.Units)
	}
	task.SQL = fmt.Sprintf("SELECT %s\nFROM (\n    %s\n  ) AS rows\nWHERE u IS NOT NULL AND cell IS NOT NULL\nGROUP BY u\nORDER BY %s%s",
		strings.Join(list, ",\n  "), a.rowsSQL(side, t, p), order, limit)
	return task
}

// longestKey is the longest identifier, in bytes, that is a key as it is; longer ones are hashed, so that no length
// is an error.
const longestKey = 1024

// keySQL encodes the unit injectively: a tag of the common type, then the value, with its length where
// that varies (RULES 10).
func keySQL(t *catalog.Table) string {
	if unitKind(t) == text {
		utf8 := "pg_catalog.convert_to(u::pg_catalog.text, 'UTF8')"
		return fmt.Sprintf(`CASE WHEN pg_catalog.octet_length(%s) OPERATOR(pg_catalog.<=) %d THEN '\x02'::pg_catalog.bytea OPERATOR(pg_catalog.||) pg_catalog.int4send(pg_catalog.octet_length(%s)) OPERATOR(pg_catalog.||) %s ELSE '\x03'::pg_catalog.bytea OPERATOR(pg_catalog.||) pg_catalog.sha256(%s) END`,
			utf8, longestKey, utf8, utf8, utf8)
	}
	return `('\x01'::pg_catalog.bytea OPERATOR(pg_catalog.||) pg_catalog.int8send(u::pg_catalog.int8))`
}

// unitKind is the type that a table's unit joins as: int8, text, or "".
func unitKind(t *catalog.Table) kind {
	for _, c := range t.Columns {
		if c.Name != t.Unit {
			continue
		}
		switch k := kindOf(c.Type); {
		case k.integer():
			return int8
		case k == text:
			return text
		}
	}
	return ""
}

// checkSQL counts what breaks the owner's declarations: it must be 0 under exact.
func (b *binder) checkSQL(side int, p catalog.Partition) string {
	t := b.tables[side]
	unit := "t." + syntax.Ident(t.Unit)
	tests := []string{unit + " IS NULL"}
	for _, col := range b.used[side] {
		name := "t." + syntax.Ident(col.Name)
		if !col.Nullable && col.Name != t.Unit {
			tests = append(tests, name+" IS NULL")
		}
		if col.Domain != nil {
			var list []string
			for _, v := range col.Domain {
				list = append(list, syntax.Quote(v))
			}
			k := kindOf(col.Type).sql()
			tests = append(tests, fmt.Sprintf("(%s IS NOT NULL AND pg_catalog.array_position(ARRAY[%s]::%s[], (%s)::%s) IS NULL)", name, strings.Join(list, ", "), k, name, k))
		}
		tests = append(tests, b.boundsTest(side, col, name)...)
	}
	table := syntax.Ident(t.Name)
	return fmt.Sprintf(`SELECT (SELECT pg_catalog.count(*) FROM %s AS t WHERE %s)
  OPERATOR(pg_catalog.+) (SELECT greatest(pg_catalog.count(*) OPERATOR(pg_catalog.-) %d::pg_catalog.int8, 0) FROM %s AS t)
  OPERATOR(pg_catalog.+) (SELECT greatest(pg_catalog.count(DISTINCT %s) OPERATOR(pg_catalog.-) %d::pg_catalog.int8, 0) FROM %s AS t)`,
		table, strings.Join(tests, " OR "), p.Rows, table, unit, p.Units, table)
}

// boundsTest is the conditions under which a value is outside its column's bounds or lattice.
func (b *binder) boundsTest(side int, col *catalog.Column, name string) []string {
	k := kindOf(col.Type)
	iv := b.bounds(side, col)
	if iv == nil {
		return nil
	}
	test := fmt.Sprintf("%s OPERATOR(pg_catalog.<) %s OR %s OPERATOR(pg_catalog.>) %s", name, bound(k, iv.lo, col.Scale), name, bound(k, iv.hi, col.Scale))
	if k == numeric || k == float8 {
		test += fmt.Sprintf(" OR (%s)::pg_catalog.numeric OPERATOR(pg_catalog.<>) pg_catalog.round((%s)::pg_catalog.numeric, %d)", name, name, col.Scale)
	}
	if col.BoundsBy != nil {
		values := b.pinned[fmt.Sprintf("%d.%s", side, col.BoundsBy.Column)]
		var list []string
		for _, v := range values {
			list = append(list, syntax.Quote(v))
		}
		if len(list) > 0 {
			test = fmt.Sprintf("t.%s::pg_catalog.text IN (%s) AND (%s)", syntax.Ident(col.BoundsBy.Column), strings.Join(list, ", "), test)
		}
	}
	return []string{"(" + name + " IS NOT NULL AND (" + test + "))"}
}

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// tableCheck checks one table's mapping and data.
type tableCheck struct {
	*check
	config *catalog.Config
	study  string
	table  *catalog.Table
	sql    string
}

// at is the place of a setting of the table.
func (t *tableCheck) at(setting string) string {
	path := "studies." + t.study + ".tables." + t.table.Name
	if setting != "" {
		path += "." + setting
	}
	return t.config.At(path)
}

// run checks the columns and, on demand, the data, in one read-only snapshot.
func (t *tableCheck) run(ctx context.Context, conn *pgx.Conn, data bool) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		t.bad("%s: %v", t.at(""), err)
		return
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	before := t.wrong
	if t.columns(ctx, tx); t.wrong > before || !data {
		return
	}
	t.data(ctx, tx)
	if t.wrong == before {
		t.good("%s: columns and data are as declared", t.at(""))
		t.contributions(ctx, tx)
	}
}

// columns checks that the mapping gives the declared columns and types.
func (t *tableCheck) columns(ctx context.Context, tx pgx.Tx) {
	d, err := tx.Prepare(ctx, "c2d_mapping_"+t.study+"_"+t.table.Name, t.sql)
	if err != nil {
		t.bad("%s: the database refuses it: %s", t.at("sql"), refused(err))
		return
	}
	if len(d.ParamOIDs) > 0 {
		t.bad("%s: has parameters; write values", t.at("sql"))
	}
	found := map[string]string{}
	for _, f := range d.Fields {
		if _, twice := found[f.Name]; twice {
			t.bad("%s: gives column %s twice", t.at("sql"), f.Name)
		}
		var name string
		if err := tx.QueryRow(ctx, "SELECT format_type($1, $2)", f.DataTypeOID, f.TypeModifier).Scan(&name); err != nil {
			t.bad("%s: %v", t.at("sql"), err)
			return
		}
		found[f.Name] = name
	}
	for i := range t.table.Columns {
		col := &t.table.Columns[i]
		got, ok := found[col.Name]
		if !ok {
			t.bad("%s: the mapping SQL does not give this column; add it to sql, or remove it here", t.at("columns."+col.Name))
			continue
		}
		delete(found, col.Name)
		if typ, precision, scale, err := catalog.ParseType(got); err != nil || typ != col.Type || col.Precision > 0 && (precision != col.Precision || scale != col.Scale) {
			t.bad("%s: declared %s, the mapping SQL gives %s; write ::%s in it", t.at("columns."+col.Name+".type"), col.SQLType(), got, col.SQLType())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		t.bad("%s: gives column %s, which is not declared; declare it in columns, or leave it out", t.at("sql"), name)
	}
}

// counted is a condition on the data: how many rows do not obey it.
type counted struct{ setting, expr, says string }

// data checks that rows, units and values are as declared; it prints counts.
func (t *tableCheck) data(ctx context.Context, tx pgx.Tx) {
	p := t.table.Partitions[0]
	unit := pgx.Identifier{t.table.Unit}.Sanitize()
	list := []counted{
		{"rows", fmt.Sprintf("greatest(count(*) - %d, 0)", p.Rows), fmt.Sprintf("rows beyond the declared %d; they would be left out", p.Rows)},
		{"units", fmt.Sprintf("greatest(count(DISTINCT %s) - %d, 0)", unit, p.Units), fmt.Sprintf("units beyond the declared %d", p.Units)},
	}
	if t.table.UniqueUnit {
		list = append(list, counted{"unique_unit", fmt.Sprintf("count(%s) - count(DISTINCT %s)", unit, unit), "rows of units that have another row"})
	}
	for i := range t.table.Columns {
		list = append(list, t.values(&t.table.Columns[i])...)
	}
	exprs := make([]string, len(list))
	for i := range list {
		exprs[i] = list[i].expr
	}
	counts, err := t.numbers(ctx, tx, "SELECT "+strings.Join(exprs, ", ")+" FROM t", len(list))
	if err != nil {
		t.bad("%s: reading the data failed: %s", t.at(""), refused(err))
		return
	}
	for i, n := range counts {
		if n > 0 {
			t.bad("%s: %d %s", t.at(list[i].setting), n, list[i].says)
		}
	}
}

// values lists what a column's values have to obey.
func (t *tableCheck) values(col *catalog.Column) []counted {
	var list []counted
	path, name := "columns."+col.Name, pgx.Identifier{col.Name}.Sanitize()
	if !col.Nullable {
		list = append(list, counted{path + ".nullable", "count(*) FILTER (WHERE " + name + " IS NULL)", "rows are null"})
	}
	if col.Domain != nil {
		list = append(list, counted{path + ".domain", fmt.Sprintf("count(*) FILTER (WHERE %s NOT IN (%s))", name, literals(col, col.Domain)), "rows are outside the domain; they count as null"})
	}
	if col.Bounds != nil {
		list = append(list, counted{path + ".bounds", fmt.Sprintf("count(*) FILTER (WHERE %s)", outside(col, name, *col.Bounds)), "rows are outside the bounds; they are moved to the nearest"})
	}
	if col.BoundsBy == nil {
		return list
	}
	key, _ := t.table.Column(col.BoundsBy.Column)
	for _, v := range key.Domain {
		if b, ok := col.BoundsBy.Values[v]; ok {
			list = append(list, counted{path + ".bounds_by.values." + v, fmt.Sprintf("count(*) FILTER (WHERE %s = %s AND (%s))",
				pgx.Identifier{key.Name}.Sanitize(), literals(key, []string{v}), outside(col, name, b)), "rows are outside the bounds; they are moved to the nearest"})
		}
	}
	return list
}

// contributions tells the owner how many units have more than the declared numbers let into an
// answer. That is no error: the rest is left out.
func (t *tableCheck) contributions(ctx context.Context, tx pgx.Tx) {
	if t.table.UniqueUnit {
		return
	}
	p := t.table.Partitions[0]
	per := []string{"count(*) AS n"}
	sums := []string{"count(*)", fmt.Sprintf("count(*) FILTER (WHERE n > %d)", p.RowsPerGroup), "coalesce(max(n), 0)"}
	var groups []string
	for i := range t.table.Columns {
		if col := &t.table.Columns[i]; col.Uses.Group {
			per = append(per, fmt.Sprintf("count(DISTINCT %s) AS g%d", pgx.Identifier{col.Name}.Sanitize(), len(groups)))
			sums = append(sums, fmt.Sprintf("count(*) FILTER (WHERE g%d > %d)", len(groups), p.GroupsPerUnit), fmt.Sprintf("coalesce(max(g%d), 0)", len(groups)))
			groups = append(groups, col.Name)
		}
	}
	unit := pgx.Identifier{t.table.Unit}.Sanitize()
	query := fmt.Sprintf("SELECT %s FROM (SELECT %s FROM t WHERE %s IS NOT NULL GROUP BY %s) u", strings.Join(sums, ", "), strings.Join(per, ", "), unit, unit)
	counts, err := t.numbers(ctx, tx, query, len(sums))
	if err != nil {
		t.bad("%s: reading the data failed: %s", t.at(""), refused(err))
		return
	}
	if counts[1] > 0 {
		t.good("%s: note: %d of %d units have more than %d rows (at most %d); of a unit's rows in one group, the rest are left out",
			t.at("rows_per_group"), counts[1], counts[0], p.RowsPerGroup, counts[2])
	}
	for i, name := range groups {
		if n := counts[3+2*i]; n > 0 {
			t.good("%s: note: grouped by %s, %d of %d units are in more than %d groups (at most %d); a unit is counted in %d of them",
				t.at("groups_per_unit"), name, n, counts[0], p.GroupsPerUnit, counts[4+2*i], p.GroupsPerUnit)
		}
	}
}

// numbers runs a query over the mapped table t that gives n whole numbers.
func (t *tableCheck) numbers(ctx context.Context, tx pgx.Tx, query string, n int) ([]int64, error) {
	counts := make([]int64, n)
	into := make([]any, n)
	for i := range counts {
		into[i] = &counts[i]
	}
	return counts, tx.QueryRow(ctx, "WITH t AS ("+t.sql+"\n) "+query).Scan(into...)
}

// outside is a condition that holds where a value is not null and not within bounds.
func outside(col *catalog.Column, name string, b catalog.Bounds) string {
	return fmt.Sprintf("%s NOT BETWEEN %s AND %s", name, literals(col, []string{col.Format(b.Lower)}), literals(col, []string{col.Format(b.Upper)}))
}

// literals writes declared values as SQL literals of the column's type.
func literals(col *catalog.Column, values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = "'" + strings.ReplaceAll(v, "'", "''") + "'::" + col.SQLType()
		if strings.Contains(v, `\`) {
			out[i] = "E'" + strings.NewReplacer("'", "''", `\`, `\\`).Replace(v) + "'::" + col.SQLType()
		}
	}
	return strings.Join(out, ", ")
}

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// found is a table of the database as init sees it.
type found struct {
	Schema, Name, Comment string
	Rows                  int64
	Key                   string // a column that is the whole primary key; empty: none
	KeyRows               int64  // different values of Key
	Columns               []foundColumn
}

// foundColumn is a column, with what its values suggest.
type foundColumn struct {
	Name, SQLType, Comment string
	Type                   catalog.Type // empty: not supported
	Cast                   bool         // the mapping SQL has to cast to Type
	NotNull                bool
	Nulls                  int64
	Low, High              string   // smallest and largest value; empty: none
	Values                 []string // all values, if there are few
}

// maxSuggested is the largest domain that init suggests.
const maxSuggested = 20

// inspect looks at every table and view that the role can read, in one read-only snapshot.
func inspect(ctx context.Context, conn *pgx.Conn) ([]found, error) {
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	rows, err := tx.Query(ctx, `
SELECT n.nspname, c.relname, coalesce(obj_description(c.oid, 'pg_class'), ''),
       coalesce((SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                  WHERE i.indrelid = c.oid AND i.indisprimary AND i.indnkeyatts = 1), '')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
   AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
   AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
 ORDER BY 1, 2`)
	if err != nil {
		return nil, fmt.Errorf("list of tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (found, error) {
		var t found
		err := row.Scan(&t.Schema, &t.Name, &t.Comment, &t.Key)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("list of tables: %w", err)
	}
	for i := range tables {
		if err := inspectTable(ctx, tx, &tables[i]); err != nil {
			return nil, fmt.Errorf("table %s.%s: %w", tables[i].Schema, tables[i].Name, err)
		}
	}
	return tables, nil
}

// inspectTable counts rows and looks at columns.
func inspectTable(ctx context.Context, tx pgx.Tx, t *found) error {
	from := pgx.Identifier{t.Schema, t.Name}.Sanitize()
	count := "SELECT count(*), 0 FROM " + from
	if t.Key != "" {
		count = "SELECT count(*), count(DISTINCT " + pgx.Identifier{t.Key}.Sanitize() + ") FROM " + from
	}
	if err := tx.QueryRow(ctx, count).Scan(&t.Rows, &t.KeyRows); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
SELECT attname, format_type(atttypid, atttypmod), coalesce(col_description(attrelid, attnum), ''), attnotnull, typtype = 'e'
  FROM pg_attribute JOIN pg_type t ON t.oid = atttypid WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`, from)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c foundColumn
		var enum bool
		if err := rows.Scan(&c.Name, &c.SQLType, &c.Comment, &c.NotNull, &enum); err != nil {
			return err
		}
		c.Type, c.Cast = supported(c.SQLType, enum)
		t.Columns = append(t.Columns, c)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for i := range t.Columns {
		if err := suggest(ctx, tx, from, &t.Columns[i]); err != nil {
			return fmt.Errorf("column %s: %w", t.Columns[i].Name, err)
		}
	}
	return nil
}

// supported is the type for a column, and whether the mapping SQL has to cast to it; empty: none.
func supported(sqlType string, enum bool) (t catalog.Type, cast bool) {
	if t, _, _, err := catalog.ParseType(sqlType); err == nil {
		return t, false
	}
	name, _, _ := strings.Cut(sqlType, "(")
	switch {
	case enum, slices.Contains([]string{"character", "bpchar", "uuid", "citext", "name"}, name):
		return catalog.Text, true
	case name == "real":
		return catalog.Double, true
	}
	return "", false
}

// suggest looks at a column's values.
func suggest(ctx context.Context, tx pgx.Tx, from string, c *foundColumn) error {
	if c.Type == "" {
		return nil
	}
	name := pgx.Identifier{c.Name}.Sanitize()
	ends := "coalesce(min(" + name + ")::text, ''), coalesce(max(" + name + ")::text, '')"
	if c.Type == catalog.Boolean || c.Type == catalog.Text {
		ends = "'', ''"
	}
	if err := tx.QueryRow(ctx, "SELECT count(*) FILTER (WHERE "+name+" IS NULL), "+ends+" FROM "+from).Scan(&c.Nulls, &c.Low, &c.High); err != nil {
		return err
	}
	if c.Type != catalog.Text && c.Type != catalog.Smallint && c.Type != catalog.Integer {
		return nil
	}
	rows, err := tx.Query(ctx, fmt.Sprintf("SELECT v::text FROM (SELECT DISTINCT %s AS v FROM %s WHERE %s IS NOT NULL LIMIT %d) d ORDER BY v", name, from, name, maxSuggested+1))
	if err != nil {
		return err
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if len(values) <= maxSuggested {
		c.Values = values
	}
	return nil
}

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// powersQuery lists what the current role, with every role it is a member of, can do beyond reading.
const powersQuery = `
SELECT 'role ' || rolname || ' is superuser: ALTER ROLE ' || quote_ident(rolname) || ' NOSUPERUSER' FROM pg_roles
 WHERE rolsuper AND pg_has_role(current_user, oid, 'MEMBER') AND (rolname = current_user OR NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user))
UNION ALL
SELECT 'role ' || rolname || ' has ' || p.name FROM pg_roles, LATERAL (VALUES
   (rolcreaterole, 'CREATEROLE'), (rolcreatedb, 'CREATEDB'), (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS')) p(has, name)
 WHERE p.has AND NOT rolsuper AND pg_has_role(current_user, oid, 'MEMBER') AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
UNION ALL
SELECT 'it is a member of ' || rolname || ': REVOKE ' || quote_ident(rolname) || ' FROM ' || quote_ident(current_user) FROM pg_roles
 WHERE rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program', 'pg_read_server_files', 'pg_signal_backend', 'pg_database_owner', 'pg_maintain')
   AND pg_has_role(current_user, oid, 'MEMBER') AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
UNION ALL
(SELECT 'it owns ' || c.oid::regclass::text || ': ALTER TABLE ' || c.oid::regclass::text || ' OWNER TO another role' FROM pg_class c
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND pg_has_role(current_user, c.relowner, 'MEMBER') AND c.relnamespace <> 'pg_catalog'::regnamespace
    AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) ORDER BY 1 LIMIT 20)
UNION ALL
(SELECT 'it has ' || p.name || ' on ' || c.oid::regclass::text || ': REVOKE ' || p.name || ' ON ' || c.oid::regclass::text || ' FROM ' || quote_ident(current_user)
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, LATERAL (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) p(name)
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
    AND (has_table_privilege(c.oid, p.name) OR p.name IN ('INSERT', 'UPDATE') AND has_any_column_privilege(c.oid, p.name))
    AND NOT pg_has_role(current_user, c.relowner, 'MEMBER') ORDER BY 1 LIMIT 20)
UNION ALL
SELECT 'it can CREATE in schema ' || nspname || ': REVOKE CREATE ON SCHEMA ' || quote_ident(nspname) || ' FROM PUBLIC, ' || quote_ident(current_user) FROM pg_namespace
 WHERE has_schema_privilege(oid, 'CREATE') AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
UNION ALL
SELECT 'it can CREATE in the database: REVOKE CREATE ON DATABASE ' || quote_ident(current_database()) || ' FROM PUBLIC, ' || quote_ident(current_user)
 WHERE has_database_privilege(current_database(), 'CREATE') AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`

// writePowers lists what the connection's role can do beyond reading, and how to take it away.
func writePowers(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, powersQuery)
	if err != nil {
		return nil, fmt.Errorf("what the database role can do: %w", err)
	}
	powers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("what the database role can do: %w", err)
	}
	return powers, nil
}

// table checks one table's mapping and data in one read-only snapshot.
func (c *check) table(ctx context.Context, conn *pgx.Conn, file, study string, t *catalog.Table, sql string) {
	at := fmt.Sprintf("%s: studies.%s.tables.%s", file, study, t.Name)
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		c.bad("%s: %v", at, err)
		return
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	before := c.wrong
	if c.columns(ctx, tx, at, t, sql); c.wrong > before {
		return
	}
	c.data(ctx, tx, at, t, sql)
	if c.wrong == before {
		c.good("%s: columns and data are as declared", at)
	}
}

// columns checks that the mapping gives the declared columns and types.
func (c *check) columns(ctx context.Context, tx pgx.Tx, at string, t *catalog.Table, sql string) {
	d, err := tx.Prepare(ctx, "c2d_mapping", sql)
	if err != nil {
		c.bad("%s.sql: %v", at, err)
		return
	}
	if len(d.ParamOIDs) > 0 {
		c.bad("%s.sql: has parameters; write values", at)
	}
	found := map[string]string{}
	for _, f := range d.Fields {
		if _, twice := found[f.Name]; twice {
			c.bad("%s.sql: gives column %s twice", at, f.Name)
		}
		var name string
		if err := tx.QueryRow(ctx, "SELECT format_type($1, $2)", f.DataTypeOID, f.TypeModifier).Scan(&name); err != nil {
			c.bad("%s.sql: %v", at, err)
			return
		}
		found[f.Name] = name
	}
	for i := range t.Columns {
		col := &t.Columns[i]
		got, ok := found[col.Name]
		if !ok {
			c.bad("%s.columns.%s: the mapping SQL does not give this column", at, col.Name)
			continue
		}
		delete(found, col.Name)
		if typ, precision, scale, err := catalog.ParseType(got); err != nil || typ != col.Type || col.Precision > 0 && (precision != col.Precision || scale != col.Scale) {
			c.bad("%s.columns.%s.type: declared %s, the mapping SQL gives %s; write ::%s in it", at, col.Name, col.SQLType(), got, col.SQLType())
		}
	}
	for name := range found {
		c.bad("%s.sql: gives column %s, which is not declared", at, name)
	}
}

// data checks that rows, units and values are as declared; it prints counts.
func (c *check) data(ctx context.Context, tx pgx.Tx, at string, t *catalog.Table, sql string) {
	p := t.Partitions[0]
	unit := pgx.Identifier{t.Unit}.Sanitize()
	type finding struct{ path, expr, says string }
	list := []finding{
		{"rows", fmt.Sprintf("greatest(count(*) - %d, 0)", p.Rows), fmt.Sprintf("rows beyond the declared %d; they would be left out", p.Rows)},
		{"units", fmt.Sprintf("greatest(count(DISTINCT %s) - %d, 0)", unit, p.Units), fmt.Sprintf("units beyond the declared %d", p.Units)},
	}
	if t.UniqueUnit {
		list = append(list, finding{"unique_unit", fmt.Sprintf("count(%s) - count(DISTINCT %s)", unit, unit), "rows of units that have another row"})
	}
	for i := range t.Columns {
		col := &t.Columns[i]
		path, name := "columns."+col.Name, pgx.Identifier{col.Name}.Sanitize()
		if !col.Nullable {
			list = append(list, finding{path + ".nullable", "count(*) FILTER (WHERE " + name + " IS NULL)", "rows are null"})
		}
		if col.Domain != nil {
			list = append(list, finding{path + ".domain", fmt.Sprintf("count(*) FILTER (WHERE %s NOT IN (%s))", name, literals(col, col.Domain)), "rows are outside the domain; they count as null"})
		}
		if col.Bounds != nil {
			list = append(list, finding{path + ".bounds", fmt.Sprintf("count(*) FILTER (WHERE %s)", outside(col, name, *col.Bounds)), "rows are outside the bounds; they are moved to the nearest"})
		}
		if col.BoundsBy != nil {
			key, _ := t.Column(col.BoundsBy.Column)
			for _, v := range key.Domain {
				if b, ok := col.BoundsBy.Values[v]; ok {
					list = append(list, finding{path + ".bounds_by.values." + v, fmt.Sprintf("count(*) FILTER (WHERE %s = %s AND (%s))",
						pgx.Identifier{key.Name}.Sanitize(), literals(key, []string{v}), outside(col, name, b)), "rows are outside the bounds; they are moved to the nearest"})
				}
			}
		}
	}
	exprs := make([]string, len(list))
	for i := range list {
		exprs[i] = list[i].expr
	}
	counts := make([]int64, len(list))
	into := make([]any, len(list))
	for i := range counts {
		into[i] = &counts[i]
	}
	query := "WITH t AS (" + sql + "\n) SELECT " + strings.Join(exprs, ", ") + " FROM t"
	if err := tx.QueryRow(ctx, query).Scan(into...); err != nil {
		c.bad("%s: reading the data failed: %v", at, err)
		return
	}
	for i, n := range counts {
		if n > 0 {
			c.bad("%s.%s: %d %s", at, list[i].path, n, list[i].says)
		}
	}
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

package shadow

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// writeStudy writes callback, tables, descriptions and roles in one transaction; password is the rehearser's.
func writeStudy(ctx context.Context, conn *pgx.Conn, spec Spec, password string) error {
	statements, err := studyStatements(conn, spec, password)
	if err != nil {
		return err
	}
	script := "BEGIN;\n" + strings.Join(statements, ";\n") + ";\nCOMMIT"
	if _, err := conn.PgConn().Exec(ctx, script).ReadAll(); err != nil {
		return fmt.Errorf("shadow: write study %q: %w", spec.Study.Name, err)
	}
	return nil
}

// writer renders statements; the first failure to quote a value stays in err.
type writer struct {
	conn       *pgx.Conn
	statements []string
	err        error
}

// add appends one statement.
func (w *writer) add(format string, args ...any) {
	w.statements = append(w.statements, fmt.Sprintf(format, args...))
}

// text renders a string literal; an empty one is NULL.
func (w *writer) text(s string) string {
	if s == "" {
		return "NULL"
	}
	escaped, err := w.conn.PgConn().EscapeString(s)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("shadow: %w", err)
	}
	return "'" + escaped + "'"
}

// texts renders a text array; an empty one is NULL.
func (w *writer) texts(list []string) string {
	if len(list) == 0 {
		return "NULL"
	}
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = w.text(s)
		if s == "" {
			parts[i] = "''"
		}
	}
	return "ARRAY[" + strings.Join(parts, ", ") + "]::text[]"
}

// studyStatements are all statements of one study and profile.
func studyStatements(conn *pgx.Conn, spec Spec, password string) ([]string, error) {
	w := &writer{conn: conn}
	w.role(rehearser, password)
	w.add("GRANT USAGE ON SCHEMA c2d_private TO %s", quote(rehearser))
	w.add("GRANT SELECT ON c2d_private.made_up TO %s", quote(rehearser))
	w.add("INSERT INTO c2d_private.callback VALUES (%s)", w.text(conninfo(spec)))
	w.add("REVOKE ALL ON DATABASE %s FROM PUBLIC", quote(spec.Study.Name))
	w.add("GRANT CONNECT ON DATABASE %s TO PUBLIC", quote(spec.Study.Name))
	for i := range spec.Study.Tables {
		table := &spec.Study.Tables[i]
		columns, visible := spec.Profile.columns(table)
		if !visible {
			continue
		}
		w.table(table, spec.Profile.table(table.Name), columns, spec.Profile.marked(table))
		w.describe(table, columns)
		if spec.Profile.marked(table) {
			w.showMadeUp(i, table, columns)
		}
	}
	for _, analyst := range spec.Analysts {
		if err := checkRole(analyst); err != nil {
			return nil, err
		}
		w.role(analyst.Name, analyst.Password)
	}
	return w.statements, w.err
}

// role makes a login that may nothing more than PUBLIC.
func (w *writer) role(name, password string) {
	w.add("CREATE ROLE %s LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %s", quote(name), w.text(password))
}

// maxName is PostgreSQL's limit of a name in bytes; it would cut longer ones in silence.
const maxName = 63

// checkRole refuses logins that cannot be roles of their own.
func checkRole(r Role) error {
	switch {
	case r.Name == superuser || r.Name == rehearser:
		return fmt.Errorf("shadow: analyst %q: reserved name", r.Name)
	case r.Name == "" || len(r.Name) > maxName:
		return fmt.Errorf("shadow: analyst %q: a name has 1 to %d bytes", r.Name, maxName)
	case r.Password == "":
		return fmt.Errorf("shadow: analyst %q: no password", r.Name)
	}
	return nil
}

// table creates one federated table as analysts see it, with the column Marker where its rows are made up.
func (w *writer) table(table *catalog.Table, visible ProfileTable, columns []catalog.Column, marked bool) {
	name := quote(table.Name)
	lines := make([]string, 0, len(columns)+1)
	hasUnit := false
	for _, c := range columns {
		line := quote(c.Name) + " " + c.SQLType()
		if !c.Nullable {
			line += " NOT NULL"
		}
		hasUnit = hasUnit || c.Name == table.Unit
		lines = append(lines, line)
	}
	if marked {
		lines = append(lines, quote(Marker)+" boolean NOT NULL")
	}
	if table.UniqueUnit && hasUnit {
		lines = append(lines, "PRIMARY KEY ("+quote(table.Unit)+")")
	}
	w.add("CREATE TABLE public.%s (%s)", name, strings.Join(lines, ", "))
	w.add("GRANT REFERENCES ON public.%s TO PUBLIC", name)
	w.add("COMMENT ON TABLE public.%s IS %s", name, w.text(tableComment(table, visible, hasUnit)))
	for _, c := range columns {
		w.add("COMMENT ON COLUMN public.%s.%s IS %s", name, quote(c.Name), w.text(columnComment(table, c, columns)))
	}
}

package federation

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// MappedTable is a table as its owner's database gives it. The zero value is not read.
type MappedTable struct {
	SQL     string                  // the owner's SELECT; its own text, without parameters
	Columns map[string]catalog.Type // every declared column
}

// errMapping says that the database is not as the owner declared it. It depends on types and settings alone, never on a row.
var errMapping = errors.New("the mapping does not give the declared columns")

// conforms holds the mappings of a task's tables to their declared types, before a row is read and in the transaction that
// reads: what owners compute is total over the declared types, and over no others. A fractional identifier, for one, would
// be rounded, and two persons be one key, which fails for some data and not for others (RULES 12). The locks of this look
// keep the types until the transaction ends.
func (s *Postgres) conforms(ctx context.Context, tx pgx.Tx, tables []string) error {
	conn := tx.Conn().PgConn()
	if encoding := conn.ParameterStatus("server_encoding"); !totalEncoding(encoding) {
		return fmt.Errorf("%w: the database is encoded in %s; text of it may not be UTF-8", errMapping, encoding)
	}
	for _, name := range tables {
		table, ok := s.mapping[name]
		if !ok || len(table.Columns) == 0 {
			return fmt.Errorf("%w: no mapping for table %q", errSQL, name)
		}
		text, _, err := substitute(table.SQL, "")
		if err != nil {
			return fmt.Errorf("mapping of table %q: %w", name, err)
		}
		description, err := conn.Prepare(ctx, "", text, nil)
		if err != nil {
			return err
		}
		if err := conform(description.Fields, table.Columns); err != nil {
			return fmt.Errorf("%w: table %q: %w", errMapping, name, err)
		}
	}
	return nil
}

// totalEncoding reports whether every text of a database in that encoding has a form in UTF-8.
func totalEncoding(name string) bool { return name == "UTF8" || name == "LATIN1" }

// conform compares what a mapping gives with what is declared. More columns than declared do no harm: c2dproxy check
// points them out.
func conform(fields []pgconn.FieldDescription, declared map[string]catalog.Type) error {
	found := map[string]bool{}
	for _, f := range fields {
		want, ok := declared[f.Name]
		switch {
		case !ok: // nothing reads it
		case found[f.Name]:
			return fmt.Errorf("column %q is there twice", f.Name)
		case typeOf(f.DataTypeOID) != want:
			return fmt.Errorf("column %q is declared %s and has another type", f.Name, want)
		}
		found[f.Name] = true
	}
	for name := range declared {
		if !found[name] {
			return fmt.Errorf("column %q is missing", name)
		}
	}
	return nil
}

// typeOf is the declared type that a column of PostgreSQL's type oid has; empty: none.
func typeOf(oid uint32) catalog.Type {
	switch oid {
	case 16:
		return catalog.Boolean
	case 21:
		return catalog.Smallint
	case 23:
		return catalog.Integer
	case oidInt8:
		return catalog.Bigint
	case 1700:
		return catalog.Numeric
	case 701:
		return catalog.Double
	case 25, 1043: // text, character varying
		return catalog.Text
	case 1082:
		return catalog.Date
	case 1114:
		return catalog.Timestamp
	case 1184:
		return catalog.Timestamptz
	}
	return ""
}

package conformance

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// wholeError is everything that a client can see of an error.
func wholeError(err error) string {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return fmt.Sprintf("%s %s\n%s\n%s\n%s\nposition %d %d\n%s\n%s %s %s %s %s", e.Severity, e.Code, e.Message, e.Detail, e.Hint,
			e.Position, e.InternalPosition, e.Where, e.SchemaName, e.TableName, e.ColumnName, e.DataTypeName, e.ConstraintName)
	}
	return err.Error()
}

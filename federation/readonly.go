package federation

import (
	"context"
	"fmt"
	"strings"
)

// mayWrite lists, in words, everything that the session's role could change: role attributes,
// memberships that write, and privileges on schemas, tables and columns outside the system's own.
const mayWrite = `
SELECT 'the role is a superuser' FROM pg_roles WHERE rolname = current_user AND rolsuper
UNION ALL SELECT 'the role may create databases or roles, replicate, or bypass row security' FROM pg_roles
  WHERE rolname = current_user AND (rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)
UNION ALL SELECT 'the role is a member of ' || rolname FROM pg_roles
  WHERE rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program', 'pg_database_owner')
    AND pg_has_role(current_user, oid, 'MEMBER')
UNION ALL SELECT 'the role may create schemas in the database'
  WHERE has_database_privilege(current_user, current_database(), 'CREATE')
UNION ALL SELECT 'the role may create objects in schema ' || quote_ident(nspname) FROM pg_namespace
  WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege(current_user, oid, 'CREATE')
UNION ALL SELECT DISTINCT 'the role may write table ' || c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (has_table_privilege(current_user, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
      OR has_any_column_privilege(current_user, c.oid, 'INSERT, UPDATE'))
LIMIT 20`

// ReadOnly checks that the role can only read; its error says, for the owner, what else it could do.
func (s *Postgres) ReadOnly(ctx context.Context) error {
	rows, err := s.pool.Query(ctx, mayWrite)
	if err != nil {
		return fmt.Errorf("check the source's role: %w", err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			return fmt.Errorf("check the source's role: %w", err)
		}
		found = append(found, what)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("check the source's role: %w", err)
	}
	if len(found) > 0 {
		return fmt.Errorf("the source's role can do more than read: %s", strings.Join(found, "; "))
	}
	return nil
}

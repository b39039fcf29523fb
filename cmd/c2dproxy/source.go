package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
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

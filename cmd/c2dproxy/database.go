package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connect opens a connection whose transactions can only read.
func connect(ctx context.Context, dsn string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errConnectionString // pgx's error may quote it
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["datestyle"] = "ISO"
	config.RuntimeParams["application_name"] = "c2dproxy"
	return pgx.ConnectConfig(ctx, config)
}

var errConnectionString = errors.New("the connection string is not understood; write postgres://role:password@host:5432/database")

// unreachable says why a database cannot be used, and where to look; where names the connection
// string's origin. A password is in none of these errors.
func unreachable(err error, where string) string {
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) {
		if errors.Is(err, errConnectionString) {
			return fmt.Sprintf("%s: %v", where, err)
		}
		lines := strings.Split(strings.TrimSpace(err.Error()), "\n") // pgx gives one line an attempt
		return fmt.Sprintf("the database is not reachable: %s; is it running, and is the address in %s right?", strings.TrimSpace(lines[len(lines)-1]), where)
	}
	switch refusal.Code {
	case "28P01":
		return fmt.Sprintf("the database refuses the role's password: %s; correct it in %s", refusal.Message, where)
	case "28000":
		return fmt.Sprintf("the database refuses the role: %s; look at its pg_hba.conf and at the role in %s", refusal.Message, where)
	case "3D000":
		return fmt.Sprintf("the database server answers, but %s; correct %s", refusal.Message, where)
	}
	return fmt.Sprintf("the database refuses the connection: %s (SQLSTATE %s); see %s", refusal.Message, refusal.Code, where)
}

// refused says what the database found wrong with a mapping SQL, for its author.
func refused(err error) string {
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) {
		return err.Error()
	}
	text := refusal.Message
	if refusal.Position > 0 {
		text += fmt.Sprintf(", at its character %d", refusal.Position)
	}
	if refusal.Code == "42501" {
		text += "; the owner of the database writes: GRANT SELECT ON … TO the role of dsn_file"
	}
	return fmt.Sprintf("%s (SQLSTATE %s)", text, refusal.Code)
}

package shadow

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// The parts of every server that no study changes, in the order they run.
var (
	//go:embed sql/functions.sql
	functionsSQL string
	//go:embed sql/views.sql
	viewsSQL string
	//go:embed sql/privileges.sql
	privilegesSQL string
	//go:embed sql/harden.sql
	hardenSQL string
)

// seedDatabase is the database that initdb makes and that becomes the study's.
const seedDatabase = "postgres"

// prepareTemplate makes the hardened cluster of dir if it does not exist yet. It is made
// beside dir and renamed, so that a crash or a second process leaves no half one.
func prepareTemplate(ctx context.Context, options pgserver.Options, dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	scratch, err := pgserver.NewScratch(filepath.Dir(dir), "c2dnew")
	if err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	defer func() { _ = scratch.Close() }() // what is left the next NewScratch sweeps
	options.Dir = filepath.Join(scratch.Dir, "t")
	server, err := pgserver.Start(ctx, options)
	if err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	if err := errors.Join(harden(ctx, server), server.Stop(ctx)); err != nil {
		return err
	}
	if err := os.Rename(options.Dir, dir); err != nil {
		if _, lost := os.Stat(dir); lost == nil {
			return nil // another process was first
		}
		return fmt.Errorf("shadow: %w", err)
	}
	return nil
}

// templateScript is what makes a template of a new cluster; templates are known by it.
func templateScript() string { return functionsSQL + viewsSQL + privilegesSQL + hardenSQL }

// harden writes schema c2d into the seed database, revokes, and drops template0.
func harden(ctx context.Context, server *pgserver.Server) error {
	return withConn(ctx, server, seedDatabase, func(conn *pgx.Conn) error {
		script := templateScript()
		if _, err := conn.PgConn().Exec(ctx, script).ReadAll(); err != nil {
			return fmt.Errorf("shadow: prepare: %w", err)
		}
		return dropDatabase(ctx, conn, "template0")
	})
}

// nameDatabase gives the seed database the study's name and drops the only other one.
func nameDatabase(ctx context.Context, server *pgserver.Server, name string) error {
	if name != seedDatabase {
		err := withConn(ctx, server, "template1", func(conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, "ALTER DATABASE "+seedDatabase+" RENAME TO "+quote(name))
			return err
		})
		if err != nil {
			return fmt.Errorf("shadow: name database %q: %w", name, err)
		}
	}
	return withConn(ctx, server, name, func(conn *pgx.Conn) error {
		return dropDatabase(ctx, conn, "template1")
	})
}

// dropDatabase drops one of initdb's template databases.
func dropDatabase(ctx context.Context, conn *pgx.Conn, name string) error {
	for _, statement := range []string{
		"ALTER DATABASE " + name + " IS_TEMPLATE false",
		"DROP DATABASE " + name,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("shadow: %s: %w", statement, err)
		}
	}
	return nil
}

// withConn runs do on a superuser's connection in read-write mode.
func withConn(ctx context.Context, server *pgserver.Server, database string, do func(*pgx.Conn) error) error {
	config, err := pgx.ParseConfig(server.DSN(database))
	if err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	config.RuntimeParams["default_transaction_read_only"] = "off"
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	return errors.Join(do(conn), conn.Close(ctx))
}

// ownCallback lets the server's account reach the gateway's callback socket.
func ownCallback(account pgserver.Account, spec Spec) error {
	socket := filepath.Join(spec.CallbackDir, ".s.PGSQL."+strconv.Itoa(spec.CallbackPort))
	if _, err := os.Stat(socket); err != nil {
		return fmt.Errorf("shadow: the callback server must listen first: %w", err)
	}
	for _, path := range []string{spec.CallbackDir, socket} {
		if err := account.Own(path); err != nil {
			return fmt.Errorf("shadow: %w", err)
		}
	}
	return nil
}

// conninfo is libpq's connection string of the callback server.
func conninfo(spec Spec) string {
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	var b strings.Builder
	for _, pair := range [][2]string{
		{"host", spec.CallbackDir}, {"port", strconv.Itoa(spec.CallbackPort)},
		{"user", spec.CallbackUser}, {"password", spec.CallbackPassword}, {"dbname", "c2d"},
		{"sslmode", "disable"}, {"gssencmode", "disable"}, {"connect_timeout", "5"}, {"client_encoding", "UTF8"},
	} {
		fmt.Fprintf(&b, "%s='%s' ", pair[0], escape.Replace(pair[1]))
	}
	return b.String()
}

// quote quotes an identifier.
func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// Oracle is one PostgreSQL server that holds all parties' data, which nobody in a real
// federation has: only a demonstration and tests can say what the exact answer is. Each study is
// a schema with a view for each logical table.
type Oracle struct {
	server *pgserver.Server
}

// StartOracle loads everybody's tables, each into a schema of its party, and maps them as the
// parties' own files do.
func (d *Deployment) StartOracle(ctx context.Context) (*Oracle, error) {
	server, err := pgserver.Start(ctx, pgserver.Options{
		Dir: filepath.Join(d.Dir, "oracle"), TemplateDir: filepath.Join(d.Dir, "template"), Random: rand.Reader, Throwaway: true,
	})
	if err != nil {
		return nil, err
	}
	o := &Oracle{server: server}
	if err := o.fill(ctx, d); err != nil {
		_ = server.Stop(context.WithoutCancel(ctx)) // the first error says more
		return nil, fmt.Errorf("oracle: %w", err)
	}
	return o, nil
}

// Connect opens a connection that sees the tables of a study.
func (o *Oracle) Connect(ctx context.Context, study string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(o.server.DSN("postgres"))
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["search_path"] = study
	config.RuntimeParams["TimeZone"] = "UTC"
	return pgx.ConnectConfig(ctx, config)
}

// Stop stops the server.
func (o *Oracle) Stop(ctx context.Context) error { return o.server.Stop(ctx) }

func (o *Oracle) fill(ctx context.Context, d *Deployment) error {
	conn, err := pgx.Connect(ctx, o.server.DSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	parts := map[[2]string][]string{} // study and table → one SELECT a party
	for i, p := range d.Parties {
		if err := loadSchema(ctx, conn, i); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, d.extra[p.Name]); err != nil {
			return err
		}
		config, err := catalog.Load(p.Config)
		if err != nil {
			return err
		}
		for _, study := range config.Studies() {
			for table, mapping := range config.Mappings(study) {
				view := fmt.Sprintf("%s_%s_%s", p.Name, study, table)
				if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE VIEW %s.%s AS %s", p.Name, view, mapping)); err != nil {
					return fmt.Errorf("mapping of %s.%s at %s: %w", study, table, p.Name, err)
				}
				at := [2]string{study, table}
				parts[at] = append(parts[at], fmt.Sprintf("SELECT * FROM %s.%s", p.Name, view))
			}
		}
	}
	for at, selects := range parts {
		sql := fmt.Sprintf("CREATE SCHEMA IF NOT EXISTS %s; CREATE VIEW %s.%s AS %s", at[0], at[0], at[1], strings.Join(selects, " UNION ALL "))
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// loadSchema loads a party's tables into a schema of its name and makes that the search path.
func loadSchema(ctx context.Context, conn *pgx.Conn, party int) error {
	if _, err := conn.Exec(ctx, fmt.Sprintf("CREATE SCHEMA %s; SET search_path = %s", partyNames[party], partyNames[party])); err != nil {
		return err
	}
	for _, t := range tablesOf(party) {
		if err := t.create(ctx, conn, func(string, int) {}); err != nil {
			return err
		}
	}
	return nil
}

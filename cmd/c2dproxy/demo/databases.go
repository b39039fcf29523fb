package demo

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"embed"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

//go:embed data/*.csv.gz
var dataFiles embed.FS

//go:embed schema/*.sql
var schemaFiles embed.FS

// database is one owner's private PostgreSQL server with its own data and nobody else's.
type database struct {
	server   *pgserver.Server
	readerPW string // of the role that the owner's proxy logs in as; it can only read
}

// table is one table to load: a bundled file, or generated rows.
type table struct {
	name string
	file string // of data/
	rows func() [][]string
}

// tablesOf says which tables lie in which party's database.
func tablesOf(party int) []table {
	trauma := table{name: "trauma_cases", rows: func() [][]string {
		var rows [][]string
		for _, c := range traumaCases()[party] {
			rows = append(rows, c.row())
		}
		return rows
	}}
	files := [3][]table{
		{{name: "nafld1", file: "nafld1"}, {name: "rotterdam", file: "rotterdam"}},
		{{name: "nafld2", file: "nafld2"}, {name: "gbsg", file: "gbsg"}},
		{{name: "nafld3", file: "nafld3"}},
	}
	return append(files[party], trauma)
}

// startDatabase starts a party's server in dir and loads its tables; report gets the rows
// loaded so far of each table.
func startDatabase(ctx context.Context, dir, template string, party int, report func(table string, rows int)) (*database, error) {
	server, err := pgserver.Start(ctx, pgserver.Options{
		Dir: filepath.Join(dir, "db"), TemplateDir: template, Listen: pgserver.Loopback, Random: rand.Reader, Throwaway: true,
		Settings: map[string]string{"shared_buffers": "64MB", "max_connections": "40"},
	})
	if err != nil {
		return nil, err
	}
	d := &database{server: server}
	if err := d.load(ctx, party, report); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
		defer cancel()
		return nil, errors.Join(fmt.Errorf("load %s: %w", partyNames[party], err), server.Stop(stop))
	}
	return d, nil
}

// load creates the tables of a party and the role that its proxy reads with.
func (d *database) load(ctx context.Context, party int, report func(string, int)) error {
	conn, err := pgx.Connect(ctx, d.server.DSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, t := range tablesOf(party) {
		if err := t.create(ctx, conn, report); err != nil {
			return err
		}
	}
	var secret [16]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return err
	}
	d.readerPW = hex.EncodeToString(secret[:])
	_, err = conn.Exec(ctx, `REVOKE CREATE, TEMPORARY ON DATABASE postgres FROM PUBLIC;
		REVOKE CREATE ON SCHEMA public FROM PUBLIC;
		CREATE ROLE c2d_reader LOGIN PASSWORD '`+d.readerPW+`';
		`+grantReader+`;
		ANALYZE`)
	return err
}

// grantReader lets the proxy's role read all tables that there are.
const grantReader = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO c2d_reader"

// create makes the table in the current schema and loads it.
func (t table) create(ctx context.Context, conn *pgx.Conn, report func(string, int)) error {
	schema, err := schemaFiles.ReadFile("schema/" + t.name + ".sql")
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, string(schema)); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if err := t.copyInto(ctx, conn, report); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// copyInto streams the rows as CSV and reports progress.
func (t table) copyInto(ctx context.Context, conn *pgx.Conn, report func(string, int)) error {
	var source io.Reader
	header := "false"
	if t.file != "" {
		packed, err := dataFiles.ReadFile("data/" + t.file + ".csv.gz")
		if err != nil {
			return err
		}
		if source, err = gzip.NewReader(bytes.NewReader(packed)); err != nil {
			return err
		}
		header = "true"
	} else {
		var text bytes.Buffer
		if err := csv.NewWriter(&text).WriteAll(t.rows()); err != nil {
			return err
		}
		source = &text
	}
	progress := &lineCounter{from: source, report: func(n int) { report(t.name, n) }}
	_, err := conn.PgConn().CopyFrom(ctx, progress, "COPY "+t.name+" FROM STDIN (FORMAT csv, HEADER "+header+")")
	return err
}

// readerDSN is what the owner's proxy connects with.
func (d *database) readerDSN() string {
	return fmt.Sprintf("postgres://c2d_reader:%s@127.0.0.1:%d/postgres?sslmode=disable", d.readerPW, d.server.Port())
}

// lineCounter counts the lines that pass, for the progress display.
type lineCounter struct {
	from   io.Reader
	lines  int
	report func(lines int)
}

// Read implements io.Reader.
func (c *lineCounter) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.lines += bytes.Count(p[:n], []byte{'\n'})
	c.report(c.lines)
	return n, err
}

// exec runs statements as the superuser; empty text does nothing.
func (d *database) exec(ctx context.Context, sql string) error {
	if sql == "" {
		return nil
	}
	conn, err := pgx.Connect(ctx, d.server.DSN("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, sql)
	return err
}

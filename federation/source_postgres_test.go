package federation_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/federation/federationtest"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// A salt does not print, in whatever way.
func TestSaltDoesNotPrint(t *testing.T) {
	t.Parallel()
	salt := federation.Salt([]byte("hunter2 hunter2 hunter2 hunter2!"))
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "salt", salt)
	for _, s := range []string{fmt.Sprint(salt), fmt.Sprintf("%+v", salt), fmt.Sprintf("%#v", salt)} {
		if s != "[salt]" {
			t.Errorf("printed %q", s)
		}
	}
	if !strings.Contains(log.String(), `"salt":"[salt]"`) {
		t.Errorf("logged %s", &log)
	}
}

// startServer starts a private PostgreSQL with the suite's schema and a role that can only read.
func startServer(t *testing.T) *pgserver.Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "c2d-source-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: dir + "/pg", Random: rand.Reader, Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	conn, err := pgx.Connect(ctx, server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, federationtest.Schema+
		"CREATE ROLE reader LOGIN PASSWORD 'r'; GRANT SELECT ON person TO reader; CREATE ROLE writer LOGIN PASSWORD 'w'; GRANT SELECT, UPDATE (x) ON person TO writer"); err != nil {
		t.Fatal(err)
	}
	return server
}

// dsnOf is the server's connection string for another role.
func dsnOf(t *testing.T, server *pgserver.Server, user, password string) string {
	t.Helper()
	config, err := pgx.ParseConfig(server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	return "host=" + config.Host + " port=" + "5432" + " dbname=postgres user=" + user + " password=" + password + " sslmode=disable"
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	var log lockedBuffer
	salt := federation.Salt{1, 2, 3}
	open := func(user, password string) *federation.Postgres {
		source, err := federation.NewPostgres(t.Context(), federation.PostgresOptions{DSN: dsnOf(t, server, user, password),
			Mapping: federationtest.Mapping(), Salt: salt, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(source.Close)
		return source
	}
	source := open("reader", "r")
	federationtest.TestSource(t, source, hex.EncodeToString(salt[:]))
	if s := log.String(); strings.Contains(s, federationtest.Canary) || !strings.Contains(s, "sqlstate=") {
		t.Errorf("the log holds row data, or nothing: %s", s)
	}
	if err := source.ReadOnly(t.Context()); err != nil {
		t.Errorf("the reader: %v", err)
	}
	if err := open("writer", "w").ReadOnly(t.Context()); err == nil || !strings.Contains(err.Error(), "write table person") {
		t.Errorf("the writer: %v", err)
	}
	name, password := server.Superuser()
	if err := open(name, password).ReadOnly(t.Context()); err == nil || !strings.Contains(err.Error(), "superuser") {
		t.Errorf("the superuser: %v", err)
	}
}

// A source's session means the same at every owner, whatever the role, the database or the connection string say
// (RULES 5).
func TestSessionIsPinned(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	execute(t, server.DSN("postgres"), `ALTER ROLE reader SET timezone = 'Asia/Tokyo'; ALTER ROLE reader SET datestyle = 'SQL, DMY'; ALTER ROLE reader SET intervalstyle = 'iso_8601';
		ALTER ROLE reader SET extra_float_digits = -5; ALTER ROLE reader SET bytea_output = 'escape'; ALTER ROLE reader SET search_path = 'evil';
		ALTER ROLE reader SET standard_conforming_strings = off; ALTER ROLE reader SET default_transaction_read_only = off;
		ALTER ROLE reader SET default_transaction_isolation = 'read committed'`)
	source, err := federation.NewPostgres(t.Context(), federation.PostgresOptions{DSN: dsnOf(t, server, "reader", "r"), Salt: federation.Salt{1}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	names := []string{"TimeZone", "DateStyle", "IntervalStyle", "extra_float_digits", "bytea_output", "search_path", "standard_conforming_strings",
		"transaction_read_only", "transaction_isolation", "client_encoding"}
	task := sqlplan.LocalTask{Rows: 1}
	var list []string
	for _, name := range names {
		task.Columns = append(task.Columns, sqlplan.LocalColumn{Name: name, Kind: sqlplan.Key})
		list = append(list, "pg_catalog.convert_to(pg_catalog.current_setting('"+name+"'), 'UTF8')")
	}
	// Two keys in a task are refused further on; a source reads what it is asked.
	task.SQL = "SELECT " + strings.Join(list, ", ")
	record, err := source.Read(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	defer record.Release()
	for i, want := range []string{"UTC", "ISO, YMD", "postgres", "1", "hex", "pg_catalog, public, pg_temp", "on", "on", "repeatable read", "UTF8"} {
		if got := string(record.Column(i).(*array.Binary).Value(0)); got != want {
			t.Errorf("%s is %q, want %q", names[i], got, want)
		}
	}
}

// A database whose encoding has text that is not UTF-8 is not read at all: a read would fail for some data (RULES 12).
func TestEncoding(t *testing.T) {
	t.Parallel()
	server := startServer(t)
	execute(t, server.DSN("postgres"), "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	execute(t, server.DSN("postgres"), "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	execute(t, server.DSN("postgres"), "CREATE DATABASE windows ENCODING 'WIN1252' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	for database, fine := range map[string]bool{"postgres": true, "latin": true, "ascii": false, "windows": false} {
		for _, id := range []string{"'a'", `E'\x81'`} {
			if database == "postgres" {
				id = "'a'"
			}
			source, err := federation.NewPostgres(t.Context(), federation.PostgresOptions{
				DSN: strings.Replace(dsnOf(t, server, "reader", "r"), "dbname=postgres", "dbname="+database, 1), Salt: federation.Salt{1}, Logger: slog.New(slog.DiscardHandler),
				Mapping: map[string]federation.MappedTable{"people": {SQL: "SELECT " + id + "::text AS id", Columns: map[string]catalog.Type{"id": catalog.Text}}}})
			if err != nil {
				t.Fatal(err)
			}
			record, err := source.Read(t.Context(), sqlplan.LocalTask{Tables: []string{"people"}, Rows: 1, Columns: []sqlplan.LocalColumn{{Name: "k", Kind: sqlplan.Key}},
				SQL: "SELECT pg_catalog.convert_to(id, 'UTF8') AS k FROM people"})
			switch {
			case err == nil:
				record.Release()
			case !strings.Contains(err.Error(), "columns that its owner declared"):
				fine = !fine // it was read, and failed
			}
			if (err == nil) != fine {
				t.Errorf("%s, %s: %v", database, id, err)
			}
			source.Close()
		}
	}
}

// execute runs statements.
func execute(t *testing.T, dsn, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

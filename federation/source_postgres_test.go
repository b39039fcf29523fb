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

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/federation/federationtest"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
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

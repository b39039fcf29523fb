package proxy

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// A party whose table holds more units than its owner signed must not start: the noise of joins
// relies on the bound.
func TestBrokenBoundIsNotServed(t *testing.T) {
	t.Parallel()
	dsn := threeUnits(t)
	for _, c := range []struct {
		units   int
		bounded bool
		fine    bool
	}{{3, true, true}, {2, true, false}, {2, false, true}} {
		config := boundedParty(t, dsn, c.units, c.bounded)
		s, err := openSources(t.Context(), config, slog.New(slog.DiscardHandler))
		if err == nil {
			s.close()
		}
		if (err == nil) != c.fine || err != nil && !strings.Contains(err.Error(), "raise units, or remove bounded") {
			t.Errorf("3 units, %d declared, bounded %t: %v", c.units, c.bounded, err)
		}
	}
}

// The owner reads in its log which table holds more than declared, without a number (RULES 13).
func TestExcessIsShownToTheOwner(t *testing.T) {
	t.Parallel()
	dsn := threeUnits(t) // 4 rows
	for _, c := range []struct{ rows, units, says string }{
		{"10", "3", ""}, {"4", "3", ""}, {"10", "2", "rows=false units=true"}, {"3", "3", "rows=true units=false"}, {"3", "2", "rows=true units=true"},
	} {
		config := boundedParty(t, dsn, 3, false)
		text, err := os.ReadFile(config.Name)
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.NewReplacer("rows: 10", "rows: "+c.rows, "units: 3", "units: "+c.units).Replace(string(text))
		if err := os.WriteFile(config.Name, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if config, err = catalog.Load(config.Name); err != nil {
			t.Fatal(err)
		}
		var log safeLog
		s, err := openSources(t.Context(), config, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		s.compareBounds(t.Context(), config, slog.New(slog.NewTextHandler(&log, nil)))
		s.close()
		said := log.String()
		if c.says == "" && said != "" || c.says != "" && (!strings.Contains(said, c.says) || !strings.Contains(said, "table=t")) {
			t.Errorf("4 rows of 3 units, %s and %s declared: the log says %q", c.rows, c.units, said)
		}
	}
}

// safeLog is a log that several goroutines write.
type safeLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// threeUnits starts a database with a table of three units and returns its reader's DSN.
func threeUnits(t *testing.T) string {
	t.Helper()
	scratch, err := pgserver.NewScratch("", "c2d-sources")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scratch.Close() })
	server, err := pgserver.Start(t.Context(), pgserver.Options{
		Dir: filepath.Join(scratch.Dir, "d"), Listen: pgserver.Loopback, Random: rand.Reader, Throwaway: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.WithoutCancel(t.Context())) })
	conn, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `CREATE TABLE t (id integer); INSERT INTO t VALUES (1), (2), (2), (3);
		REVOKE CREATE, TEMPORARY ON DATABASE postgres FROM PUBLIC; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
		CREATE ROLE reader LOGIN PASSWORD 'r'; GRANT SELECT ON t TO reader`); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("postgres://reader:r@127.0.0.1:%d/postgres?sslmode=disable", server.Port())
}

// boundedParty is the configuration of an owner of one table.
func boundedParty(t *testing.T, dsn string, units int, bounded bool) *catalog.Config {
	t.Helper()
	dir := t.TempDir()
	text := "party: a\ninstitution: Institute a\nidentity: {key_file: k}\nstate_dir: .\npeers:\n"
	for _, other := range []string{"b", "c"} {
		text += fmt.Sprintf("  - {party: %s, institution: Institute %s, key: %q, connect: accept}\n", other, other, keys[other])
	}
	text += fmt.Sprintf(`source: {postgres: {dsn_file: dsn}}
caps: {t: {epsilon: 5, delta: 1e-6}}
listen: {peers: "127.0.0.1:1"}
studies:
  s:
    compute: [a, b, c]
    tables:
      t:
        source: t
        sql: SELECT id FROM t
        rows: 10
        units: %d
        bounded: %t
        unit: id
        unit_kind: person
        unit_ids: shared
        groups_per_unit: 1
        rows_per_group: 1
        columns: {id: {type: integer, nullable: false, visibility: join-only, uses: [join]}}
`, units, bounded)
	for name, content := range map[string]string{"a.yaml": text, "dsn": dsn} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := catalog.Load(filepath.Join(dir, "a.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

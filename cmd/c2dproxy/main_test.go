package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"c2dproxy": func() {
			os.Exit(Run(context.Background(), os.Args[1:], Stdio{os.Stdin, os.Stdout, os.Stderr}))
		},
	})
}

// hospital is what the scripts' database holds; reader can only read, writer has a grant too many.
const hospital = `
CREATE SCHEMA hospital;
CREATE TABLE hospital.patients (id integer PRIMARY KEY, sex text NOT NULL, age smallint, weight double precision, doc jsonb);
COMMENT ON TABLE hospital.patients IS 'All "patients": a test';
INSERT INTO hospital.patients SELECT i, CASE WHEN i % 2 = 0 THEN 'f' ELSE 'm' END, 20 + i % 70, 50 + i / 10.0, '{}' FROM generate_series(1, 200) i;
CREATE ROLE reader LOGIN PASSWORD 'reader';
CREATE ROLE writer LOGIN PASSWORD 'tränen';
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA hospital TO reader, writer;
GRANT SELECT ON ALL TABLES IN SCHEMA hospital TO reader, writer;
GRANT INSERT (sex), DELETE ON hospital.patients TO writer;
GRANT pg_write_all_data TO writer;
`

// postgres starts a server with hospital in it and returns a function from a role to its DSN.
func postgres(t *testing.T) (admin string, as func(role, password string) string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	scratch, err := pgserver.NewScratch("", "c2dcmd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := scratch.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := pgserver.Start(ctx, pgserver.Options{Dir: filepath.Join(scratch.Dir, "pg"), Listen: pgserver.Loopback, Random: rand.Reader, Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	})
	admin = s.TCPDSN("postgres")
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, hospital); err != nil {
		t.Fatal(err)
	}
	return admin, func(role, password string) string {
		u, err := url.Parse(admin)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(role, password)
		return u.String()
	}
}

func TestScripts(t *testing.T) {
	admin, as := postgres(t)
	scripts, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Files: scripts,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ADMIN", admin)
			env.Setenv("READER", as("reader", "reader"))
			env.Setenv("WRITER", as("writer", "tränen"))
			for name, dsn := range map[string]string{"reader.dsn": "READER", "writer.dsn": "WRITER", "admin.dsn": "ADMIN"} {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(env.Getenv(dsn)+"\n"), 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"mode": checkMode, "pin": pin, "fixtype": fixType},
	})
}

// checkMode is the script command: mode -rw------- FILE…
func checkMode(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := info.Mode().Perm().String(); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", file, info.Mode().Perm(), args[0])
		}
	}
}

// pin is the script command: pin FILE…, which puts the fingerprints in a.fp, b.fp and c.fp into files.
func pin(ts *testscript.TestScript, _ bool, files []string) {
	for _, file := range files {
		text := ts.ReadFile(file)
		for _, party := range []string{"a", "b", "c"} {
			text = strings.ReplaceAll(text, "KEY_"+party, strings.TrimSpace(ts.ReadFile(party+".fp")))
		}
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// fixType is the script command: fixtype FILE, which declares the type that the mapping gives.
func fixType(ts *testscript.TestScript, _ bool, files []string) {
	for _, file := range files {
		text := strings.ReplaceAll(ts.ReadFile(file), "numeric(6,2)", "numeric(6,1)")
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// PostgreSQL's own verifiers, made again from their salts.
func TestVerifierIsPostgreSQLs(t *testing.T) {
	admin, _ := postgres(t)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, password := range []string{"simple", "pass word", "tränen", "I\u00adX", "\u2168", "a\u00a0b", "\u0627\u0031", "x\u0007y", "ａｂｃ", "🦊"} {
		var want string
		quoted := strings.ReplaceAll(password, "'", "''")
		if _, err := conn.Exec(ctx, "DROP ROLE IF EXISTS probe; CREATE ROLE probe PASSWORD '"+quoted+"'"); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(ctx, "SELECT rolpassword FROM pg_authid WHERE rolname = 'probe'").Scan(&want); err != nil {
			t.Fatal(err)
		}
		salt, err := base64.StdEncoding.DecodeString(strings.Split(strings.Split(want, "$")[1], ":")[1])
		if err != nil {
			t.Fatal(err)
		}
		got, err := catalog.Verifier(password, salt, catalog.Iterations)
		if err != nil || got != want {
			t.Errorf("password %q: verifier %s, %v; PostgreSQL's is %s", password, got, err, want)
		}
		if err := catalog.CheckVerifier(want); err != nil {
			t.Error(err)
		}
	}
}

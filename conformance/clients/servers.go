package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/cmd/c2dproxy/demo"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// The study of the conformance tests, in which rosa gets exact answers: those can be compared.
const (
	study   = "trial"
	analyst = "rosa"
	trial   = "conformance/testdata/trial/"
)

// endpoint is a server to connect to.
type endpoint struct {
	server   string // "gateway" or "plain"
	port     int
	password string
	root     string // file of the certificate to verify; empty: no TLS
}

// environment is how libpq and the scripts are told.
func (e endpoint) environment() []string {
	mode := "disable"
	if e.root != "" {
		mode = "verify-ca"
	}
	return []string{"C2D_SERVER=" + e.server, "PGHOST=127.0.0.1", "PGPORT=" + strconv.Itoa(e.port), "PGUSER=" + analyst,
		"PGPASSWORD=" + e.password, "PGDATABASE=" + study, "PGSSLMODE=" + mode, "PGSSLROOTCERT=" + e.root,
		"LC_ALL=C.UTF-8", "TZ=UTC", "PGTZ=UTC", "PAGER=cat"}
}

// servers are the federation and the plain PostgreSQL.
type servers struct {
	gateway, plain endpoint
	federation     *demo.Deployment
	scratch        *pgserver.Scratch
	database       *pgserver.Server
}

// start starts both. On error nothing is left running.
func start(ctx context.Context, program string) (_ *servers, err error) {
	if program, err = filepath.Abs(program); err != nil {
		return nil, err
	}
	s := &servers{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	statements := map[string]string{}
	for _, party := range []string{"clinic", "lab", "registry"} {
		text, err := os.ReadFile(trial + party + ".sql")
		if err != nil {
			return nil, err
		}
		statements[party] = string(text)
	}
	s.federation, err = demo.Deploy(ctx, demo.Options{Program: program, Prepare: addStudy, Statements: statements})
	if err != nil {
		return nil, fmt.Errorf("%w\n(conformance/clients/deps installs what is missing)", err)
	}
	clinic := s.federation.Party("clinic")
	s.gateway = endpoint{server: "gateway", port: clinic.Analysts, password: s.federation.Passwords[analyst], root: clinic.Certificate()}
	return s, s.startPlain(ctx, statements)
}

// addStudy puts the study, its logins and caps into a party's file.
func addStudy(p *demo.Party) error {
	text, err := os.ReadFile(p.Config)
	if err != nil {
		return err
	}
	declared, err := os.ReadFile(trial + p.Name + ".yaml")
	if err != nil {
		return err
	}
	caps := map[string]string{}
	for line := range strings.Lines(string(declared)) {
		if source, ok := strings.CutPrefix(strings.TrimSpace(line), "source: "); ok {
			caps[source] = "\n  " + source + ": {epsilon: 100000, delta: 1e-2}"
		}
	}
	var all strings.Builder
	for _, line := range caps {
		all.WriteString(line)
	}
	out := strings.Replace(string(text), "\ncaps:", "\ncaps:"+all.String(), 1)
	for _, login := range []string{"rosa", "tom"} {
		if !strings.Contains(out, login+".verifier") {
			out = strings.Replace(out, "\nanalysts:", fmt.Sprintf("\nanalysts:\n  %s: {verifier_file: %s.verifier}", login, login), 1)
		}
	}
	return os.WriteFile(p.Config, []byte(out+string(declared)), 0o600)
}

// startPlain starts a PostgreSQL that holds everybody's rows in tables as the gateway shows them.
func (s *servers) startPlain(ctx context.Context, statements map[string]string) (err error) {
	if s.scratch, err = pgserver.NewScratch("", "c2d-clients"); err != nil {
		return err
	}
	s.database, err = pgserver.Start(ctx, pgserver.Options{Dir: filepath.Join(s.scratch.Dir, "plain"), Listen: pgserver.Loopback,
		Superuser: "c2dproxy", Random: rand.Reader, Throwaway: true})
	if err != nil {
		return err
	}
	s.plain = endpoint{server: "plain", port: s.database.Port(), password: "plain"}
	if err := execute(ctx, s.database.DSN("postgres"), "CREATE DATABASE "+study); err != nil {
		return err
	}
	schema, err := os.ReadFile("conformance/clients/plain.sql")
	if err != nil {
		return err
	}
	var script strings.Builder
	for party, text := range statements {
		fmt.Fprintf(&script, "CREATE SCHEMA %s; SET search_path = %s;\n%s;\n", party, party, text)
	}
	script.WriteString("SET search_path = public;\n" + string(schema))
	if err := execute(ctx, s.database.DSN(study), script.String()); err != nil {
		return err
	}
	if err := s.copyComments(ctx); err != nil {
		return err
	}
	for _, other := range []string{"postgres", "template0", "template1"} { // a gateway lists its study alone
		for _, statement := range []string{"ALTER DATABASE " + other + " IS_TEMPLATE false", "DROP DATABASE " + other} {
			if err := execute(ctx, s.database.DSN(study), statement); err != nil {
				return err
			}
		}
	}
	return nil
}

// comments are the statements that say what the gateway says about tables and columns.
const comments = `SELECT coalesce(string_agg(CASE d.objsubid WHEN 0 THEN format('COMMENT ON TABLE %I IS %L', c.relname, d.description)
	ELSE format('COMMENT ON COLUMN %I.%I IS %L', c.relname, a.attname, d.description) END, '; '), '')
	FROM pg_description d JOIN pg_class c ON d.classoid = 'pg_class'::regclass AND c.oid = d.objoid AND c.relkind = 'r'
	LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid WHERE c.relnamespace = 'public'::regnamespace`

// copyComments gives the plain server the gateway's comments: what they say is the owners' terms, and how
// clients show them is what is compared.
func (s *servers) copyComments(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=%s sslmode=verify-ca sslrootcert=%s",
		s.gateway.port, analyst, s.gateway.password, study, s.gateway.root))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var script string
	if err := conn.QueryRow(ctx, comments).Scan(&script); err != nil {
		return err
	}
	if script == "" {
		return errors.New("the gateway comments on no table")
	}
	return execute(ctx, s.database.DSN(study), script)
}

// execute runs statements as the superuser.
func execute(ctx context.Context, dsn, sql string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, sql)
	return err
}

// close stops everything.
func (s *servers) close() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if s.database != nil {
		err = s.database.Stop(ctx)
	}
	if s.scratch != nil {
		err = errors.Join(err, s.scratch.Close())
	}
	if s.federation != nil {
		err = errors.Join(err, s.federation.Close())
	}
	return err
}

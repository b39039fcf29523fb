// Command clients runs other people's database clients against a federation and against a plain
// PostgreSQL with the same tables, and compares what they saw.
//
// Contract: it is started in the root of the source tree (make clients), starts everything it
// needs on loopback, and stops it. A client is a script that is told by libpq's environment variables
// where to connect, and by C2D_SERVER whether that is the gateway or the plain server. It prints, separated by tabs,
//
//	v VERSION       of what is tried
//	= NAME VALUE    what it saw; must be equal at both servers, or stand in differences.txt
//	+ NAME          an expectation about this server that holds
//	- NAME VALUE    one that does not
//
// and anything else is a comment. A script that ends with another code than 0 has failed. The last line of all says how many
// comparisons and expectations held.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// client is one program to try.
type client struct {
	name    string
	command []string // run in conformance/clients
}

// Debian's Python has Debian's packages; the other one, made by deps, has those that requirements.txt pins.
const (
	python  = "/usr/bin/python3"
	current = "../../bin/clients/venv/bin/python"
)

// clients in the order of the report: those that take longest first, so that none is waited for at the end.
var clients = []client{
	{"raw", []string{"go", "run", "./golang/raw"}},
	{"psql", []string{python, "-B", "python/psql_session.py"}},
	{"pgcli", []string{current, "-B", "python/pgcli_session.py"}},
	{"pgx", []string{"go", "run", "./golang/pgx"}},
	{"jdbc", []string{"java", "-cp", "/usr/share/java/postgresql.jar", "jdbc/Session.java"}},
	{"jdbc-current", []string{"java", "-cp", "../../bin/clients/postgresql.jar", "jdbc/Session.java"}},
	{"odbc", []string{python, "-B", "python/odbc_session.py"}},
	{"psycopg2", []string{python, "-B", "python/psycopg2_session.py"}},
	{"psycopg3", []string{python, "-B", "python/psycopg3_session.py"}},
	{"psycopg3-current", []string{current, "-B", "python/psycopg3_session.py"}},
	{"pg8000", []string{current, "-B", "python/pg8000_session.py"}},
	{"sqlalchemy", []string{python, "-B", "python/sqlalchemy_session.py"}},
	{"sqlalchemy-current", []string{current, "-B", "python/sqlalchemy_session.py"}},
	{"pandas", []string{python, "-B", "python/pandas_session.py"}},
	{"pandas-current", []string{current, "-B", "python/pandas_session.py"}},
	{"asyncpg", []string{python, "-B", "python/asyncpg_session.py"}},
	{"asyncpg-current", []string{current, "-B", "python/asyncpg_session.py"}},
	{"adbc", []string{current, "-B", "python/adbc_session.py"}},
	{"node-pg", []string{"node", "node/session.js"}},
	{"postgres.js", []string{"node", "node/postgresjs.js"}},
	{"perl", []string{"perl", "perl/session.pl"}},
	{"r", []string{"Rscript", "--vanilla", "r/session.R"}},
	{"pq", []string{"go", "run", "./golang/pq"}},
	{"types", []string{"go", "run", "./golang/types"}},
	{"types-psycopg3", []string{current, "-B", "python/types_session.py", "psycopg"}},
	{"types-asyncpg", []string{current, "-B", "python/types_session.py", "asyncpg"}},
}

func main() {
	program := flag.String("program", "bin/c2dproxy", "the c2dproxy executable")
	only := flag.String("only", "", "names of clients, separated by commas; empty: all")
	parallel := flag.Int("parallel", 2, "clients at the same time")
	verbose := flag.Bool("v", false, "print every line of the scripts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	count, err := run(ctx, *program, strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }), *parallel, *verbose)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		count.failed++
	}
	fmt.Printf("%d passed, %d failed\n", count.passed, count.failed)
	if count.failed > 0 {
		os.Exit(1)
	}
}

// run starts both servers and all chosen clients.
func run(ctx context.Context, program string, only []string, parallel int, verbose bool) (all tally, err error) {
	chosen, err := choose(only)
	if err != nil {
		return all, err
	}
	meant, err := readDifferences("conformance/clients/differences.txt")
	if err != nil {
		return all, err
	}
	servers, err := start(ctx, program)
	if err != nil {
		return all, err
	}
	defer func() { err = errors.Join(err, servers.close()) }()
	began := make([]chan outcome, len(chosen)) // one for each client, so that the report keeps their order
	for i := range began {
		began[i] = make(chan outcome, 1)
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	go func() {
		for i, c := range chosen {
			group.Go(func() error {
				began[i] <- c.meet(ctx, servers)
				return nil
			})
		}
	}()
	for i, c := range chosen {
		one := (<-began[i]).report(c.name, meant, verbose)
		all.passed, all.failed = all.passed+one.passed, all.failed+one.failed
	}
	if len(only) == 0 {
		for _, d := range meant {
			if !d.met {
				fmt.Printf("    differences.txt lists %s %s, which no longer differs\n", d.client, d.name)
				all.failed++
			}
		}
	}
	return all, nil
}

// outcome is what one client saw at both servers.
type outcome struct {
	gateway, plain transcript
	took           time.Duration
	err            error
}

// meet runs a client against both servers, at the same time.
func (c client) meet(ctx context.Context, s *servers) (o outcome) {
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		o.gateway, err = c.run(ctx, s.gateway)
		return err
	})
	group.Go(func() (err error) {
		o.plain, err = c.run(ctx, s.plain)
		return err
	})
	o.err = group.Wait()
	o.took = time.Since(began)
	return o
}

// report prints what was found and counts it.
func (o outcome) report(name string, meant []*difference, verbose bool) tally {
	if o.err != nil {
		fmt.Printf("    %s: %v\n", name, o.err)
		return tally{failed: 1}
	}
	if verbose {
		fmt.Printf("--- %s at the gateway\n%s--- %s at the plain server\n%s", name, o.gateway.output, name, o.plain.output)
	}
	count, complaints := compare(name, o.gateway, o.plain, meant)
	for _, line := range complaints {
		fmt.Println("    " + line)
	}
	fmt.Printf("%-18s %4d passed, %d failed, %3.0f s   %s\n", name, count.passed, count.failed, o.took.Seconds(), o.gateway.version)
	return count
}

// choose finds clients by name.
func choose(only []string) ([]client, error) {
	if len(only) == 0 {
		return clients, nil
	}
	var chosen []client
	for _, name := range only {
		found := false
		for _, c := range clients {
			if c.name == name {
				chosen, found = append(chosen, c), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no client %q", name)
		}
	}
	return chosen, nil
}

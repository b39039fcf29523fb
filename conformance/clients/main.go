// Command clients runs other people's database clients against a federation and against a plain
// PostgreSQL with the same tables, and compares what they saw.
//
// Contract: it is started in the root of the source tree (make clients), starts everything it
// needs on loopback, and stops it. A client is a script that is told by libpq's environment variables
// where to connect, and by C2D_SERVER whether that is the gateway or the plain server. It prints, separated by tabs,
//
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
)

// client is one program to try.
type client struct {
	name    string
	command []string // run in conformance/clients
}

// python is Debian's own: another one in PATH would not have Debian's packages.
const python = "/usr/bin/python3"

// clients in the order of the report.
var clients = []client{
	{"jdbc", []string{"java", "-cp", "/usr/share/java/postgresql.jar", "jdbc/Session.java"}},
	{"psycopg3", []string{python, "-B", "python/psycopg3_session.py"}},
	{"sqlalchemy", []string{python, "-B", "python/sqlalchemy_session.py"}},
	{"pandas", []string{python, "-B", "python/pandas_session.py"}},
	{"asyncpg", []string{python, "-B", "python/asyncpg_session.py"}},
	{"node-pg", []string{"node", "node/session.js"}},
	{"odbc", []string{python, "-B", "python/odbc_session.py"}},
	{"perl", []string{"perl", "perl/session.pl"}},
	{"r", []string{"Rscript", "--vanilla", "r/session.R"}},
	{"psql", []string{python, "-B", "python/psql_session.py"}},
}

func main() {
	program := flag.String("program", "bin/c2dproxy", "the c2dproxy executable")
	only := flag.String("only", "", "names of clients, separated by commas; empty: all")
	verbose := flag.Bool("v", false, "print every line of the scripts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	count, err := run(ctx, *program, strings.FieldsFunc(*only, func(r rune) bool { return r == ',' }), *verbose)
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
func run(ctx context.Context, program string, only []string, verbose bool) (all tally, err error) {
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
	for _, c := range chosen {
		began := time.Now()
		gateway, err := c.run(ctx, servers.gateway)
		if err != nil {
			return all, err
		}
		plain, err := c.run(ctx, servers.plain)
		if err != nil {
			return all, err
		}
		if verbose {
			fmt.Printf("--- %s at the gateway\n%s--- %s at the plain server\n%s", c.name, gateway.output, c.name, plain.output)
		}
		one, complaints := compare(c.name, gateway, plain, meant)
		for _, line := range complaints {
			fmt.Println("    " + line)
		}
		fmt.Printf("%-12s %4d passed, %d failed, %.0f s\n", c.name, one.passed, one.failed, time.Since(began).Seconds())
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

// Command raw sends what well-behaved drivers never send, beside what they do, and shows every
// message that comes back.
package main

import (
	"fmt"
	"log"
	"os"
	"regexp"
	"strings"

	"github.com/jackc/pgproto3/v2"

	"github.com/c2dproxy/c2dproxy/conformance/clients/golang"
)

func main() {
	golang.Version("github.com/jackc/pgproto3/v2")
	c, err := golang.Dial()
	if err != nil {
		log.Fatal(err)
	}
	for _, group := range [][]step{simple(), extended(), errorsOf(), shared(), settings(), copies()} {
		for _, s := range group {
			golang.Same(s.name, func() (any, error) {
				got, err := c.Ask(syncs(s.messages), s.messages...)
				if strings.HasPrefix(s.name, "cursor: ") {
					got = origin.ReplaceAllString(fmt.Sprint(got), "$1")
				}
				return got, err
			})
		}
	}
	golang.Same("Flush without Sync", func() (any, error) { return flushed(c) })
	for _, s := range []step{query("SELECT count(*) FROM people WHERE age > $1"), all("COPY of an unknown column", parse("", "COPY (SELECT nothing FROM people) TO STDOUT"), bind("", ""), execute("", 0), sync)} {
		expect(s.name, map[bool]string{true: "42P02", false: "42703"}[strings.HasPrefix(s.name, "simple")], func() (any, error) { return c.Ask(1, s.messages...) })
	}
	if golang.Gateway() {
		refused(c)
	}
	fatal()
	starts()
}

// refused is what the gateway closes to analysts, with the SQLSTATE of each.
func refused(c *golang.Conn) {
	for text, state := range map[string]string{"LISTEN x": "25006", "NOTIFY x": "25006", "VACUUM": "25006", "ANALYZE people": "25006", "CHECKPOINT": "25006", "LOCK people": "25006", "LOAD 'x'": "25006",
		"COPY (SELECT 1) TO '/tmp/x'": "25006", "COPY (SELECT 1) TO PROGRAM 'true'": "25006", "COPY people FROM STDIN": "25006", "DO $$ BEGIN END $$": "25006", "CREATE TABLE x (a int)": "25006",
		"SET standard_conforming_strings = off": "0A000", "SET ROLE postgres": "42501", "SET SESSION AUTHORIZATION c2dproxy": "42501", "SELECT lo_get(1)": "42501", "SELECT pg_read_file('x')": "42501"} {
		for _, s := range []step{all("refused "+text, &pgproto3.Query{String: text}), all("messages refused "+text, parse("", text), bind("", ""), execute("", 0), sync)} {
			expect(s.name, state, func() (any, error) { return c.Ask(1, s.messages...) })
		}
	}
	expect("a fast-path call", "0A000", func() (any, error) { return c.Ask(1, call{oid: 1299}) })
	expect("replication", "0A000", func() (any, error) { return begin(golang.Startup("replication", "database"), os.Getenv("PGPASSWORD")) })
}

// expect prints whether the answer is an error of this state.
func expect(name, state string, step func() (any, error)) {
	golang.Holds(name, func() error {
		got, err := step()
		if text := fmt.Sprint(got); !strings.Contains(text, " "+state+" ") {
			return fmt.Errorf("%s, %v", text, err)
		}
		return nil
	})
}

// origin is the number of a column in its table, which FETCH and EXECUTE of a federated statement do not tell:
// their rows come from a function.
var origin = regexp.MustCompile(`(:\d+,-?\d+,-?\d+,\d),\d+`)

// step are messages that are sent at once.
type step struct {
	name     string
	messages []pgproto3.FrontendMessage
}

// syncs counts the ReadyForQuery that answer messages.
func syncs(messages []pgproto3.FrontendMessage) (n int) {
	for _, m := range messages {
		switch m.(type) {
		case *pgproto3.Sync, *pgproto3.Query, call:
			n++
		}
	}
	return n
}

// all makes a step.
func all(name string, messages ...pgproto3.FrontendMessage) step { return step{name, messages} }

// query is a step of the simple protocol.
func query(text string) step { return all("simple "+text, &pgproto3.Query{String: text}) }

// The messages of the extended protocol, short.
func parse(name, text string, types ...uint32) pgproto3.FrontendMessage {
	return &pgproto3.Parse{Name: name, Query: text, ParameterOIDs: types}
}

func bind(portal, statement string, arguments ...string) *pgproto3.Bind {
	b := &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: statement}
	for _, a := range arguments {
		b.Parameters = append(b.Parameters, []byte(a))
	}
	return b
}

func execute(portal string, rows uint32) pgproto3.FrontendMessage {
	return &pgproto3.Execute{Portal: portal, MaxRows: rows}
}

func describe(kind byte, name string) pgproto3.FrontendMessage {
	return &pgproto3.Describe{ObjectType: kind, Name: name}
}

func shut(kind byte, name string) pgproto3.FrontendMessage {
	return &pgproto3.Close{ObjectType: kind, Name: name}
}

var sync = &pgproto3.Sync{}

func simple() []step {
	var steps []step
	for _, text := range []string{"", " ", ";", "; ;", "-- nothing", "/* nothing */", "SELECT 1; ; SELECT 2", "SELECT", golang.Count, golang.Count + ";",
		"SELECT 1; " + golang.Count + "; " + golang.Parts, "SELECT 1; SELECT 1/0; SELECT 3", golang.Count + "; SELECT nothing FROM people; SELECT 3",
		"BEGIN", "SELECT 1/0", golang.Count, "COMMIT", "BEGIN; " + golang.Count, "SAVEPOINT a", "SELEC", "ROLLBACK TO a", golang.Count, "END",
		"BEGIN; COMMIT; BEGIN", "BEGIN", "ROLLBACK; ROLLBACK", "COMMIT AND CHAIN", "START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY, DEFERRABLE", "COMMIT AND CHAIN", "ROLLBACK",
		"VALUES (1, 'a'), (2, NULL)", "TABLE pg_catalog.pg_tablespace", "SHOW server_version_num", "SELECT '\\x00'::bytea", "SELECT E'\\u0000'", "SELECT 'é'::text, U&'\\00e9'",
		"SELECT count(*) FROM people WHERE age > $1", "EXECUTE nothing", "DEALLOCATE nothing", "DEALLOCATE ALL", "CLOSE nothing", "FETCH nothing", "MOVE nothing", "CLOSE ALL", "DISCARD ALL", "UNLISTEN *",
		"DECLARE c CURSOR FOR SELECT 1", "SET LOCAL work_mem = '1MB'", "SAVEPOINT a", "SELECT 1 AS a UNION ALL SELECT 'x'", "SELECT ROW(1, 'a', NULL), ARRAY[1, NULL]"} {
		s := query(text)
		s.name = fmt.Sprintf("%d %s", len(steps), s.name)
		steps = append(steps, s)
	}
	return steps
}

func extended() []step {
	binary := bind("", "", "20")
	binary.ResultFormatCodes = []int16{1}
	mixed := bind("", "", "20")
	mixed.ResultFormatCodes = []int16{0, 1, 0}
	return []step{
		all("unnamed", parse("", golang.Grouped), describe('S', ""), bind("", "", "20"), describe('P', ""), execute("", 0), sync),
		all("unnamed again", bind("", "", "0"), execute("", 0), sync),
		all("binary", parse("", golang.Grouped), binary, describe('P', ""), execute("", 0), sync),
		all("mixed formats", parse("", golang.Grouped), mixed, describe('P', ""), execute("", 0), sync),
		all("named", parse("g", golang.Grouped, 23), describe('S', "g"), sync),
		all("named, executed", bind("", "g", "0"), execute("", 0), sync, bind("", "g", "101"), execute("", 0), sync),
		all("portal in pieces", bind("p", "g", "0"), execute("p", 1), execute("p", 1), execute("p", 5), execute("p", 1), sync),
		all("portal after Sync", execute("p", 1), sync),
		all("cursor: portal in a transaction", &pgproto3.Query{String: "BEGIN"}, parse("", golang.Parts), bind("q", ""), execute("q", 3), sync, execute("q", 2), sync, describe('P', "q"), sync,
			&pgproto3.Query{String: "FETCH 1 FROM q"}, &pgproto3.Query{String: "MOVE 1 IN q"}, execute("q", 0), shut('P', "q"), sync, execute("q", 0), sync, &pgproto3.Query{String: "ROLLBACK"}),
		all("pipeline", parse("", golang.Count), bind("", ""), execute("", 0), sync, parse("", golang.Grouped), bind("", "", "20"), execute("", 0), sync, &pgproto3.Query{String: golang.Count}),
		all("pipeline without Sync between", parse("", golang.Count), bind("", ""), execute("", 0), parse("", "SELECT 2"), bind("", ""), execute("", 0), parse("", golang.Grouped), bind("", "", "0"), execute("", 0), sync),
		all("pipeline with an error", parse("", golang.Count), bind("", ""), execute("", 0), parse("", "SELECT nothing FROM people"), bind("", ""), execute("", 0), parse("", "SELECT 3"), bind("", ""), execute("", 0), sync),
		all("empty", parse("", ""), describe('S', ""), bind("", ""), describe('P', ""), execute("", 0), sync),
		all("comment", parse("", "-- nothing"), bind("", ""), execute("", 0), sync),
		all("no rows described", parse("", "SET application_name = 'a'"), describe('S', ""), bind("", ""), describe('P', ""), execute("", 0), sync),
		all("no columns", parse("", "SELECT"), bind("", ""), describe('P', ""), execute("", 0), sync),
		all("two at once", parse("", "SELECT 1; SELECT 2"), sync),
		all("types of parameters", parse("", "SELECT $1::int, $2::text[], $3, $4 + 1.5", 0, 0, 25, 1700), describe('S', ""), sync),
		all("unknown parameter", parse("", "SELECT $1"), describe('S', ""), bind("", "", "x"), execute("", 0), sync),
		all("parameter that skips", parse("", "SELECT $2::int"), sync),
		all("NULL parameter", parse("", golang.Grouped), &pgproto3.Bind{Parameters: [][]byte{nil}}, execute("", 0), sync),
		all("begin by messages", parse("", "BEGIN"), bind("", ""), execute("", 0), parse("", golang.Count), bind("", ""), execute("", 0), parse("", "COMMIT"), bind("", ""), execute("", 0), sync),
		all("Sync alone", sync, sync),
		all("Close of nothing", shut('S', "nothing"), shut('P', "nothing"), sync),
		all("a pool's reset", shut('S', "g"), parse("g", golang.Count), sync, &pgproto3.Query{String: "SET SESSION AUTHORIZATION DEFAULT; RESET ALL; CLOSE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD SEQUENCES; DISCARD TEMP"},
			bind("", "g"), execute("", 0), sync, &pgproto3.Query{String: "RESET ROLE; RESET SESSION AUTHORIZATION; DISCARD ALL"}, bind("", "g"), sync),
		all("Close and again", shut('S', "g"), parse("g", "SELECT 1"), shut('S', "g"), sync),
	}
}

func errorsOf() []step {
	binary := bind("", "", "abc")
	binary.ParameterFormatCodes = []int16{1}
	formats := bind("", "", "1")
	formats.ResultFormatCodes = []int16{0, 1}
	wrong := bind("", "", "1")
	wrong.ParameterFormatCodes = []int16{7}
	return []step{
		all("Bind of an unknown statement", bind("", "nothing"), execute("", 0), sync),
		all("Execute of an unknown portal", execute("nothing", 0), sync),
		all("Describe of an unknown statement", describe('S', "nothing"), sync),
		all("Describe of an unknown portal", describe('P', "nothing"), sync),
		all("Describe of an unknown kind", describe('X', ""), sync),
		all("Close of an unknown kind", shut('X', ""), sync),
		all("a name twice", parse("twice", "SELECT 1"), parse("twice", "SELECT 1"), sync, shut('S', "twice"), sync),
		all("a portal twice", parse("", "SELECT 1"), bind("twice", ""), bind("twice", ""), sync),
		all("too few parameters", parse("", "SELECT $1::int, $2::int"), bind("", "", "1"), sync),
		all("too many parameters", parse("", golang.Grouped), bind("", "", "1", "2"), sync),
		all("a malformed text", parse("", golang.Grouped), bind("", "", "abc"), sync),
		all("a malformed text of the catalog", parse("", "SELECT $1::int"), bind("", "", "abc"), sync),
		all("a malformed binary", parse("", "SELECT $1::int"), binary, sync),
		all("a malformed binary for a question", parse("", golang.Grouped), binary, sync),
		all("too many formats", parse("", "SELECT $1::int"), formats, sync),
		all("an unknown format", parse("", "SELECT $1::int"), wrong, sync),
		all("an unknown type", parse("", "SELECT $1", 999999), sync),
		all("an invalid encoding", parse("", "SELECT '\xff'"), sync),
		all("an invalid parameter", parse("", "SELECT $1::text"), bind("", "", "\xff"), sync),
		all("a broken transaction", &pgproto3.Query{String: "BEGIN"}, parse("", "SELECT 1/0"), bind("", ""), execute("", 0), sync, parse("", "SELECT 1"), sync, parse("", golang.Count), bind("", ""), sync,
			parse("", "ROLLBACK"), bind("", ""), execute("", 0), sync),
		all("skipped up to Sync", parse("", "SELEC"), parse("", "SELECT 1"), bind("", ""), execute("", 0), &pgproto3.Flush{}, sync),
		all("an error while it runs", parse("", "SELECT 10 / (3 - g) FROM generate_series(1, 5) g"), bind("", ""), execute("", 0), sync),
		all("a position after characters", parse("", "SELECT 'ééé', nothing FROM people"), sync),
		all("COPY messages out of place", &pgproto3.CopyData{Data: []byte("x")}, &pgproto3.CopyDone{}, &pgproto3.CopyFail{Message: "no"}, sync),
	}
}

// shared: SQL's PREPARE and Parse have one name space.
func shared() []step {
	return []step{
		all("cursor: Parse, EXECUTE", parse("both", golang.Grouped), sync, &pgproto3.Query{String: "EXECUTE both(20)"}, &pgproto3.Query{String: "SELECT name, parameter_types, from_sql FROM pg_prepared_statements"},
			&pgproto3.Query{String: "DEALLOCATE both"}, bind("", "both", "1"), sync),
		all("PREPARE, Bind", &pgproto3.Query{String: "PREPARE both(int) AS " + golang.Grouped}, bind("", "both", "20"), describe('P', ""), execute("", 0), sync, describe('S', "both"), shut('S', "both"), sync,
			&pgproto3.Query{String: "EXECUTE both(1)"}),
		all("PREPARE twice", &pgproto3.Query{String: "PREPARE twice AS SELECT 1"}, parse("twice", "SELECT 2"), sync, &pgproto3.Query{String: "DISCARD PLANS"}, &pgproto3.Query{String: "DEALLOCATE ALL"}),
		all("cursor: EXECUTE by messages", &pgproto3.Query{String: "PREPARE two(int) AS " + golang.Grouped}, parse("", "EXECUTE two(30)"), describe('S', ""), bind("", ""), execute("", 0), sync, &pgproto3.Query{String: "DEALLOCATE two"}),
		all("cursor: DECLARE by messages", &pgproto3.Query{String: "BEGIN"}, parse("", "DECLARE c SCROLL CURSOR WITH HOLD FOR "+golang.Parts), bind("", ""), execute("", 0), sync, parse("", "FETCH 2 FROM c"), bind("", ""), describe('P', ""), execute("", 0), sync,
			&pgproto3.Query{String: "COMMIT"}, &pgproto3.Query{String: "FETCH BACKWARD 1 FROM c"}, &pgproto3.Query{String: "FETCH LAST FROM c"}, describe('P', "c"), sync, execute("c", 2), sync, &pgproto3.Query{String: "CLOSE c"}),
	}
}

func settings() []step {
	var steps []step
	for _, text := range []string{"SET application_name = 'x'", "SET DateStyle = German; SET IntervalStyle = iso_8601; SET TimeZone = 'Europe/Paris'", "SELECT date '2024-02-29', timestamptz '2024-02-29 12:00+00', interval '1 day 2 hours'",
		"BEGIN; SET LOCAL TimeZone = 'Asia/Tokyo'; SET application_name = 'y'", "ROLLBACK", "SELECT set_config('application_name', 'z', true), set_config('TimeZone', 'UTC', false)",
		"SET client_encoding = latin1", "SELECT 'é'", "SET client_encoding = nothing", "RESET ALL", "SET nothing = 1", "SET a.b = '1'", "SHOW a.b", "SET server_version = 1", "SET standard_conforming_strings = on", "RESET standard_conforming_strings",
		"SET search_path = nothing; SELECT count(*) FROM people", "RESET search_path", "SET statement_timeout = '1ms'", "SELECT pg_sleep(1)", "RESET statement_timeout", "SET TIME ZONE LOCAL", "SET SESSION AUTHORIZATION DEFAULT", "SET ROLE none", "SET default_transaction_isolation = 'serializable'", "SHOW transaction_isolation", "RESET default_transaction_isolation", "SET extra_float_digits = 0", "SELECT 1.1::float8 + 2.2", "RESET extra_float_digits", "SET bytea_output = escape", "SELECT '\\x0041'::bytea", "RESET bytea_output"} {
		s := query(text)
		s.name = fmt.Sprintf("setting %d %s", len(steps), text)
		steps = append(steps, s)
	}
	return steps
}

func copies() []step {
	var steps []step
	for _, text := range []string{"COPY (" + golang.Parts + ") TO STDOUT", "COPY (" + golang.Parts + ") TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *, DELIMITER ';', NULL 'none')", "COPY (" + golang.Parts + ") TO STDOUT (FORMAT binary)",
		"COPY (SELECT 1, NULL) TO STDOUT; SELECT 2", "COPY (SELECT nothing FROM people) TO STDOUT", "COPY (SELECT 1/0) TO STDOUT", "COPY nowhere TO STDOUT", "COPY (SELECT 1) TO STDOUT (FORMAT nothing)", "COPY pg_catalog.pg_am (amname) TO STDOUT"} {
		steps = append(steps, query(text), all("messages "+text, parse("", text), describe('S', ""), bind("", ""), describe('P', ""), execute("", 0), sync))
	}
	return steps
}

// flushed sees the answers to what was flushed before it sends the rest.
func flushed(c *golang.Conn) (any, error) {
	first, err := c.Ask(0, parse("", golang.Grouped), describe('S', ""), &pgproto3.Flush{})
	if err != nil {
		return nil, err
	}
	seen := []any{first, c.Answers(1, 3)}
	if _, err := c.Ask(0, bind("", "", "0"), execute("", 2), &pgproto3.Flush{}); err != nil {
		return nil, err
	}
	seen = append(seen, c.Answers(1, 4))
	if _, err := c.Ask(0, execute("", 0), &pgproto3.Flush{}); err != nil {
		return nil, err
	}
	seen = append(seen, c.Answers(1, 2))
	last, err := c.Ask(1, sync)
	return append(seen, last), err
}

// Package federationtest is the suite that every implementation of federation.Source must
// pass. The product must not import it.
package federationtest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Canary is a value of the secret column of Schema. It may be in no error.
const Canary = "canary-7f3a"

// Schema is what new has to make in an owner's database, in PostgreSQL's SQL: person(id text,
// x bigint, secret text) with the rows that the suite expects, and a function that fails with the
// canary in its message and detail.
const Schema = `
CREATE TABLE person (id text, x bigint, secret text);
INSERT INTO person VALUES ('a', 1, 'one'), ('b', -2, 'two'), (NULL, 9223372036854775807, 'canary-7f3a'), ('', 0, NULL);
CREATE FUNCTION fails() RETURNS bigint LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'value canary-7f3a' USING DETAIL = 'row canary-7f3a'; END $$;
`

// Mapping is the mapping that new has to give the source.
func Mapping() map[string]federation.MappedTable {
	table := func(sql string, columns map[string]catalog.Type) federation.MappedTable {
		return federation.MappedTable{SQL: sql, Columns: columns}
	}
	person := map[string]catalog.Type{"id": catalog.Text, "x": catalog.Bigint, "secret": catalog.Text}
	return map[string]federation.MappedTable{
		"people":       table("SELECT id, x, secret FROM person; -- all", person),
		"Odd \"name\"": table("SELECT 1::bigint AS one", map[string]catalog.Type{"one": catalog.Bigint}),
		// Each of these differs from its declaration in one way, and gives rows or none.
		"fractional":       table("SELECT 1.2 AS id UNION ALL SELECT 1.4", map[string]catalog.Type{"id": catalog.Bigint}),
		"fractional empty": table("SELECT 1.2 AS id WHERE false", map[string]catalog.Type{"id": catalog.Bigint}),
		"whole":            table("SELECT 1.0 AS id", map[string]catalog.Type{"id": catalog.Bigint}),
		"narrower":         table("SELECT 1::integer AS id", map[string]catalog.Type{"id": catalog.Bigint}),
		"column missing":   table("SELECT id, x FROM person", person),
		"column surplus":   table("SELECT id, x, secret, 1 AS y FROM person", person),
		"column twice":     table("SELECT id, x, secret, x FROM person", person),
		"undeclared":       table("SELECT id, x, secret FROM person", nil),
	}
}

// TestSource holds a Source to its contract. new returns one over a database with Schema and
// Mapping, with a salt of 64 hexadecimal digits that is given too; it cleans up after t.
func TestSource(t *testing.T, source federation.Source, salt string) {
	word := func(name string) sqlplan.LocalColumn { return sqlplan.LocalColumn{Name: name, Kind: sqlplan.Word} }
	key := func(name string) sqlplan.LocalColumn { return sqlplan.LocalColumn{Name: name, Kind: sqlplan.Key} }
	people := []string{"people"}
	read := func(t *testing.T, task sqlplan.LocalTask) (arrow.Record, error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		return source.Read(ctx, task)
	}

	t.Run("words and keys", func(t *testing.T) {
		record, err := read(t, sqlplan.LocalTask{Tables: people, Rows: 4, Columns: []sqlplan.LocalColumn{key("k"), word("x")},
			SQL: "SELECT convert_to(id, 'UTF8') AS k, x FROM people ORDER BY x"})
		if err != nil {
			t.Fatal(err)
		}
		defer record.Release()
		keys, ok1 := record.Column(0).(*array.Binary)
		words, ok2 := record.Column(1).(*array.Int64)
		if !ok1 || !ok2 || record.NumRows() != 4 {
			t.Fatalf("record %v", record.Schema())
		}
		if words.Value(0) != -2 || words.Value(3) != 1<<63-1 || string(keys.Value(0)) != "b" || !keys.IsNull(3) || keys.IsNull(1) {
			t.Error("the values are not those of the table")
		}
	})
	t.Run("no rows", func(t *testing.T) {
		record, err := read(t, sqlplan.LocalTask{Tables: people, Rows: 4, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT x FROM people WHERE false"})
		if err != nil {
			t.Fatal(err)
		}
		defer record.Release()
		if record.NumRows() != 0 {
			t.Error("rows from nowhere")
		}
	})
	t.Run("salt", func(t *testing.T) {
		record, err := read(t, sqlplan.LocalTask{Rows: 1, Columns: []sqlplan.LocalColumn{key("k"), word("n")},
			SQL: "SELECT convert_to($1, 'UTF8') AS k, length('$1 ' || $$ $1 $$ /* $1 */)::bigint AS n -- $1"})
		if err != nil {
			t.Fatal(err)
		}
		defer record.Release()
		if got := string(record.Column(0).(*array.Binary).Value(0)); got != salt {
			t.Error("$1 is not the salt")
		}
		if n := record.Column(1).(*array.Int64).Value(0); n != 7 {
			t.Errorf("the salt was put into a string: length %d", n)
		}
	})
	t.Run("own WITH", func(t *testing.T) {
		record, err := read(t, sqlplan.LocalTask{Tables: []string{"people", "Odd \"name\""}, Rows: 1, Columns: []sqlplan.LocalColumn{word("n")},
			SQL: "WITH c AS (SELECT count(*) AS n FROM people) SELECT n + one FROM c, \"Odd \"\"name\"\"\""})
		if err != nil {
			t.Fatal(err)
		}
		defer record.Release()
		if n := record.Column(0).(*array.Int64).Value(0); n != 5 {
			t.Errorf("count %d", n)
		}
	})
	t.Run("check", func(t *testing.T) {
		task := sqlplan.LocalTask{Tables: people, Rows: 4, Exact: true, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT x FROM people",
			Check: "SELECT count(*) FROM people WHERE x > 9223372036854775807"}
		record, err := read(t, task)
		if err != nil {
			t.Fatal(err)
		}
		record.Release()
		task.Check = "SELECT count(*) FROM people WHERE x < 0"
		_, err = read(t, task)
		refused(t, err)
	})
	for name, task := range map[string]sqlplan.LocalTask{
		"too many rows":   {Tables: people, Rows: 3, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT x FROM people"},
		"null word":       {Tables: people, Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT NULL::bigint FROM people"},
		"another type":    {Tables: people, Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT x::int4 FROM people WHERE id = 'a'"},
		"text key":        {Tables: people, Rows: 9, Columns: []sqlplan.LocalColumn{key("x")}, SQL: "SELECT id FROM people"},
		"columns":         {Tables: people, Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT x, x FROM people"},
		"unknown kind":    {Tables: people, Rows: 9, Columns: []sqlplan.LocalColumn{{Name: "x"}}, SQL: "SELECT x FROM people"},
		"fails":           {Tables: people, Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT public.fails() FROM people"},
		"cast fails":      {Tables: people, Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT secret::bigint FROM people"},
		"no mapping":      {Tables: []string{"others"}, Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT 1::bigint"},
		"parameter":       {Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT $2::bigint"},
		"two statements":  {Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT 1::bigint; SELECT 2"},
		"unclosed string": {Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT 1::bigint AS \"x"},
		"writes":          {Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "INSERT INTO public.person VALUES ('z') RETURNING x"},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := read(t, task)
			if err == nil {
				record.Release()
				t.Fatal("accepted")
			}
			refused(t, err)
		})
	}
	// What is wrong is told by types, before a row is read: the same whatever the rows are (RULES 12).
	told := map[string]bool{}
	for _, name := range []string{"fractional", "fractional empty", "whole", "narrower", "column missing", "column twice"} {
		t.Run("mapping "+name, func(t *testing.T) {
			_, err := read(t, sqlplan.LocalTask{Tables: []string{name}, Rows: 9, Columns: []sqlplan.LocalColumn{word("n")},
				SQL: `SELECT count(DISTINCT id::pg_catalog.text) FROM "` + name + `"`})
			if err == nil {
				t.Fatal("read")
			}
			refused(t, err)
			told[err.Error()] = true
		})
	}
	if len(told) != 1 {
		t.Errorf("mappings of other types are refused in different words: %v", told)
	}
	t.Run("mapping with a surplus column", func(t *testing.T) {
		record, err := read(t, sqlplan.LocalTask{Tables: []string{"column surplus"}, Rows: 4, Columns: []sqlplan.LocalColumn{word("x")}, SQL: `SELECT x FROM "column surplus"`})
		if err != nil {
			t.Fatal(err)
		}
		record.Release()
	})
	t.Run("mapping undeclared", func(t *testing.T) {
		_, err := read(t, sqlplan.LocalTask{Tables: []string{"undeclared"}, Rows: 9, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT x FROM undeclared"})
		if err == nil {
			t.Fatal("read")
		}
		refused(t, err)
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := source.Read(ctx, sqlplan.LocalTask{Rows: 1, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT 1::bigint FROM pg_sleep(10)"})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
	t.Run("works afterwards", func(t *testing.T) {
		record, err := read(t, sqlplan.LocalTask{Tables: people, Rows: 4, Columns: []sqlplan.LocalColumn{word("x")}, SQL: "SELECT x FROM people"})
		if err != nil {
			t.Fatal(err)
		}
		record.Release()
	})
}

// refused asserts a *pgerr.Error without row data.
func refused(t *testing.T, err error) {
	t.Helper()
	e, ok := pgerr.As(err)
	if !ok {
		t.Fatalf("error %v is not for analysts", err)
	}
	if strings.Contains(e.Message+e.Detail+e.Hint, Canary) {
		t.Errorf("row data in %q", e)
	}
}

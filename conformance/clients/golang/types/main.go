// Command types reads every type that PostgreSQL ships in text and in binary, byte by byte by a codec
// of the protocol alone, and through pgx. It fails for a type that has no sample in types.txt.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/jackc/pgproto3/v2"
	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/conformance/clients/golang"
)

// shipped are all types but the arrays that belong to another one, the row types of toast tables and what
// only the gateway has; a row type with the types of its columns.
const shipped = `SELECT CASE WHEN n.nspname = 'pg_catalog' THEN '' ELSE n.nspname || '.' END || t.typname, t.typtype::text, n.nspname || '.' || quote_ident(t.typname),
	coalesce((SELECT array_agg(CASE WHEN an.nspname = 'pg_catalog' THEN '' ELSE an.nspname || '.' END || at.typname ORDER BY a.attnum)
		FROM pg_attribute a JOIN pg_type at ON at.oid = a.atttypid JOIN pg_namespace an ON an.oid = at.typnamespace
		WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '{}')
	FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
	WHERE n.nspname IN ('pg_catalog', 'information_schema') AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid AND t.typtype = 'b')
	ORDER BY 1`

func main() {
	golang.Version("github.com/jackc/pgx/v5")
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	raw, err := golang.Dial()
	if err != nil {
		log.Fatal(err)
	}
	samples, err := readSamples("types.txt")
	if err != nil {
		log.Fatal(err)
	}
	types, err := catalog(ctx, conn)
	if err != nil {
		log.Fatal(err)
	}
	if len(types) < 300 {
		log.Fatalf("pg_type has %d types only", len(types))
	}
	values, used := map[string]string{}, map[string]bool{} // of each type, an expression
	for _, t := range types {
		name := t.name
		if t.kind == "p" {
			name = "pseudo:" + name
		}
		sample, there := samples[name]
		if t.kind == "c" {
			sample, there = row(t, samples), true
		}
		golang.Holds("a sample of "+name, func() error {
			if !there {
				return fmt.Errorf("types.txt has none")
			}
			return nil
		})
		if !there {
			continue
		}
		used[name] = true
		values[name] = sample
		if t.kind != "p" {
			values[name+"[]"] = "ARRAY[" + sample + ", NULL]"
		}
	}
	for name := range samples {
		if !used[name] {
			golang.Holds("a type for the sample "+name, func() error { return fmt.Errorf("pg_type has none") })
		}
	}
	for name, value := range values {
		read(ctx, raw, conn, name, "SELECT "+value+" AS v")
	}
}

// read reads a value in both formats by both clients.
func read(ctx context.Context, raw *golang.Conn, conn *pgx.Conn, name, sql string) {
	for _, format := range []int16{pgx.TextFormatCode, pgx.BinaryFormatCode} {
		golang.Same(fmt.Sprintf("%s format %d", name, format), func() (any, error) {
			return raw.Ask(1, &pgproto3.Parse{Query: sql}, &pgproto3.Bind{ResultFormatCodes: []int16{format}}, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{}, &pgproto3.Sync{})
		})
		golang.Same(fmt.Sprintf("%s by pgx, format %d", name, format), func() (any, error) {
			rows, err := conn.Query(ctx, sql, pgx.QueryResultFormats{format})
			if err != nil {
				return nil, err
			}
			return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
				values, err := row.Values()
				return fmt.Sprintf("%x %v", row.RawValues(), values), err
			})
		})
	}
}

// kind is a type of the catalog.
type kind struct {
	name, kind, quoted string
	columns            []string
}

// catalog reads the types of the server.
func catalog(ctx context.Context, conn *pgx.Conn) ([]kind, error) {
	rows, err := conn.Query(ctx, shipped)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (k kind, err error) {
		return k, row.Scan(&k.name, &k.kind, &k.quoted, &k.columns)
	})
}

// row makes a value of a row type from samples of its columns' types.
func row(t kind, samples map[string]string) string {
	var values []string
	for _, column := range t.columns {
		value, array := "NULL", strings.HasPrefix(column, "_")
		if sample, there := samples[strings.TrimPrefix(column, "_")]; there {
			if value = sample; array {
				value = "ARRAY[" + sample + "]"
			}
		}
		values = append(values, value)
	}
	return "ROW(" + strings.Join(values, ", ") + ")::" + t.quoted
}

// readSamples reads lines of a type's name and an expression.
func readSamples(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	samples := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, expression, found := strings.Cut(strings.TrimSpace(line), "\t")
		if found && !strings.HasPrefix(line, "#") {
			samples[name] = expression
		}
	}
	return samples, nil
}

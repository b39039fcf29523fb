// Command pgx does what Go programs on pgx do, in each of its five ways to run a statement.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/c2dproxy/c2dproxy/conformance/clients/golang"
)

func main() {
	golang.Version("github.com/jackc/pgx/v5")
	ctx := context.Background()
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		config, err := pgx.ParseConfig("")
		if err != nil {
			log.Fatal(err)
		}
		config.DefaultQueryExecMode = mode
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			log.Fatal(err)
		}
		statements(ctx, conn, mode.String()+": ")
		transactions(ctx, conn, mode.String()+": ")
		if golang.Gateway() {
			refused(ctx, conn, mode.String()+": ")
		}
		if err := conn.Close(ctx); err != nil {
			log.Fatal(err)
		}
	}
	conn, err := pgx.Connect(ctx, "")
	if err != nil {
		log.Fatal(err)
	}
	golang.Same("pipeline", func() (any, error) { return pipeline(ctx, conn) })
	for _, options := range []string{"", " (FORMAT csv, HEADER)", " (FORMAT binary)"} {
		golang.Same("copy"+options, func() (any, error) {
			var out bytes.Buffer
			tag, err := conn.PgConn().CopyTo(ctx, &out, "COPY ("+golang.Parts+") TO STDOUT"+options)
			return fmt.Sprintf("%s %x", tag, out.Bytes()), err
		})
	}
	golang.Same("pool", func() (any, error) { return pool(ctx) })
	golang.Holds("cancel by the context", func() error { return cancelled(ctx) })
}

// show are the columns and rows of an answer.
func show(rows pgx.Rows, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []any
	for _, f := range rows.FieldDescriptions() {
		out = append(out, f.Name, f.DataTypeOID, f.DataTypeSize, f.TypeModifier, f.Format)
	}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		out = append(out, values)
	}
	return append(out, rows.CommandTag()), rows.Err()
}

func statements(ctx context.Context, conn *pgx.Conn, way string) {
	for _, sql := range golang.Questions() {
		golang.Same(way+sql, func() (any, error) { return show(conn.Query(ctx, sql)) })
	}
	golang.Same(way+"parameters", func() (any, error) {
		var all []any
		for _, least := range []int{0, 20, 101, 0} {
			one, err := show(conn.Query(ctx, golang.Grouped, least))
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		return all, nil
	})
	golang.Same(way+"parameters of all kinds", func() (any, error) {
		return show(conn.Query(ctx, "SELECT count(*) FROM people WHERE sex = $1 AND born >= $2 AND weight > $3 AND active = $4 AND income < $5",
			"f", time.Date(1990, 1, 10, 0, 0, 0, 0, time.UTC), 50.5, true, 90000))
	})
	golang.Same(way+"NULL", func() (any, error) {
		return show(conn.Query(ctx, "SELECT count(*) FROM people WHERE age >= $1::int", nil))
	})
	golang.Same(way+"batch", func() (any, error) {
		batch := &pgx.Batch{}
		batch.Queue(golang.Count)
		batch.Queue(golang.Grouped, 20)
		batch.Queue("SELECT $1::int + 1", 6)
		results := conn.SendBatch(ctx, batch)
		var all []any
		for range 3 {
			one, err := show(results.Query())
			if err != nil {
				return nil, errors.Join(err, results.Close())
			}
			all = append(all, one)
		}
		return all, results.Close()
	})
}

func transactions(ctx context.Context, conn *pgx.Conn, way string) {
	golang.Same(way+"transaction", func() (any, error) {
		tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return nil, err
		}
		defer func() { _ = tx.Rollback(ctx) }()
		inner, err := tx.Begin(ctx)
		if err != nil {
			return nil, err
		}
		_, failed := inner.Exec(ctx, "SELECT nothing FROM people")
		_, skipped := inner.Exec(ctx, "SELECT 1")
		if err := inner.Rollback(ctx); err != nil {
			return nil, err
		}
		if _, err := tx.Exec(ctx, "DECLARE c SCROLL CURSOR FOR "+golang.Parts); err != nil {
			return nil, err
		}
		all := []any{failed, skipped}
		for _, fetch := range []string{"FETCH 2 FROM c", "FETCH PRIOR FROM c", "FETCH LAST FROM c", "MOVE ABSOLUTE 0 IN c", "FETCH ALL FROM c"} {
			one, err := show(tx.Query(ctx, fetch))
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		return all, tx.Commit(ctx)
	})
}

func refused(ctx context.Context, conn *pgx.Conn, way string) {
	for _, r := range golang.Refusals() {
		golang.Holds(way+"refused "+r[0], func() error {
			_, err := conn.Exec(ctx, r[0])
			var e *pgconn.PgError
			if errors.As(err, &e) && e.Code == r[1] && e.Severity == "ERROR" {
				return nil
			}
			return fmt.Errorf("%v, expected %s", err, r[1])
		})
	}
}

// pipeline sends several statements before it reads an answer.
func pipeline(ctx context.Context, conn *pgx.Conn) (any, error) {
	p := conn.PgConn().StartPipeline(ctx)
	p.SendQueryParams(golang.Count, nil, nil, nil, nil)
	p.SendQueryParams("SELECT nothing FROM people", nil, nil, nil, nil)
	p.SendQueryParams("SELECT 1", nil, nil, nil, nil)
	if err := p.Sync(); err != nil {
		return nil, err
	}
	p.SendQueryParams("SELECT 2", nil, nil, nil, nil)
	if err := p.Sync(); err != nil {
		return nil, err
	}
	var all []any
	for range 8 {
		switch result, err := p.GetResults(); r := result.(type) {
		case *pgconn.ResultReader:
			read := r.Read()
			all = append(all, fmt.Sprintf("%s %s", read.Rows, read.CommandTag), read.Err)
		case nil:
			all = append(all, err)
		default:
			all = append(all, fmt.Sprintf("%T", r))
		}
	}
	return all, p.Close()
}

// pool asks through a pool that checks its connections.
func pool(ctx context.Context) (any, error) {
	p, err := pgxpool.New(ctx, "pool_max_conns=2")
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var all []int
	for range 3 {
		var n int
		if err := p.QueryRow(ctx, golang.Count).Scan(&n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, p.Ping(ctx)
}

// cancelled cancels a statement that runs and goes on with the connection.
func cancelled(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, "")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	sql := "SELECT pg_sleep(20)"
	if golang.Gateway() {
		sql = golang.Slow
	}
	canceller := time.AfterFunc(150*time.Millisecond, func() { _ = conn.PgConn().CancelRequest(ctx) })
	defer canceller.Stop()
	began := time.Now()
	_, err = conn.Exec(ctx, sql)
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "57014" || time.Since(began) > 1500*time.Millisecond {
		return fmt.Errorf("%v after %v", err, time.Since(began))
	}
	var n int
	return conn.QueryRow(ctx, golang.Count).Scan(&n)
}

// Command pq does what Go programs on database/sql and lib/pq do, Grafana among them.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/lib/pq"

	"github.com/c2dproxy/c2dproxy/conformance/clients/golang"
)

func main() {
	golang.Version("github.com/lib/pq")
	ctx := context.Background()
	for _, way := range []string{"", "binary_parameters=yes"} {
		db, err := sql.Open("postgres", way)
		if err != nil {
			log.Fatal(err)
		}
		db.SetMaxOpenConns(2)
		session(ctx, db, way+": ")
		if golang.Gateway() {
			refused(ctx, db, way+": ")
		}
		if err := db.Close(); err != nil {
			log.Fatal(err)
		}
	}
}

// show are the columns and rows of all answers of a statement.
func show(rows *sql.Rows, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []any
	for {
		types, err := rows.ColumnTypes()
		if err != nil {
			return nil, err
		}
		for _, t := range types {
			precision, scale, _ := t.DecimalSize()
			out = append(out, t.Name(), t.DatabaseTypeName(), precision, scale, t.ScanType())
		}
		for rows.Next() {
			values := make([]any, len(types))
			for i := range values {
				values[i] = new(any)
			}
			if err := rows.Scan(values...); err != nil {
				return nil, err
			}
			for _, v := range values {
				out = append(out, fmt.Sprintf("%v", *v.(*any)))
			}
		}
		if !rows.NextResultSet() {
			return out, rows.Err()
		}
	}
}

func session(ctx context.Context, db *sql.DB, way string) {
	for _, text := range golang.Questions() {
		golang.Same(way+text, func() (any, error) { return show(db.QueryContext(ctx, text)) })
	}
	golang.Same(way+"parameters", func() (any, error) { return show(db.QueryContext(ctx, golang.Grouped, 20)) })
	golang.Same(way+"parameters of all kinds", func() (any, error) {
		return show(db.QueryContext(ctx, "SELECT count(*) FROM people WHERE sex = $1 AND born >= $2 AND weight > $3 AND active = $4 AND income < $5",
			"f", time.Date(1990, 1, 10, 0, 0, 0, 0, time.UTC), 50.5, true, 90000))
	})
	golang.Same(way+"an array", func() (any, error) {
		return show(db.QueryContext(ctx, "SELECT relname FROM pg_class WHERE relname = ANY($1) ORDER BY 1", pq.Array([]string{"people", "visits"})))
	})
	golang.Same(way+"prepared", func() (any, error) {
		statement, err := db.PrepareContext(ctx, golang.Grouped)
		if err != nil {
			return nil, err
		}
		defer func() { _ = statement.Close() }()
		var all []any
		for _, least := range []int{0, 20, 101, 0} {
			one, err := show(statement.QueryContext(ctx, least))
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		return all, nil
	})
	golang.Same(way+"several statements", func() (any, error) {
		return show(db.QueryContext(ctx, "SELECT 1 AS a; "+golang.Count+"; SELECT 3"))
	})
	golang.Same(way+"transaction", func() (any, error) {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, "DECLARE c CURSOR FOR "+golang.Parts); err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
		fetched, err := show(tx.QueryContext(ctx, "FETCH 3 FROM c"))
		_, failed := tx.ExecContext(ctx, "SELECT nothing FROM people")
		return []any{fetched, err, failed, tx.Commit()}, nil
	})
	golang.Holds(way+"cancel by the context", func() error {
		short, stop := context.WithTimeout(ctx, 200*time.Millisecond)
		defer stop()
		text := "SELECT pg_sleep(20)"
		if golang.Gateway() {
			text = golang.Slow
		}
		began := time.Now()
		_, err := db.ExecContext(short, text)
		if err == nil || time.Since(began) > 1500*time.Millisecond {
			return fmt.Errorf("%v after %v", err, time.Since(began))
		}
		return db.PingContext(ctx)
	})
}

func refused(ctx context.Context, db *sql.DB, way string) {
	for _, r := range golang.Refusals() {
		golang.Holds(way+"refused "+r[0], func() error {
			_, err := db.ExecContext(ctx, r[0])
			var e *pq.Error
			if errors.As(err, &e) && string(e.Code) == r[1] {
				return nil
			}
			return fmt.Errorf("%v, expected %s", err, r[1])
		})
	}
}

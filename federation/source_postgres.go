package federation

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"strconv"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// PostgresOptions describe an owner's PostgreSQL database.
type PostgresOptions struct {
	DSN         string                 // connection string; required
	Mapping     map[string]MappedTable // by name; see Mapped for several studies
	Salt        Salt                   // the owner's secret for PRF order; required
	SearchPath  string                 // for mapping SQL; default: pg_catalog, public, pg_temp
	Connections int32                  // at most; default 4
	Logger      *slog.Logger           // required; gets SQLSTATE and message of the database's errors, never DETAIL
}

// Salt is an owner's secret of 32 bytes. Task SQL gets it as $1, 64 hexadecimal digits. It
// orders rows for truncation and never leaves the owner. It does not print.
type Salt [32]byte

// String implements fmt.Stringer.
func (Salt) String() string { return "[salt]" }

// GoString implements fmt.GoStringer.
func (Salt) GoString() string { return "[salt]" }

// LogValue implements slog.LogValuer.
func (Salt) LogValue() slog.Value { return slog.StringValue("[salt]") }

// Postgres is the [Source] of an owner whose data are in PostgreSQL. Safe for concurrent use.
//
// A task runs as one COPY … TO STDOUT (FORMAT binary) in a read-only, repeatable-read
// transaction, with the session's settings pinned (RULES 5), so that a task means the
// same at every owner. Errors of the database become constant texts with a SQLSTATE
// class; PostgreSQL's DETAIL may hold row data and goes nowhere.
type Postgres struct {
	pool    *pgxpool.Pool
	mapping map[string]MappedTable
	salt    string
	logger  *slog.Logger
}

// NewPostgres prepares a source; it connects when it is first used.
func NewPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	if o.Logger == nil || o.Salt == (Salt{}) {
		return nil, errors.New("federation: a PostgreSQL source needs a logger and a salt")
	}
	config, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		return nil, errors.New("federation: the source's connection string is not valid") // err would repeat the password
	}
	if o.SearchPath == "" {
		o.SearchPath = "pg_catalog, public, pg_temp"
	}
	if o.Connections == 0 {
		o.Connections = 4
	}
	config.MaxConns = o.Connections
	maps.Copy(config.ConnConfig.RuntimeParams, map[string]string{
		"application_name":              "c2dproxy",
		"TimeZone":                      "UTC",
		"DateStyle":                     "ISO, YMD",
		"IntervalStyle":                 "postgres",
		"extra_float_digits":            "1",
		"bytea_output":                  "hex",
		"client_encoding":               "UTF8",
		"standard_conforming_strings":   "on",
		"default_transaction_read_only": "on",
		"search_path":                   o.SearchPath,
	})
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("federation: source: %w", err)
	}
	return &Postgres{pool: pool, mapping: maps.Clone(o.Mapping), salt: hex.EncodeToString(o.Salt[:]), logger: o.Logger}, nil
}

// Mapped returns a source on the same connections with another study's mapping.
func (s *Postgres) Mapped(mapping map[string]MappedTable) *Postgres {
	c := *s
	c.mapping = maps.Clone(mapping)
	return &c
}

// Close closes the connections.
func (s *Postgres) Close() { s.pool.Close() }

// Read implements [Source]. It ends with ctx, whose deadline is also the statement timeout.
func (s *Postgres) Read(ctx context.Context, task sqlplan.LocalTask) (arrow.Record, error) {
	query, err := taskSQL(task.SQL, task.Tables, s.mapping, s.salt)
	if err != nil {
		return nil, s.reduce(ctx, err)
	}
	check := ""
	if task.Check != "" {
		if check, err = taskSQL(task.Check, task.Tables, s.mapping, s.salt); err != nil {
			return nil, s.reduce(ctx, err)
		}
	}
	var record arrow.Record
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if err := limitTime(ctx, tx); err != nil {
			return err
		}
		if err := s.conforms(ctx, tx, task.Tables); err != nil {
			return err
		}
		if check != "" {
			if err := checkBounds(ctx, tx, check); err != nil {
				return err
			}
		}
		record, err = copyOut(ctx, tx.Conn().PgConn(), query, &task)
		return err
	})
	if err != nil {
		if record != nil {
			record.Release()
		}
		return nil, s.reduce(ctx, err)
	}
	return record, nil
}

// limitTime ends the transaction's statements at ctx's deadline in the server too, for
// the case that our cancel does not reach it.
func limitTime(ctx context.Context, tx pgx.Tx) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return nil
	}
	left := max(1, time.Until(deadline).Milliseconds())
	_, err := tx.Exec(ctx, "SET LOCAL statement_timeout = "+strconv.FormatInt(left, 10))
	return err
}

// errOutside is the constant error of data outside what the owner declared.
var errOutside = pgerr.New(pgerr.SystemError, "the owner's data are not within their declared bounds and domains").
	WithHint("The owner must correct bounds, domains or mapping in its configuration: c2dproxy check says where.")

// checkBounds runs a task's check, which counts rows outside declared bounds.
func checkBounds(ctx context.Context, tx pgx.Tx, check string) error {
	var outside int64
	if err := tx.QueryRow(ctx, check).Scan(&outside); err != nil {
		return err
	}
	if outside != 0 {
		return errOutside
	}
	return nil
}

// copyOut runs a query as binary COPY and decodes it while it arrives.
func copyOut(ctx context.Context, conn *pgconn.PgConn, query string, task *sqlplan.LocalTask) (arrow.Record, error) {
	description, err := conn.Prepare(ctx, "", query, nil)
	if err != nil {
		return nil, err
	}
	if err := checkColumns(description.Fields, task.Columns); err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	type outcome struct {
		record arrow.Record
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		record, err := decodeCopy(reader, task.Columns, task.Rows)
		reader.CloseWithError(err) // ends the COPY when decoding failed
		done <- outcome{record, err}
	}()
	_, err = conn.CopyTo(ctx, writer, "COPY ("+query+"\n) TO STDOUT (FORMAT binary)")
	writer.CloseWithError(err)
	o := <-done
	if o.err != nil && !errors.Is(o.err, err) {
		err = o.err // why the COPY was ended
	}
	if err != nil && o.record != nil {
		o.record.Release()
		o.record = nil
	}
	return o.record, err
}

// oids of the two types that a task may return.
const (
	oidInt8  = 20
	oidBytea = 17
)

// checkColumns compares what the database will return with what the task declares.
func checkColumns(fields []pgconn.FieldDescription, columns []sqlplan.LocalColumn) error {
	if len(fields) != len(columns) {
		return errShape
	}
	for i, c := range columns {
		want := uint32(oidInt8)
		if c.Kind == sqlplan.Key {
			want = oidBytea
		}
		if fields[i].DataTypeOID != want {
			return errShape
		}
	}
	return nil
}

// reduce logs an error for the owner and returns what may leave: constant texts.
func (s *Postgres) reduce(ctx context.Context, err error) error {
	if e, ok := pgerr.As(err); ok {
		s.logger.Warn("the data were refused", "cause", e.Message)
		return e
	}
	if ctx.Err() != nil {
		return fmt.Errorf("read the owner's data: %w", ctx.Err())
	}
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && e.Code == pgerr.QueryCanceled:
		return fmt.Errorf("read the owner's data: %w", context.DeadlineExceeded) // statement_timeout came first
	case errors.As(err, &e):
		// Message may quote a value ("invalid input syntax for type integer: …"), so not even
		// the owner's log gets more than the code and where in the statement it arose.
		s.logger.Error("the owner's database refused a task", "sqlstate", e.Code, "position", e.Position, "routine", e.Routine)
		return pgerr.New(pgerr.SystemError, "the owner's database failed on its part of the question").WithHint("Tell the owner; its log has the cause.")
	case errors.Is(err, errCopyRows):
		s.logger.Error("the owner's data exceed the declared number of rows")
		return errTooMany
	case errors.Is(err, errCopy):
		s.logger.Error("the owner's database returned another shape than declared", "cause", err.Error())
		return errShape
	case errors.Is(err, errMapping):
		s.logger.Error("the mapping is not as declared; c2dproxy check says where", "cause", err.Error())
		return errDeclared
	case errors.Is(err, errSQL):
		s.logger.Error("a task was not run", "cause", err.Error())
		return pgerr.New(pgerr.SystemError, "the owner has no mapping for this question").WithHint("The owner must add the table to the sources in its configuration.")
	}
	s.logger.Error("the owner's database cannot be reached", "cause", causeClass(err))
	return errUnreachable
}

// errDeclared is the constant error of a mapping whose columns are not those that its owner declared.
var errDeclared = pgerr.New(pgerr.SystemError, "the owner's database does not give the columns that its owner declared").
	WithHint("The owner must correct its mapping: c2dproxy check says where.")

// errUnreachable is the constant error of a connection that failed.
var errUnreachable = pgerr.New(pgerr.SystemError, "the owner's database cannot be reached").WithHint("Tell the owner, and ask again later.")

// causeClass names an error of the connection without its text, which may repeat the connection string.
func causeClass(err error) string {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return "connect"
	}
	return fmt.Sprintf("%T", err)
}

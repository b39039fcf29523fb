package conformance

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// twin is a plain PostgreSQL database that looks like the study "trial" to rosa: the same name, the same tables
// with everybody's rows in them, a role that may only read.
type twin struct {
	f      *federation
	socket string
}

// twinOnce makes the twin of the shared federation.
var twinOnce struct {
	sync.Once
	twin *twin
	err  error
}

// plainTwin returns the twin of the shared federation.
func plainTwin(t *testing.T) *twin {
	t.Helper()
	f := running(t)
	twinOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		twinOnce.twin, twinOnce.err = f.makeTwin(ctx)
	})
	if twinOnce.err != nil {
		t.Fatal(twinOnce.err)
	}
	return twinOnce.twin
}

// makeTwin copies what the gateway shows, and the rows that the oracle has.
func (f *federation) makeTwin(ctx context.Context) (*twin, error) {
	gateway, err := pgx.Connect(ctx, f.URI("clinic", "rosa", "trial"))
	if err != nil {
		return nil, err
	}
	defer gateway.Close(ctx)
	oracle, err := f.oracle.Connect(ctx, "trial")
	if err != nil {
		return nil, err
	}
	defer oracle.Close(ctx)
	if err := execAll(ctx, oracle, "CREATE DATABASE trial", "ALTER DATABASE trial SET default_transaction_read_only = on",
		fmt.Sprintf("CREATE ROLE rosa LOGIN PASSWORD '%s'", f.Passwords["rosa"])); err != nil {
		return nil, err
	}
	config := oracle.Config().Copy()
	config.Database = "trial"
	config.RuntimeParams = map[string]string{"default_transaction_read_only": "off"}
	plain, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	defer plain.Close(ctx)
	for _, table := range []string{"people", "sites"} {
		if err := copyTable(ctx, table, gateway, oracle, plain); err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
	}
	var zone string
	if err := gateway.QueryRow(ctx, "SHOW TimeZone").Scan(&zone); err != nil {
		return nil, err
	}
	if err := execAll(ctx, plain, "ALTER DATABASE trial SET TimeZone = '"+zone+"'", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO rosa", "REVOKE TEMP ON DATABASE trial FROM PUBLIC"); err != nil {
		return nil, err
	}
	return &twin{f: f, socket: filepath.Join(config.Host, fmt.Sprintf(".s.PGSQL.%d", config.Port))}, nil
}

// execAll runs statements.
func execAll(ctx context.Context, conn *pgx.Conn, statements ...string) error {
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// copyTable makes a table as the gateway describes it and fills it from the oracle.
func copyTable(ctx context.Context, table string, gateway, oracle, plain *pgx.Conn) error {
	rows, err := gateway.Query(ctx, `SELECT attname::text, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
		FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 ORDER BY attnum`, table)
	if err != nil {
		return err
	}
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, Type string }])
	if err != nil || len(columns) == 0 {
		return fmt.Errorf("%d columns, %w", len(columns), err)
	}
	var names, definitions []string
	for _, c := range columns {
		names = append(names, pgx.Identifier{c.Name}.Sanitize())
		definitions = append(definitions, pgx.Identifier{c.Name}.Sanitize()+" "+c.Type)
	}
	if _, err := plain.Exec(ctx, fmt.Sprintf("CREATE TABLE %s (%s)", table, strings.Join(definitions, ", "))); err != nil {
		return err
	}
	list := strings.Join(names, ", ")
	var data strings.Builder
	if _, err := oracle.PgConn().CopyTo(ctx, &data, fmt.Sprintf("COPY (SELECT %s FROM %s) TO STDOUT", list, table)); err != nil {
		return err
	}
	_, err = plain.PgConn().CopyFrom(ctx, strings.NewReader(data.String()), fmt.Sprintf("COPY %s (%s) FROM STDIN", table, list))
	return err
}

// dial connects to the twin, up to the startup message.
func (w *twin) dial() (*link, error) {
	conn, err := net.Dial("unix", w.socket)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	return &link{conn: conn, in: bufio.NewReader(conn)}, nil
}

// both opens a session at the gateway and at the twin and calls do with each.
func (w *twin) both(do func(*link) ([]string, error)) (ours, theirs []string, err error) {
	for _, side := range []struct {
		dial func() (*link, error)
		into *[]string
	}{{w.dial, &theirs}, {w.f.dialGateway, &ours}} {
		l, err := side.dial()
		if err != nil {
			return nil, nil, err
		}
		*side.into, err = do(l)
		_ = l.conn.Close()
		if err != nil {
			return nil, nil, err
		}
	}
	return ours, theirs, nil
}

// compare plays a script on both sides as rosa.
func (w *twin) compare(s script) string {
	ours, theirs, err := w.both(func(l *link) ([]string, error) {
		if _, err := l.start(w.packet(3<<16), "rosa", w.f.Passwords["rosa"]); err != nil {
			return nil, err
		}
		return l.play(s)
	})
	if err != nil {
		return err.Error()
	}
	return s.verdict(ours, theirs)
}

// packet is rosa's startup message with further parameters.
func (w *twin) packet(version uint32, parameters ...string) []byte {
	return startupPacket(version, append([]string{"user", "rosa", "database", "trial"}, parameters...)...)
}

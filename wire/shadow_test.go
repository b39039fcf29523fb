package wire

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// TestShadowDies: when a session's server ends it or dies, the client hears FATAL 57P01, whatever it was doing, its connection
// closes, and another session goes on.
func TestShadowDies(t *testing.T) {
	t.Parallel()
	admin, err := pgx.Connect(t.Context(), shadowServer.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	for i, c := range []struct {
		name      string
		before    string // a statement
		running   bool   // another one runs
		terminate bool   // by the server, else it is gone without a word
	}{
		{"idle, terminated", "SELECT 1", false, true},
		{"idle, gone", "SELECT 1", false, false},
		{"in a transaction, terminated", "BEGIN", false, true},
		{"in a transaction, gone", "BEGIN", false, false},
		{"in an aborted transaction, gone", "BEGIN; SELECT nothing FROM patients", false, false},
		{"running, terminated", "SELECT 1", true, true},
		{"running, gone", "SELECT 1", true, false},
	} {
		h := countTrips(t)
		s := serve(t, func(o *Options) { o.Handler = h })
		victim, err := pgx.Connect(t.Context(), s.dsn()+fmt.Sprintf(" application_name=victim%d", i))
		if err != nil {
			t.Fatal(err)
		}
		other, err := pgx.Connect(t.Context(), s.dsn())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = victim.PgConn().Exec(t.Context(), c.before).ReadAll() // an aborted transaction is meant
		kill := func() {
			if !c.terminate {
				h.cut(0)
			} else if _, err := admin.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", fmt.Sprintf("victim%d", i)); err != nil {
				t.Error(err)
			}
		}
		statement := "SELECT count(*) FROM patients"
		if c.running {
			statement = "SELECT pg_sleep(30), id FROM patients"
			time.AfterFunc(200*time.Millisecond, kill)
		} else {
			kill()
		}
		_, err = victim.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol)
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != "57P01" || pe.Severity != "FATAL" || pe.Where != "" {
			t.Errorf("%s: %v", c.name, err)
		}
		if !victim.IsClosed() {
			t.Errorf("%s: the connection stays open", c.name)
		}
		var n int
		if err := other.QueryRow(t.Context(), "SELECT count(*) FROM patients").Scan(&n); err != nil || n != 1000 {
			t.Errorf("%s: another session: %d, %v", c.name, n, err)
		}
		if err := other.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

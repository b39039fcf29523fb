package wire

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

type callbackFunc func(context.Context, Call) ([][]*string, error)

func (f callbackFunc) Call(ctx context.Context, c Call) ([][]*string, error) { return f(ctx, c) }

func serveCallback(t *testing.T, cb callbackFunc) *pgconn.Config {
	t.Helper()
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ServeCallback(ctx, l, cb, "pw") }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	cfg, err := pgconn.ParseConfig("host=" + dir + " port=5432 user=c2d password=pw dbname=c2d sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// call asks as the functions of the shadow do: the request, and wait while there are no rows and the gateway is busy.
func call(t *testing.T, c *pgconn.PgConn, request string) ([][][]byte, error) {
	t.Helper()
	for query := request; ; query = queryWait {
		res, err := c.Exec(t.Context(), query).ReadAll()
		if err != nil {
			return nil, err
		}
		if len(res[0].Rows) > 0 || state(t, c) == tagDone {
			return res[0].Rows, nil
		}
	}
}

// state asks how the connection's call is.
func state(t *testing.T, c *pgconn.PgConn) string {
	t.Helper()
	res, err := c.Exec(t.Context(), queryState).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return res[0].CommandTag.String()
}

func ptr(s string) *string { return &s }

func TestCallback(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 1)
	ended := make(chan error, 1)
	cfg := serveCallback(t, func(ctx context.Context, c Call) ([][]*string, error) {
		switch c.Name {
		case "run":
			return [][]*string{append([]*string{ptr(c.Statement), ptr(`q"\,{} NULL`), nil, ptr("")}, c.Args...)}, nil
		case "wait":
			started <- struct{}{}
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		case "fail":
			return nil, pgerr.New("ZD010", "exhausted").WithDetail("d").WithHint("h")
		}
		return nil, errors.New("private text")
	})
	c, err := pgconn.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	rows, err := call(t, c, `{"call":"run","pid":7,"statement":"s1","args":["a",null],"settings":{"TimeZone":"UTC"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(rows[0][0]); got != `{"s1","q\"\\,{} NULL",NULL,"","a",NULL}` {
		t.Errorf("row %s", got)
	}
	var pe *pgconn.PgError
	_, err = call(t, c, `{"call":"fail","pid":7}`)
	if !errors.As(err, &pe) || pe.Code != "ZD010" || pe.Detail != "d" || pe.Hint != "h" {
		t.Errorf("error %v", err)
	}
	_, err = call(t, c, `{"call":"other","pid":7}`)
	if !errors.As(err, &pe) || pe.Code != "XX000" || strings.Contains(pe.Message, "private") {
		t.Errorf("error %v", err)
	}
	for _, bad := range []string{"wait", "SELECT 1", "{}", `{"call":"run"}`, `{"call":"run","pid":1} x`, `{"call":"run","pid":1,"x":1}`} {
		if _, err := call(t, c, bad); !errors.As(err, &pe) || pe.Code != "42601" {
			t.Errorf("%s: %v", bad, err)
		}
	}
	raw := c.Conn()
	go func() { _, _ = c.Exec(context.Background(), `{"call":"wait","pid":7}`).ReadAll() }()
	<-started
	_ = raw.Close()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		t.Error("the call outlives its client")
	}
	cfg.Password = "wrong"
	if _, err := pgconn.ConnectConfig(t.Context(), cfg); !errors.As(err, &pe) || pe.Code != "28P01" {
		t.Errorf("wrong password: %v", err)
	}
}

// TestArrayLiteral has PostgreSQL read what we write.
func TestArrayLiteral(t *testing.T) {
	t.Parallel()
	c, err := pgx.Connect(t.Context(), shadowServer.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, row := range [][]*string{{}, {nil}, {ptr("")}, {ptr("NULL"), nil}, {ptr(`\"{},' `), ptr("é\n\t")}, {ptr("{a}"), ptr("(1,2)")}} {
		var got []*string
		if err := c.QueryRow(t.Context(), "SELECT $1::text::text[]", string(arrayLiteral(nil, row))).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if !sameRow(got, row) {
			t.Errorf("%s", arrayLiteral(nil, row))
		}
	}
}

func sameRow(a, b []*string) bool {
	return slices.EqualFunc(a, b, func(x, y *string) bool {
		return (x == nil) == (y == nil) && (x == nil || *x == *y)
	})
}

func FuzzArrayLiteral(f *testing.F) {
	f.Add("a", `"\{},`, true)
	f.Add("", "NULL", false)
	m := pgtype.NewMap()
	f.Fuzz(func(t *testing.T, a, b string, null bool) {
		if !utf8.ValidString(a + "|" + b) {
			return // no PostgreSQL text; the shadow refuses it
		}
		row := []*string{&a, &b}
		if null {
			row = append(row, nil)
		}
		var got []*string
		if err := m.Scan(pgtype.TextArrayOID, pgtype.TextFormatCode, arrayLiteral(nil, row), &got); err != nil {
			t.Fatal(err)
		}
		if !sameRow(got, row) {
			t.Errorf("%q", arrayLiteral(nil, row))
		}
	})
}

func FuzzDecodeCall(f *testing.F) {
	f.Add(`{"call":"run","pid":7,"statement":"s","args":["a",null],"settings":{"now":"1"}}`)
	f.Add(`{"call":"run","pid":7,"args":null}`)
	f.Add(`{}{}`)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := decodeCall(text); err == nil && (c.Name == "" || c.BackendPID == 0) {
			t.Error("a call without name or pid")
		}
	})
}

// TestCallbackByDblink calls as the shadow does: from inside PostgreSQL, by dblink.
func TestCallbackByDblink(t *testing.T) {
	t.Parallel()
	cfg := serveCallback(t, func(_ context.Context, c Call) ([][]*string, error) {
		if c.Name == "fail" {
			return nil, pgerr.New("ZD010", "exhausted").WithDetail("d").WithHint("h")
		}
		return [][]*string{{ptr(`a"b\c`), nil}, {ptr("é"), c.Args[0]}}, nil
	})
	if err := os.Chmod(filepath.Join(cfg.Host, ".s.PGSQL.5432"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{cfg.Host, filepath.Dir(cfg.Host)} { // the server runs under another account
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c, err := pgx.Connect(t.Context(), shadowServer.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(t.Context(), "CREATE EXTENSION IF NOT EXISTS dblink"); err != nil {
		t.Fatal(err)
	}
	conninfo := "host=" + cfg.Host + " port=5432 user=c2d password=pw dbname=c2d"
	var state string
	var got []string
	if err := c.QueryRow(t.Context(), "SELECT dblink_connect('c2d', $1)", conninfo).Scan(nil); err != nil {
		t.Fatal(err)
	}
	const sql = "SELECT array_agg(r[1] || coalesce(r[2], '-')) FROM dblink('c2d', $1) AS t(r text[])"
	if err := c.QueryRow(t.Context(), sql, `{"call":"run","pid":7,"args":["x"]}`).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if err := c.QueryRow(t.Context(), "SELECT dblink_exec('c2d', $1)", queryState).Scan(&state); err != nil || state != tagDone {
		t.Errorf("state %q, %v", state, err)
	}
	if !slices.Equal(got, []string{`a"b\c-`, "éx"}) {
		t.Errorf("got %q", got)
	}
	var pe *pgconn.PgError
	err = c.QueryRow(t.Context(), sql, `{"call":"fail","pid":7}`).Scan(&got)
	if !errors.As(err, &pe) || pe.Code != "ZD010" || pe.Detail != "d" || pe.Hint != "h" {
		t.Errorf("error %+v", pe)
	}
}

// TestCallbackCancel: a CancelRequest ends the call and not its connection; a wrong key does nothing.
func TestCallbackCancel(t *testing.T) {
	t.Parallel()
	started := make(chan struct{}, 1)
	cfg := serveCallback(t, func(ctx context.Context, c Call) ([][]*string, error) {
		if c.Name == "quick" {
			return [][]*string{{ptr("x")}}, nil
		}
		started <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	connect := func() *pgconn.PgConn {
		c, err := pgconn.ConnectConfig(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close(context.Background()) })
		return c
	}
	c, other := connect(), connect()
	ended := make(chan error, 1)
	go func() {
		_, err := call(t, c, `{"call":"hang","pid":7}`)
		ended <- err
	}()
	<-started
	if err := other.CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		t.Fatalf("another connection's key ended the call: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := c.CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	var pe *pgconn.PgError
	if err := <-ended; !errors.As(err, &pe) || pe.Code != "57014" {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := call(t, c, `{"call":"quick","pid":7}`); err != nil {
		t.Errorf("after the cancellation: %v", err)
	}
}

// TestCallbackPatience: a backend is not kept inside libpq while its call runs, and ends the call that it did not wait for when it makes another.
func TestCallbackPatience(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 1)
	cfg := serveCallback(t, func(ctx context.Context, c Call) ([][]*string, error) {
		if c.Name == "quick" {
			return [][]*string{{ptr("x")}}, nil
		}
		<-ctx.Done()
		ended <- struct{}{}
		return nil, ctx.Err()
	})
	c, err := pgconn.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, query := range []string{`{"call":"hang","pid":7}`, queryWait, queryWait} {
		res, err := c.Exec(t.Context(), query).ReadAll()
		if err != nil || len(res[0].Rows) != 0 || state(t, c) != tagBusy {
			t.Fatalf("%s: %v, %v", query, res, err)
		}
	}
	var pe *pgconn.PgError
	for range 2 {
		if rows, err := call(t, c, `{"call":"quick","pid":7}`); err != nil || len(rows) != 1 || string(rows[0][0]) != `{"x"}` {
			t.Errorf("rows %q, %v", rows, err)
		}
	}
	select {
	case <-ended:
	default:
		t.Error("the call that nobody waited for goes on")
	}
	if _, err := c.Exec(t.Context(), queryWait).ReadAll(); !errors.As(err, &pe) || pe.Code != pgerr.SyntaxError {
		t.Errorf("waited for twice: %v", err)
	}
}

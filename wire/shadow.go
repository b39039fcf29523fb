package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// shadowConn is one session on the shadow server.
type shadowConn struct {
	endpoint Endpoint
	conn     net.Conn
	in       *frames
	out      *writer
	pid      uint32
	secret   []byte
	params   map[string]string // reported at the start
	status   byte

	cancelling sync.Mutex // held while a cancel request runs
}

// String keeps the password of an Endpoint out of logs.
func (e Endpoint) String() string { return fmt.Sprintf("shadow %s as %s", e.Database, e.Role) }

// GoString keeps the password of an Endpoint out of logs.
func (e Endpoint) GoString() string { return e.String() }

// LogValue keeps the password of an Endpoint out of logs.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// MarshalJSON keeps the password of an Endpoint out of JSON.
func (e Endpoint) MarshalJSON() ([]byte, error) { return json.Marshal(e.String()) }

// socket is the path of the shadow's unix socket.
func (e Endpoint) socket() string {
	return filepath.Join(e.SocketDir, ".s.PGSQL."+strconv.Itoa(e.Port))
}

// connectShadow opens a session with the client's startup settings.
func connectShadow(ctx context.Context, e Endpoint, settings map[string]string) (*shadowConn, error) {
	cfg, err := pgconn.ParseConfig("sslmode=disable")
	if err != nil {
		return nil, fmt.Errorf("shadow configuration: %w", err)
	}
	cfg.Host, cfg.Port, cfg.Database = e.SocketDir, uint16(e.Port), e.Database
	cfg.User, cfg.Password = e.Role, e.Password
	cfg.TLSConfig, cfg.Fallbacks, cfg.ValidateConnect, cfg.AfterConnect = nil, nil, nil, nil
	cfg.RuntimeParams = settings
	var in io.Reader // pgconn may have begun to read the connection in the background: only its own reader has every byte
	cfg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		in = r
		return pgproto3.NewFrontend(r, w)
	}
	c, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connecting to the shadow: %w", err)
	}
	h, err := c.Hijack()
	if err != nil {
		return nil, fmt.Errorf("connecting to the shadow: %w", err)
	}
	if h.Frontend.ReadBufferLen() != 0 {
		_ = h.Conn.Close()
		return nil, errors.New("connecting to the shadow: it spoke out of turn")
	}
	return &shadowConn{
		endpoint: e, conn: h.Conn, in: newFrames(in, 0), out: newWriter(h.Conn),
		pid: h.PID, secret: h.SecretKey, params: h.ParameterStatuses, status: h.TxStatus,
	}, nil
}

// cancelled returns when no cancel request runs. PostgreSQL signals a backend twice, and the second signal
// may come after the first has ended the statement: it must meet an idle session, not the next statement.
func (s *shadowConn) cancelled() {
	s.cancelling.Lock()
	defer s.cancelling.Unlock()
}

// cancel asks the shadow to cancel what the session runs, on a connection of its own, and
// waits until the request was taken.
func (s *shadowConn) cancel() error {
	s.cancelling.Lock()
	defer s.cancelling.Unlock()
	conn, err := net.DialTimeout("unix", s.endpoint.socket(), 5*time.Second)
	if err != nil {
		return fmt.Errorf("cancel request: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return fmt.Errorf("cancel request: %w", err)
	}
	buf, err := (&pgproto3.CancelRequest{ProcessID: s.pid, SecretKey: s.secret}).Encode(nil)
	if err != nil {
		return fmt.Errorf("cancel request: %w", err)
	}
	if _, err := conn.Write(buf); err != nil {
		return fmt.Errorf("cancel request: %w", err)
	}
	_, _ = conn.Read(buf) // the shadow closes when it has signalled the backend
	return nil
}

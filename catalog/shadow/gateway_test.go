package shadow_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// request is the line that c2d.run sends.
type request struct {
	Call      string            `json:"call"`
	PID       uint32            `json:"pid"`
	Statement string            `json:"statement"`
	Args      []*string         `json:"args"`
	Settings  map[string]string `json:"settings"`
}

// gateway is a callback server that answers by statement.
type gateway struct {
	dir      string
	listener net.Listener
	mu       sync.Mutex
	seen     []request
	opened   map[uint32]int // connections that made a request, by backend
	gone     chan struct{}  // a value for each call whose backend went away before the answer
}

func listenGateway(dir string) (*gateway, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		return nil, err
	}
	g := &gateway{dir: dir, listener: l, gone: make(chan struct{}, 100), opened: map[uint32]int{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = g.serve(c)
			}()
		}
	}()
	return g, nil
}

func (g *gateway) close() { _ = g.listener.Close() }

// last is the newest request.
func (g *gateway) last() request {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.seen) == 0 {
		return request{}
	}
	return g.seen[len(g.seen)-1]
}

// count is the number of requests so far.
func (g *gateway) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.seen)
}

// connections is the number of connections over which a backend has called.
func (g *gateway) connections(pid uint32) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened[pid]
}

// serve answers one connection of dblink.
func (g *gateway) serve(c net.Conn) error {
	b := pgproto3.NewBackend(c, c)
	start, err := b.ReceiveStartupMessage()
	if err != nil {
		return err
	}
	if m, ok := start.(*pgproto3.StartupMessage); !ok || m.Parameters["user"] != "gw" {
		return errors.New("unexpected start")
	}
	b.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := b.Flush(); err != nil {
		return err
	}
	if err := b.SetAuthType(pgproto3.AuthTypeCleartextPassword); err != nil {
		return err
	}
	m, err := b.Receive()
	if err != nil {
		return err
	}
	if p, ok := m.(*pgproto3.PasswordMessage); !ok || p.Password != `a'b\c` {
		b.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: "wrong password"})
		return b.Flush()
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if err := b.Flush(); err != nil {
		return err
	}
	var current request
	defer func() {
		if current.Statement == "hang" {
			g.gone <- struct{}{}
		}
	}()
	for {
		m, err := b.Receive()
		q, ok := m.(*pgproto3.Query)
		if err != nil || !ok {
			return err
		}
		if err := g.answer(b, &current, q.String); err != nil {
			return err
		}
	}
}

// answer does what the statement's name says.
func (g *gateway) answer(b *pgproto3.Backend, current *request, text string) error {
	switch {
	case text == "wait":
		if current.Statement == "hang" {
			time.Sleep(25 * time.Millisecond)
		}
		sendRows(b, rowsOf(current.Statement))
	case text == "state" && (current.Statement == "hang" || current.Statement == "many"):
		b.Send(&pgproto3.CommandComplete{CommandTag: []byte("BUSY")})
	case text == "state":
		b.Send(&pgproto3.CommandComplete{CommandTag: []byte("DONE")})
	default:
		if err := g.begin(b, current, text); err != nil {
			return err
		}
	}
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	return b.Flush()
}

// begin takes a request; one for many rows is not answered at once.
func (g *gateway) begin(b *pgproto3.Backend, current *request, text string) error {
	first := current.PID == 0
	*current = request{}
	if err := json.Unmarshal([]byte(text), current); err != nil {
		return err
	}
	g.mu.Lock()
	g.seen = append(g.seen, *current)
	if first {
		g.opened[current.PID]++
	}
	g.mu.Unlock()
	switch current.Statement {
	case "drop":
		return errors.New("drop the connection")
	case "error":
		b.Send(&pgproto3.ErrorResponse{Severity: "ERROR", Code: "ZD010", Message: "budget is spent", Detail: "at lab", Hint: "ask lab"})
	case "many":
		sendRows(b, nil)
	default:
		sendRows(b, rowsOf(current.Statement))
	}
	return nil
}

// sendRows sends array literals.
func sendRows(b *pgproto3.Backend, rows []string) {
	b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("r"), DataTypeOID: 1009, DataTypeSize: -1, TypeModifier: -1}}})
	for _, row := range rows {
		b.Send(&pgproto3.DataRow{Values: [][]byte{[]byte(row)}})
	}
	b.Send(&pgproto3.CommandComplete{CommandTag: fmt.Appendf(nil, "SELECT %d", len(rows))})
}

// rowsOf are the array literals of one statement or view.
func rowsOf(statement string) []string {
	switch statement {
	case "rows":
		return []string{`{f,12,NULL}`, `{"m, \"x\"",7,1.5}`}
	case "many":
		rows := make([]string, 20000)
		for i := range rows {
			rows[i] = fmt.Sprintf("{%d,x}", i)
		}
		return rows
	case "budget":
		return []string{`{lab,lab_db,3,0.5,2.5,25,t}`}
	case "last":
		return []string{`{lab,0.1,NULL,NULL,NULL,f,e1}`, `{NULL,NULL,count,29.9,"1 group, 1 row",f,e1}`}
	case "history":
		return []string{`{"2026-01-02 03:04:05+00","SELECT 1",0.1,e1,answered}`}
	case "studies":
		return []string{`{"liver study","clinic, lab"}`, `{breast,lab}`}
	default:
		return nil
	}
}

package golang

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgproto3/v2"
	"github.com/xdg-go/scram"
)

// Conn speaks the protocol message by message, with a codec that the product does not use.
type Conn struct {
	net.Conn
	*pgproto3.Frontend
	Process, Secret uint32 // for cancel requests
}

// The codes that a client may send in place of a protocol version.
const (
	SSLRequest    = 80877103
	GSSENCRequest = 80877104
	CancelRequest = 80877102
)

// patience is how long an answer may take.
const patience = 15 * time.Second

// Special is such a request.
func Special(code uint32, more ...uint32) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(8+4*len(more)))
	for _, word := range append([]uint32{code}, more...) {
		out = binary.BigEndian.AppendUint32(out, word)
	}
	return out
}

// Plain connects without a word.
func Plain() (net.Conn, error) {
	conn, err := net.Dial("tcp", net.JoinHostPort(os.Getenv("PGHOST"), os.Getenv("PGPORT")))
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(patience))
}

// Open connects up to where the startup message is sent: through TLS if the environment says so.
func Open() (*Conn, error) {
	conn, err := Plain()
	if err != nil {
		return nil, err
	}
	if root := os.Getenv("PGSSLROOTCERT"); root != "" {
		if conn, err = secure(conn, root); err != nil {
			return nil, err
		}
	}
	return &Conn{Conn: conn, Frontend: pgproto3.NewFrontend(pgproto3.NewChunkReader(conn), conn)}, nil
}

// secure asks for TLS and checks that the certificate was issued by the root, as verify-ca does.
func secure(plain net.Conn, root string) (net.Conn, error) {
	text, err := os.ReadFile(root)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	if _, err := plain.Write(Special(SSLRequest)); err != nil {
		return nil, err
	}
	var answer [1]byte
	if _, err := io.ReadFull(plain, answer[:]); err != nil || answer[0] != 'S' {
		return nil, fmt.Errorf("SSLRequest: %q, %w", answer, err)
	}
	return tls.Client(plain, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12,
		VerifyConnection: func(state tls.ConnectionState) error {
			_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots})
			return err
		}}), nil
}

// Startup are the parameters of a usual start, with others added.
func Startup(more ...string) *pgproto3.StartupMessage {
	parameters := map[string]string{"user": os.Getenv("PGUSER"), "database": os.Getenv("PGDATABASE"), "application_name": "raw"}
	for i := 0; i+1 < len(more); i += 2 {
		parameters[more[i]] = more[i+1]
	}
	return &pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: parameters}
}

// Login starts a session and returns what the server said.
func (c *Conn) Login(start *pgproto3.StartupMessage, password string) (string, error) {
	if err := c.Send(start); err != nil {
		return "", err
	}
	var said, reported []string
	client, err := scram.SHA256.NewClient(start.Parameters["user"], password, "")
	if err != nil {
		return "", err
	}
	dialogue := client.NewConversation()
	for {
		m, err := c.Receive()
		if err != nil {
			return strings.Join(append(said, "closed"), " / "), nil // a closed connection is an answer
		}
		answer, text := pgproto3.FrontendMessage(nil), ""
		switch x := m.(type) {
		case *pgproto3.AuthenticationSASL:
			text, err = dialogue.Step("")
			answer = &pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte(text)}
		case *pgproto3.AuthenticationSASLContinue:
			text, err = dialogue.Step(string(x.Data))
			answer = &pgproto3.SASLResponse{Data: []byte(text)}
		case *pgproto3.AuthenticationSASLFinal:
			_, err = dialogue.Step(string(x.Data))
		case *pgproto3.AuthenticationOk:
		case *pgproto3.BackendKeyData:
			c.Process, c.Secret = x.ProcessID, x.SecretKey
		case *pgproto3.ParameterStatus:
			reported = append(reported, Short(m)) // in no order
		default:
			said = append(said, Short(m))
		}
		if err != nil {
			return "", err
		}
		if answer != nil {
			if err := c.Send(answer); err != nil {
				return "", err
			}
		}
		if _, ready := m.(*pgproto3.ReadyForQuery); ready {
			slices.Sort(reported)
			return strings.Join(append(reported, said...), " / "), nil
		}
	}
}

// Dial starts a usual session.
func Dial(more ...string) (*Conn, error) {
	c, err := Open()
	if err != nil {
		return nil, err
	}
	said, err := c.Login(Startup(more...), os.Getenv("PGPASSWORD"))
	if err == nil && !strings.HasSuffix(said, "Z I") {
		err = errors.New(said)
	}
	return c, err
}

// Ask sends messages in one piece and returns all answers up to n ReadyForQuery or the connection's end.
func (c *Conn) Ask(n int, messages ...pgproto3.FrontendMessage) (any, error) {
	var out []byte
	for _, m := range messages {
		var err error
		if out, err = m.Encode(out); err != nil {
			return nil, err
		}
	}
	if _, err := c.Write(out); err != nil {
		return nil, err
	}
	return c.Answers(n, -1), nil
}

// Answers reads up to n ReadyForQuery, or as many messages, or to the connection's end.
func (c *Conn) Answers(n, messages int) string {
	said := []string{}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err.Error()
	}
	for n > 0 && messages != 0 {
		m, err := c.Receive()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return strings.Join(append(said, "nothing more"), " / ")
		}
		if err != nil {
			return strings.Join(append(said, "closed"), " / ")
		}
		said = append(said, Short(m))
		messages--
		if _, ready := m.(*pgproto3.ReadyForQuery); ready {
			n--
		}
	}
	return strings.Join(said, " / ")
}

// Short writes a message in one line. What no two servers have in common is left out.
func Short(m pgproto3.BackendMessage) string {
	switch x := m.(type) {
	case *pgproto3.RowDescription:
		var fields []string
		for _, f := range x.Fields {
			fields = append(fields, fmt.Sprintf("%s:%d,%d,%d,%d,%v", f.Name, f.DataTypeOID, f.DataTypeSize, f.TypeModifier, f.Format, f.TableAttributeNumber))
		}
		return "T " + strings.Join(fields, " ")
	case *pgproto3.DataRow:
		var values []string
		for _, v := range x.Values {
			if v == nil {
				values = append(values, "NULL")
			} else {
				values = append(values, hex.EncodeToString(v))
			}
		}
		return "D " + strings.Join(values, " ")
	case *pgproto3.ErrorResponse:
		return fmt.Sprintf("E %s %s %s %q %q %q %d %d %q %q %q %q %q", x.Severity, x.SeverityUnlocalized, x.Code, x.Message, x.Detail, x.Hint, x.Position, x.InternalPosition,
			x.SchemaName, x.TableName, x.ColumnName, x.DataTypeName, x.ConstraintName)
	case *pgproto3.NoticeResponse:
		return fmt.Sprintf("N %s %s %q", x.Severity, x.Code, x.Message)
	case *pgproto3.ReadyForQuery:
		return "Z " + string(x.TxStatus)
	case *pgproto3.CommandComplete:
		return "C " + string(x.CommandTag)
	case *pgproto3.ParameterStatus:
		return "S " + x.Name + "=" + x.Value
	case *pgproto3.CopyData:
		return "d " + hex.EncodeToString(x.Data)
	default:
		return fmt.Sprintf("%T %+v", m, m)
	}
}

package conformance

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgproto3/v2"
	"github.com/xdg-go/scram"
)

// link is a connection that shows every message, known to a codec or not, as one line of text.
type link struct {
	conn net.Conn
	in   *bufio.Reader
}

// patience bounds one connection of a test: nothing here may hang.
const patience = time.Minute

// dialGateway opens a TLS connection to the clinic's gateway, up to the startup message.
func (f *federation) dialGateway() (*link, error) {
	plain, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.Party("clinic").Analysts))
	if err != nil {
		return nil, err
	}
	if err := plain.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := plain.Write(startupPacket(80877103)); err != nil {
		return nil, err
	}
	var yes [1]byte
	if _, err := io.ReadFull(plain, yes[:]); err != nil || yes[0] != 'S' {
		return nil, fmt.Errorf("SSLRequest: %q, %w", yes, err)
	}
	conn := tls.Client(plain, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) // other tests verify it
	return &link{conn: conn, in: bufio.NewReader(conn)}, nil
}

// startupPacket is a first packet: a code and strings, each ended by a zero.
func startupPacket(code uint32, words ...string) []byte {
	body := binary.BigEndian.AppendUint32(nil, code)
	for _, w := range words {
		body = append(append(body, w...), 0)
	}
	if len(words) > 0 {
		body = append(body, 0)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

// start sends a startup packet and returns what comes up to ReadyForQuery or the end, logging in on the way.
func (l *link) start(packet []byte, login, password string) ([]string, error) {
	if _, err := l.conn.Write(packet); err != nil {
		return nil, err
	}
	var lines []string
	for {
		kind, body, err := l.frame()
		if err != nil {
			return append(lines, "closed"), nil // the end of the connection is an answer here
		}
		if kind == 'R' {
			if err := l.authenticate(body, login, password); err != nil {
				return lines, err
			}
			continue
		}
		line, err := shown(kind, body)
		if err != nil {
			return lines, err
		}
		lines = append(lines, line)
		if kind == 'Z' {
			return lines, nil
		}
	}
}

// authenticate answers one authentication request; SCRAM is done to its end.
func (l *link) authenticate(body []byte, login, password string) error {
	switch code := binary.BigEndian.Uint32(body); code {
	case 0:
		return nil
	case 10:
	default:
		return fmt.Errorf("authentication request %d", code)
	}
	client, err := scram.SHA256.NewClient(login, password, "")
	if err != nil {
		return err
	}
	dialogue := client.NewConversation()
	first, err := dialogue.Step("")
	if err != nil {
		return err
	}
	if err := l.send(&pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: []byte(first)}); err != nil {
		return err
	}
	for range 2 { // SASLContinue, SASLFinal
		kind, body, err := l.frame()
		if err != nil {
			return err
		}
		if kind != 'R' {
			line, err := shown(kind, body)
			return errors.Join(err, errors.New(line))
		}
		answer, err := dialogue.Step(string(body[4:]))
		if err != nil {
			return err
		}
		if answer != "" {
			if err := l.send(&pgproto3.SASLResponse{Data: []byte(answer)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// send writes messages at once.
func (l *link) send(messages ...pgproto3.FrontendMessage) error {
	var out []byte
	for _, m := range messages {
		var err error
		if out, err = m.Encode(out); err != nil {
			return err
		}
	}
	_, err := l.conn.Write(out)
	return err
}

// frame reads one message.
func (l *link) frame() (byte, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(l.in, head[:]); err != nil {
		return 0, nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[1:])-4)
	_, err := io.ReadFull(l.in, body)
	return head[0], body, err
}

// shown writes a message as one line: everything that a client can see, but for what differs from server to
// server by its nature (oids of tables, process numbers, places in PostgreSQL's sources).
func shown(kind byte, body []byte) (string, error) {
	messages := map[byte]pgproto3.BackendMessage{
		'T': &pgproto3.RowDescription{}, 'D': &pgproto3.DataRow{}, 'C': &pgproto3.CommandComplete{}, 'Z': &pgproto3.ReadyForQuery{},
		't': &pgproto3.ParameterDescription{}, 'S': &pgproto3.ParameterStatus{}, 'H': &pgproto3.CopyOutResponse{},
	}
	m, known := messages[kind]
	if known {
		if err := m.Decode(body); err != nil {
			return "", err
		}
	}
	switch x := m.(type) {
	case *pgproto3.RowDescription:
		return "T " + fieldsShown(x.Fields), nil
	case *pgproto3.DataRow:
		return "D " + valuesShown(x.Values), nil
	case *pgproto3.CommandComplete:
		return "C " + string(x.CommandTag), nil
	case *pgproto3.ReadyForQuery:
		return "Z " + string(x.TxStatus), nil
	case *pgproto3.ParameterDescription:
		return fmt.Sprint("t ", x.ParameterOIDs), nil
	case *pgproto3.ParameterStatus:
		return "S " + x.Name + "=" + x.Value, nil
	case *pgproto3.CopyOutResponse:
		return fmt.Sprint("H ", x.OverallFormat, " ", x.ColumnFormatCodes), nil
	}
	switch kind {
	case 'E', 'N':
		return string(kind) + " " + reportShown(body), nil
	case 'K':
		return "K", nil
	case 'v', 'd':
		return fmt.Sprintf("%c %q", kind, body), nil
	default:
		return string(kind), nil
	}
}

// fieldsShown writes columns; of a table's oid, whether there is one.
func fieldsShown(fields []pgproto3.FieldDescription) string {
	var out []string
	for _, f := range fields {
		origin := "-"
		if f.TableOID != 0 {
			origin = fmt.Sprint("column ", f.TableAttributeNumber)
		}
		out = append(out, fmt.Sprintf("%s type %d mod %d size %d format %d of %s", f.Name, f.DataTypeOID, f.TypeModifier, f.DataTypeSize, f.Format, origin))
	}
	return strings.Join(out, "; ")
}

// valuesShown quotes values, so that binary ones are one line too.
func valuesShown(values [][]byte) string {
	var out []string
	for _, v := range values {
		if v == nil {
			out = append(out, "NULL")
			continue
		}
		out = append(out, fmt.Sprintf("%q", v))
	}
	return strings.Join(out, " ")
}

// reportShown writes the fields of an error or notice. Left out are the places in PostgreSQL's sources, and context and
// internal queries, which the gateway never sends.
func reportShown(body []byte) string {
	var out []string
	for len(body) > 1 {
		value, rest, _ := strings.Cut(string(body[1:]), "\x00")
		if !slices.Contains([]byte("FLRWpq"), body[0]) {
			out = append(out, fmt.Sprintf("%c=%s", body[0], value))
		}
		body = []byte(rest)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

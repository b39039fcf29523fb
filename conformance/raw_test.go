package conformance

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgproto3/v2"
	"github.com/xdg-go/scram"
)

// rawClient speaks the protocol message by message, with a codec that the product does not use.
type rawClient struct {
	t    *testing.T
	conn net.Conn
	*pgproto3.Frontend
}

// dialRaw goes through SSLRequest, TLS, startup and SCRAM-SHA-256 up to ReadyForQuery.
func dialRaw(t *testing.T, f *federation, login, study string) *rawClient {
	t.Helper()
	plain, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", f.Party("clinic").Analysts))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plain.Close() })
	if err := plain.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Write(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), 80877103)); err != nil {
		t.Fatal(err)
	}
	var yes [1]byte
	if _, err := io.ReadFull(plain, yes[:]); err != nil || yes[0] != 'S' {
		t.Fatalf("SSLRequest: %q, %v", yes, err)
	}
	conn := tls.Client(plain, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) // other tests verify it
	c := &rawClient{t: t, conn: conn, Frontend: pgproto3.NewFrontend(pgproto3.NewChunkReader(conn), conn)}
	c.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber,
		Parameters: map[string]string{"user": login, "database": study, "application_name": "raw"}})
	c.authenticate(login, f.Passwords[login])
	seen := map[string]string{}
	var key bool
	for {
		switch m := c.receive().(type) {
		case *pgproto3.ParameterStatus:
			seen[m.Name] = m.Value
		case *pgproto3.BackendKeyData:
			key = true
		case *pgproto3.ReadyForQuery:
			if !key || m.TxStatus != 'I' || seen["server_encoding"] != "UTF8" || !strings.HasPrefix(seen["server_version"], "1") || seen["integer_datetimes"] != "on" {
				t.Fatalf("startup ended with %v, %c, key %v", seen, m.TxStatus, key)
			}
			return c
		default:
			t.Fatalf("startup: %#v", m)
		}
	}
}

func (c *rawClient) send(messages ...pgproto3.FrontendMessage) {
	c.t.Helper()
	for _, m := range messages {
		if err := c.Send(m); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *rawClient) receive() pgproto3.BackendMessage {
	c.t.Helper()
	m, err := c.Receive()
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// authenticate is SCRAM-SHA-256, the server's proof checked.
func (c *rawClient) authenticate(login, password string) {
	c.t.Helper()
	if m, ok := c.receive().(*pgproto3.AuthenticationSASL); !ok || len(m.AuthMechanisms) == 0 || m.AuthMechanisms[len(m.AuthMechanisms)-1] != "SCRAM-SHA-256" {
		c.t.Fatalf("authentication starts with %#v", m)
	}
	client, err := scram.SHA256.NewClient(login, password, "")
	if err != nil {
		c.t.Fatal(err)
	}
	dialogue := client.NewConversation()
	step := func(challenge string) []byte {
		answer, err := dialogue.Step(challenge)
		if err != nil {
			c.t.Fatal(err)
		}
		return []byte(answer)
	}
	c.send(&pgproto3.SASLInitialResponse{AuthMechanism: "SCRAM-SHA-256", Data: step("")})
	first, ok := c.receive().(*pgproto3.AuthenticationSASLContinue)
	if !ok {
		c.t.Fatal("no SASLContinue")
	}
	c.send(&pgproto3.SASLResponse{Data: step(string(first.Data))})
	final, ok := c.receive().(*pgproto3.AuthenticationSASLFinal)
	if !ok {
		c.t.Fatal("no SASLFinal")
	}
	step(string(final.Data))
	if _, ok := c.receive().(*pgproto3.AuthenticationOk); !ok || !dialogue.Valid() {
		c.t.Fatal("the server did not prove that it knows the password")
	}
}

// expect receives messages and compares them, in short form, with a list.
func (c *rawClient) expect(what string, want ...string) {
	c.t.Helper()
	var got []string
	for range want {
		got = append(got, short(c.receive()))
	}
	for i := range want {
		if !like(got[i], want[i]) {
			c.t.Fatalf("%s: got\n%s\nexpected\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// short writes a message in one line.
func short(m pgproto3.BackendMessage) string {
	switch x := m.(type) {
	case *pgproto3.RowDescription:
		var fields []string
		for _, f := range x.Fields {
			fields = append(fields, fmt.Sprintf("%s:%d", f.Name, f.DataTypeOID))
		}
		return "T " + strings.Join(fields, " ")
	case *pgproto3.DataRow:
		var values []string
		for _, v := range x.Values {
			if v == nil {
				v = []byte("NULL")
			}
			if !utf8.Valid(v) { // binary
				v = []byte(hex.EncodeToString(v))
			}
			values = append(values, string(v))
		}
		return "D " + strings.Join(values, " ")
	case *pgproto3.CommandComplete:
		return "C " + string(x.CommandTag)
	case *pgproto3.ReadyForQuery:
		return "Z " + string(x.TxStatus)
	case *pgproto3.ParameterDescription:
		return fmt.Sprint("t ", x.ParameterOIDs)
	case *pgproto3.ErrorResponse:
		return fmt.Sprintf("E %s %s %d %s", x.Severity, x.Code, x.Position, x.Message)
	case *pgproto3.CopyData:
		return "d " + string(x.Data)
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3.")
	}
}

// TestRawSimple is the simple protocol.
func TestRawSimple(t *testing.T) {
	long(t)
	c := dialRaw(t, running(t), "rosa", "trial")
	const bySex = "SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex"
	c.send(&pgproto3.Query{String: bySex})
	c.expect("grouped", "T sex:25 count:20", "D f 85", "D m 44", "D NULL 21", "C SELECT 3", "Z I")
	c.send(&pgproto3.Query{String: "SELECT 1; SELECT count(*) FROM people; SELECT * FROM people; SELECT 2"})
	c.expect("a string of statements", "T *", "D 1", "C SELECT 1", "T count:20", "D 150", "C SELECT 1", "E ERROR ZD001 *", "Z I")
	c.send(&pgproto3.Query{String: ""})
	c.expect("empty", "EmptyQueryResponse", "Z I")
	c.send(&pgproto3.Query{String: "COPY (" + bySex + ") TO STDOUT"})
	c.expect("COPY", "CopyOutResponse", "d f\t85\n", "d m\t44\n", "d \\N\t21\n", "CopyDone", "C COPY 3", "Z I")
	c.send(&pgproto3.Query{String: "BEGIN"})
	c.expect("BEGIN", "C BEGIN", "Z T")
	c.send(&pgproto3.Query{String: "SELECT min(age) FROM people"})
	c.expect("a refusal in a transaction", "E ERROR ZD003 8 *", "Z E")
	c.send(&pgproto3.Query{String: bySex})
	c.expect("after it", "E ERROR 25P02 *", "Z E")
	c.send(&pgproto3.Query{String: "ROLLBACK"})
	c.expect("ROLLBACK", "C ROLLBACK", "Z I")
	c.send(&pgproto3.Query{String: "SELECT 'é', nothing FROM people"})
	c.expect("position in characters", "E ERROR 42703 13 column \"nothing\" does not exist", "Z I")
}

// TestRawExtended is the extended protocol: described statements, portals that are suspended,
// what is skipped until Sync.
func TestRawExtended(t *testing.T) {
	long(t)
	c := dialRaw(t, running(t), "rosa", "trial")
	c.send(&pgproto3.Parse{Name: "s", Query: "SELECT sex, count(*) FROM people WHERE age >= $1 GROUP BY sex ORDER BY sex"},
		&pgproto3.Describe{ObjectType: 'S', Name: "s"}, &pgproto3.Sync{})
	c.expect("Describe", "ParseComplete", "t [23]", "T sex:25 count:20", "Z I")
	c.send(&pgproto3.Query{String: "BEGIN"})
	c.expect("BEGIN", "C BEGIN", "Z T")
	c.send(&pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "s", Parameters: [][]byte{[]byte("0")}},
		&pgproto3.Describe{ObjectType: 'P', Name: "p"}, &pgproto3.Execute{Portal: "p", MaxRows: 2}, &pgproto3.Sync{})
	c.expect("Execute of two rows", "BindComplete", "T sex:25 count:20", "D f *", "D m *", "PortalSuspended", "Z T")
	c.send(&pgproto3.Execute{Portal: "p", MaxRows: 0}, &pgproto3.Close{ObjectType: 'P', Name: "p"}, &pgproto3.Sync{})
	c.expect("the rest", "D NULL *", "C SELECT 1", "CloseComplete", "Z T")
	c.send(&pgproto3.Query{String: "COMMIT"})
	c.expect("COMMIT", "C COMMIT", "Z I")
	c.send(&pgproto3.Parse{Query: "SELECT age FROM people"}, &pgproto3.Bind{}, &pgproto3.Execute{}, &pgproto3.Sync{})
	first := short(c.receive())
	if first == "ParseComplete" {
		first = short(c.receive())
	}
	if !strings.HasPrefix(first, "E ERROR ZD001 ") {
		t.Fatalf("a refusal: %s", first)
	}
	c.expect("Sync", "Z I")
	c.send(&pgproto3.Parse{Query: "SELECT count(*) FROM people"}, &pgproto3.Bind{ResultFormatCodes: []int16{1}}, &pgproto3.Execute{}, &pgproto3.Flush{})
	c.expect("binary, flushed", "ParseComplete", "BindComplete", "D 0000000000000096", "C SELECT 1")
	c.send(&pgproto3.Sync{})
	c.expect("Sync", "Z I")
	c.send(&pgproto3.Bind{PreparedStatement: "none"}, &pgproto3.Sync{})
	c.expect("no such statement", "E ERROR 26000 *", "Z I")
	c.send(&pgproto3.Terminate{})
	if _, err := c.Receive(); err == nil {
		t.Error("the connection stays open after Terminate")
	}
}

// TestRawErrorFields reads an error's fields one by one.
func TestRawErrorFields(t *testing.T) {
	long(t)
	c := dialRaw(t, running(t), "mia", "trial")
	c.send(&pgproto3.Query{String: "SELECT sum(age / income) FROM people"})
	m, ok := c.receive().(*pgproto3.ErrorResponse)
	if !ok {
		t.Fatalf("%#v", m)
	}
	if m.Severity != "ERROR" || m.SeverityUnlocalized != "ERROR" || m.Code != "0A000" || m.Message == "" || m.Hint == "" || m.Position != 16 {
		t.Errorf("%+v", m)
	}
	if m.Where != "" || m.InternalQuery != "" || m.File != "" && strings.Contains(m.File, "/") {
		t.Errorf("the error tells of the inside: %+v", m)
	}
	c.expect("ready", "Z I")
}

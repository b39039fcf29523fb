package wire

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/xdg-go/scram"
)

// sslRequest is the packet with which a client asks for TLS.
var sslRequest = []byte{0, 0, 0, 8, 4, 210, 22, 47}

func startupPacket(t testing.TB, version uint32, params map[string]string) []byte {
	t.Helper()
	b, err := (&pgproto3.StartupMessage{ProtocolVersion: version, Parameters: params}).Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exchange writes bytes and reads until the server closes or n bytes have come (0: all).
func exchange(t *testing.T, addr string, send []byte, n int) []byte {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(12 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(send); err != nil {
		t.Fatal(err)
	}
	if n > 0 {
		b := make([]byte, n)
		m, _ := io.ReadFull(c, b)
		return b[:m]
	}
	b, err := io.ReadAll(c)
	var ne net.Error
	if e, ok := err.(net.Error); ok {
		ne = e
	}
	if ne != nil && ne.Timeout() {
		t.Error("the server did not close")
	}
	return b
}

// TestInjectedBeforeTLS is CVE-2021-23214: a startup packet in the clear behind the SSLRequest
// must not become part of the session.
func TestInjectedBeforeTLS(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	got := exchange(t, s.addr, append(bytes.Clone(sslRequest), startupPacket(t, pgproto3.ProtocolVersion30, map[string]string{"user": "mia"})...), 0)
	if len(got) == 0 || got[0] != 'S' || bytes.Contains(got, []byte("SCRAM")) {
		t.Errorf("got %q", got)
	}
}

func TestNegotiation(t *testing.T) {
	t.Parallel()
	s := serve(t, func(o *Options) { o.PlaintextLoopback = true; o.HandshakeTimeout = 5 * time.Second })
	user := map[string]string{"user": "mia"}
	gss := []byte{0, 0, 0, 8, 4, 210, 22, 48}
	for name, c := range map[string]struct {
		send []byte
		want string
	}{
		"gss":        {gss, "N"},
		"minor":      {startupPacket(t, 3<<16|2, user), "v\x00\x00\x00\x0c\x00\x03\x00\x00\x00\x00\x00\x00R"},
		"option":     {startupPacket(t, 3<<16, map[string]string{"user": "mia", "_pq_.x": "1"}), "v\x00\x00\x00\x13\x00\x03\x00\x00\x00\x00\x00\x01_pq_.x\x00R"},
		"no user":    {startupPacket(t, 3<<16, nil), "E"},
		"version 4":  {startupPacket(t, 4<<16, user), "E"},
		"version 2":  {startupPacket(t, 2<<16, user), ""},
		"garbage":    {[]byte("GET / HTTP/1.0\r\n\r\n"), ""},
		"wrong key":  {[]byte{0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 1}, ""},
		"short":      {[]byte{0, 0, 0, 4, 0, 0, 0, 0}, ""},
		"big packet": {[]byte{0x7f, 0, 0, 0, 0, 3, 0, 0}, ""},
	} {
		got := exchange(t, s.addr, c.send, len(c.want))
		if string(got) != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// TestUnauthenticatedBody: a body longer than 10 kB before authentication ends the connection.
func TestUnauthenticatedBody(t *testing.T) {
	t.Parallel()
	s := serve(t, func(o *Options) { o.PlaintextLoopback = true })
	send := append(startupPacket(t, 3<<16, map[string]string{"user": "mia"}), 'p', 0x3f, 0, 0, 0)
	if got := exchange(t, s.addr, send, 0); !bytes.Contains(got, []byte("SCRAM-SHA-256")) {
		t.Errorf("got %q", got)
	}
}

// TestMockSalt: an unknown login sees the same salt each time, as a real one does.
func TestMockSalt(t *testing.T) {
	o := Options{Random: bytes.NewReader(make([]byte, 1000)), MockKey: []byte("key"), MockIterations: []int{4096}}
	a, err := o.mockCredentials("eve")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := o.mockCredentials("eve")
	c, _ := o.mockCredentials("bob")
	if a.Salt != b.Salt || a.Salt == c.Salt || len(a.Salt) != 16 {
		t.Error("salts of unknown logins")
	}
	o.MockIterations = []int{4096, 4096, 4096, 15000}
	seen := map[int]int{}
	for i := range 400 {
		o.Random = bytes.NewReader(make([]byte, 1000))
		first, err := o.mockCredentials(fmt.Sprint("login", i))
		if err != nil {
			t.Fatal(err)
		}
		o.Random = bytes.NewReader(make([]byte, 1000))
		if again, err := o.mockCredentials(fmt.Sprint("login", i)); err != nil || again.Iters != first.Iters {
			t.Fatalf("iterations change: %v", err)
		}
		seen[first.Iters]++
	}
	if seen[15000] < 50 || seen[15000] > 150 || seen[4096]+seen[15000] != 400 {
		t.Errorf("iterations of unknown logins: %v", seen)
	}
}

func TestRequiredOptions(t *testing.T) {
	if _, err := NewServer(Options{}); err == nil {
		t.Error("zero options are accepted")
	}
}

func FuzzStartup(f *testing.F) {
	f.Add(uint32(3<<16), []byte("user\x00mia\x00_pq_.a\x00b\x00\x00"))
	f.Add(uint32(3<<16), []byte("user\x00mia"))
	f.Add(uint32(codeCancel), []byte{0, 0, 0, 1, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, code uint32, body []byte) {
		if st, err := decodeStartup(code, body); err == nil {
			if _, has := st.forwarded()["user"]; has {
				t.Error("user is forwarded")
			}
		}
		_, _ = decodeCancel(body)
	})
}

func FuzzSCRAM(f *testing.F) {
	f.Add("n,,n=,r=abc", "c=biws,r=abc,p=AAAA")
	f.Add("y,,n=*,r=abc", "c=eSws,r=abcAAAA,p=AAAA")
	f.Add("p=tls-unique,,n=,r=x", "")
	f.Fuzz(func(t *testing.T, first, final string) {
		o := Options{Random: bytes.NewReader(make([]byte, 200)), MockKey: []byte("k"), MockIterations: []int{1}}
		creds, err := o.mockCredentials("x")
		if err != nil {
			t.Fatal(err)
		}
		conv, err := o.conversation(creds, scram.ChannelBinding{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conv.Step(first); err != nil {
			return
		}
		if _, err := conv.Step(final); err == nil && conv.Valid() {
			t.Error("a guessed proof is accepted")
		}
	})
}

func FuzzVerifier(f *testing.F) {
	f.Add("SCRAM-SHA-256$4096:AAAA$AAAA:AAAA")
	f.Add("")
	f.Add("SCRAM-SHA-256$1:c2FsdA==$" + strings.Repeat("A", 43) + "=:" + strings.Repeat("B", 43) + "=")
	f.Fuzz(func(t *testing.T, v string) {
		c, err := parseVerifier(v)
		if err == nil && (c.Iters < 1 || c.Salt == "" || len(c.StoredKey) != sha256.Size || len(c.ServerKey) != sha256.Size) {
			t.Errorf("accepted %d iterations, salt of %d, keys of %d and %d bytes", c.Iters, len(c.Salt), len(c.StoredKey), len(c.ServerKey))
		}
		if err != nil && err != errVerifier {
			t.Errorf("an error of another text: %v", err)
		}
	})
}

// TestCredentialsDoNotPrint: neither keys nor salt reach a log.
func TestCredentialsDoNotPrint(t *testing.T) {
	t.Parallel()
	c := credentials{StoredKey: []byte("hunter2"), ServerKey: []byte("hunter2")}
	c.Salt = "hunter2"
	for _, s := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), c.LogValue().String()} {
		if s != "credentials{…}" {
			t.Errorf("printed %q", s)
		}
	}
}

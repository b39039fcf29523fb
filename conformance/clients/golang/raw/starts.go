package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/c2dproxy/c2dproxy/conformance/clients/golang"
)

// call is the message of the fast path: a function by its oid, without arguments.
type call struct{ oid uint32 }

// Frontend makes call a message that clients send.
func (call) Frontend() {}

// Decode is there for the interface: call is only sent.
func (call) Decode([]byte) error { return io.ErrUnexpectedEOF }

// Encode is FunctionCall.
func (c call) Encode(out []byte) ([]byte, error) {
	out = append(out, 'F', 0, 0, 0, 14)
	out = binary.BigEndian.AppendUint32(out, c.oid)
	return append(out, 0, 0, 0, 0, 0, 0), nil
}

// literal is sent as it is.
type literal struct{ text []byte }

// Frontend makes literal a message that clients send.
func (literal) Frontend() {}

// Decode is there for the interface: a literal is only sent.
func (literal) Decode([]byte) error { return io.ErrUnexpectedEOF }

// Encode appends the text.
func (l literal) Encode(out []byte) ([]byte, error) { return append(out, l.text...), nil }

// fatal are messages after which a server ends the session.
func fatal() {
	for name, text := range map[string]string{
		"an unknown message":                 "!\x00\x00\x00\x04",
		"malformed: a length below four":     "Q\x00\x00\x00\x03",
		"malformed: a length beyond all":     "Q\x7f\xff\xff\xff",
		"malformed: a query without its end": "Q\x00\x00\x00\x06ab",
		"malformed: a Bind cut off":          "B\x00\x00\x00\x06\x00\x00",
		"malformed: a Sync with more":        "S\x00\x00\x00\x05x",
		"malformed: an Execute cut off":      "E\x00\x00\x00\x05\x00",
		"a password out of place":            "p\x00\x00\x00\x05\x00",
		"terminated":                         "X\x00\x00\x00\x04",
	} {
		ask := func() (any, error) {
			c, err := golang.Dial()
			if err != nil {
				return nil, err
			}
			defer func() { _ = c.Close() }()
			return c.Ask(2, literal{[]byte(text)}, &pgproto3.Query{String: "SELECT 1"}, sync)
		}
		golang.Same(name, ask)
		if golang.Gateway() && text[0] == 'Q' {
			expect("said: "+name, "08P01", ask)
		}
	}
}

// starts are the ways to begin a session, most of them wrong.
func starts() {
	for name, start := range map[string]*pgproto3.StartupMessage{
		"usual":                 golang.Startup(),
		"options":               golang.Startup("options", "-c statement_timeout=9s --search_path=public -c TimeZone=Europe/Paris"),
		"settings":              golang.Startup("DateStyle", "German", "client_encoding", "latin1", "extra_float_digits", "3"),
		"an unknown setting":    golang.Startup("nothing", "1"),
		"an invalid setting":    golang.Startup("DateStyle", "nothing"),
		"malformed options":     golang.Startup("options", "-x"),
		"an unknown database":   golang.Startup("database", "nothing"),
		"an unknown login":      golang.Startup("user", "nobody"),
		"no login":              golang.Startup("user", ""),
		"an unknown extension":  golang.Startup("_pq_.nothing", "1"),
		"a database by default": golang.Startup("database", ""),
	} {
		golang.Same("start: "+name, func() (any, error) { return begin(start, os.Getenv("PGPASSWORD")) })
	}
	expect("start without a study", "3D000", func() (any, error) { return begin(golang.Startup("database", "nothing"), os.Getenv("PGPASSWORD")) })
	golang.Same("start: a wrong password", func() (any, error) { return begin(golang.Startup(), "no") })
	for _, version := range []uint32{2 << 16, 3<<16 | 9, 4 << 16, 1, 0} {
		start := golang.Startup()
		start.ProtocolVersion = version
		golang.Same(fmt.Sprintf("start: protocol %d.%d", version>>16, version&0xffff), func() (any, error) { return negotiate(start) })
	}
	golang.Holds("GSSENCRequest", func() error {
		if got, err := first(golang.Special(golang.GSSENCRequest)); got != "N" && golang.Gateway() { // Debian's server says G
			return fmt.Errorf("%q, %v", got, err)
		}
		return nil
	})
	golang.Holds("SSLRequest", func() error {
		want := map[bool]string{true: "S", false: "N"}[os.Getenv("PGSSLROOTCERT") != ""]
		if got, err := first(golang.Special(golang.SSLRequest)); got != want {
			return fmt.Errorf("%q, %v", got, err)
		}
		return nil
	})
	golang.Same("a startup that is too long", func() (any, error) { return first([]byte{0x7f, 0xff, 0xff, 0xff}) })
	golang.Same("a startup that is too short", func() (any, error) { return first([]byte{0, 0, 0, 4}) })
	golang.Same("a cancel request for nobody", func() (any, error) { return first(golang.Special(golang.CancelRequest, 1, 2)) })
	cancel()
}

// begin begins a session and asks something.
func begin(start *pgproto3.StartupMessage, password string) (any, error) {
	c, err := golang.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	return c.Login(start, password)
}

// negotiate begins a session with another protocol version; the codec knows only one.
func negotiate(start *pgproto3.StartupMessage) (any, error) {
	c, err := golang.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	if err := c.Send(start); err != nil {
		return nil, err
	}
	answer := make([]byte, 300)
	n, err := io.ReadAtLeast(c.Conn, answer, 5)
	if err != nil {
		return "closed", nil // an answer too
	}
	if answer[0] == 'R' {
		return "goes on", nil
	}
	if answer[0] == 'v' {
		n = 1 + int(binary.BigEndian.Uint32(answer[1:]))
	}
	text, _, _ := bytes.Cut(answer[:n], []byte("\x00F")) // the server's file and line
	return fmt.Sprintf("%c %q", text[0], bytes.TrimRight(text[5:], "\x00")), nil
}

// first sends bytes over plain TCP and returns the first byte of the answer.
func first(text []byte) (string, error) {
	conn, err := golang.Plain()
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(text); err != nil {
		return "", err
	}
	var answer [1]byte
	if n, _ := conn.Read(answer[:]); n == 0 {
		return "closed", nil
	}
	return string(answer[:]), nil
}

// cancel cancels by a request on its own connection, with and without the right key.
func cancel() {
	text := "SELECT pg_sleep(20)"
	if golang.Gateway() {
		text = golang.Slow
	}
	golang.Holds("cancel", func() error {
		c, err := golang.Dial()
		if err != nil {
			return err
		}
		defer func() { _ = c.Close() }()
		var request net.Conn
		if opened, err := golang.Open(); err != nil {
			return err
		} else {
			request = opened
		}
		if err := c.Send(&pgproto3.Query{String: text}); err != nil {
			return err
		}
		time.Sleep(150 * time.Millisecond)
		began := time.Now()
		if _, err := request.Write(golang.Special(golang.CancelRequest, c.Process, c.Secret)); err != nil {
			return err
		}
		if n, err := request.Read(make([]byte, 1)); n != 0 || err == nil {
			log.Print("a cancel request was answered")
		}
		if got := c.Answers(1, -1); !strings.Contains(got, "57014") || time.Since(began) > 1500*time.Millisecond {
			return fmt.Errorf("%s after %v", got, time.Since(began))
		}
		got, err := c.Ask(1, &pgproto3.Query{String: golang.Count})
		if err != nil || !strings.Contains(fmt.Sprint(got), "C SELECT 1") {
			return fmt.Errorf("%v, %v", got, err)
		}
		return nil
	})
}

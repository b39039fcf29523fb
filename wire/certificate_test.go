package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// logins of the tests: by password, by certificate, by both, by one of two certificates, by nothing.
func certificateLogins() map[string]Login {
	jones := []CertificateName{{CN: "mia.jones"}}
	return map[string]Login{
		"word":  {Verifier: mockVerifier},
		"cert":  {Certificates: jones},
		"both":  {Verifier: mockVerifier, Certificates: jones},
		"group": {Certificates: []CertificateName{{CN: "kim"}, {DN: "CN=mia.jones,O=Harbor"}}},
		"dn":    {Certificates: []CertificateName{{DN: "CN=mia.jones,O=Elsewhere"}}},
		"none":  {},
	}
}

// connectAs opens a session with pgx and returns the code and message of its refusal.
func connectAs(t *testing.T, s *testServer, login, password string, with *client) string {
	t.Helper()
	dsn := "host=127.0.0.1 port=" + s.port + " user=" + login + " password='" + password + "' dbname=postgres sslmode=require"
	if with != nil {
		dsn += " sslcert=" + with.certFile + " sslkey=" + with.keyFile
	}
	c, err := pgx.Connect(t.Context(), dsn)
	var pe *pgconn.PgError
	switch {
	case err == nil:
		_ = c.Close(context.Background())
		return "in"
	case errors.As(err, &pe):
		return pe.Code + " " + pe.Message
	case strings.Contains(err.Error(), "tls: "):
		return "handshake"
	}
	return err.Error()
}

// TestClientCertificates: who gets in with what.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	ca, foreign := newAuthority(t, "Harbor CA"), newAuthority(t, "Harbor CA")
	mia := ca.issue(pkix.Name{CommonName: "mia.jones", Organization: []string{"Harbor"}}, time.Hour)
	kim := ca.issue(pkix.Name{CommonName: "kim"}, time.Hour)
	expired := ca.issue(pkix.Name{CommonName: "mia.jones"}, -time.Hour)
	forged := foreign.issue(pkix.Name{CommonName: "mia.jones"}, time.Hour)
	s := serve(t, func(o *Options) {
		o.TLS = fixed(ca.server())
		o.Handler.(*testHandler).logins = certificateLogins()
	})
	for _, c := range []struct {
		login, password string
		with            *client
		want            string
	}{
		{"word", "secret", nil, "in"},
		{"word", "secret", &kim, "in"},
		{"word", "wrong", &mia, "28P01"},
		{"cert", "", &mia, "in"},
		{"cert", "secret", nil, "28P01"},
		{"cert", "secret", &kim, "28P01"},
		{"both", "secret", &mia, "in"},
		{"both", "wrong", &mia, "28P01"},
		{"both", "secret", nil, "28P01"},
		{"both", "secret", &kim, "28P01"},
		{"group", "", &mia, "in"},
		{"group", "", &kim, "in"},
		{"dn", "x", &mia, "28P01"},
		{"none", "secret", &mia, "28P01"},
		{"nobody", "secret", &mia, "28P01"},
		{"cert", "", &expired, "handshake"},
		{"cert", "", &forged, "handshake"},
		{"word", "secret", &forged, "handshake"},
	} {
		got := connectAs(t, s, c.login, c.password, c.with)
		want := c.want
		if want == "28P01" {
			want = fmt.Sprintf("28P01 password authentication failed for user %q", c.login)
		}
		if got != want {
			t.Errorf("%s with password %q: %s, want %s", c.login, c.password, got, want)
		}
	}
	// The same with psql, without any password to fall back to.
	dsn := func(login string, with client) string {
		return fmt.Sprintf("host=127.0.0.1 port=%s user=%s dbname=postgres sslmode=require sslcert=%s sslkey=%s", s.port, login, with.certFile, with.keyFile)
	}
	for _, c := range []struct{ dsn, want string }{
		{dsn("cert", mia), "1\n"},
		{dsn("both", mia) + " password=secret channel_binding=require", "1\n"},
		{dsn("cert", kim) + " password=x", `FATAL:  password authentication failed for user "cert"`},
		{dsn("cert", expired), "expired"},
		{dsn("cert", forged), "alert"},
	} {
		if got := psql(t, s, "SELECT 1;", "-d", c.dsn); !strings.Contains(got, c.want) {
			t.Errorf("psql %s: %s", c.dsn, got)
		}
	}
}

// TestCertificatesOnly: where every login requires a certificate, nobody is asked for a password first.
func TestCertificatesOnly(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "Harbor CA")
	mia := ca.issue(pkix.Name{CommonName: "mia.jones"}, time.Hour)
	s := serve(t, func(o *Options) {
		o.TLS, o.CertificatesOnly = fixed(ca.server()), true
		logins := certificateLogins()
		delete(logins, "word")
		o.Handler.(*testHandler).logins = logins
	})
	for _, c := range []struct {
		login string
		with  *client
		want  string
	}{
		{"cert", &mia, "in"},
		{"both", &mia, "in"},
		{"dn", &mia, `28000 certificate authentication failed for user "dn"`},
		{"nobody", &mia, `28000 certificate authentication failed for user "nobody"`},
		{"cert", nil, "28000 connection requires a valid client certificate"},
		{"nobody", nil, "28000 connection requires a valid client certificate"},
	} {
		if got := connectAs(t, s, c.login, "secret", c.with); got != c.want {
			t.Errorf("%s: %s, want %s", c.login, got, c.want)
		}
	}
}

// TestRefusalsAreAlike: a client without the right certificate cannot tell a login that exists from one that does not, nor
// what it requires: the same messages of the same lengths, the same texts.
func TestRefusalsAreAlike(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t, "Harbor CA")
	kim := ca.issue(pkix.Name{CommonName: "someone.else"}, time.Hour)
	for _, only := range []bool{false, true} {
		s := serve(t, func(o *Options) {
			o.TLS, o.CertificatesOnly = fixed(ca.server()), only
			logins := certificateLogins()
			if only {
				delete(logins, "word")
			}
			o.Handler.(*testHandler).logins = logins
		})
		for _, with := range []*client{nil, &kim} {
			want := refusal(t, s, "zorro", with)
			if !strings.Contains(want, "FATAL") {
				t.Fatalf("an unknown login is not refused: %s", want)
			}
			for login := range s.handler.logins {
				if got := refusal(t, s, login, with); got != want {
					t.Errorf("only=%v, %s sees\n%s\nan unknown login sees\n%s", only, login, got, want)
				}
			}
		}
	}
}

// refusal logs in with a wrong password and writes down all that the server says, the login's name and
// random texts replaced by their lengths.
func refusal(t *testing.T, s *testServer, login string, with *client) string {
	t.Helper()
	raw, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := raw.Write(sslRequest); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(raw, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{InsecureSkipVerify: true}
	if with != nil {
		config.Certificates = []tls.Certificate{with.Certificate}
	}
	conn := tls.Client(raw, config)
	if _, err := conn.Write(startupPacket(t, 3<<16, map[string]string{"user": login, "database": "postgres"})); err != nil {
		t.Fatal(err)
	}
	front := pgproto3.NewFrontend(conn, conn)
	random := regexp.MustCompile(`[rs]=[^,]*`)
	said := ""
	for {
		m, err := front.Receive()
		if err != nil {
			return strings.ReplaceAll(said, `"`+login+`"`, `"LOGIN"`) + "closed"
		}
		switch m := m.(type) {
		case *pgproto3.AuthenticationSASL:
			said += fmt.Sprintln("offer", m.AuthMechanisms)
			front.Send(&pgproto3.SASLInitialResponse{AuthMechanism: scramMechanism, Data: []byte("n,,n=,r=abcdef")})
		case *pgproto3.AuthenticationSASLContinue:
			said += fmt.Sprintln("challenge", random.ReplaceAllStringFunc(string(m.Data), func(v string) string { return fmt.Sprint(v[:2], len(v)) }))
			nonce := strings.TrimPrefix(strings.Split(string(m.Data), ",")[0], "r=")
			front.Send(&pgproto3.SASLResponse{Data: []byte("c=biws,r=" + nonce + ",p=" + strings.Repeat("A", 43) + "=")})
		default:
			said += fmt.Sprintf("%+v\n", m)
			continue
		}
		if err := front.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDistinguishedName holds the name to what openssl and PostgreSQL print:
// openssl x509 -noout -subject -nameopt RFC2253.
func TestDistinguishedName(t *testing.T) {
	t.Parallel()
	// The left sides were put into a certificate by openssl req, in this order; the text is its own.
	subject := pkix.RDNSequence{}
	for _, a := range []struct{ oid, value string }{
		{"2.5.4.6", "DE"}, {"2.5.4.8", "Bad  State"}, {"2.5.4.7", "Köln"}, {"2.5.4.9", "Main St 1"}, {"2.5.4.10", "Harbor, Clinic+Lab"},
		{"2.5.4.11", "Research; <x>"}, {"2.5.4.11", "#hash "}, {"0.9.2342.19200300.100.1.25", "example"}, {"0.9.2342.19200300.100.1.1", "u1"},
		{"2.5.4.5", "77"}, {"1.2.840.113549.1.9.1", "mia@example.org"}, {"2.5.4.4", "Jones"}, {"2.5.4.12", "Dr"}, {"2.5.4.13", `a\\b`}, {"2.5.4.3", " mia.jones "},
	} {
		var oid asn1.ObjectIdentifier
		for part := range strings.SplitSeq(a.oid, ".") {
			n := 0
			if _, err := fmt.Sscan(part, &n); err != nil {
				t.Fatal(err)
			}
			oid = append(oid, n)
		}
		subject = append(subject, pkix.RelativeDistinguishedNameSET{{Type: oid, Value: a.value}})
	}
	const want = `CN=\ mia.jones\ ,description=a\\\\b,title=Dr,SN=Jones,emailAddress=mia@example.org,serialNumber=77,UID=u1,DC=example,` +
		`OU=\#hash\ ,OU=Research\; \<x\>,O=Harbor\, Clinic\+Lab,street=Main St 1,L=K\C3\B6ln,ST=Bad  State,C=DE`
	raw, err := asn1.Marshal(subject)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{RawSubject: raw}
	if got := distinguishedName(c); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := commonName(c); got != " mia.jones " {
		t.Errorf("common name %q", got)
	}
}

// TestNamesOfCertificates: what matches, and that several common names are none.
func TestNamesOfCertificates(t *testing.T) {
	t.Parallel()
	a := newAuthority(t, "CA")
	one := a.issue(pkix.Name{CommonName: "mia", Organization: []string{"Harbor"}}, time.Hour).Leaf
	cn := asn1.ObjectIdentifier{2, 5, 4, 3}
	two := a.issue(pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: cn, Value: "mia"}, {Type: cn, Value: "eve"}}}, time.Hour).Leaf
	for _, c := range []struct {
		name CertificateName
		of   *x509.Certificate
		want bool
	}{
		{CertificateName{CN: "mia"}, one, true},
		{CertificateName{CN: "Mia"}, one, false},
		{CertificateName{CN: "mi"}, one, false},
		{CertificateName{DN: "CN=mia,O=Harbor"}, one, true},
		{CertificateName{DN: "O=Harbor,CN=mia"}, one, false},
		{CertificateName{DN: "CN=mia"}, one, false},
		{CertificateName{CN: "mia", DN: "CN=mia,O=Elsewhere"}, one, false},
		{CertificateName{}, one, false},
		{CertificateName{CN: "mia"}, nil, false},
		{CertificateName{CN: "mia"}, two, false},
		{CertificateName{CN: "eve"}, two, false},
		{CertificateName{}, &x509.Certificate{}, false},
		{CertificateName{}, nil, false},
	} {
		if got := c.name.is(c.of); got != c.want {
			t.Errorf("%+v: %v", c.name, got)
		}
	}
}

// TestTLSVersions: 1.2 and 1.3 are spoken, older ones are not, whatever the configuration allows.
func TestTLSVersions(t *testing.T) {
	t.Parallel()
	config := testTLS(t)
	config.MinVersion = tls.VersionTLS10
	s := serve(t, func(o *Options) { o.TLS = fixed(config) })
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		raw, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := raw.Write(sslRequest); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(raw, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		err = tls.Client(raw, &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}).Handshake()
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		_ = raw.Close()
	}
}

// TestNoResumption: a session that is resumed would not see that a certificate was revoked meanwhile.
func TestNoResumption(t *testing.T) {
	t.Parallel()
	keyed := testTLS(t)
	keyed.SetSessionTicketKeys([][32]byte{{1}}) // as if tickets were good for all handshakes
	s := serve(t, func(o *Options) { o.TLS = fixed(keyed) })
	cache := tls.NewLRUClientSessionCache(4)
	for range 2 {
		config, err := pgx.ParseConfig(s.dsn())
		if err != nil {
			t.Fatal(err)
		}
		config.TLSConfig.ClientSessionCache, config.TLSConfig.ServerName = cache, "gateway"
		c, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		if state := c.PgConn().Conn().(*tls.Conn).ConnectionState(); state.DidResume {
			t.Error("a TLS session is resumed")
		}
		_ = c.Close(context.Background())
	}
}

// TestCertificateChanges: a new certificate is shown, and bound to, from the next handshake on; sessions stay.
func TestCertificateChanges(t *testing.T) {
	t.Parallel()
	shown := make(chan *tls.Config, 2)
	first, second := testTLS(t), testTLS(t)
	shown <- first
	s := serve(t, func(o *Options) {
		o.TLS = func() *tls.Config {
			c := <-shown
			shown <- c
			return c
		}
	})
	c, err := pgx.Connect(t.Context(), s.dsn()+" channel_binding=require")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	<-shown
	shown <- second
	d, err := pgx.Connect(t.Context(), s.dsn()+" channel_binding=require")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close(context.Background())
	for conn, want := range map[*pgx.Conn]*tls.Config{c: first, d: second} {
		seen := conn.PgConn().Conn().(*tls.Conn).ConnectionState().PeerCertificates[0].Raw
		if string(seen) != string(want.Certificates[0].Certificate[0]) {
			t.Error("another certificate is shown")
		}
		if _, err := conn.Exec(t.Context(), "SELECT 1"); err != nil {
			t.Errorf("a session broke: %v", err)
		}
	}
}

// FuzzSubject: whatever subject a certificate carries, its name is printable ASCII, for the log, and no empty name matches it.
func FuzzSubject(f *testing.F) {
	for _, name := range []pkix.Name{{CommonName: "mia"}, {CommonName: "a,b+c\n", Organization: []string{"x\x00y", "#"}}, {}} {
		raw, err := asn1.Marshal(name.ToRDNSequence())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := &x509.Certificate{RawSubject: raw}
		if (CertificateName{}).is(c) {
			t.Error("the empty name matches")
		}
		if strings.ContainsFunc(distinguishedName(c), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", distinguishedName(c))
		}
		_ = commonName(c)
	})
}

package conformance

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/cmd/c2dproxy/demo"
)

// hostile are variables that would break every connection of a party that heeded one of them.
var hostile = []string{"PGSERVICE=nowhere", "PGSERVICEFILE=/nowhere", "PGSSLROOTCERT=/nowhere", "PGOPTIONS=--nonsense=1", "PGTARGETSESSIONATTRS=standby"}

// gateway is the clinic as TestAuthentication configures it: a socket, certificates of analysts, short limits.
type gateway struct {
	t      *testing.T
	party  *demo.Party
	word   string // password of bert
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
	serial int64
}

// prepare adds logins and transport to the clinic's file and grants to everybody's.
func (g *gateway) prepare(p *demo.Party) error {
	if err := addStudy(p); err != nil {
		return err
	}
	raw, err := os.ReadFile(p.Config)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(raw), "analysts: [tom@clinic]", "analysts: [tom@clinic, cora@clinic, bert@clinic]")
	if p.Name == "clinic" {
		g.party = p
		text = strings.Replace(text, "\nlisten:", "\nlisten:\n  analysts_socket: socket", 1)
		text = strings.Replace(text, "\nanalysts:", `
analyst_tls: {client_ca_file: clients.ca, client_crl_file: clients.crl}
sessions: {per_analyst: 3, idle_in_transaction: 2s, free_failures: 50}
analysts:
  cora: {requires: [certificate], certificates: [cn: c.doe, dn: "CN=b.doe,O=Harbor"]}
  bert: {requires: [password, certificate], verifier_file: tom.verifier, certificates: [cn: b.doe]}`, 1)
		if err := os.Mkdir(g.path("socket"), 0o755); err != nil {
			return err
		}
		g.authority()
		g.revoke()
	}
	for _, v := range hostile {
		name, value, _ := strings.Cut(v, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return os.WriteFile(p.Config, []byte(text), 0o600)
}

func (g *gateway) path(name string) string { return filepath.Join(g.party.Dir, name) }

// write puts PEM into a file of the gateway, at once.
func (g *gateway) write(path, kind string, der []byte) {
	g.t.Helper()
	if err := os.WriteFile(path+".new", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		g.t.Fatal(err)
	}
}

// authority makes who signs analysts' certificates.
func (g *gateway) authority() {
	g.t.Helper()
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "Harbor CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}
	g.key = nil
	g.ca, g.key = g.sign(template, time.Hour)
	g.write(g.path("clients.ca"), "CERTIFICATE", g.ca.Raw)
}

// sign makes a certificate and its key; without an authority, one that signs itself.
func (g *gateway) sign(template *x509.Certificate, ends time.Duration) (*x509.Certificate, *ecdsa.PrivateKey) {
	g.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	g.serial++
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(g.serial), time.Now().Add(-2*time.Hour), time.Now().Add(ends)
	parent, by := g.ca, g.key
	if by == nil {
		parent, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		g.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		g.t.Fatal(err)
	}
	return made, key
}

// files writes a certificate and its key.
func (g *gateway) files(certFile, keyFile string, certificate *x509.Certificate, key *ecdsa.PrivateKey) {
	g.t.Helper()
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		g.t.Fatal(err)
	}
	g.write(keyFile, "PRIVATE KEY", secret)
	g.write(certFile, "CERTIFICATE", certificate.Raw)
}

// person gives somebody a certificate and returns what a client connects with.
func (g *gateway) person(cn string, ends time.Duration) (dsn string, serial int64) {
	g.t.Helper()
	certificate, key := g.sign(&x509.Certificate{Subject: pkix.Name{CommonName: cn, Organization: []string{"Harbor"}}}, ends)
	name := filepath.Join(g.t.TempDir(), "client")
	g.files(name+".crt", name+".key", certificate, key)
	return " sslmode=require sslcert=" + name + ".crt sslkey=" + name + ".key", g.serial
}

// revoke publishes a new list.
func (g *gateway) revoke(serials ...int64) {
	g.t.Helper()
	g.serial++
	list := &x509.RevocationList{Number: big.NewInt(g.serial), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, g.ca, g.key)
	if err != nil {
		g.t.Fatal(err)
	}
	g.write(g.path("clients.crl"), "X509 CRL", der)
}

// dsn is the way to the gateway's port; over says what is on top.
func (g *gateway) dsn(over string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d dbname=trial %s", g.party.Analysts, over)
}

// onSocket is the way to the gateway's socket.
func (g *gateway) onSocket(over string) string {
	return fmt.Sprintf("host=%s port=%d dbname=trial %s", g.path("socket"), g.party.Analysts, over)
}

// try asks a question that costs nothing with pgx, or says how the gateway refused.
func (g *gateway) try(dsn string) string {
	g.t.Helper()
	conn, err := pgx.Connect(g.t.Context(), dsn)
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Severity + " " + pe.Code + " " + pe.Message
	}
	if err != nil {
		return err.Error()
	}
	defer conn.Close(context.Background())
	var who string
	if err := conn.QueryRow(g.t.Context(), "SELECT current_user").Scan(&who); err != nil {
		return err.Error()
	}
	return who
}

// psqlTry does the same with psql.
func (g *gateway) psqlTry(dsn string) string {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	out, _ := exec.CommandContext(ctx, "psql", "-X", "-At", "-w", "-c", "SELECT current_user", dsn).CombinedOutput() // a refusal is in the output
	return strings.TrimSpace(string(out))
}

// expect tries both clients; part of what they say is enough.
func (g *gateway) expect(what, dsn, want string) {
	g.t.Helper()
	if got := g.try(dsn); !strings.Contains(got, want) {
		g.t.Errorf("%s, pgx: %s, want %s", what, got, want)
	}
	if got := g.psqlTry(dsn); !strings.Contains(got, strings.TrimPrefix(want, "28P01 ")) {
		g.t.Errorf("%s, psql: %s, want %s", what, got, want)
	}
}

// TestAuthentication runs a gateway with certificates, a socket and short limits, its parties started among variables for psql.
func TestAuthentication(t *testing.T) {
	long(t)
	g := &gateway{t: t}
	f := ownWith(t, g.prepare)
	for _, v := range hostile {
		name, _, _ := strings.Cut(v, "=")
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	g.word = " password=" + f.Passwords["tom"]
	cora, coras := g.person("c.doe", time.Hour)
	bert, _ := g.person("b.doe", time.Hour)
	t.Run("Ways", func(t *testing.T) { g.t = t; g.ways(cora, bert) })
	t.Run("Files", func(t *testing.T) { g.t = t; g.changes(cora, coras, bert) })
	t.Run("Limits", func(t *testing.T) { g.t = t; g.limits() })
	t.Run("Stop", func(t *testing.T) { g.t = t; g.stops(f) })
}

// ways tries who gets in, and how.
func (g *gateway) ways(cora, bert string) {
	t := g.t
	old, _ := g.person("c.doe", -time.Hour)
	for _, c := range []struct{ what, dsn, want string }{
		{"a certificate", g.dsn("user=cora" + cora), "cora"},
		{"its distinguished name", g.dsn("user=cora" + bert), "cora"},
		{"certificate and password", g.dsn("user=bert channel_binding=require" + bert + g.word), "bert"},
		{"another's certificate, the password", g.dsn("user=bert" + cora + g.word), `28P01 password authentication failed for user "bert"`},
		{"no certificate, the password", g.dsn("user=bert sslmode=require" + g.word), `28P01 password authentication failed for user "bert"`},
		{"no certificate, a password", g.dsn("user=cora sslmode=require password=x"), `28P01 password authentication failed for user "cora"`},
		{"an unknown login", g.dsn("user=zorro password=x" + cora), `28P01 password authentication failed for user "zorro"`},
		{"an expired certificate", g.dsn("user=cora" + old), "expired"},
		{"a password in the clear on loopback", g.dsn("user=tom sslmode=disable" + g.word), "tom"},
		{"a password on the socket", g.onSocket("user=tom" + g.word), "tom"},
		{"a wrong password on the socket", g.onSocket("user=tom password=x"), `28P01 password authentication failed for user "tom"`},
		{"a certificate login on the socket", g.onSocket("user=bert" + g.word), `28P01 password authentication failed for user "bert"`},
	} {
		g.expect(c.what, c.dsn, c.want)
	}
	conn, err := pgx.Connect(t.Context(), g.dsn("user=cora"+cora))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "SELECT count(*) FROM people"); err != nil {
		t.Errorf("a federated question of a login by certificate: %v", err)
	}
	info, err := os.Stat(g.path(fmt.Sprintf("socket/.s.PGSQL.%d", g.party.Analysts)))
	if err != nil || info.Mode() != os.ModeSocket|0o770 {
		t.Errorf("the socket: %v %v", info, err)
	}
}

// changes replaces files under a running gateway.
func (g *gateway) changes(cora string, coras int64, bert string) {
	t := g.t
	open, err := pgx.Connect(t.Context(), g.dsn("user=cora"+cora))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close(context.Background())
	g.revoke(coras)
	if got := g.try(g.dsn("user=cora" + cora)); !strings.Contains(got, "bad certificate") {
		t.Errorf("a revoked certificate: %s", got)
	}
	g.expect("another certificate", g.dsn("user=cora"+bert), "cora")
	ca, key := g.ca, g.key
	g.key = nil
	fresh, secret := g.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "renewed"}, DNSNames: []string{"localhost"}}, time.Hour)
	g.ca, g.key = ca, key
	g.files(g.party.Certificate(), g.path("state/analysts.key"), fresh, secret)
	renewed, err := pgx.Connect(t.Context(), g.dsn("user=tom sslmode=verify-ca channel_binding=require sslrootcert="+g.party.Certificate()+g.word))
	if err != nil {
		t.Fatal(err)
	}
	defer renewed.Close(context.Background())
	if shown := renewed.PgConn().Conn().(*tls.Conn).ConnectionState().PeerCertificates[0]; !shown.Equal(fresh) {
		t.Errorf("the certificate of %s is shown", shown.Subject)
	}
	if _, err := open.Exec(t.Context(), "SELECT 1"); err != nil {
		t.Errorf("the open session: %v", err)
	}
}

// limits tries two of them with the file's small values.
func (g *gateway) limits() {
	t := g.t
	var open []*pgx.Conn
	for range 3 {
		conn, err := pgx.Connect(t.Context(), g.dsn("user=tom sslmode=disable"+g.word))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		open = append(open, conn)
	}
	if got := g.try(g.dsn("user=tom sslmode=require" + g.word)); got != `FATAL 53300 too many connections for role "tom"` {
		t.Errorf("a fourth session: %s", got)
	}
	if _, err := open[0].Exec(t.Context(), "BEGIN"); err != nil {
		t.Fatal(err)
	}
	if e := farewell(t, open[0]); e.Code != "25P03" {
		t.Errorf("an idle transaction: %+v", e)
	}
}

// farewell waits for the last message of a session.
func farewell(t *testing.T, conn *pgx.Conn) *pgproto3.ErrorResponse {
	t.Helper()
	_ = conn.PgConn().Conn().SetReadDeadline(time.Now().Add(30 * time.Second))
	m, err := conn.PgConn().Frontend().Receive()
	e, ok := m.(*pgproto3.ErrorResponse)
	if !ok {
		t.Fatalf("%#v, %v", m, err)
	}
	return e
}

// stops kills the gateway, starts it again with TLS required everywhere, and stops it.
func (g *gateway) stops(f *federation) {
	t := g.t
	g.party.Kill()
	if left, err := os.ReadDir(g.path("socket")); err != nil || len(left) != 2 {
		t.Fatalf("a crash leaves %v, %v", left, err)
	}
	raw, err := os.ReadFile(g.party.Config)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), "analyst_tls: {", "analyst_tls: {required_on_loopback: true, ", 1)
	if err := os.WriteFile(g.party.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	g.start(f)
	if got := g.try(g.dsn("user=tom sslmode=disable" + g.word)); got != "FATAL 28000 connection is not encrypted" {
		t.Errorf("in the clear where TLS is required: %s", got)
	}
	g.expect("with TLS", g.dsn("user=tom sslmode=require"+g.word), "tom")
	conn, err := pgx.Connect(t.Context(), g.onSocket("user=tom"+g.word))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.party.Stop(); err != nil {
		t.Fatal(err)
	}
	if e := farewell(t, conn); e.Severity != "FATAL" || e.Code != "57P01" || e.Message != "terminating connection due to administrator command" {
		t.Errorf("at the stop: %+v", e)
	}
	if left, err := os.ReadDir(g.path("socket")); err != nil || len(left) != 0 {
		t.Errorf("the stop leaves %v, %v", left, err)
	}
}

// start starts the gateway and waits until it answers.
func (g *gateway) start(f *federation) {
	g.t.Helper()
	if err := f.StartParty(g.party); err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	if err := f.WaitReady(ctx); err != nil {
		g.t.Fatal(err)
	}
}

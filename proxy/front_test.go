package proxy

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
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// pki is a certificate authority with the files of a gateway.
type pki struct {
	t     *testing.T
	dir   string
	ca    *x509.Certificate
	key   *ecdsa.PrivateKey
	files catalog.AnalystTLS
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	p := &pki{t: t, dir: t.TempDir(), key: newECKey(t)}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, p.key.Public(), p.key)
	if err != nil {
		t.Fatal(err)
	}
	if p.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	p.write("ca.crt", "CERTIFICATE", der)
	p.server(1)
	p.files = catalog.AnalystTLS{CertFile: p.path("server.crt"), KeyFile: p.path("server.key"), ClientCAFile: p.path("ca.crt")}
	return p
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (p *pki) path(name string) string { return filepath.Join(p.dir, name) }

// write replaces a file in one step, as operators' tools do.
func (p *pki) write(name, kind string, der []byte) {
	p.t.Helper()
	next := p.path(name + ".new")
	if err := os.WriteFile(next, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(next, p.path(name)); err != nil {
		p.t.Fatal(err)
	}
}

// certificate issues one with a serial number and its key.
func (p *pki) certificate(serial int64) tls.Certificate {
	p.t.Helper()
	key := newECKey(p.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "mia"}, DNSNames: []string{"gateway"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, p.ca, key.Public(), p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// server writes a new certificate of the gateway, key first.
func (p *pki) server(serial int64) {
	p.t.Helper()
	c := p.certificate(serial)
	secret, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("server.key", "PRIVATE KEY", secret)
	p.write("server.crt", "CERTIFICATE", c.Certificate[0])
}

// revoke writes a list of revoked serial numbers that ends in a while.
func (p *pki) revoke(ends time.Duration, serials ...int64) {
	p.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: time.Now().Add(-2 * time.Hour), NextUpdate: time.Now().Add(ends)}
	for _, s := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, p.ca, p.key)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write("ca.crl", "X509 CRL", der)
}

// handshake connects with a client certificate, and returns the serial number of the server's, or its refusal.
func handshake(t *testing.T, config *tls.Config, with tls.Certificate) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		server := tls.Server(conn, config)
		if server.Handshake() == nil {
			_, _ = server.Write([]byte("k"))
		}
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	_ = raw.SetDeadline(time.Now().Add(20 * time.Second))
	client := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &with, nil }})
	if _, err := client.Read(make([]byte, 1)); err != nil {
		return "refused"
	}
	return client.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// TestCertificatesReload: a new certificate of the server, and a new list of revoked ones, are in force for the next handshake;
// files that cannot be used leave the last ones in force.
func TestCertificatesReload(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	p.files.ClientCRLFile = p.path("ca.crl")
	p.revoke(time.Hour)
	var log strings.Builder
	c, err := newCertificates(&catalog.Config{AnalystTLS: p.files}, rand.Reader, time.Now(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	mia, kim := p.certificate(7), p.certificate(8)
	expect := func(what, forMia, forKim string) {
		t.Helper()
		if a, b := handshake(t, c.current(), mia), handshake(t, c.current(), kim); a != forMia || b != forKim {
			t.Errorf("%s: %s and %s, want %s and %s", what, a, b, forMia, forKim)
		}
	}
	expect("at first", "1", "1")
	before := c.current()
	if c.current() != before {
		t.Error("files that have not changed are loaded again")
	}
	p.server(2)
	expect("a new certificate", "2", "2")
	p.revoke(time.Hour, 7)
	expect("one revoked", "refused", "2")
	p.write("ca.crl", "X509 CRL", []byte("nonsense"))
	expect("a list that cannot be read", "refused", "2")
	if err := os.Remove(p.path("ca.crl")); err != nil {
		t.Fatal(err)
	}
	expect("no list", "refused", "2")
	p.revoke(-time.Hour, 7)
	expect("a list that has expired", "refused", "refused")
	p.revoke(time.Hour, 8)
	expect("another list", "2", "refused")
	other := newPKI(t)
	other.revoke(time.Hour)
	if err := os.Rename(other.path("ca.crl"), p.path("ca.crl")); err != nil {
		t.Fatal(err)
	}
	expect("a list that another authority of the same name signed", "refused", "refused")
	if n := strings.Count(log.String(), "cannot be used"); n != 2 {
		t.Errorf("%d complaints, want one for each change that cannot be used:\n%s", n, log.String())
	}
}

// TestRevocationsAreWhole: partial lists are refused, not read as if they were whole.
func TestRevocationsAreWhole(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour),
		ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}}
	der, err := x509.CreateRevocationList(rand.Reader, list, p.ca, p.key)
	if err != nil {
		t.Fatal(err)
	}
	p.write("ca.crl", "X509 CRL", der)
	if _, err := readRevocations(p.path("ca.crl")); err == nil || !strings.Contains(err.Error(), "not supported") {
		t.Errorf("a delta list: %v", err)
	}
	for name, text := range map[string]string{"empty": "", "a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if err := os.WriteFile(p.path("x.crl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readRevocations(p.path("x.crl")); err == nil {
			t.Errorf("%s is a list", name)
		}
	}
}

// TestSocket: the socket's name, mode and lock file are PostgreSQL's; a stale one is replaced, a living one respected.
func TestSocket(t *testing.T) {
	t.Parallel()
	at := catalog.Socket{Dir: t.TempDir(), Port: 5433, Mode: 0o750}
	path := filepath.Join(at.Dir, ".s.PGSQL.5433")
	sleeper := exec.Command("sleep", "60")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	pid := sleeper.Process.Pid
	if err := os.WriteFile(path+".lock", fmt.Appendf(nil, "%d\n/elsewhere\n", pid), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := listenSocket(at, "/state", time.Now()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("running process %d", pid)) {
		t.Errorf("a socket of a running server: %v", err)
	}
	if err := sleeper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = sleeper.Wait()
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()                                                     // as after a crash: the file stays, nobody listens
	for _, left := range []string{"", fmt.Sprintf("%d\n", os.Getpid())} { // the second: the number came back after a restart
		if left != "" {
			if err := os.WriteFile(path+".lock", []byte(left), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		listener, release, err := listenSocket(at, "/state", time.Unix(1700000000, 0))
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode() != os.ModeSocket|0o750 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		text, err := os.ReadFile(path + ".lock")
		if want := fmt.Sprintf("%d\n/state\n1700000000\n5433\n%s\n\n", os.Getpid(), at.Dir); err != nil || string(text) != want {
			t.Errorf("lock file %q, %v", text, err)
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		_ = listener.Close()
		release()
		if files, err := os.ReadDir(at.Dir); err != nil || len(files) != 0 {
			t.Errorf("left behind: %v, %v", files, err)
		}
	}
	for _, c := range []struct {
		name    string
		prepare func() error
	}{
		{"a file in its place", func() error { return os.WriteFile(path, []byte("mine"), 0o600) }},
		{"an empty lock file", func() error { return errors.Join(os.Remove(path), os.WriteFile(path+".lock", nil, 0o600)) }},
		{"no folder", func() error { return os.RemoveAll(at.Dir) }},
	} {
		if err := c.prepare(); err != nil {
			t.Fatal(err)
		}
		if listener, _, err := listenSocket(at, "/state", time.Now()); err == nil {
			_ = listener.Close()
			t.Errorf("%s: it listens", c.name)
		}
	}
}

// TestFrontEndsWithItsWork: what fails inside ends the front, a listener that fails ends what is inside, and addresses are free after.
func TestFrontEndsWithItsWork(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	newFrontOf := func() *front {
		config := &catalog.Config{Party: "p", StateDir: p.dir, AnalystTLS: p.files, Listen: catalog.Listen{Analysts: "127.0.0.1:0",
			Socket: catalog.Socket{Dir: p.dir, Port: 1, Mode: 0o700}}}
		f, err := newFront(&Proxy{config: config, logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	f := newFrontOf()
	if err := f.during(t.Context(), func(context.Context) error { return os.ErrInvalid }); err == nil || !strings.Contains(err.Error(), os.ErrInvalid.Error()) {
		t.Errorf("what fails inside: %v", err)
	}
	f = newFrontOf()
	if err := f.during(t.Context(), func(ctx context.Context) error {
		_ = f.listeners[0].Close()
		<-ctx.Done()
		return nil
	}); err == nil || !strings.Contains(err.Error(), "accepting analysts") {
		t.Errorf("a listener that fails: %v", err)
	}
	if _, err := os.Stat(filepath.Join(p.dir, ".s.PGSQL.1.lock")); err == nil {
		t.Error("the lock file is left")
	}
	ran := false
	if err := (*front)(nil).during(t.Context(), func(context.Context) error { ran = true; return nil }); err != nil || !ran {
		t.Error("a party without analysts does not run")
	}
}

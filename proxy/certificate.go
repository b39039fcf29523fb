package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// certificates keep the TLS configuration of analysts' connections in step with its files: each handshake looks whether one
// of them has changed. Sessions that are open stay as they are.
type certificates struct {
	files  catalog.AnalystTLS
	logger *slog.Logger

	mu      sync.Mutex
	config  *tls.Config
	loaded  []os.FileInfo // of the files behind config
	failing []os.FileInfo // of the files that could not be loaded, and of which the log knows
}

// newCertificates loads the configured files, or those that the party makes for itself on its first
// start and keeps in its state folder.
func newCertificates(config *catalog.Config, random io.Reader, now time.Time, logger *slog.Logger) (*certificates, error) {
	c := &certificates{files: config.AnalystTLS, logger: logger}
	if c.files.CertFile == "" {
		c.files.CertFile = filepath.Join(config.StateDir, "analysts.crt")
		c.files.KeyFile = filepath.Join(config.StateDir, "analysts.key")
		if err := makeCertificate(c.files.CertFile, c.files.KeyFile, config.Listen.Analysts, random, now); err != nil {
			return nil, err
		}
	}
	var err error
	c.loaded = c.look()
	if c.config, err = LoadTLS(c.files); err != nil {
		return nil, fmt.Errorf("certificate for analysts: %w", err)
	}
	return c, nil
}

// current is the configuration of the files as they are now. Files that cannot be used, perhaps because they are just being
// written, leave the last good ones in force.
func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.look()
	if same(now, c.loaded) {
		return c.config
	}
	config, err := LoadTLS(c.files)
	if err == nil {
		c.config, c.loaded, c.failing = config, now, nil
		c.logger.Info("certificates of analyst_tls loaded again")
	} else if !same(now, c.failing) {
		c.failing = now
		c.logger.Error("the files of analyst_tls have changed and cannot be used; the former ones stay in force", "error", err.Error())
	}
	return c.config
}

// look asks for the state of each file; nil: it is not there.
func (c *certificates) look() []os.FileInfo {
	var seen []os.FileInfo
	for _, path := range []string{c.files.CertFile, c.files.KeyFile, c.files.ClientCAFile, c.files.ClientCRLFile} {
		info, err := os.Stat(path)
		if err != nil {
			info = nil
		}
		seen = append(seen, info)
	}
	return seen
}

// same compares what look saw.
func same(a, b []os.FileInfo) bool {
	return slices.EqualFunc(a, b, func(x, y os.FileInfo) bool {
		if x == nil || y == nil {
			return x == y
		}
		return os.SameFile(x, y) && x.Size() == y.Size() && x.ModTime().Equal(y.ModTime())
	})
}

// LoadTLS reads the files of analyst_tls. Clients are asked for a certificate where there is an authority; one that
// cannot be verified ends the handshake, as with PostgreSQL.
func LoadTLS(files catalog.AnalystTLS) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(files.CertFile, files.KeyFile)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	return config, LoadClientTLS(config, files)
}

// LoadClientTLS adds to a configuration who signs and revokes the certificates of clients.
func LoadClientTLS(config *tls.Config, files catalog.AnalystTLS) error {
	if files.ClientCAFile == "" {
		return nil
	}
	text, err := os.ReadFile(files.ClientCAFile)
	if err != nil {
		return fmt.Errorf("client_ca_file: %w", err)
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return fmt.Errorf("client_ca_file: %s holds no certificate in PEM", files.ClientCAFile)
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	if files.ClientCRLFile == "" {
		return nil
	}
	revoked, err := readRevocations(files.ClientCRLFile)
	if err != nil {
		return fmt.Errorf("client_crl_file: %w", err)
	}
	config.VerifyConnection = func(state tls.ConnectionState) error { return revoked.check(state, time.Now()) }
	return nil
}

// makeCertificate writes a self-signed certificate for the listener's address, unless there is one.
func makeCertificate(certFile, keyFile, address string, random io.Reader, now time.Time) error {
	if _, err := os.Stat(certFile); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return err
	}
	serial, err := randomSerial(random)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "c2dproxy"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	addHost(template, address)
	der, err := x509.CreateCertificate(random, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encodedKey}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// addHost adds the host of the listener's address to the names of the certificate.
func addHost(template *x509.Certificate, address string) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
		return
	}
	template.DNSNames = append(template.DNSNames, host)
}

// randomSerial draws a certificate's serial number of 128 bits.
func randomSerial(random io.Reader) (*big.Int, error) {
	var raw [16]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return nil, err
	}
	return new(big.Int).SetBytes(raw[:]), nil
}

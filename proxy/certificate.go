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
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// analystTLS is the certificate that analysts' clients see: the configured one, or one
// that the party makes for itself on its first start and keeps in its state folder.
func analystTLS(config *catalog.Config, random io.Reader, now time.Time) (*tls.Config, error) {
	certFile, keyFile := config.AnalystTLS.CertFile, config.AnalystTLS.KeyFile
	if certFile == "" {
		certFile = filepath.Join(config.StateDir, "analysts.crt")
		keyFile = filepath.Join(config.StateDir, "analysts.key")
		if err := makeCertificate(certFile, keyFile, config.Listen.Analysts, random, now); err != nil {
			return nil, err
		}
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate for analysts: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
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

package federation

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"time"
)

// protocolName is the ALPN name of the mesh; it changes with the framing.
const protocolName = "c2d/2"

// pinOf returns the pin of an encoded SubjectPublicKeyInfo, as [catalog.Fingerprint] does of a key.
func pinOf(spki []byte) string {
	sum := sha256.Sum256(spki)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// validPin reports whether s has the form of a pin.
func validPin(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(digits) != 2*sha256.Size || digits != strings.ToLower(digits) {
		return false
	}
	_, err := hex.DecodeString(digits)
	return err == nil
}

// selfCertificate wraps the identity key for TLS. Nobody reads anything but the key in
// it: peers pin the SubjectPublicKeyInfo, so names and dates are constants.
func selfCertificate(random io.Reader, key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "c2dproxy"},
		NotBefore:    time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(random, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// errPin means that the other side proved possession of a key that is not the pinned one.
var errPin = errors.New("the key is not the one that is pinned")

// tlsConfig is common to both sides. verify gets the pin of the key that the other side
// proved to hold; it runs on every connection, because nothing is ever resumed.
func tlsConfig(certificate tls.Certificate, random io.Reader, verify func(pin string) error) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocolName},
		Certificates:           []tls.Certificate{certificate},
		Rand:                   random,
		SessionTicketsDisabled: true,
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, // no authority is trusted: VerifyConnection pins the key
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) != 1 || state.DidResume || state.NegotiatedProtocol != protocolName {
				return errPin
			}
			return verify(pinOf(state.PeerCertificates[0].RawSubjectPublicKeyInfo))
		},
	}
}

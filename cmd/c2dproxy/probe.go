package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// How long probe waits for an answer, and for a refusal after the handshake.
const (
	probeWait   = 5 * time.Second
	refusalWait = 2 * time.Second
)

// meshProtocol is the ALPN name of connections between parties; see package federation.
const meshProtocol = "c2d/2"

// probe dials a peer as serve does, as far as the TLS handshake, and says what it sees: the name,
// the port, the key, and whether the other side takes ours. It sends no message.
func (d *doctor) probe(ctx context.Context, peer catalog.Peer) finding {
	at := fmt.Sprintf("%s → %s (%s)", d.config.Party, peer.Party, peer.Address)
	key, err := catalog.ReadKey(d.config.KeyFile)
	if err != nil {
		return wrong("%s: not tried without our key", at)
	}
	ctx, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", peer.Address)
	if err != nil {
		return wrong("%s: %s", at, dialProblem(err, peer))
	}
	defer raw.Close()
	shown, conn, err := handshake(ctx, raw, key)
	switch {
	case shown == "":
		return wrong("%s: what answers there is not a c2dproxy's listen.peers (%v): correct the port in %s", at, err, peerAt(d.config, peer.Party, "address"))
	case shown != peer.Key:
		return wrong("%s: %s", at, d.strange(peer, shown))
	case err != nil:
		return d.refusal(at, peer, key)
	}
	_ = conn.SetReadDeadline(time.Now().Add(refusalWait))
	if _, err := conn.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return d.refusal(at, peer, key)
	}
	return finding{text: at + ": it answers, with the pinned key, and takes ours"}
}

// handshake proves our key and returns the fingerprint of the other side's; empty: it showed none.
func handshake(ctx context.Context, raw net.Conn, key ed25519.PrivateKey) (shown string, conn *tls.Conn, err error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", nil, err
	}
	conn = tls.Client(raw, &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{meshProtocol},
		Certificates:       []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}},
		InsecureSkipVerify: true, // the caller compares the key; nothing is sent
		VerifyConnection: func(state tls.ConnectionState) error {
			if state.NegotiatedProtocol != meshProtocol || len(state.PeerCertificates) != 1 {
				return errors.New("it speaks another protocol")
			}
			shown, err = catalog.Fingerprint(state.PeerCertificates[0].PublicKey)
			return err
		},
	})
	err = conn.HandshakeContext(ctx)
	return shown, conn, err
}

// dialProblem says why no connection came about.
func dialProblem(err error, peer catalog.Peer) string {
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return fmt.Sprintf("the name %s does not resolve here: correct it, or write the IP address", name.Name)
	case errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err):
		return fmt.Sprintf("no answer within %s: a firewall between here and there drops the connection, or the address is wrong", probeWait)
	}
	return fmt.Sprintf("no connection (%v): is %s running, is this its listen.peers, and is the firewall open in this direction?", errors.Unwrap(err), peer.Party)
}

// strange says whose key another one is.
func (d *doctor) strange(peer catalog.Peer, shown string) string {
	for _, other := range d.config.Peers {
		if other.Key == shown {
			return fmt.Sprintf("this is the address of %s, not of %s", other.Party, peer.Party)
		}
	}
	return fmt.Sprintf("it shows the key %s, pinned is %s (%s): compare with %s's operator by telephone which is right",
		shown, peer.Key, peerAt(d.config, peer.Party, "key"), peer.Party)
}

// refusal is that of a peer that shows the right key and then closes the connection.
func (d *doctor) refusal(at string, peer catalog.Peer, key ed25519.PrivateKey) finding {
	own, err := catalog.Fingerprint(key.Public())
	if err != nil {
		own = "unknown"
	}
	return wrong("%s: it shows the pinned key but refuses us: in its peers, %s needs key: \"%s\" and connect: accept", at, d.config.Party, own)
}

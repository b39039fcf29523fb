package mpc_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
)

// tlsEnd is a transport over one TLS connection to each peer, for measurements: rounds
// are words, little-endian, without frames.
type tlsEnd struct {
	self       int
	next, prev tlsPeer
}

// tlsPeer is one connection.
type tlsPeer struct {
	conn net.Conn
	in   *bufio.Reader
}

// Self implements mpc.Transport.
func (e *tlsEnd) Self() int { return e.self }

// Round implements mpc.Transport.
func (e *tlsEnd) Round(ctx context.Context, r mpc.Round) error {
	deadline := time.Now()
	stop := context.AfterFunc(ctx, func() { _, _ = e.next.conn.SetDeadline(deadline), e.prev.conn.SetDeadline(deadline) })
	defer stop()
	var g errgroup.Group
	for _, p := range []struct {
		peer    tlsPeer
		out, in []uint64
	}{{e.next, r.ToNext, r.FromNext}, {e.prev, r.ToPrev, r.FromPrev}} {
		if len(p.out) > 0 {
			g.Go(func() error { return p.peer.send(p.out) })
		}
		if len(p.in) > 0 {
			g.Go(func() error { return p.peer.receive(p.in) })
		}
	}
	return g.Wait()
}

// send writes words.
func (p tlsPeer) send(words []uint64) error {
	buf := make([]byte, 0, 16<<10)
	for len(words) > 0 {
		n := min(len(words), cap(buf)/8)
		buf = buf[:0]
		for _, w := range words[:n] {
			buf = binary.LittleEndian.AppendUint64(buf, w)
		}
		if _, err := p.conn.Write(buf); err != nil {
			return err
		}
		words = words[n:]
	}
	return nil
}

// receive reads words.
func (p tlsPeer) receive(words []uint64) error {
	buf := make([]byte, 16<<10)
	for len(words) > 0 {
		n := min(len(words), len(buf)/8)
		if _, err := io.ReadFull(p.in, buf[:8*n]); err != nil {
			return err
		}
		for i := range words[:n] {
			words[i] = binary.LittleEndian.Uint64(buf[8*i:])
		}
		words = words[n:]
	}
	return nil
}

// tlsTransports connects three parties over loopback with mutual TLS 1.3.
func tlsTransports(tb testing.TB) [3]mpc.Transport {
	tb.Helper()
	config := tlsConfig(tb)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	var ends [3]*tlsEnd
	for i := range ends {
		ends[i] = &tlsEnd{self: i}
	}
	for i := range ends {
		accepted := make(chan net.Conn, 1)
		go func() {
			defer close(accepted)
			if conn, err := listener.Accept(); err == nil && conn.(*tls.Conn).Handshake() == nil {
				accepted <- conn
			}
		}()
		dialled, err := tls.Dial("tcp", listener.Addr().String(), config)
		if err != nil {
			tb.Fatal(err)
		}
		conn, ok := <-accepted
		if !ok {
			tb.Fatal("handshake failed")
		}
		tb.Cleanup(func() { _, _ = conn.Close(), dialled.Close() })
		ends[i].next = tlsPeer{dialled, bufio.NewReaderSize(dialled, 32<<10)}
		ends[(i+1)%3].prev = tlsPeer{conn, bufio.NewReaderSize(conn, 32<<10)}
	}
	return [3]mpc.Transport{ends[0], ends[1], ends[2]}
}

// tlsConfig is one self-signed identity that all three parties pin.
func tlsConfig(tb testing.TB) *tls.Config {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"party"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		tb.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: "party", RootCAs: pool, ClientCAs: pool,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
	}
}

// TestTLSTransport holds the benchmark's transport to the contract, as far as it claims it.
func TestTLSTransport(t *testing.T) {
	t.Parallel()
	ends := tlsTransports(t)
	err := mpctest.Parties(t.Context(), func(ctx context.Context, party int) error {
		in := make([]uint64, 5000)
		out := make([]uint64, 5000)
		for i := range out {
			out[i] = uint64(party)
		}
		if err := ends[party].Round(ctx, mpc.Round{ToNext: out, FromPrev: in}); err != nil {
			return err
		}
		if want := uint64(party+2) % 3; in[0] != want || in[4999] != want {
			return fmt.Errorf("party %d got %d and %d, want %d", party, in[0], in[4999], want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

package mpc

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// The limits of the machine, to be read beside the protocol's figures of the same run: nothing
// can be faster than the streams that mask it, the words that it combines, and the links.

const limitBlock = 1 << 20

// BenchmarkAESCTR is the stream that masks every word.
func BenchmarkAESCTR(b *testing.B) {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		b.Fatal(err)
	}
	stream := cipher.NewCTR(block, make([]byte, aes.BlockSize))
	buffer := make([]byte, limitBlock)
	b.SetBytes(limitBlock)
	for b.Loop() {
		stream.XORKeyStream(buffer, buffer)
	}
}

func BenchmarkLimitXOR(b *testing.B) {
	x, y := make([]byte, limitBlock), make([]byte, limitBlock)
	b.SetBytes(limitBlock)
	for b.Loop() {
		subtle.XORBytes(x, x, y)
	}
}

// BenchmarkLimitLoopbackTLS sends over three TLS 1.3 connections at once, as three parties do.
func BenchmarkLimitLoopbackTLS(b *testing.B) {
	config := limitTLS(b)
	var senders []net.Conn
	for range 3 {
		senders = append(senders, limitLink(b, config))
	}
	buffer := make([]byte, limitBlock)
	b.SetBytes(3 * limitBlock)
	for b.Loop() {
		var wait sync.WaitGroup
		for _, sender := range senders {
			wait.Go(func() {
				if _, err := sender.Write(buffer); err != nil {
					b.Error(err)
				}
			})
		}
		wait.Wait()
	}
}

// limitLink is the sending end of a TLS connection whose other end reads everything.
func limitLink(b *testing.B, config *tls.Config) net.Conn {
	b.Helper()
	listener, err := tls.Listen("tcp4", "127.0.0.1:0", config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(io.Discard, conn) // ends when the benchmark closes its end
	}()
	conn, err := tls.Dial("tcp4", listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

func limitTLS(b *testing.B) *tls.Config {
	b.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		b.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}}
}

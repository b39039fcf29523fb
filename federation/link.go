package federation

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"
)

// link is one authenticated connection to a peer with its multiplexed streams. Seeds
// come from its TLS session, so both ends of an execution must use the same link.
type link struct {
	peer    Peer
	conn    *tls.Conn
	session *yamux.Session
	key     ed25519.PublicKey // that the peer proved to hold
}

// streamKind is the first byte of a stream.
type streamKind byte

// Kinds of streams.
const (
	streamControl streamKind = 'C' // hello and beats; one a link, opened by the side that dialled
	streamQuery   streamKind = 'Q' // the conversation of one query; opened by the gateway
	streamData    streamKind = 'D' // one direction of one execution's rounds; opened by the sender
	streamBudget  streamKind = 'B' // what is left of a budget; opened by the gateway
)

// streamWindow is what may be under way on one stream, in bytes: 100 MB/s at 100 ms.
const streamWindow = 16 << 20

// maxStreams bounds the streams of a peer that wait for an answer, and with the window the
// memory that they can fill.
const maxStreams = 64

// newLink puts multiplexing on an authenticated connection.
func newLink(p Peer, conn *tls.Conn, dialled bool, limits Limits) (*link, error) {
	key, ok := conn.ConnectionState().PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("its key is not an ed25519 key")
	}
	config := &yamux.Config{
		AcceptBacklog:          maxStreams,
		EnableKeepAlive:        true,
		KeepAliveInterval:      limits.Beat,
		ConnectionWriteTimeout: limits.Connect,
		MaxStreamWindowSize:    streamWindow,
		StreamOpenTimeout:      0, // our own deadlines end what waits
		StreamCloseTimeout:     time.Minute,
		LogOutput:              io.Discard, // every error also reaches a caller
	}
	start := yamux.Server
	if dialled {
		start = yamux.Client
	}
	session, err := start(conn, config)
	if err != nil {
		return nil, fmt.Errorf("multiplex: %w", err)
	}
	return &link{peer: p, conn: conn, session: session, key: key}, nil
}

// close ends the connection and all its streams.
func (l *link) close() {
	// The connection goes first: closing the session waits for its writers.
	_ = l.conn.NetConn().Close()
	_ = l.session.Close()
}

// open opens a stream of a kind.
func (l *link) open(kind streamKind) (net.Conn, error) {
	stream, err := l.session.OpenStream()
	if err != nil {
		return nil, lost(l.peer.Name)
	}
	if _, err := stream.Write([]byte{byte(kind)}); err != nil {
		_ = stream.Close()
		return nil, lost(l.peer.Name)
	}
	return stream, nil
}

// acceptStreams serves the peer's streams until the link breaks; serve closes each.
func (l *link) acceptStreams(ctx context.Context, serve func(ctx context.Context, l *link, conn net.Conn)) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(lost(l.peer.Name))
	open := make(chan struct{}, maxStreams)
	for {
		stream, err := l.session.AcceptStream()
		if err != nil {
			return fmt.Errorf("the connection ended: %w", err)
		}
		select {
		case open <- struct{}{}:
			serving.Go(func() {
				defer func() { <-open }()
				serve(ctx, l, stream)
			})
		default:
			_ = stream.Close()
		}
	}
}

// kindOf reads the kind of an accepted stream.
func kindOf(conn net.Conn, limit time.Duration) (streamKind, error) {
	_ = conn.SetReadDeadline(time.Now().Add(limit))
	var b [1]byte
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		return 0, fmt.Errorf("read the kind of a stream: %w", err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	return streamKind(b[0]), nil
}

// exporterLabel names our use of the TLS exporter.
const exporterLabel = "EXPORTER-c2dproxy-seed"

// export derives 32 bytes that only the two ends of the link know. The exporter returns the same
// bytes for the same context, so every context is used once (RULES 1).
func (l *link) export(context digest) (secret [32]byte, err error) {
	state := l.conn.ConnectionState()
	out, err := state.ExportKeyingMaterial(exporterLabel, context[:], len(secret))
	if err != nil {
		return secret, fmt.Errorf("export keying material: %w", err)
	}
	copy(secret[:], out)
	return secret, nil
}

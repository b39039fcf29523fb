package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/sqlplan"
	"github.com/c2dproxy/c2dproxy/wire"
)

// front is where analysts connect. It answers before the party has started and until it has stopped, so that clients
// hear that it starts or stops, as they do from PostgreSQL. nil: no analysts connect here.
type front struct {
	server    *wire.Server
	listeners []net.Listener
	release   func() // of the unix socket, once its listener is closed
}

// newFront binds the analysts' addresses.
func newFront(p *Proxy) (*front, error) {
	at := p.config.Listen
	if at.Analysts == "" && at.Socket == (catalog.Socket{}) {
		return nil, nil
	}
	server, err := newServer(p)
	if err != nil {
		return nil, err
	}
	f := &front{server: server, release: func() {}}
	if at.Analysts != "" {
		listener, err := net.Listen("tcp", at.Analysts)
		if err != nil {
			return nil, fmt.Errorf("listen for analysts: %w", err)
		}
		f.listeners = append(f.listeners, listener)
	}
	if at.Socket != (catalog.Socket{}) {
		listener, release, err := listenSocket(at.Socket, p.config.StateDir, time.Now())
		if err != nil {
			f.close()
			return nil, fmt.Errorf("listen for analysts on a socket: %w", err)
		}
		f.listeners, f.release = append(f.listeners, listener), release
	}
	return f, nil
}

// newServer makes the PostgreSQL side from what the file says of it.
func newServer(p *Proxy) (*wire.Server, error) {
	files, err := newCertificates(p.config, rand.Reader, time.Now(), p.logger)
	if err != nil {
		return nil, err
	}
	mockKey, err := keptSecret(filepath.Join(p.config.StateDir, "mock.key"), rand.Reader)
	if err != nil {
		return nil, err
	}
	limits := p.config.Sessions
	return wire.NewServer(wire.Options{
		Handler: p, Logger: p.logger, Random: rand.Reader, MockKey: mockKey[:],
		TLS:               files.current,
		PlaintextLoopback: !p.config.AnalystTLS.Loopback,
		CertificatesOnly:  p.config.CertificatesOnly(),
		MockIterations:    iterations(p.config.Analysts),
		MaxConnections:    limits.Connections, MaxPerLogin: limits.PerAnalyst,
		HandshakeTimeout: limits.Login, QueryTimeout: limits.Statement,
		IdleTimeout: limits.Idle, IdleInBlock: limits.IdleInBlock,
		FreeFailures: limits.Failures, MaxDelay: limits.Delay,
		Setting: sqlplan.CheckSetting,
	})
}

// iterations are those of all verifiers, so that logins that do not exist show the same numbers.
func iterations(analysts []catalog.Analyst) []int {
	var all []int
	for _, a := range analysts {
		_, rest, _ := strings.Cut(a.Verifier(), "$")
		text, _, _ := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(text); err == nil { // a login without a password has none
			all = append(all, n)
		}
	}
	return all
}

// during answers analysts while do runs. A listener that fails ends do.
func (f *front) during(ctx context.Context, do func(context.Context) error) error {
	if f == nil {
		return do(ctx)
	}
	ctx, fail := context.WithCancel(ctx)
	defer fail()
	answering, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, answering := errgroup.WithContext(answering)
	for _, listener := range f.listeners {
		group.Go(func() error {
			err := f.server.Serve(answering, listener)
			if err != nil {
				fail()
			}
			return err
		})
	}
	err := do(ctx)
	stop()
	err = errors.Join(err, group.Wait())
	f.release()
	return err
}

// close gives the addresses back when nothing was served.
func (f *front) close() {
	for _, listener := range slices.Backward(f.listeners) {
		_ = listener.Close()
	}
	f.release()
}

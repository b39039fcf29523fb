package proxy

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/sqlplan"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// Options of Run.
type Options struct {
	Config *catalog.Config // Required
	Logger *slog.Logger    // Required
}

// shutdownWait bounds a graceful stop after the context ended.
const shutdownWait = 10 * time.Second

// Run is a party's life: it opens the ledger, connects to the peers, serves analysts, and returns
// when ctx ends, everything it started stopped.
func Run(ctx context.Context, o Options) error {
	config := o.Config
	if err := os.MkdirAll(config.StateDir, 0o711); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	key, err := catalog.ReadKey(config.KeyFile)
	if err != nil {
		return err
	}
	fingerprint, err := catalog.Fingerprint(key.Public())
	if err != nil {
		return err
	}
	known, err := newStudies(config, fingerprint)
	if err != nil {
		return err
	}
	p := &Proxy{config: config, random: rand.Reader, studies: known, metrics: newMetrics(), logger: o.Logger}
	if p.renderings.blank, err = newStatementID(p.random); err != nil {
		return err
	}
	if p.front, err = newFront(p); err != nil {
		return err
	}
	return p.front.during(ctx, func(ctx context.Context) error { return p.run(ctx, key) })
}

// run starts the party behind its front, and stops it when ctx ends.
func (p *Proxy) run(ctx context.Context, key ed25519.PrivateKey) error {
	config, known, logger := p.config, p.studies, p.logger
	account, err := openLedger(LedgerPath(config), config.Party, key, time.Now, false)
	if err != nil {
		return err
	}
	defer account.Close()
	p.books = &books{ledger: account, config: config, study: known.get}
	sources, err := openSources(ctx, config, logger)
	if err != nil {
		return err
	}
	defer sources.close()
	options := p.federation(ctx, key, account, sources, logger)
	listeners, err := listen(config.Listen)
	if err != nil {
		return err
	}
	defer listeners.close()
	options.Listen = listeners.peers
	if p.node, err = federation.New(options); err != nil {
		return err
	}
	return p.serve(ctx, listeners, account, logger)
}

// federation fills in what the mesh of parties needs of this one.
func (p *Proxy) federation(ctx context.Context, key ed25519.PrivateKey, account *ledger.Ledger, sources *sources, logger *slog.Logger) federation.Options {
	var peers []federation.Peer
	for _, peer := range p.config.Peers {
		peers = append(peers, federation.Peer{
			Name: peer.Party, Key: peer.Key, Connect: federation.Connect(peer.Connect), Address: peer.Address,
		})
	}
	o := federation.Options{
		Self: p.config.Party, Identity: key, Peers: peers,
		Studies: p.studies.current, Public: p.studies.public,
		OnPublic: func(peer string, public []byte) error { return p.learn(ctx, peer, public) },
		Guard:    syntax.Guard, Compile: sqlplan.Compile, Compute: mpc.Run,
		Source: sources.of, Ledger: p.books, Audit: p.books, Heads: account,
		Clock: time.Now, Rand: rand.Reader, Logger: logger,
	}
	if !p.config.Helper() {
		o.Budget = p.books
	}
	return o
}

// learn takes a peer's public part. Where a study changed, the peers are told its new version, and
// shadows of the old one stop with their last session.
func (p *Proxy) learn(ctx context.Context, peer string, public []byte) error {
	changed, err := p.studies.learn(peer, public)
	if err != nil || !changed {
		return err
	}
	p.node.Announce()
	p.shadows.retire(ctx, p.studies.get)
	return nil
}

// serve runs the listeners until ctx ends or one of them fails.
func (p *Proxy) serve(ctx context.Context, l *listeners, account *ledger.Ledger, logger *slog.Logger) error {
	scratch, err := pgserver.NewScratch("", "c2d-"+p.config.Party)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	p.shadows = newShadows(ctx, scratch.Dir, p.config.StateDir, p.config.Party, rand.Reader, logger)
	p.shadows.profile = p.profileOf
	p.shadows.sessions = p.config.Sessions.Connections
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWait)
		defer cancel()
		p.shadows.closeAll(stop)
		if err := scratch.Close(); err != nil {
			logger.Warn("scratch folder not removed", "error", err)
		}
	}()
	group.Go(func() error { return p.node.Serve(ctx) })
	if p.front != nil {
		group.Go(func() error {
			p.shadows.prepare(ctx)
			return nil
		})
		p.front.server.Open(ctx)
		group.Go(func() error {
			p.front.server.Wait(ctx)
			return nil
		})
	}
	if l.health != nil {
		group.Go(func() error { return p.serveHealth(ctx, l.health, account) })
	}
	logger.Info("started", "party", p.config.Party, "analysts", p.config.Listen.Analysts, "peers", p.config.Listen.Peers, "health", p.config.Listen.Health)
	err = group.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	logger.Info("stopped", "party", p.config.Party)
	return err
}

// keptSecret reads a 32-byte secret of the state folder, made on first use: whole or not at all, so
// that a crash meanwhile leaves none that a later start would refuse.
func keptSecret(path string, random io.Reader) ([32]byte, error) {
	var secret [32]byte
	stored, err := os.ReadFile(path)
	switch {
	case err == nil && len(stored) == len(secret):
		return [32]byte(stored), nil
	case err == nil:
		return secret, fmt.Errorf("%s has %d bytes instead of %d: restore it", path, len(stored), len(secret))
	case !errors.Is(err, os.ErrNotExist):
		return secret, err
	}
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return secret, err
	}
	next := path + ".new"
	if err := os.WriteFile(next, secret[:], 0o600); err != nil {
		return secret, err
	}
	return secret, os.Rename(next, path)
}

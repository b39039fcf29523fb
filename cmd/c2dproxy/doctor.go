package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// doctorCommand says in words what keeps the federation from working.
func doctorCommand(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor FILE",
		Short: "Find out, in words, why a peer or a study does not work",
		Long: "doctor looks at this party's key, database and mapping SQL, and asks the running party about each peer: can\n" +
			"it be reached, does it hold the pinned key, does its clock agree, does it run the same planner, does it have the\n" +
			"same version of each study, is a ledger behind. When the party does not run, doctor looks at the ports, the\n" +
			"ledger and, from here, at the peers that this party dials. It exits with 1 when something is wrong.",
		Example: "  c2dproxy doctor /etc/c2dproxy/clinic.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := ignoreEnvironment(); err != nil {
				return err
			}
			config, err := catalog.Load(args[0])
			if err != nil {
				return err
			}
			d := &doctor{check: check{io: stdio, quiet: true, sign: signWrong}, config: config}
			d.examine(cmd.Context())
			if d.wrong > 0 {
				return errReported
			}
			return nil
		},
	}
}

// Signs that begin doctor's lines.
const (
	signOK    = "ok     "
	signWrong = "WRONG  "
)

// doctor looks at one party.
type doctor struct {
	check
	config *catalog.Config
}

// ok prints what is well.
func (d *doctor) ok(format string, args ...any) {
	fmt.Fprintf(d.io.Out, signOK+format+"\n", args...)
}

// print prints a finding.
func (d *doctor) print(f finding) {
	if f.wrong {
		d.bad("%s", f.text)
		return
	}
	d.ok("%s", f.text)
}

// examine looks at everything.
func (d *doctor) examine(ctx context.Context) {
	d.own(ctx)
	status, err := fetchStatus(ctx, d.config)
	if err != nil {
		d.bad("%v", err)
		d.stopped(ctx)
		return
	}
	for _, peer := range status.Peers {
		for _, f := range examinePeer(status, &peer) {
			if f.unconnected {
				f = d.unconnected(ctx, peer.Name, f)
			}
			d.print(f)
		}
	}
	for _, f := range examineStudies(status, d.config) {
		d.print(f)
	}
	if d.wrong == 0 {
		fmt.Fprintf(d.io.Out, "%s: all %d peers and %d studies are well\n", status.Party, len(status.Peers), len(status.Studies))
	}
}

// own looks at what this party needs by itself.
func (d *doctor) own(ctx context.Context) {
	before := d.wrong
	d.identity(d.config)
	if !d.config.Helper() {
		d.source(ctx, d.config, false)
	}
	if d.wrong > before {
		return
	}
	if d.config.Helper() {
		d.ok("%s: key; a helper without data", d.config.Party)
		return
	}
	d.ok("%s: key, database, a role that can only read, mapping SQL", d.config.Party)
}

// unconnected replaces what the party said of a peer without a connection by what can be seen from here.
func (d *doctor) unconnected(ctx context.Context, name string, said finding) finding {
	peer, known := d.config.Peer(name)
	if !known || peer.Connect != catalog.Dial {
		return said
	}
	if seen := d.probe(ctx, peer); seen.wrong {
		return seen
	}
	return said
}

// stopped looks at what can be seen without the running party.
func (d *doctor) stopped(ctx context.Context) {
	for _, l := range []struct{ setting, address string }{
		{"listen.analysts", d.config.Listen.Analysts}, {"listen.peers", d.config.Listen.Peers}, {"listen.health", d.config.Listen.Health},
	} {
		if l.address != "" {
			d.port(l.setting, l.address)
		}
	}
	d.ledger()
	for _, peer := range d.config.Peers {
		if peer.Connect == catalog.Dial {
			d.print(d.probe(ctx, peer))
		} else {
			d.ok("%s → %s: it dials us; its operator sees with doctor whether it reaches listen.peers %s", peer.Party, d.config.Party, d.config.Listen.Peers)
		}
	}
}

// port tries to listen.
func (d *doctor) port(setting, address string) {
	listener, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		_ = listener.Close()
		d.ok("%s: %s is free", setting, address)
	case errors.Is(err, syscall.EADDRINUSE):
		d.bad("%s: %s is in use by another program; see which: ss -ltnp", d.config.At(setting), address)
	default:
		d.bad("%s: %v", d.config.At(setting), err)
	}
}

// ledger opens the ledger as serve does, its signatures checked, but read-only.
func (d *doctor) ledger() {
	path := proxy.LedgerPath(d.config)
	l, err := proxy.OpenLedger(d.config, true)
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.ok("ledger: none yet; the first start begins it")
	case errors.Is(err, ledger.ErrLocked):
		d.bad("%s is in use: a process of %s runs, but its health address does not answer", path, d.config.Party)
	case err != nil:
		d.bad("%s: %v", path, err)
	default:
		_ = l.Close()
		d.ok("ledger: %s can be read", path)
	}
}

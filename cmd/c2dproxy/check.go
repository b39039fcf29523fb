package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// checkCommand validates files, the study that they make together, and the sources.
func checkCommand(io Stdio) *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:   "check FILE…",
		Short: "Say what is wrong with a party's file, its database role and its data",
		Long: "Checks each file; with several, also the studies that they make together. Then connects to each\n" +
			"source, read-only, and checks that its role can only read, that the mapping SQL gives the declared columns, and\n" +
			"that the data obey what is declared. What it counts is for the owner of the data only. With --offline it\n" +
			"reads nothing but the files: so three operators can compare theirs in one place, without keys or data.",
		Example: "  c2dproxy check clinic.yaml\n  c2dproxy check --offline clinic.yaml lab.yaml registry.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := ignoreEnvironment(); err != nil {
				return err
			}
			c := &check{io: io}
			c.all(cmd.Context(), files, offline)
			if c.wrong > 0 {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "read only the files themselves: no source, no key, no verifier")
	return cmd
}

// check prints findings and counts those that are wrong.
type check struct {
	io    Stdio
	quiet bool   // print only what is wrong
	sign  string // begins a line that says what is wrong
	wrong int
}

// bad prints what is wrong.
func (c *check) bad(format string, args ...any) {
	c.wrong++
	fmt.Fprintf(c.io.Out, c.sign+format+"\n", args...)
}

// good prints what is well or worth knowing.
func (c *check) good(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.io.Out, format+"\n", args...)
	}
}

// all checks all files.
func (c *check) all(ctx context.Context, files []string, offline bool) {
	var configs []*catalog.Config
	for _, file := range files {
		if config := c.file(file, offline); config != nil {
			configs = append(configs, config)
		}
	}
	if len(files) > 1 && len(configs) == len(files) {
		c.pairs(configs)
		c.merge(configs)
	}
	for _, config := range configs {
		if !offline && !config.Helper() {
			c.source(ctx, config, true)
		}
	}
}

// file checks one file and, unless offline, the key, certificate and verifiers that it names: who
// compares the files of three parties has only his own. A missing verifier does not keep the rest
// from being looked at: analysts are added last.
func (c *check) file(file string, offline bool) *catalog.Config {
	data, err := os.ReadFile(file)
	if err != nil {
		c.bad("%v", err)
		return nil
	}
	config, err := catalog.Parse(file, data)
	if err != nil {
		c.bad("%v", err)
		return nil
	}
	c.good("%s: the file is well-formed", file)
	for _, note := range config.Notes() {
		c.good("%s: note: %s", file, note)
	}
	if offline {
		return config
	}
	if _, err := catalog.Load(file); err != nil {
		c.bad("%v", err)
	}
	c.identity(config)
	return config
}

// identity checks the key and the certificate that a file names.
func (c *check) identity(config *catalog.Config) {
	if _, err := catalog.ReadKey(config.KeyFile); err != nil {
		c.bad("%s: %v", config.At("identity.key_file"), err)
	}
	if config.AnalystTLS.CertFile != "" {
		if _, err := tls.LoadX509KeyPair(config.AnalystTLS.CertFile, config.AnalystTLS.KeyFile); err != nil {
			c.bad("%s: %v", config.At("analyst_tls"), err)
		}
	}
	if err := proxy.LoadClientTLS(&tls.Config{}, config.AnalystTLS); err != nil {
		c.bad("%s: %v", config.At("analyst_tls"), err)
	}
	if dir := config.Listen.Socket.Dir; dir != "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			c.bad("%s: %s is not a folder; make it, and let only this program write there", config.At("listen.analysts_socket"), dir)
		}
	}
}

// pairs checks that of every two parties one dials and the other accepts.
func (c *check) pairs(configs []*catalog.Config) {
	for i, a := range configs {
		for _, b := range configs[:i] {
			c.pair(a, b)
			c.dialled(a, b)
			c.dialled(b, a)
		}
	}
}

// pair compares who opens the connection.
func (c *check) pair(a, b *catalog.Config) {
	ours, known := a.Peer(b.Party)
	theirs, knows := b.Peer(a.Party)
	switch {
	case !known || !knows:
		c.bad("%s and %s: each has to be among the other's peers", a.Name, b.Name)
	case ours.Connect == theirs.Connect:
		c.bad("%s and %s: both write connect: %s for the other; one has to dial, the other to accept", peerAt(a, b.Party, "connect"), peerAt(b, a.Party, "connect"), ours.Connect)
	}
}

// dialled notes where a dials another port of b than that on which b listens: a forwarded port, or a mistake.
func (c *check) dialled(a, b *catalog.Config) {
	peer, ok := a.Peer(b.Party)
	if !ok || peer.Connect != catalog.Dial {
		return
	}
	_, dials, _ := net.SplitHostPort(peer.Address)
	if _, listens, _ := net.SplitHostPort(b.Listen.Peers); dials != listens {
		c.good("note: %s: dials port %s, but %s listens for peers on port %s; right only if something forwards it", peerAt(a, b.Party, "address"), dials, b.Party, listens)
	}
}

// peerAt is the place of a setting of a peer.
func peerAt(c *catalog.Config, party, setting string) string {
	for i := range c.Peers {
		if c.Peers[i].Party == party {
			return c.At(fmt.Sprintf("peers[%d].%s", i, setting))
		}
	}
	return c.Name
}

// merge checks the studies that the files make together.
func (c *check) merge(configs []*catalog.Config) {
	parts := map[string][]catalog.Public{}
	var names []string
	for _, config := range configs {
		fingerprint := fingerprintOf(config, configs)
		for _, study := range config.Studies() {
			p, err := config.Public(study, fingerprint)
			if err != nil {
				c.bad("%s: %v", config.Name, err)
				continue
			}
			if len(parts[study]) == 0 {
				names = append(names, study)
			}
			parts[study] = append(parts[study], p)
		}
	}
	for _, study := range names {
		c.study(study, parts[study], configs)
	}
}

// fingerprintOf is the fingerprint of a party's key or, where the key is not at hand, the one that
// another file pins; whether all pin the same, CheckPeer compares.
func fingerprintOf(config *catalog.Config, all []*catalog.Config) string {
	if fingerprint, err := showKey(config.KeyFile); err == nil {
		return fingerprint
	}
	for _, other := range all {
		if peer, ok := other.Peer(config.Party); ok {
			return peer.Key
		}
	}
	return noFingerprint
}

// study checks one study of several files.
func (c *check) study(study string, parts []catalog.Public, configs []*catalog.Config) {
	for _, one := range configs {
		for _, p := range parts {
			if _, pinned := one.Peer(p.Party.Name); !pinned {
				continue
			}
			if err := one.CheckPeer(p); err != nil {
				c.bad("%s: %v", peerAt(one, p.Party.Name, "party"), err)
			}
		}
	}
	merged, err := catalog.Merge(study, parts)
	if err != nil {
		c.bad("%v", err)
		return
	}
	version := merged.Epoch()
	c.good("study %s: the parts fit together (version %x)", study, version[:8])
}

// sourceTimeout bounds what check asks of a source.
const sourceTimeout = 5 * time.Minute

// source checks a party's database: its role, that the mappings give the declared columns and, on
// demand, the data, which reads every row.
func (c *check) source(ctx context.Context, config *catalog.Config, data bool) {
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	conn := c.open(ctx, config)
	if conn == nil {
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, study := range config.Studies() {
		p, err := config.Public(study, noFingerprint)
		if err != nil {
			c.bad("%s: %v", config.Name, err)
			continue
		}
		for i := range p.Tables {
			sql, _ := config.Mapping(study, p.Tables[i].Name)
			t := &tableCheck{check: c, config: config, study: study, table: &p.Tables[i], sql: sql}
			t.run(ctx, conn, data)
		}
	}
}

// open connects to a party's database and checks that the role can only read; nil: it said why not.
func (c *check) open(ctx context.Context, config *catalog.Config) *pgx.Conn {
	at := config.At("source.postgres.dsn_file")
	dsn, err := config.Source.ReadDSN()
	if err != nil {
		c.bad("%s: %s", at, strings.TrimPrefix(err.Error(), "source.postgres.dsn_file: "))
		return nil
	}
	if info, err := os.Stat(config.Source.DSNFile); err == nil && info.Mode().Perm()&0o077 != 0 {
		c.good("%s: note: others may read %s; if it holds a password, run: chmod 600 %s", at, config.Source.DSNFile, config.Source.DSNFile)
	}
	conn, err := connect(ctx, string(dsn))
	if err != nil {
		c.bad("%s: %s", at, unreachable(err, config.Source.DSNFile))
		return nil
	}
	powers, err := writePowers(ctx, conn)
	switch {
	case err != nil:
		c.bad("%s: %v", at, err)
	case len(powers) == 0:
		c.good("%s: the database role can only read", config.Name)
	}
	for _, p := range powers {
		c.bad("%s: the database role can do more than read: %s", at, p)
	}
	return conn
}

// noFingerprint stands for a key where only tables are looked at.
const noFingerprint = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

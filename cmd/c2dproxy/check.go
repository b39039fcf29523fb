package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// checkCommand validates files, the study that they make together, and the sources.
func checkCommand(io Stdio) *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use:   "check FILE…",
		Short: "Say what is wrong with a party's file, its database role and its data",
		Long: "Checks each file; with several, also the studies that they make together. Then connects to each\n" +
			"source, read-only, and checks that its role can only read, that the mapping SQL gives the declared columns, and\n" +
			"that the data obey what is declared. What it counts is for the owner of the data only.",
		Example: "  c2dproxy check clinic.yaml\n  c2dproxy check --offline clinic.yaml lab.yaml registry.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			c := &check{io: io}
			c.all(cmd.Context(), files, offline)
			if c.wrong > 0 {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "do not connect to the sources")
	return cmd
}

// check prints findings and counts those that are wrong.
type check struct {
	io    Stdio
	wrong int
}

// bad prints what is wrong.
func (c *check) bad(format string, args ...any) {
	c.wrong++
	fmt.Fprintf(c.io.Out, format+"\n", args...)
}

// good prints what is well or worth knowing.
func (c *check) good(format string, args ...any) { fmt.Fprintf(c.io.Out, format+"\n", args...) }

// all checks all files.
func (c *check) all(ctx context.Context, files []string, offline bool) {
	var configs []*catalog.Config
	for _, file := range files {
		config, err := catalog.Load(file)
		if err != nil {
			c.bad("%v", err)
			continue
		}
		configs = append(configs, config)
		c.good("%s: the file is well-formed", file)
		for _, note := range config.Notes() {
			c.good("%s: note: %s", file, note)
		}
	}
	if len(files) > 1 && len(configs) == len(files) {
		c.merge(configs)
	}
	for _, config := range configs {
		if !offline && !config.Helper() {
			c.source(ctx, config)
		}
	}
}

// merge checks the studies that the files make together.
func (c *check) merge(configs []*catalog.Config) {
	parts := map[string][]catalog.Public{}
	var names []string
	for _, config := range configs {
		fingerprint, err := showKey(config.KeyFile)
		if err != nil {
			c.bad("%s: %v", config.Name, err)
			return
		}
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
		for _, config := range configs {
			for _, p := range parts[study] {
				if _, pinned := config.Peer(p.Party.Name); !pinned {
					continue
				}
				if err := config.CheckPeer(p); err != nil {
					c.bad("%s: %v", config.Name, err)
				}
			}
		}
		merged, err := catalog.Merge(study, parts[study])
		if err != nil {
			c.bad("%v", err)
			continue
		}
		epoch := merged.Epoch()
		c.good("study %s: the parts fit together (epoch %x)", study, epoch[:8])
	}
}

// sourceTimeout bounds what check asks of a source.
const sourceTimeout = 5 * time.Minute

// source checks a party's database.
func (c *check) source(ctx context.Context, config *catalog.Config) {
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	dsn, err := config.Source.ReadDSN()
	if err != nil {
		c.bad("%s: %v", config.Name, err)
		return
	}
	conn, err := connect(ctx, string(dsn))
	if err != nil {
		c.bad("%s: the source is not reachable: %v", config.Name, err)
		return
	}
	defer conn.Close(context.WithoutCancel(ctx))
	powers, err := writePowers(ctx, conn)
	switch {
	case err != nil:
		c.bad("%s: %v", config.Name, err)
	case len(powers) == 0:
		c.good("%s: the database role can only read", config.Name)
	}
	for _, p := range powers {
		c.bad("%s: the database role can do more than read: %s", config.Name, p)
	}
	for _, study := range config.Studies() {
		p, err := config.Public(study, noFingerprint)
		if err != nil {
			c.bad("%s: %v", config.Name, err)
			continue
		}
		for i := range p.Tables {
			sql, _ := config.Mapping(study, p.Tables[i].Name)
			c.table(ctx, conn, config.Name, study, &p.Tables[i], sql)
		}
	}
}

// noFingerprint stands for a key where only tables are looked at.
const noFingerprint = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// connect opens a connection whose transactions can only read.
func connect(ctx context.Context, dsn string) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("the connection string is not understood") // pgx's error may quote it
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["datestyle"] = "ISO"
	config.RuntimeParams["application_name"] = "c2dproxy"
	return pgx.ConnectConfig(ctx, config)
}

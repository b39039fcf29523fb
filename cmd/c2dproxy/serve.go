package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// serveCommand runs a party until it is told to stop.
func serveCommand(stdio Stdio) *cobra.Command {
	var level string
	command := &cobra.Command{
		Use:   "serve FILE",
		Short: "Run this party",
		Long: "serve runs the party that FILE describes: it connects to the peers, serves analysts, and answers\n" +
			"its part of every question. It stops gracefully on SIGTERM or Ctrl-C. It does not start with a database\n" +
			"role that can write or with mapping SQL that does not give the declared columns. The log goes to standard\n" +
			"error, one JSON object a line; it holds no rows, no parameters and no passwords. A changed FILE takes\n" +
			"effect at the next start; the files of analyst_tls do so with the next connection. Variables of the\n" +
			"environment that configure PostgreSQL's clients (PG…) are ignored.",
		Example: "  c2dproxy serve /etc/c2dproxy/clinic.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var threshold slog.Level
			if err := threshold.UnmarshalText([]byte(level)); err != nil {
				return usageError{fmt.Errorf("--log-level %q: write debug, info, warn or error", level)}
			}
			if err := ignoreEnvironment(); err != nil {
				return err
			}
			config, err := catalog.Load(args[0])
			if err != nil {
				return err
			}
			if err := startable(cmd.Context(), stdio, config); err != nil {
				return err
			}
			logger := slog.New(slog.NewJSONHandler(stdio.Err, &slog.HandlerOptions{Level: threshold}))
			err = proxy.Run(cmd.Context(), proxy.Options{Config: config, Logger: logger})
			return explainRun(config, err)
		},
	}
	command.Flags().StringVar(&level, "log-level", "info", "least severity that is logged: debug, info, warn, error")
	return command
}

// startable says on standard error what keeps a party from working, before it starts.
func startable(ctx context.Context, stdio Stdio, config *catalog.Config) error {
	c := &check{io: Stdio{Out: stdio.Err}, quiet: true}
	c.identity(config)
	if !config.Helper() {
		c.source(ctx, config, false)
	}
	if c.wrong > 0 {
		c.bad("%s was not started", config.Party)
		return errReported
	}
	return nil
}

// explainRun adds what an operator does about an error of a running party.
func explainRun(config *catalog.Config, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; another program holds that port (ss -ltnp shows which): stop it, or write another port at %s", err, config.At("listen"))
	case errors.Is(err, ledger.ErrLocked):
		return fmt.Errorf("%w; is %s already running? See: c2dproxy status %s", err, config.Party, config.Name)
	case errors.Is(err, ledger.ErrMissing):
		return fmt.Errorf("%w; %s never begins a new one by itself, because that would give spent budget back", err, config.Party)
	}
	return err
}

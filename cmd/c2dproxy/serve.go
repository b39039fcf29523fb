package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// serveCommand runs a party until it is told to stop.
func serveCommand(stdio Stdio) *cobra.Command {
	var level string
	command := &cobra.Command{
		Use:   "serve FILE",
		Short: "Run this party",
		Long: "serve runs the party that FILE describes: it connects to the peers, serves analysts, and answers\n" +
			"its part of every question. It stops gracefully on SIGTERM or Ctrl-C. The log goes to standard error, one JSON\n" +
			"object a line; it holds no rows, no parameters and no passwords.",
		Example: "  c2dproxy serve /etc/c2dproxy/clinic.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var threshold slog.Level
			if err := threshold.UnmarshalText([]byte(level)); err != nil {
				return usageError{fmt.Errorf("--log-level %q: write debug, info, warn or error", level)}
			}
			config, err := catalog.Load(args[0])
			if err != nil {
				return err
			}
			logger := slog.New(slog.NewJSONHandler(stdio.Err, &slog.HandlerOptions{Level: threshold}))
			return proxy.Run(cmd.Context(), proxy.Options{Config: config, Logger: logger})
		},
	}
	command.Flags().StringVar(&level, "log-level", "info", "least severity that is logged: debug, info, warn, error")
	return command
}

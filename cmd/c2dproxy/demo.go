package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/c2dproxy/c2dproxy/cmd/c2dproxy/demo"
)

// demoCommand runs a federation of three parties on this machine.
func demoCommand(stdio Stdio) *cobra.Command {
	var keep bool
	command := &cobra.Command{
		Use:   "demo",
		Short: "Run three parties on this machine and ask them a tour of questions",
		Long: "demo starts three parties as three processes on loopback, each with a private PostgreSQL server that holds\n" +
			"only its own data, and asks its questions through the real wire. It needs no configuration and leaves nothing behind.\n" +
			"It exits with 1 when a question is not answered as it should be.",
		Example: "  c2dproxy demo\n  c2dproxy demo --keep",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return err
			}
			return demo.Run(cmd.Context(), demo.RunOptions{Program: program, Keep: keep, Out: stdio.Out, Progress: stdio.Err})
		},
	}
	command.Flags().BoolVar(&keep, "keep", false, "leave the federation running and print how to connect; Ctrl-C ends it")
	return command
}

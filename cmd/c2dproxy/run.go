package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Stdio is where a command reads and writes.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a command line that was not understood.
type usageError struct{ error }

// errReported ends a command whose findings are already printed.
var errReported = errors.New("see above")

// commands lists the subcommands; each file adds its own here.
func commands(io Stdio) []*cobra.Command {
	return []*cobra.Command{
		initCommand(io),
		checkCommand(io),
		analystCommand(io),
		keygenCommand(io),
		serveCommand(io),
		statusCommand(io),
		doctorCommand(io),
		ledgerCommand(io),
		demoCommand(io),
		versionCommand(io),
	}
}

// Run runs one command line and returns its exit code.
func Run(ctx context.Context, args []string, io Stdio) int {
	root := &cobra.Command{
		Use:           "c2dproxy",
		Short:         "Ask questions over data that nobody may pool",
		Long:          "c2dproxy answers SQL over several institutions' databases without anybody seeing another's rows.\nIt runs beside each institution's database; analysts connect to one of them as to a PostgreSQL server.",
		Example:       "  c2dproxy init --from postgres://reader@db.example/hospital --party clinic --institution \"Harbor Clinic\"\n  c2dproxy check clinic.yaml",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetArgs(args)
	root.SetIn(io.In)
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(commands(io)...)
	markArgs(root)
	command, err := root.ExecuteContextC(ctx)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errReported):
		return exitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(io.Err, "c2dproxy: %v\nSee: %s --help\n", err, command.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(io.Err, "c2dproxy: %v\n", err)
	return exitFailed
}

// markArgs makes wrong arguments of every command a usageError.
func markArgs(cmd *cobra.Command) {
	check := cmd.Args
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		markArgs(sub)
	}
}

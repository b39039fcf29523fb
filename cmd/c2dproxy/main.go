// Command c2dproxy runs and looks after one party of a federation.
//
// It exits with 0 when all is well, 1 when something failed or was found wrong, and 2
// when the command line was not understood. Passwords and keys are never printed.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := Run(ctx, os.Args[1:], Stdio{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

// child is a running program that dies with this process.
type child struct {
	process *os.Process
	done    chan struct{} // closed when it ended; err is set before
	err     error
}

// start runs argv as the account, with output to log, and keeps it tied to this process:
// the kernel sends it SIGQUIT (PostgreSQL: stop at once) when its parent dies. That signal is sent when
// the *thread* that forked ends, so a goroutine locked to its thread forks and then stays for as long
// as the child lives.
// memory caps the address space of the program and each of its children in bytes (0: no cap).
func (a Account) start(argv []string, memory uint64, log *os.File) (*child, error) {
	if memory > 0 {
		limit := strconv.FormatUint(memory/1024, 10)
		argv = append([]string{"/bin/sh", "-c", `ulimit -v "$0" && exec "$@"`, limit}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential: a.credential(),
		Pdeathsig:  syscall.SIGQUIT,
		Setpgid:    true, // a Ctrl-C at the terminal is ours to translate, not theirs to receive
	}
	c := &child{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		c.process = cmd.Process
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("pgserver: start %s: %w", argv[0], err)
	}
	return c, nil
}

// signal sends sig; a child that has ended is no error.
func (c *child) signal(sig syscall.Signal) error {
	if err := c.process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("pgserver: signal %v: %w", sig, err)
	}
	return nil
}

package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sweepWait is how long a leftover postmaster may take to stop after SIGQUIT.
const sweepWait = 10 * time.Second

// sweep ends what a crashed run left of the cluster in data: a postmaster that still
// runs there (possible only for an instant) and its pid file. The caller holds the lock.
func sweep(data string) error {
	pidFile := filepath.Join(data, "postmaster.pid")
	text, err := os.ReadFile(pidFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err == nil && pid > 1 {
		if err := stopLeftover(pid, data); err != nil {
			return err
		}
	}
	if err := reap(data); err != nil {
		return err
	}
	if err := os.Remove(pidFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("pgserver: %w", err)
	}
	return nil
}

// stopLeftover stops process pid if it is a postmaster of data: PostgreSQL works in its
// data directory, so a reused pid is told apart.
func stopLeftover(pid int, data string) error {
	runs := func() bool {
		cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
		return err == nil && cwd == data
	}
	if !runs() {
		return nil
	}
	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("pgserver: stop leftover server %d: %w", pid, err)
		}
		for end := time.Now().Add(sweepWait); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if !runs() {
				return nil
			}
		}
	}
	return fmt.Errorf("pgserver: leftover server %d in %s does not stop", pid, data)
}

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

// Scratch is a short-lived directory for servers and their sockets, removed by Close.
type Scratch struct {
	Dir  string // mode 0711: other accounts may pass through, not list
	lock *os.File
}

// NewScratch makes a directory parent/prefix-* (parent empty: the system's temporary directory), and first removes those of
// the same prefix and account that crashed runs left.
func NewScratch(parent, prefix string) (*Scratch, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	if err := removeLeftovers(parent, prefix); err != nil {
		return nil, err
	}
	dir, lock, err := lockedTemp(parent, prefix)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		lock.Close()
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	return &Scratch{Dir: dir, lock: lock}, nil
}

// lockedTemp makes a directory and locks it. Between the two another process's sweep may
// take it for a leftover; then the next try gets a new one.
func lockedTemp(parent, prefix string) (dir string, lock *os.File, err error) {
	for range 3 {
		if dir, err = os.MkdirTemp(parent, prefix+"-*"); err != nil {
			return "", nil, fmt.Errorf("pgserver: %w", err)
		}
		if lock, err = lockDir(dir); err == nil {
			return dir, lock, nil
		}
	}
	return "", nil, err
}

// Close removes the directory. Servers inside must have been stopped.
func (s *Scratch) Close() error {
	err := os.RemoveAll(s.Dir)
	return errors.Join(err, s.lock.Close())
}

// removeLeftovers removes scratch directories whose process is gone.
func removeLeftovers(parent, prefix string) error {
	dirs, err := filepath.Glob(filepath.Join(parent, prefix+"-*"))
	if err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	for _, dir := range dirs {
		if err := removeLeftover(dir); err != nil {
			return err
		}
	}
	return nil
}

// removeLeftover removes one scratch directory of this account if nobody holds its lock. A
// directory without a lock file is being made at this moment and stays.
func removeLeftover(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(st.Uid) != os.Geteuid() {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(dir, lockName)); err != nil {
		return nil
	}
	lock, err := lockDir(dir)
	if errors.Is(err, ErrInUse) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	pids, err := filepath.Glob(filepath.Join(dir, "*", dataName, "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	for _, pid := range pids {
		if err := sweep(filepath.Dir(pid)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	return nil
}

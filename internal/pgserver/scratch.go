package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

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
	if err := sweepBelow(dir); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	return nil
}

// serverDepth is how many folders may lie between a scratch directory and the data of a server in it.
const serverDepth = 3

// sweepBelow ends what crashed runs left of the clusters in a scratch directory.
func sweepBelow(dir string) error {
	at := dir
	for range serverDepth {
		at = filepath.Join(at, "*")
		pids, err := filepath.Glob(filepath.Join(at, dataName, "postmaster.pid"))
		if err != nil {
			return fmt.Errorf("pgserver: %w", err)
		}
		for _, pid := range pids {
			if err := sweep(filepath.Dir(pid)); err != nil {
				return err
			}
		}
	}
	return nil
}

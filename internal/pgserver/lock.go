package pgserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrInUse says that a running process holds the directory.
var ErrInUse = errors.New("directory is in use by another process")

// lockName is the file whose flock says that a directory is in use. The kernel frees
// it when its holder dies, so that a crash never leaves it taken.
const lockName = ".c2dproxy.lock"

// lockDir locks dir for this process until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("pgserver: %s: %w", dir, ErrInUse)
	}
	return nil, fmt.Errorf("pgserver: lock %s: %w", dir, err)
}

package proxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// listenSocket listens on a unix socket under the name that PostgreSQL's clients look for, beside a lock file of
// PostgreSQL's form, so that this program and a PostgreSQL server respect each other in one folder. release
// removes the lock file once the listener is closed.
func listenSocket(at catalog.Socket, stateDir string, now time.Time) (_ net.Listener, release func(), err error) {
	path := at.Path()
	lock := path + ".lock"
	if err := lockFile(lock, fmt.Sprintf("%d\n%s\n%d\n%d\n%s\n\n", os.Getpid(), stateDir, now.Unix(), at.Port, at.Dir)); err != nil {
		return nil, nil, err
	}
	unlock := func() { _ = os.Remove(lock) } // left behind, it names a process that is gone
	defer func() {
		if err != nil {
			unlock()
		}
	}()
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != fs.ModeSocket {
			return nil, nil, fmt.Errorf("%s is in the way: it is not a socket", path)
		}
		if err := os.Remove(path); err != nil { // of a process that crashed: we hold its lock
			return nil, nil, err
		}
	}
	// The socket's own mode is the file's from its first moment: nobody connects before it is set.
	closed := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), 0) })
		return errors.Join(err, failed)
	}}
	listener, err := closed.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, nil, err
	}
	if err := admit(path, at); err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	return listener, unlock, nil
}

// admit gives a socket its group and mode.
func admit(path string, at catalog.Socket) error {
	if at.Group != "" {
		group, err := user.LookupGroup(at.Group)
		if err != nil {
			return fmt.Errorf("analysts_socket_group: %w", err)
		}
		gid, err := strconv.Atoi(group.Gid)
		if err != nil {
			return fmt.Errorf("analysts_socket_group: %w", err)
		}
		if err := os.Lchown(path, -1, gid); err != nil {
			return fmt.Errorf("analysts_socket_group: %w", err)
		}
	}
	return os.Chmod(path, at.Mode)
}

// lockTries bounds how often a lock file that goes away is looked at again.
const lockTries = 10

// lockFile makes a lock file, and replaces one whose process is gone.
func lockFile(path, text string) error {
	for range lockTries {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
			return errors.Join(err, f.Sync(), f.Close())
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		owner, err := lockOwner(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		case alive(owner):
			return fmt.Errorf("%s belongs to the running process %d: another server has this socket; stop it, or write another folder or port", path, owner)
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return fmt.Errorf("%s comes and goes: another server is starting", path)
}

// lockOwner reads who made a lock file.
func lockOwner(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid == 0 {
		return 0, fmt.Errorf("%s names no process: another server is starting, or has crashed; in that case remove the file", path)
	}
	return max(pid, -pid), nil // PostgreSQL writes a minus for a server in single-user mode
}

// alive says that a process runs. Our own number in a file that we have not written is left from before the machine, or
// the container, was started again.
func alive(pid int) bool {
	if pid == os.Getpid() || pid == os.Getppid() {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// Account is the operating system account that a server runs as.
type Account struct {
	Name     string
	UID, GID int
	groups   []uint32
	drop     bool // this process is root and the server must not be
}

// AccountFor is the account that servers of this process run as: its own, or, as root, name
// (postgres where name is empty, else nobody).
func AccountFor(name string) (Account, error) {
	if os.Geteuid() != 0 {
		return Account{UID: os.Geteuid(), GID: os.Getegid()}, nil
	}
	candidates := []string{name}
	if name == "" {
		candidates = []string{"postgres", "nobody"}
	}
	for _, candidate := range candidates {
		u, err := user.Lookup(candidate)
		var unknown user.UnknownUserError
		if errors.As(err, &unknown) {
			continue
		}
		if err != nil {
			return Account{}, fmt.Errorf("pgserver: account %s: %w", candidate, err)
		}
		return accountOf(u)
	}
	return Account{}, fmt.Errorf("pgserver: PostgreSQL refuses to run as root and none of the accounts %q exists", candidates)
}

// accountOf reads the numbers of an account that is not root.
func accountOf(u *user.User) (Account, error) {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return Account{}, fmt.Errorf("pgserver: account %s: %w", u.Username, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return Account{}, fmt.Errorf("pgserver: account %s: %w", u.Username, err)
	}
	if uid == 0 {
		return Account{}, fmt.Errorf("pgserver: PostgreSQL refuses to run as %s", u.Username)
	}
	return Account{Name: u.Username, UID: uid, GID: gid, groups: []uint32{uint32(gid)}, drop: true}, nil
}

// Own gives a file or directory to the account; it does nothing where this process is the account.
func (a Account) Own(path string) error {
	if !a.drop {
		return nil
	}
	if err := os.Lchown(path, a.UID, a.GID); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	return nil
}

// mkdir makes a directory of mode 0700 that belongs to the account.
func (a Account) mkdir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	return a.Own(path)
}

// credential is what the kernel needs to drop to the account; nil: nothing to drop.
func (a Account) credential() *syscall.Credential {
	if !a.drop {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.UID), Gid: uint32(a.GID), Groups: a.groups}
}

// reaches reports an error that names the first parent of dir that the account may not pass.
func (a Account) reaches(dir string) error {
	if !a.drop {
		return nil
	}
	for at := filepath.Clean(dir); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("pgserver: %w", err)
		}
		mine := false
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			mine = int(st.Uid) == a.UID && info.Mode()&0o100 != 0
		}
		if !mine && info.Mode()&0o001 == 0 {
			return fmt.Errorf("pgserver: account %s may not enter %s: chmod o+x it, or choose another directory", a.Name, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

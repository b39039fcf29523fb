package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrNotInstalled says that no usable PostgreSQL server is installed.
var ErrNotInstalled = errors.New("no PostgreSQL server found: apt-get install postgresql")

// minMajor is the oldest supported major version (SQL-standard function bodies).
const minMajor = 14

// Binaries is one installation of the server programs. The zero value is none.
type Binaries struct {
	Dir      string // holds postgres and initdb
	ShareDir string // holds extension control files; may be empty where pg_config is missing
	Major    int    // 15
}

// Find returns the newest installed PostgreSQL of version 14 or later: in Debian's
// /usr/lib/postgresql/*/bin, where pg_config points, or in the real place of the
// postgres in PATH. ErrNotInstalled names the command that helps.
func Find() (Binaries, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return Binaries{}, fmt.Errorf("pgserver: %w", err)
	}
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
		}
	}
	return newest(dirs)
}

// newest picks the directory with the highest version.
func newest(dirs []string) (Binaries, error) {
	var best Binaries
	for _, dir := range dirs {
		if b, ok := inspect(dir); ok && b.Major > best.Major {
			best = b
		}
	}
	if best.Major < minMajor {
		return Binaries{}, fmt.Errorf("pgserver: %w (version %d or later)", ErrNotInstalled, minMajor)
	}
	return best, nil
}

// inspect asks the programs of one directory for their version and extension directory.
func inspect(dir string) (Binaries, bool) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return Binaries{}, false
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return Binaries{}, false
	}
	major, ok := majorOf(string(out))
	if !ok {
		return Binaries{}, false
	}
	share := ""
	if out, err := exec.Command(filepath.Join(dir, "pg_config"), "--sharedir").Output(); err == nil {
		share = strings.TrimSpace(string(out))
	}
	return Binaries{Dir: dir, ShareDir: share, Major: major}, true
}

// majorOf reads "postgres (PostgreSQL) 15.18 (Debian …)" and "… 17beta1".
func majorOf(version string) (int, bool) {
	_, rest, ok := strings.Cut(version, "(PostgreSQL) ")
	if !ok {
		return 0, false
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	major, err := strconv.Atoi(rest[:end])
	return major, err == nil
}

// HasExtension reports whether CREATE EXTENSION name can find its files.
func (b Binaries) HasExtension(name string) bool {
	_, err := os.Stat(filepath.Join(b.ShareDir, "extension", name+".control"))
	return b.ShareDir != "" && err == nil
}

// program is the path of one server program.
func (b Binaries) program(name string) string { return filepath.Join(b.Dir, name) }

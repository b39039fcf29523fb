package pgserver

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Names in a server's directory.
const (
	dataName     = "data"     // the cluster
	passwordName = "password" // the superuser's password, mode 0600
	logName      = "log"      // what the server writes
	socketName   = "s"        // default socket directory; short, see maxSocketPath
)

// newPassword draws 128 bits from random.
func newPassword(random io.Reader) (string, error) {
	if random == nil {
		return "", errors.New("pgserver: Options.Random is required")
	}
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("pgserver: draw password: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// hasCluster reports whether dir holds a cluster that was set up to its end: the
// password file is written last.
func hasCluster(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, passwordName))
	return err == nil
}

// readPassword reads the superuser's password of the cluster in dir.
func readPassword(dir string) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, passwordName))
	if err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	return string(b), nil
}

// writePassword replaces the password file of dir in one step.
func writePassword(dir, password string) error {
	next := filepath.Join(dir, passwordName+".new")
	if err := os.WriteFile(next, []byte(password), 0o600); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	if err := os.Rename(next, filepath.Join(dir, passwordName)); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	return nil
}

// initdb makes the cluster of dir with a random superuser password.
func initdb(ctx context.Context, o Options, account Account, dir string) error {
	password, err := newPassword(o.Random)
	if err != nil {
		return err
	}
	data := filepath.Join(dir, dataName)
	if err := os.RemoveAll(data); err != nil { // of a run that crashed half-way
		return fmt.Errorf("pgserver: %w", err)
	}
	if err := account.mkdir(data); err != nil {
		return err
	}
	pwfile := filepath.Join(dir, "initdb.password")
	if err := os.WriteFile(pwfile, []byte(password+"\n"), 0o600); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	defer os.Remove(pwfile)
	if err := account.Own(pwfile); err != nil {
		return err
	}
	argv := []string{o.Binaries.program("initdb"), "-D", data, "-U", o.Superuser, "-N", "-A", "scram-sha-256",
		"--pwfile=" + pwfile, "-E", "UTF8", "--locale=C", "--lc-ctype=C.UTF-8", "--no-instructions"}
	if err := account.run(ctx, argv, filepath.Join(dir, logName)); err != nil {
		return err
	}
	return writePassword(dir, password)
}

// run runs argv to its end; its output goes to the file log, whose end is in the error.
func (a Account) run(ctx context.Context, argv []string, log string) error {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	defer f.Close()
	c, err := a.start(argv, 0, f)
	if err != nil {
		return err
	}
	select {
	case <-c.done:
		if c.err != nil {
			return fmt.Errorf("pgserver: %s: %w%s", filepath.Base(argv[0]), c.err, logEnd(log))
		}
		return nil
	case <-ctx.Done():
		err := c.signal(killSignal)
		<-c.done
		return errors.Join(fmt.Errorf("pgserver: %s: %w", filepath.Base(argv[0]), ctx.Err()), err)
	}
}

// copyCluster copies the stopped cluster of the server directory from into the one at to.
func copyCluster(account Account, from, to string) error {
	lock, err := lockDir(from)
	if err == nil {
		lock.Close()
	} else if !errors.Is(err, ErrInUse) { // another copy may run at this moment
		return err
	}
	password, err := readPassword(from)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(from, dataName, "postmaster.pid")); err == nil {
		return fmt.Errorf("pgserver: template %s was not stopped", from)
	}
	if err := copyTree(account, filepath.Join(from, dataName), filepath.Join(to, dataName)); err != nil {
		return err
	}
	return writePassword(to, password)
}

// copyTree copies directories and regular files; the copies belong to account.
func copyTree(account Account, from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("pgserver: %w", err)
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return fmt.Errorf("pgserver: %w", err)
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return account.mkdir(target)
		case d.Type().IsRegular():
			if err := copyFile(path, target); err != nil {
				return fmt.Errorf("pgserver: %w", err)
			}
			return account.Own(target)
		default:
			return fmt.Errorf("pgserver: %s is neither file nor directory", path)
		}
	})
}

// copyFile copies one file; the kernel does it without passing the bytes through us.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// configure writes postgresql.auto.conf, which PostgreSQL reads last: the settings of
// this start and nothing of an earlier one.
func configure(account Account, data string, settings map[string]string) error {
	names := make([]string, 0, len(settings))
	for name := range settings {
		names = append(names, name)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, name := range names {
		value := settings[name]
		if strings.ContainsAny(name+value, "\n\r\x00") {
			return fmt.Errorf("pgserver: setting %q holds a line break", name)
		}
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(value, "'", "''"))
	}
	path := filepath.Join(data, "postgresql.auto.conf")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	return account.Own(path)
}

// logEnd returns the last lines of a server's start-up log, for the operator.
func logEnd(path string) string {
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return ""
	}
	const most = 1000
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return "\n" + strings.TrimSpace(string(b))
}

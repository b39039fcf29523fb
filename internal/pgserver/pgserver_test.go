package pgserver_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// crashDir tells the re-executed test program to start a server there and wait to be killed.
const crashDir = "PGSERVER_TEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		s, err := pgserver.Start(context.Background(), pgserver.Options{Dir: dir, Random: rand.Reader, Throwaway: true})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(s.PID())
		select {}
	}
	os.Exit(m.Run())
}

// scratch is a directory that every account can pass.
func scratch(t *testing.T) string {
	t.Helper()
	s, err := pgserver.NewScratch("", "pgst")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.Dir
}

// start starts a server and stops it after the test.
func start(t *testing.T, o pgserver.Options) *pgserver.Server {
	t.Helper()
	o.Random, o.Throwaway = rand.Reader, true
	s, err := pgserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// query runs sql and returns its single text.
func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var text string
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// TestServer holds the life of one: start, settings, passwords, lock, stop, start again.
func TestServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(scratch(t), "a")
	o := pgserver.Options{Dir: dir, Superuser: "boss", Settings: map[string]string{"application_name": "it's"}, MemoryLimit: 512 << 20}
	s := start(t, o)
	if got := query(t, s.DSN("postgres"), "SELECT current_user || current_setting('listen_addresses') || current_setting('fsync') || current_setting('password_encryption')"); got != "bossoffscram-sha-256" {
		t.Errorf("settings %q", got)
	}
	if s.TCPDSN("postgres") != "" {
		t.Error("a server without TCP has a TCP DSN")
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", s.PID()))
	if err != nil || !strings.Contains(string(limits), "Max address space         536870912") {
		t.Errorf("limits %s, %v", limits, err)
	}
	_, password := s.Superuser()
	if text := fmt.Sprintf("%v %+v %#v", s, s, s); strings.Contains(text, password) {
		t.Error("printing a server shows its password")
	}
	wrong := strings.Replace(s.DSN("postgres"), password, "wrong", 1)
	var refused *pgconn.PgError
	if _, err := pgx.Connect(t.Context(), wrong); !errors.As(err, &refused) || refused.Code != "28P01" {
		t.Errorf("wrong password: %v", err)
	}
	o.Random = rand.Reader
	if _, err := pgserver.Start(t.Context(), o); !errors.Is(err, pgserver.ErrInUse) {
		t.Errorf("second server in one directory: %v", err)
	}
	query(t, s.DSN("postgres"), "WITH x AS (SELECT set_config('a.b', '1', false)) SELECT count(*)::text FROM x")
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 7 AS n"); err != nil {
		t.Fatal(err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := start(t, pgserver.Options{Dir: dir, Superuser: "boss", Listen: pgserver.Loopback})
	if got := query(t, again.TCPDSN("postgres"), "SELECT n::text FROM kept"); got != "7" {
		t.Errorf("kept %q", got)
	}
	if err := again.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := start(t, pgserver.Options{Dir: dir, Fresh: true})
	if got := query(t, fresh.DSN("postgres"), "SELECT count(*)::text FROM pg_class WHERE relname = 'kept'"); got != "0" {
		t.Errorf("a fresh server has %s old tables", got)
	}
}

// TestTemplate holds that copies start from one cluster and have passwords of their own.
func TestTemplate(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	template := filepath.Join(dir, "template")
	a := start(t, pgserver.Options{Dir: filepath.Join(dir, "a"), TemplateDir: template})
	began := time.Now()
	b := start(t, pgserver.Options{Dir: filepath.Join(dir, "b"), TemplateDir: template, Password: "it's mine"})
	t.Logf("start from template: %v", time.Since(began))
	_, pa := a.Superuser()
	_, pb := b.Superuser()
	stored, err := os.ReadFile(filepath.Join(template, "password"))
	if err != nil || pa == string(stored) || pb != "it's mine" {
		t.Errorf("passwords were not changed: %v", err)
	}
	query(t, a.DSN("postgres"), "SELECT 'x'")
	query(t, b.DSN("postgres"), "SELECT 'x'")
}

// TestCrash kills a process with a running server: the server dies with it, and nothing that is
// left stops the next.
func TestCrash(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(scratch(t), "a")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, convErr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || convErr != nil {
		t.Fatalf("child said %q: %v", line, err)
	}
	time.Sleep(300 * time.Millisecond) // threads of the child's runtime come and go; the server stays
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("server died early: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.Now().Add(30 * time.Second)
	for running(pid) {
		if time.Now().After(deadline) {
			t.Fatal("the server outlived its parent")
		}
		time.Sleep(10 * time.Millisecond)
	}
	s := start(t, pgserver.Options{Dir: dir})
	query(t, s.DSN("postgres"), "SELECT 'x'")
}

// running reports whether pid is a process that is more than an exit status.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// TestStalePidFile holds that a pid file whose number belongs to somebody else harms neither.
func TestStalePidFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(scratch(t), "a")
	s := start(t, pgserver.Options{Dir: dir})
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	pidFile := filepath.Join(dir, "data", "postmaster.pid")
	if err := os.WriteFile(pidFile, fmt.Appendf(nil, "%d\n%s/data\n", os.Getpid(), dir), 0o600); err != nil {
		t.Fatal(err)
	}
	query(t, start(t, pgserver.Options{Dir: dir}).DSN("postgres"), "SELECT 'x'")
}

// TestScratchSweep holds that leftovers go, with the servers that still run in them at any depth, and that
// what is in use stays.
func TestScratchSweep(t *testing.T) {
	t.Parallel()
	parent := scratch(t)
	used, err := pgserver.NewScratch(parent, "s")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	left := filepath.Join(parent, "s-left")
	data := filepath.Join(left, "1", "s", "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	server := exec.Command("sleep", "60") // told from others by its working directory, like a postmaster
	server.Dir = data
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Wait() }()
	t.Cleanup(func() { _ = server.Process.Kill() }) // it has ended if the test passes
	for file, text := range map[string]string{filepath.Join(left, ".c2dproxy.lock"): "", filepath.Join(data, "postmaster.pid"): strconv.Itoa(server.Process.Pid)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	next, err := pgserver.NewScratch(parent, "s")
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("leftover stays: %v", err)
	}
	if _, err := os.Stat(used.Dir); err != nil {
		t.Errorf("a directory in use went: %v", err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("a server in the leftover runs on")
	}
}

// TestRefused holds the errors before anything starts.
func TestRefused(t *testing.T) {
	t.Parallel()
	dir := scratch(t)
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, want string
		o          pgserver.Options
	}{
		{"no directory", "Dir and Options.Random are required", pgserver.Options{Random: rand.Reader}},
		{"no randomness", "Dir and Options.Random are required", pgserver.Options{Dir: dir}},
		{"long socket path", "the system allows 107", pgserver.Options{Dir: filepath.Join(dir, strings.Repeat("x", 90)), Random: rand.Reader}},
		{"line break", "holds a line break", pgserver.Options{Dir: filepath.Join(dir, "b"), Random: rand.Reader, Settings: map[string]string{"a": "b\nc"}}},
		{"unknown setting", "unrecognized configuration parameter", pgserver.Options{Dir: filepath.Join(dir, "b"), Random: rand.Reader, Settings: map[string]string{"nonsense": "1"}}},
	}
	if os.Geteuid() == 0 {
		cases = append(cases, struct {
			name, want string
			o          pgserver.Options
		}{"parent closed", "may not enter", pgserver.Options{Dir: filepath.Join(closed, "a"), Random: rand.Reader}})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := pgserver.Start(t.Context(), c.o)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, expected %q", err, c.want)
			}
		})
	}
}

// TestCancelledStart holds that a cancelled start leaves nothing running and the directory usable.
func TestCancelledStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(scratch(t), "a")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := pgserver.Start(ctx, pgserver.Options{Dir: dir, Random: rand.Reader})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	start(t, pgserver.Options{Dir: dir})
}

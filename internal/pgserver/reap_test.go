package pgserver_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// TestKilledPostmaster holds that a backend that computes ends with its postmaster, and that neither
// processes nor shared memory are left when Done says that the server has ended.
func TestKilledPostmaster(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(scratch(t), "a")
	s := start(t, pgserver.Options{Dir: dir})
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	segment := segmentOf(t, filepath.Join(dir, "data"))
	if !hasSegment(t, segment) {
		t.Fatalf("the kernel does not list segment %s: the test looks at something else", segment)
	}
	ended := make(chan error, 1)
	go func() { // nothing but a signal ends this within the hour
		_, err := conn.Exec(t.Context(), "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 1000000) b")
		ended <- err
	}()
	backend := int(conn.PgConn().PID())
	time.Sleep(100 * time.Millisecond) // it computes
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, what := range []<-chan struct{}{s.Done(), closedAfter(ended)} {
		select {
		case <-what:
		case <-time.After(20 * time.Second):
			t.Fatal("the backend goes on without its server")
		}
	}
	if running(backend) {
		t.Error("the backend runs")
	}
	if hasSegment(t, segment) {
		t.Errorf("shared memory %s is left", segment)
	}
}

// TestToldToStop holds that a server that somebody else told to stop does not wait for its clients.
func TestToldToStop(t *testing.T) {
	t.Parallel()
	s := start(t, pgserver.Options{Dir: filepath.Join(scratch(t), "a")})
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.PID(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the server waits for its client")
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the client's session goes on")
	}
}

// closedAfter is closed when an error arrives.
func closedAfter(ended <-chan error) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		<-ended
		close(done)
	}()
	return done
}

// segmentOf is the number of the segment that guards a data directory.
func segmentOf(t *testing.T, data string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(strings.Split(string(text), "\n")[6])[1]
}

// hasSegment looks a segment up in the kernel's list.
func hasSegment(t *testing.T, id string) bool {
	t.Helper()
	list, err := os.ReadFile("/proc/sysvipc/shm")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) > 1 && f[1] == id {
			return true
		}
	}
	return false
}

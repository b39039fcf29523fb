package conformance

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/c2dproxy/c2dproxy/cmd/c2dproxy/demo"
)

// endless is a statement that the gateway's catalog server computes for years.
const endless = "SELECT count(*) FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b, generate_series(1, 1000) c"

// parentOf is the process that started another; 0 where there is none.
func parentOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return parent
}

// catalogServers are the PostgreSQL servers that a party's gateway started: postmaster → its data folder.
func catalogServers(t *testing.T, p *demo.Party) map[int]string {
	t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	servers := map[int]string{}
	for _, link := range links {
		data, err := os.Readlink(link)
		if err != nil || filepath.Base(data) != "data" {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err != nil {
			continue
		}
		command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", parentOf(pid)))
		if err == nil && bytes.Contains(command, []byte(p.Config)) {
			servers[pid] = data
		}
	}
	return servers
}

// backend is the process that serves a session.
func (c *rawClient) backend() int {
	c.t.Helper()
	c.send(&pgproto3.Query{String: "SELECT pg_backend_pid()"})
	c.receive()
	row, ok := c.receive().(*pgproto3.DataRow)
	if !ok {
		c.t.Fatal("no row")
	}
	pid, err := strconv.Atoi(string(row.Values[0]))
	if err != nil {
		c.t.Fatal(err)
	}
	c.expect("pg_backend_pid", "C SELECT 1", "Z I")
	return pid
}

// endOf is the error that ends a session, in short form.
func (c *rawClient) endOf() string {
	c.t.Helper()
	for {
		m, err := c.Receive()
		if err != nil {
			return err.Error()
		}
		if e, ok := m.(*pgproto3.ErrorResponse); ok && e.Severity == "FATAL" {
			return e.Code
		}
	}
}

// TestCatalogServerDies kills a gateway's PostgreSQL server in the ways that there are. Its sessions are told 57P01, sessions
// in other studies and the questions they run go on, the next session gets a new server, and nothing is left of the old one.
func TestCatalogServerDies(t *testing.T) {
	long(t)
	t.Parallel()
	f := own(t)
	clinic := f.Party("clinic")
	other := dialRaw(t, f, "mia", "liver")
	otherBackend := other.backend()
	for _, c := range []struct {
		name   string
		signal syscall.Signal
		server bool // the postmaster, not one backend
	}{{"postmaster killed", syscall.SIGKILL, true}, {"backend killed", syscall.SIGKILL, false}, {"postmaster told to stop", syscall.SIGTERM, true}} {
		t.Run(c.name, func(t *testing.T) {
			idle, busy := dialRaw(t, f, "mia", "trial"), dialRaw(t, f, "mia", "trial")
			victim := idle.backend()
			postmaster := parentOf(victim)
			data, ok := catalogServers(t, clinic)[postmaster]
			if !ok {
				t.Fatalf("process %d is none of the gateway's servers", postmaster)
			}
			busyBackend := busy.backend()
			busy.send(&pgproto3.Query{String: endless})
			asked := f.askBeside(t, "liver")
			if c.server {
				victim = postmaster
			}
			began := time.Now()
			if err := syscall.Kill(victim, c.signal); err != nil {
				t.Fatal(err)
			}
			next := dialRaw(t, f, "mia", "trial")
			next.backend()
			t.Logf("the next session after %s", time.Since(began).Round(time.Millisecond))
			for name, session := range map[string]*rawClient{"idle": idle, "busy": busy} {
				if got := session.endOf(); got != "57P01" {
					t.Errorf("the %s session ends with %s", name, got)
				}
			}
			if err := <-asked; err != nil {
				t.Errorf("a question in another study: %v", err)
			}
			if other.backend() != otherBackend {
				t.Error("the session in another study is another one")
			}
			gone(t, fmt.Sprintf("/proc/%d", busyBackend))
			gone(t, fmt.Sprintf("/proc/%d", postmaster))
			gone(t, data)
		})
	}
	t.Run("backend told to end", func(t *testing.T) {
		one, two := dialRaw(t, f, "mia", "trial"), dialRaw(t, f, "mia", "trial")
		before := two.backend()
		if err := syscall.Kill(one.backend(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if got := one.endOf(); got != "57P01" {
			t.Errorf("its session ends with %s", got)
		}
		if two.backend() != before {
			t.Error("a session beside it is another one")
		}
	})
	t.Run("memory", func(t *testing.T) {
		one, two := dialRaw(t, f, "mia", "trial"), dialRaw(t, f, "mia", "trial")
		before := []int{one.backend(), two.backend()}
		one.send(&pgproto3.Query{String: "SELECT length(repeat('x', 1000000000))"})
		one.expect("a gigabyte", "E ERROR 53200 *", "Z I")
		if one.backend() != before[0] || two.backend() != before[1] {
			t.Error("a session is another one")
		}
	})
	if servers := catalogServers(t, clinic); len(servers) != 2 {
		t.Errorf("the gateway runs %v for two studies", servers)
	}
}

// askBeside asks a question of another study and says how it ended.
func (f *federation) askBeside(t *testing.T, study string) <-chan error {
	t.Helper()
	conn := f.connect(t, "clinic", "mia", study)
	if _, err := conn.Exec(t.Context(), fmt.Sprintf("SET c2d.epsilon = %v", killedEpsilon)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := simple(t.Context(), conn, killed)
		ended <- err
	}()
	time.Sleep(100 * time.Millisecond) // it runs
	return ended
}

// gone waits until a file or process is no more.
func gone(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s is still there", path)
			return
		}
	}
}

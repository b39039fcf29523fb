package wire

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// lookup is what pgbench asks: one row by its key out of a table that only the shadow has.
const lookup = "\\set id random(1, 100)\nSELECT typname, typlen FROM pg_catalog.pg_type WHERE oid = :id;\n"

// benchSeconds is the length of one pgbench run, benchRounds the number of comparisons, each of two runs of both.
const (
	benchSeconds = 1
	benchRounds  = 9
)

// BenchmarkAgainstPgbouncer compares the relay with pgbouncer (session pooling, SCRAM, no TLS) in front of the same
// PostgreSQL, by turns in one run: pgbench with two clients, without TLS on either side. It prints the median ratio of transactions
// per second, and the processor time of each, which is steadier on a shared machine. The statement's text passes the product's own classifier. `make bench-wire` runs it.
func BenchmarkAgainstPgbouncer(b *testing.B) {
	script := filepath.Join(b.TempDir(), "lookup.sql")
	if err := os.WriteFile(script, []byte(lookup), 0o600); err != nil {
		b.Fatal(err)
	}
	relay := serve(b, func(o *Options) { o.PlaintextLoopback = true; o.Handler = classifying{&testHandler{}} })
	bouncer, pid := startPgbouncer(b)
	for b.Loop() {
		for _, mode := range []string{"simple", "extended", "prepared"} {
			var ratios, ours []float64
			var ownCPU, theirCPU float64 // seconds a transaction, summed over rounds
			relayRun := func() float64 {
				before := cpuTime(b, os.Getpid())
				tps := pgbench(b, relay.port, mode, script)
				ownCPU += (cpuTime(b, os.Getpid()) - before) / (tps * benchSeconds)
				return tps
			}
			bouncerRun := func() float64 {
				before := cpuTime(b, pid)
				tps := pgbench(b, bouncer, mode, script)
				theirCPU += (cpuTime(b, pid) - before) / (tps * benchSeconds)
				return tps
			}
			for range benchRounds { // ABBA: what changes slowly on the machine meets both alike
				own, base := relayRun(), bouncerRun()
				base += bouncerRun()
				own += relayRun()
				ratios, ours = append(ratios, own/base), append(ours, own/2)
			}
			slices.Sort(ratios)
			slices.Sort(ours)
			const quarter = benchRounds / 4
			fmt.Printf("bench-wire %s: %.2f of pgbouncer (quartiles %.2f and %.2f), %.0f tps, CPU %.0f µs a transaction against %.0f µs\n",
				mode, ratios[benchRounds/2], ratios[quarter], ratios[benchRounds-1-quarter], ours[benchRounds/2],
				ownCPU/(2*benchRounds)*1e6, theirCPU/(2*benchRounds)*1e6)
		}
	}
}

// classifying is a testHandler whose texts are classified by sqlplan, as in the product.
type classifying struct{ *testHandler }

func (h classifying) Connect(ctx context.Context, login, database string) (Session, error) {
	s, err := h.testHandler.Connect(ctx, login, database)
	return classified{s}, err
}

type classified struct{ Session }

var noTables = &catalog.Study{Name: "bench"}

func (classified) Rewrite(_ context.Context, text string, types []uint32) ([]Statement, error) {
	parts, err := sqlplan.Rewrite(noTables, "mia@clinic", text, types)
	out := make([]Statement, len(parts))
	for i, p := range parts {
		out[i] = Statement{Start: p.Start, End: p.End, Kind: Relay}
	}
	return out, err
}

var tpsLine = regexp.MustCompile(`tps = ([0-9.]+)`)

// pgbench returns the transactions per second of a short run.
func pgbench(b *testing.B, port, mode, script string) float64 {
	b.Helper()
	cmd := exec.Command("pgbench", "-n", "-M", mode, "-c", "2", "-j", "2", "-T", strconv.Itoa(benchSeconds), "-f", script,
		"-h", "127.0.0.1", "-p", port, "-U", "mia", "postgres")
	cmd.Env = append(os.Environ(), "PGPASSWORD=secret", "PGSSLMODE=disable")
	out, err := cmd.CombinedOutput()
	m := tpsLine.FindSubmatch(out)
	if err != nil || m == nil {
		b.Fatalf("pgbench (apt-get install postgresql-contrib): %v\n%s", err, out)
	}
	tps, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return tps
}

// startPgbouncer runs pgbouncer in front of the tests' PostgreSQL.
func startPgbouncer(b *testing.B) (port string, pid int) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	scratch, err := pgserver.NewScratch("", "c2d-bouncer")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = scratch.Close() })
	users, config := filepath.Join(scratch.Dir, "users.txt"), filepath.Join(scratch.Dir, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\npostgres = host=%s port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %s\nunix_socket_dir =\n"+
		"auth_type = scram-sha-256\nauth_file = %s\npool_mode = session\nlogfile = /dev/null\n",
		shadowServer.SocketDir(), shadowServer.Port(), port, users)
	for path, content := range map[string]string{users: "\"mia\" \"secret\"\n", config: text} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	args := []string{"-q", config}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "postgres"}, args...)
	}
	cmd := exec.Command("pgbouncer", args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		b.Fatalf("apt-get install pgbouncer: %v", err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for range 500 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close()
			return port, cmd.Process.Pid
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.Fatalf("pgbouncer does not listen: %s", out.String())
	return "", 0
}

// cpuTime is the processor time that a process has used, in seconds (Linux: ticks of 10 ms).
func cpuTime(b *testing.B, pid int) float64 {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	fields := bytes.Fields(rest)
	user, err1 := strconv.ParseFloat(string(fields[11]), 64)
	system, err2 := strconv.ParseFloat(string(fields[12]), 64)
	if err1 != nil || err2 != nil {
		b.Fatal("/proc/pid/stat is not as expected")
	}
	return (user + system) / 100
}

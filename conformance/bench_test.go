package conformance

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/cmd/c2dproxy/demo"
)

// idleSessions is the number of sessions whose memory is measured.
const idleSessions = 200

// tableList is what psql asks for \d.
const tableList = `SELECT n.nspname as "Schema", c.relname as "Name",
  CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 's' THEN 'special' WHEN 't' THEN 'TOAST table' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END as "Type",
  pg_catalog.pg_get_userbyid(c.relowner) as "Owner"
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
WHERE c.relkind IN ('r','p','v','m','S','f','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema'
  AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 1,2`

// BenchmarkGateway prints what a gateway of a running federation costs: the memory of idle sessions, and the time that a
// federated statement takes beyond the federation's own. `make bench-wire` runs it.
func BenchmarkGateway(b *testing.B) {
	f, err := deployWith(b.Context(), func(p *demo.Party) error {
		if err := addStudy(p); err != nil {
			return err
		}
		text, err := os.ReadFile(p.Config)
		if err != nil {
			return err
		}
		return os.WriteFile(p.Config, append(text, "\nsessions: {connections: 250, per_analyst: 250}\n"...), 0o600)
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := f.close(); err != nil {
			b.Error(err)
		}
	})
	for b.Loop() {
		fmt.Printf("bench-wire overhead: %.1f ms of a federated statement beside the federation's own execution (median of %d)\n", f.overhead(b), overheadRounds)
		before := f.memory(b)
		f.idle(b)
		fmt.Printf("bench-wire idle: %d sessions %d MiB in the gateway and its catalog servers (%d MiB before them)\n", idleSessions, f.memory(b)>>20, before>>20)
	}
}

// idle opens sessions with TLS and SCRAM that have asked a little and now wait.
func (f *federation) idle(b *testing.B) {
	b.Helper()
	for i := range idleSessions {
		conn, err := pgx.Connect(b.Context(), f.URI("clinic", "rosa", "trial"))
		if err != nil {
			b.Fatalf("session %d: %v", i+1, err)
		}
		b.Cleanup(func() { _ = conn.Close(context.Background()) })
		for _, sql := range []string{"SELECT 1", tableList} {
			if _, err := conn.Exec(b.Context(), sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// memory is the proportional set size of the clinic's process and of all that it has started: shared memory is
// counted once.
func (f *federation) memory(b *testing.B) (bytesHeld int64) {
	b.Helper()
	children, gateway := map[string][]string{}, ""
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		b.Fatalf("no processes: %v", err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		pid := filepath.Base(filepath.Dir(path))
		parent := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))[1]
		children[parent] = append(children[parent], pid)
		if line, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline")); err == nil && bytes.Contains(line, []byte(f.Party("clinic").Config)) {
			gateway = pid
		}
	}
	if gateway == "" {
		b.Fatal("the gateway's process is not found")
	}
	for queue := []string{gateway}; len(queue) > 0; queue = queue[1:] {
		queue = append(queue, children[queue[0]]...)
		text, err := os.ReadFile(filepath.Join("/proc", queue[0], "smaps_rollup"))
		if err != nil {
			continue
		}
		if m := proportional.FindSubmatch(text); m != nil {
			n, err := strconv.ParseInt(string(m[1]), 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			bytesHeld += n << 10
		}
	}
	return bytesHeld
}

var proportional = regexp.MustCompile(`(?m)^Pss: +([0-9]+) kB`)

// overheadRounds is the number of questions whose overhead is measured.
const overheadRounds = 9

// overhead is the median time in ms that a client waits for a question beyond what the gateway says that its execution
// took. The execution's plan is compiled once more inside it, at every party.
func (f *federation) overhead(b *testing.B) float64 {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), f.URI("clinic", "rosa", "trial"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.Background())
	var beyond []float64
	for i := range overheadRounds + 1 {
		before, began := f.executed(b), time.Now()
		var n int
		if err := conn.QueryRow(b.Context(), fmt.Sprintf("SELECT count(*) FROM people WHERE age > %d", i), pgx.QueryExecModeExec).Scan(&n); err != nil {
			b.Fatal(err)
		}
		took := time.Since(began)
		if i > 0 { // the first one opens connections
			beyond = append(beyond, took.Seconds()*1000-(f.executed(b)-before)*1000)
		}
	}
	slices.Sort(beyond)
	return beyond[len(beyond)/2]
}

// executed is the time of all executions so far, in seconds.
func (f *federation) executed(b *testing.B) float64 {
	b.Helper()
	m := executionSeconds.FindStringSubmatch(get(b, f.Party("clinic"), "metrics"))
	if m == nil {
		return 0
	}
	seconds, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return seconds
}

var executionSeconds = regexp.MustCompile(`(?m)^c2dproxy_question_seconds_sum ([0-9.e+-]+)$`)

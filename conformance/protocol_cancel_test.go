package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"
)

var executionsRunning = regexp.MustCompile(`(?m)^c2dproxy_executions_running ([0-9]+)$`)

// computing is the number of executions at all parties; -1 if one does not say.
func (f *federation) computing() (n int) {
	for _, p := range f.Parties {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", p.Health))
		if err != nil {
			return -1
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		m := executionsRunning.FindSubmatch(text)
		if err != nil || m == nil {
			return -1
		}
		one, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return -1
		}
		n += one
	}
	return n
}

// TestCancelStopsEveryParty: a cancel request in the middle of a computation is answered within a second, every party
// stops, and what the owners' books say is charged is what the analyst has lost. A busy machine may need a second or third try to
// show that it is quick.
func TestCancelStopsEveryParty(t *testing.T) {
	long(t)
	f := running(t)
	conn, books := f.connect(t, "clinic", "mia", "trial"), f.connect(t, "clinic", "mia", "trial")
	left := func() (text string) {
		t.Helper()
		if err := books.QueryRow(t.Context(), "SELECT string_agg(owner || ' ' || source || ' ' || epsilon_left, ', ' ORDER BY owner, source) FROM c2d.budget").Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	var took time.Duration
	for try := range 3 {
		text := fmt.Sprintf("SELECT count(*) AS cancelled%d FROM people JOIN visits USING (id)", try)
		before, asked := left(), make(chan time.Time, 1)
		go func() {
			for f.computing() < 3 { // all parties take part
				if t.Context().Err() != nil {
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
			asked <- time.Now()
			_ = conn.PgConn().CancelRequest(context.Background())
		}()
		_, err := conn.Exec(t.Context(), text)
		if code(err) != "57014" {
			t.Fatalf("ended with %v", err)
		}
		took = time.Since(<-asked)
		for deadline := time.Now().Add(10 * time.Second); f.computing() != 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a party goes on computing")
			}
		}
		var outcome string
		if err := books.QueryRow(t.Context(), "SELECT outcome FROM c2d.history WHERE statement = $1", text).Scan(&outcome); err != nil {
			t.Fatal(err)
		}
		if after := left(); outcome != "charged, no answer recorded" || after == before {
			t.Errorf("%s, and the budget went from %s to %s", outcome, before, after)
		}
		if took <= time.Second {
			break
		}
	}
	if took > time.Second {
		t.Errorf("ended %v after the request", took)
	}
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM people WHERE age < 0").Scan(&n); err != nil {
		t.Errorf("the next question: %v", err)
	}
}

package federation

import (
	"sync"
	"time"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// A missed read slot is a bit about the data, if a statement can make it depend on them, and so is
// a failure of the database. So an analyst's repeated misses are throttled at the owner (RULES 12).
const (
	missesAllowed = 3
	missesWindow  = time.Hour
)

// throttle counts the missed slots and failed reads of each analyst.
type throttle struct {
	mu     sync.Mutex
	misses map[string][]time.Time
}

// miss notes a missed slot.
func (t *throttle) miss(analyst string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.misses == nil {
		t.misses = map[string][]time.Time{}
	}
	t.misses[analyst] = append(t.recent(analyst, now), now)
}

// check refuses an analyst with too many recent misses.
func (t *throttle) check(analyst string, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.recent(analyst, now)) < missesAllowed {
		return nil
	}
	return pgerr.New(pgerr.ConfigurationLimit, "too many questions of this analyst failed or missed the owner's time slot").
		WithHint("Wait an hour, or ask the owner to look into its log and to raise its slot.")
}

// recent returns the misses within the window.
func (t *throttle) recent(analyst string, now time.Time) (recent []time.Time) {
	for _, at := range t.misses[analyst] {
		if now.Sub(at) < missesWindow {
			recent = append(recent, at)
		}
	}
	return recent
}

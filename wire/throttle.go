package wire

import (
	"context"
	"sync"
	"time"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Bounds of the throttle.
const (
	firstDelay     = time.Second      // doubled by each further failure
	maxWait        = 4 * time.Second  // longer delays are an error at once: nobody holds a connection with them
	forgetAfter    = 15 * time.Minute // without an attempt
	throttledPairs = 4096             // remembered of each generation
)

// attempt is who tries to log in from where. Whether the login exists makes no difference.
type attempt struct{ login, address string }

// maxLogin is more bytes than any login has; of a longer one the rest is not remembered.
const maxLogin = 64

// attemptOf is an attempt as the throttle and the log keep it.
func attemptOf(login, address string) attempt {
	return attempt{login: login[:min(len(login), maxLogin)], address: address}
}

// throttle makes guessing passwords slow. It counts by login and address together, so that nobody can
// lock an analyst out from elsewhere. It does not bound a burst of attempts that begin
// before the first of them has failed; the limit of connections does.
type throttle struct {
	now      func() time.Time
	free     int           // failures before the first delay
	maxDelay time.Duration // between two attempts

	mu         sync.Mutex
	young, old map[attempt]*failures
}

// failures are the wrong passwords of one pair in a row.
type failures struct {
	count int
	last  time.Time // of the last failure or reserved attempt
	free  time.Time // when the next attempt may begin
}

// newThrottle returns a throttle that remembers nobody.
func newThrottle(now func() time.Time, free int, maxDelay time.Duration) *throttle {
	return &throttle{now: now, free: free, maxDelay: maxDelay, young: map[attempt]*failures{}}
}

// wait returns when the attempt may begin. Attempts side by side queue up behind each other.
func (t *throttle) wait(ctx context.Context, a attempt) error {
	d := t.reserve(a)
	if d > maxWait {
		return pgerr.New(pgerr.TooManyConnections, "too many failed login attempts for user %q", a.login).
			WithHint("Try again in %d seconds.", int(d.Round(time.Second).Seconds()))
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return shutdown()
	}
}

// reserve says how long the attempt must wait, and takes that place if it will.
func (t *throttle) reserve(a attempt) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, now := t.of(a), t.now()
	if f == nil || f.count < t.free {
		return 0
	}
	d := max(0, f.free.Sub(now))
	if d <= maxWait {
		f.free, f.last = now.Add(d+t.delayAfter(f.count)), now
	}
	return d
}

// failed counts a wrong password and returns the number in a row.
func (t *throttle) failed(a attempt) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	f := t.of(a)
	if f == nil {
		f = &failures{}
		t.keep(a, f)
	}
	f.count++
	f.last = now
	if f.count >= t.free {
		if free := now.Add(t.delayAfter(f.count)); free.After(f.free) {
			f.free = free
		}
	}
	return f.count
}

// succeeded forgets the failures.
func (t *throttle) succeeded(a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.young, a)
	delete(t.old, a)
}

// of finds the failures of a pair, which nil are none, and moves them to the young generation. When that is
// full, the old one is forgotten at once: a flood of names costs no search. The caller holds mu.
func (t *throttle) of(a attempt) *failures {
	f := t.young[a]
	if f == nil {
		f = t.old[a]
	}
	if f == nil || t.now().Sub(f.last) > max(forgetAfter, 2*t.maxDelay) {
		return nil
	}
	t.keep(a, f)
	return f
}

// keep puts a pair into the young generation. The caller holds mu.
func (t *throttle) keep(a attempt, f *failures) {
	if len(t.young) >= throttledPairs {
		t.young, t.old = map[attempt]*failures{}, t.young
	}
	t.young[a] = f
}

// delayAfter is the time from one attempt to the next after n failures.
func (t *throttle) delayAfter(n int) time.Duration {
	d := min(firstDelay, t.maxDelay)
	for range n - t.free {
		if d *= 2; d >= t.maxDelay {
			return t.maxDelay
		}
	}
	return d
}

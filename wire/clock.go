package wire

import (
	"sync"
	"time"
)

// phase is what a session is doing, as far as time limits go.
type phase int

// Phases of a session.
const (
	phaseIdle    phase = iota // between statements, no transaction open
	phaseInBlock              // between statements of a transaction
	phaseRunning              // the shadow owes an answer
	phaseOverdue              // running beyond its limit, and told to stop
	phases
)

// clock holds a session to a time limit for each phase. It is the gateway's own: no setting that an analyst can SET
// moves it. Entering a phase costs no timer operation as a rule: one timer
// looks at the earliest moment at which some limit can have passed.
type clock struct {
	limits [phases]time.Duration
	passed func(phase) // called without the lock, on a goroutine of its own

	mu      sync.Mutex
	now     phase
	since   time.Time
	wake    time.Time
	timer   *time.Timer
	stopped bool
}

// newClock starts in phaseIdle. All limits are positive.
func newClock(limits [phases]time.Duration, passed func(phase)) *clock {
	c := &clock{limits: limits, passed: passed, since: time.Now()}
	c.wake = c.since.Add(limits[phaseIdle])
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(limits[phaseIdle], c.look)
	return c
}

// enter begins a phase.
func (c *clock) enter(p phase) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.since = p, time.Now()
	if due := c.since.Add(c.limits[p]); due.Before(c.wake) {
		c.rearm(due)
	}
}

// overdue moves from phaseRunning to phaseOverdue; false if the answer came first.
func (c *clock) overdue() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now != phaseRunning {
		return false
	}
	c.now, c.since = phaseOverdue, time.Now()
	c.rearm(c.since.Add(c.limits[phaseOverdue]))
	return true
}

// rearm sets the timer. The caller holds mu.
func (c *clock) rearm(due time.Time) {
	if c.stopped {
		return
	}
	c.wake = due
	c.timer.Reset(time.Until(due))
}

// look finds out whether the current phase has passed its limit.
func (c *clock) look() {
	c.mu.Lock()
	p := c.now
	due := c.since.Add(c.limits[p])
	late := !c.stopped && !time.Now().Before(due)
	if late {
		due = time.Now().Add(c.limits[p]) // whoever acts on it enters a phase, or ends the session
	}
	c.rearm(due)
	c.mu.Unlock()
	if late {
		c.passed(p)
	}
}

// stop ends all limits.
func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
	c.timer.Stop()
}

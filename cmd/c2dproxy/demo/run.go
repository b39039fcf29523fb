// Package demo runs a federation of three parties on one machine: real processes, a private
// PostgreSQL server each, TLS between them, and a tour of questions over the analysts' wire.
//
// Contract: Run needs no configuration and leaves nothing behind; what a crashed run left, the next
// one removes. The parties know nothing of the demonstration: they are started from
// ordinary configuration files with the ordinary command. Only the demonstration itself sees all
// data (an Oracle), to show next to each noisy answer the exact one, which no party
// of a real federation has.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// RunOptions of Run.
type RunOptions struct {
	Program  string // the c2dproxy executable
	Keep     bool   // stay until ctx ends instead of the tour's end
	Out      io.Writer
	Progress io.Writer
}

// Run starts the federation, walks the tour, and stops everything. Its error says how many
// questions were not answered as they should be.
func Run(ctx context.Context, o RunOptions) (err error) {
	began := time.Now()
	progress := newProgress(o.Progress)
	progress.say("starting three parties, each with its own PostgreSQL …")
	d, err := Deploy(ctx, Options{Program: o.Program, Progress: progress.loaded, Statements: map[string]string{canaryParty: canarySQL}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	oracle, err := d.StartOracle(ctx)
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
		defer cancel()
		err = errors.Join(err, oracle.Stop(stop))
	}()
	progress.say("ready after %.1f s", time.Since(began).Seconds())
	t, err := newTour(d, oracle, o.Out)
	if err != nil {
		return err
	}
	if err := t.walk(ctx); err != nil {
		return err
	}
	if o.Keep {
		t.connections()
		<-ctx.Done()
		return nil
	}
	if t.failed > 0 {
		return fmt.Errorf("%d of %d questions failed", t.failed, t.answered+t.failed)
	}
	return nil
}

// progress shows how loading goes: on a terminal one line, rewritten at most ten times a second.
type progress struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	last     time.Time
}

// newProgress rewrites its line only where out is a terminal.
func newProgress(out io.Writer) *progress {
	file, ok := out.(*os.File)
	return &progress{out: out, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

// say prints a line of its own.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// clear removes the rewritten line. The caller holds mu.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.out, "\r\033[K")
	}
}

// loaded shows how far a table is.
func (p *progress) loaded(party, table string, rows int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.terminal || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last = time.Now()
	p.clear()
	fmt.Fprintf(p.out, "loading %s.%s: %d rows", party, table, rows)
}

package federation

import (
	"context"
	"errors"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// compute reads this party's data, waits for the slot boundary, and runs the program. An
// abort by the gateway ends it at any time.
func (p *part) compute(ctx context.Context) error {
	slot := time.Duration(p.plan.ReadSlot) * time.Millisecond
	ctx, stop := context.WithTimeoutCause(ctx, slot+p.node.limits.Compute, errTooLong)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stopWatching := p.watch(ctx, cancel)
	defer stopWatching()

	p.connect(ctx)
	inputs, err := p.read(ctx, p.started.Add(slot))
	if err != nil {
		return err
	}
	var c connection
	select {
	case c = <-p.connected:
		p.connected <- c // for end, which closes it
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if c.err != nil {
		return c.err
	}
	var opened program.Opened
	err = contain(p.node.options.Logger, func() (err error) {
		var stats mpc.Stats
		opened, stats, err = p.node.options.Compute(ctx, c.transport, p.execution.seeds(), p.node.options.Rand, p.plan.Program, inputs)
		if stats.FailedStores > 0 { // for this owner's eyes only (RULES 8)
			p.node.options.Logger.Warn("a join of this party's table could not be encoded and found nobody", "execution", p.execution.id.String())
		}
		return err
	})
	if err != nil {
		return cause(ctx, err)
	}
	stopWatching()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.opened != nil {
		p.opened <- opened
	}
	return p.talk.send(ctx, msgDone, doneMessage{c.transport.traffic()})
}

// connection is what connecting to the neighbours came to.
type connection struct {
	transport *transport
	err       error
}

// connect starts connecting to the neighbours while the data is read. The streams stay open until
// end, after the gateway was told of a failure: it should hear the cause before it
// hears from the neighbours that their streams broke.
func (p *part) connect(ctx context.Context) {
	ctx, p.disconnect = context.WithCancel(context.WithoutCancel(ctx))
	p.connected = make(chan connection, 1)
	go func() {
		t, err := p.execution.connect(ctx, p.roundTrace())
		p.connected <- connection{t, err}
	}()
}

// errTooLong ends a computation that exceeds its limit.
var errTooLong = pgerr.New(pgerr.QueryCanceled, "the computation did not end within its limit").
	WithHint("Group by fewer columns, or ask in several statements; the question was charged.")

// cause prefers the reason for which ctx ended to the broken stream that it led to.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// watch listens for an abort by the gateway, which sends nothing else until this part is
// done. The returned function stops listening; it may be called twice.
func (p *part) watch(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	listening, enough := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.talk.receive(listening, msgAbort, nil); !errors.Is(err, errEnough) {
			if err == nil {
				err = errAborted
			}
			cancel(err)
		}
	}()
	return func() {
		enough(errEnough)
		<-done
	}
}

// errEnough ends watching.
var errEnough = errors.New("watched long enough")

// roundTrace adapts the node's trace to one execution.
func (p *part) roundTrace() func(RoundTrace) {
	if p.node.trace == nil {
		return nil
	}
	id := p.execution.id
	return func(r RoundTrace) { p.node.trace(id, r) }
}

// read runs this party's local tasks. Its end is the slot boundary, whatever happened:
// neither success nor an error of the database tells by its time when it came (RULES 12).
func (p *part) read(ctx context.Context, boundary time.Time) (program.Inputs, error) {
	reading, cancel := context.WithDeadline(ctx, boundary)
	defer cancel()
	type outcome struct {
		inputs program.Inputs
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		inputs, err := p.readTasks(reading)
		done <- outcome{inputs, err}
	}()
	<-reading.Done()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case o := <-done:
		if !errors.Is(o.err, context.DeadlineExceeded) {
			if p.tells(o.err) {
				p.node.misses.miss(p.plan.Query.Analyst, p.node.options.Clock())
			}
			return o.inputs, o.err
		}
	default:
	}
	p.node.misses.miss(p.plan.Query.Analyst, p.node.options.Clock())
	return nil, errSlot
}

// tells reports whether a failure to read may say something about the data that a release with
// noise should not: then it counts like a missed slot. An unreachable database says nothing.
func (p *part) tells(err error) bool {
	return err != nil && p.plan.Release.Kind != catalog.ReleaseExact && !errors.Is(err, errUnreachable)
}

// errSlot is the one constant error of a missed slot; the receiver puts the owner's name in front.
var errSlot = pgerr.New(pgerr.QueryCanceled, "the data was not read within the owner's time slot").
	WithHint("The question was charged. If this happens again, ask the owner to raise its slot.")

// readTasks reads and pads every task of this party.
func (p *part) readTasks(ctx context.Context) (program.Inputs, error) {
	inputs := program.Inputs{}
	for i, task := range p.plan.Local {
		if task.Owner != p.node.options.Self {
			continue
		}
		source := p.node.options.source(p.plan.Query.Study)
		if source == nil {
			return nil, sourceMissing()
		}
		record, err := source.Read(ctx, task)
		if err != nil {
			return nil, err
		}
		table, err := tableOf(task, record)
		record.Release()
		if err != nil {
			return nil, err
		}
		inputs[i] = table
	}
	return inputs, nil
}

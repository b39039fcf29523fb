package federation

import (
	"context"
	"errors"
	"time"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// causeWindow is how long the gateway listens to the other participants after a first
// failure: one owner's failure breaks its neighbours' streams, and the cause may come last.
const causeWindow = 300 * time.Millisecond

// each runs one step with all participants at once. Of several failures it returns the one that
// explains most; a participant that misses limit is named.
func (g *question) each(ctx context.Context, limit time.Duration, step string, do func(ctx context.Context, i int, c *conversation) error) error {
	all, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make(chan error, len(g.talks))
	for i, c := range g.talks {
		go func() {
			ctx, stop := context.WithTimeoutCause(all, limit, slow(c.peer, step))
			defer stop()
			results <- do(ctx, i, c)
		}()
	}
	var worst error
	var window *time.Timer
	for range g.talks {
		err := <-results
		if err != nil && window == nil {
			window = time.AfterFunc(causeWindow, func() { cancel(errAborted) })
			defer window.Stop()
		}
		if weight(err) > weight(worst) {
			worst = err
		}
	}
	if worst != nil && ctx.Err() != nil {
		return canceled(ctx)
	}
	return worst
}

// canceled is the error for a question that its analyst, or the statement's time, ended.
func canceled(ctx context.Context) error {
	if e, ok := pgerr.As(context.Cause(ctx)); ok {
		return e
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return pgerr.New(pgerr.QueryCanceled, "canceling statement due to statement timeout")
	}
	return pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request")
}

// prior prefers a failure that the other end sent before it closed to our failing send.
func (c *conversation) prior(ctx context.Context, sendErr error) error {
	if ctx.Err() != nil {
		return sendErr
	}
	ctx, cancel := context.WithTimeoutCause(ctx, causeWindow, sendErr)
	defer cancel()
	if err := c.receive(ctx, msgAbort, nil); weight(err) > weight(sendErr) {
		return err
	}
	return sendErr
}

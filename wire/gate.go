package wire

import (
	"context"
	"sync"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// gate counts who is inside, and is open from Server.Open until its context ends.
type gate struct {
	mu     sync.Mutex
	open   context.Context // nil: not opened yet
	closed bool
	inside sync.WaitGroup
}

// Open lets analysts log in until ctx ends; then every session is told 57P01. Before and after, who connects
// is told 57P03. It returns at once, and is called once.
func (s *Server) Open(ctx context.Context) {
	s.gate.mu.Lock()
	defer s.gate.mu.Unlock()
	s.gate.open = ctx
}

// Wait returns when the context of Open has ended, and with it every session.
func (s *Server) Wait(open context.Context) {
	<-open.Done()
	s.gate.shut()
	s.gate.inside.Wait()
}

// shut lets nobody in any more: whoever entered is counted.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// enter counts a connection and returns a context that ends with the opening; or says what PostgreSQL says while it
// starts and stops. The caller calls leave.
func (g *gate) enter(ctx context.Context) (inside context.Context, leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.open == nil:
		return ctx, nil, pgerr.New(pgerr.CannotConnectNow, "the database system is starting up")
	case g.closed || g.open.Err() != nil:
		return ctx, nil, pgerr.New(pgerr.CannotConnectNow, "the database system is shutting down")
	}
	g.inside.Add(1)
	inside, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.open, cancel)
	return inside, func() {
		stop()
		cancel()
		g.inside.Done()
	}, nil
}

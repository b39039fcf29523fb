package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/catalog/shadow"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
	"github.com/c2dproxy/c2dproxy/wire"
)

// A shadow of a study that is gone stops when its last session ends, not before, and leaves no folder.
func TestPassedShadowStopsWithItsLastSession(t *testing.T) {
	t.Parallel()
	scratch, err := pgserver.NewScratch("", "c2d-proxy-test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scratch.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	s := newShadows(ctx, scratch.Dir, scratch.Dir, "a", rand.Reader, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { s.closeAll(context.Background()) })
	one, err := s.acquire(ctx, &catalog.Study{Name: "s"}, shadow.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	gone := func(string) (*catalog.Study, bool) { return nil, false }
	s.retire(ctx, gone)
	select {
	case <-one.server.Done():
		t.Fatal("a shadow with a session was stopped")
	default:
	}
	s.release(one)
	s.retire(ctx, gone)
	select {
	case <-one.server.Done():
	default:
		t.Error("a shadow that nobody uses runs on")
	}
	if _, err := os.Stat(one.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its folder is still there: %v", err)
	}
}

// A shadow that is starting is left alone, although nobody waits for it any more.
func TestStartingShadowIsNotRetired(t *testing.T) {
	t.Parallel()
	starting := &sharedShadow{study: &catalog.Study{Name: "s"}, ready: make(chan struct{})}
	s := &shadows{byKey: map[shadowKey]*sharedShadow{{}: starting}}
	s.retire(t.Context(), func(string) (*catalog.Study, bool) { return nil, false })
	if s.byKey[shadowKey{}] != starting {
		t.Error("a starting shadow was forgotten")
	}
}

// A backend's number is reused by the system: an old session that closes late must not take the
// new session's place with it.
func TestDetachLeavesTheNextSession(t *testing.T) {
	t.Parallel()
	h := &sharedShadow{sessions: map[uint32]*session{}}
	old, next := &session{}, &session{}
	h.attach(7, old)
	h.attach(7, next)
	h.detach(7, old)
	if got, ok := h.session(7); !ok || got != next {
		t.Fatalf("session 7 is %v, %v", got, ok)
	}
	h.detach(7, next)
	if _, ok := h.session(7); ok {
		t.Fatal("session 7 is still there")
	}
}

// A call from a backend that is nobody's session answers nothing.
func TestCallOfNobody(t *testing.T) {
	t.Parallel()
	h := &sharedShadow{sessions: map[uint32]*session{}}
	rows, err := h.Call(context.Background(), wire.Call{BackendPID: 9, Name: "run"})
	if e, ok := pgerr.As(err); !ok || e.Code != pgerr.InsufficientPrivilege || rows != nil {
		t.Fatalf("rows %v, error %v", rows, err)
	}
}

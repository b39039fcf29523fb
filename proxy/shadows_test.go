package proxy

import (
	"context"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/wire"
)

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

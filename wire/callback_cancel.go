package wire

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// calls are the running calls of a callback socket, as a CancelRequest (dblink_cancel_query) finds them.
// A connection's key is derived from the socket's random password: who does not know that cannot cancel.
type calls struct {
	key [sha256.Size]byte

	mu      sync.Mutex
	last    uint32
	running map[uint32]context.CancelFunc
}

// newCalls derives keys from the socket's password.
func newCalls(password string) *calls {
	return &calls{key: sha256.Sum256([]byte("cancel\x00" + password)), running: map[uint32]context.CancelFunc{}}
}

// open numbers a connection.
func (c *calls) open() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	return c.last
}

// secret is the key of a connection.
func (c *calls) secret(id uint32) []byte {
	mac := hmac.New(sha256.New, c.key[:])
	_, _ = mac.Write(binary.BigEndian.AppendUint32(nil, id)) // hash.Hash: never returns an error
	return mac.Sum(nil)[:4]
}

// begin makes a connection's call known until the returned function is called.
func (c *calls) begin(ctx context.Context, id uint32) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[id] = cancel
	return ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.running, id)
		cancel()
	}
}

// cancel ends a connection's call if the key is right and it has one.
func (c *calls) cancel(key cancelKey) {
	if !hmac.Equal(key.secret, c.secret(key.pid)) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.running[key.pid]; cancel != nil {
		cancel()
	}
}

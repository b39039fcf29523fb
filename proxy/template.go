package proxy

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog/shadow"
)

// template is the cluster that catalog servers are copied from. It is made when the gateway starts, so that the
// first connection does not wait for it, and kept beside the ledger for the next start.
type template struct {
	once sync.Once
	dir  string
}

// prepare makes the template, once, and returns its place; whoever comes meanwhile waits for it.
func (s *shadows) prepare(ctx context.Context) string {
	s.template.once.Do(func() {
		began := time.Now()
		dir, err := shadow.Prepare(ctx, s.stateDir, s.random)
		if err != nil {
			// The account that PostgreSQL runs as need not be able to enter the state folder; this run then makes its own.
			s.logger.Warn("catalog servers cannot be prepared in the state folder", "error", err)
			dir = filepath.Join(s.dir, "t")
		}
		s.template.dir = dir
		s.logger.Info("catalog servers prepared", "seconds", time.Since(began).Seconds())
	})
	return s.template.dir
}

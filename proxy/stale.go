package proxy

import (
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// stale adds what to do to the error of a session that shows its client an older version of the study.
func (s *session) stale(study *catalog.Study, err error) error {
	e, ok := pgerr.As(err)
	if !ok || study.Epoch() == s.study.Epoch() {
		return err
	}
	return e.WithHint("%s", strings.TrimSpace(e.Hint+" The study has changed since you connected: reconnect to see it."))
}

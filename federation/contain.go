package federation

import (
	"log/slog"
	"runtime/debug"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// contain turns a panic of do into an error. All parties compile and run what one analyst
// typed: a fault that it reaches must end that question, not every party of the study.
// The panic's value may hold data and is not logged; the stack holds none.
func contain(logger *slog.Logger, do func() error) (err error) {
	defer func() {
		if recover() != nil {
			logger.Error("a question reached a fault in this program", "stack", string(debug.Stack()))
			err = pgerr.New(pgerr.InternalError, "the question reached a fault in c2dproxy; the party's log has the place").
				WithHint("Write the statement another way, and report it.")
		}
	}()
	return do()
}

package sqlplan

import (
	"strings"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// CheckSetting refuses settings of our own prefix that do not exist. PostgreSQL takes any name with a dot, and a word
// misspelled, as c2d.mod, would leave a question to be asked and paid for as if nothing had been set.
func CheckSetting(name string) error {
	name = strings.ToLower(name)
	switch own, ok := strings.CutPrefix(name, "c2d."); {
	case !ok, own == "epsilon", own == "mode":
		return nil
	}
	return pgerr.New("42704", "unrecognized configuration parameter %q", name).WithHint("The settings are c2d.epsilon and c2d.mode.")
}

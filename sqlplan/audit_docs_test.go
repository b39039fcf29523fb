package sqlplan

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestReference holds docs/sql.md to the planner: its examples have plans, what it says is refused is, with that
// code, and no word of the machinery is in it.
func TestReference(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"share", "prf", "epoch", "shadow", "tail", "manifest"} {
		if at := regexp.MustCompile(`(?i)\b` + word + `s?\b`).FindIndex(text); at != nil {
			line := 1 + strings.Count(string(text[:at[0]]), "\n")
			t.Errorf("docs/sql.md:%d says %q", line, word)
		}
	}
	number := "40"
	answered, refused := 0, 0
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllSubmatch(text, -1) {
		for _, sql := range strings.Split(strings.TrimSpace(string(block[1])), "\n") {
			parts, err := Rewrite(care(), dpAnalyst, strings.TrimSuffix(sql, ";"), nil)
			if err != nil || len(parts) != 1 || parts[0].Kind != Federated {
				t.Errorf("%s: %v", sql, err)
				continue
			}
			if parts[0].FromCatalog(0) {
				answered++
				continue
			}
			q := query(dpAnalyst, parts[0].Select, nil, nil)
			if strings.Contains(sql, "$1") {
				q.Args, q.ArgTypes = []*string{&number}, []uint32{23}
			}
			if _, err := Compile(care(), q); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
			answered++
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]*)` \\| ([0-9A-Z]{5}) \\|$").FindAllSubmatch(text, -1) {
		parts, err := Rewrite(care(), dpAnalyst, string(row[1]), nil)
		if err == nil {
			_, err = Compile(care(), query(dpAnalyst, parts[0].Select, nil, nil))
		}
		if e, ok := pgerr.As(err); !ok || e.Code != string(row[2]) {
			t.Errorf("%s: %v, documented as %s", row[1], err, row[2])
		}
		refused++
	}
	if answered < 12 || refused < 25 {
		t.Fatalf("%d answered, %d refused examples found", answered, refused)
	}
}

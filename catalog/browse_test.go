package catalog

import (
	"strings"
	"testing"
)

// TestBrowse holds how a login comes to browse made-up rows: by that word alone, and not without it.
func TestBrowse(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]Browse{"browse: synthetic": BrowseSynthetic, "browse: refuse": BrowseRefused, "": BrowseRefused} {
		text := strings.Replace(example(t), "browse: synthetic", line, 1)
		if line == "" && text == example(t) {
			t.Fatal("the example has no browse")
		}
		c, err := Parse("f.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if a, ok := c.Analyst("mia"); !ok || a.Browse != want {
			t.Errorf("%q: %q", line, a.Browse)
		}
	}
	_, err := Parse("f.yaml", []byte(strings.Replace(example(t), "browse: synthetic", "browse: rows", 1)))
	if err == nil || !strings.Contains(err.Error(), `analysts.mia.browse: "rows": write synthetic`) {
		t.Errorf("an unknown way to browse: %v", err)
	}
}

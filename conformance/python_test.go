package conformance

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python is Debian's own: another one in PATH would not have Debian's packages.
const python = "/usr/bin/python3"

// TestPython runs what users of psycopg2 and pandas do.
func TestPython(t *testing.T) {
	long(t)
	f := running(t)
	scripts, err := filepath.Glob("testdata/python/*_session.py")
	if err != nil || len(scripts) < 2 {
		t.Fatalf("found %d scripts, %v", len(scripts), err)
	}
	if out, err := exec.Command(python, "-c", "import psycopg2, pandas").CombinedOutput(); err != nil {
		t.Fatalf("%v: apt-get install python3-psycopg2 python3-pandas\n%s", err, out)
	}
	for _, script := range scripts {
		t.Run(filepath.Base(script), func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), python, "-B", script, f.URI("clinic", "rosa", "trial")).CombinedOutput()
			if err != nil || !strings.HasSuffix(string(out), "ok\n") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

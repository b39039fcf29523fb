package shadow_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog/shadow"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// TestPrepare holds that a template is made once for all runs, and that an older version's goes, and nothing else.
func TestPrepare(t *testing.T) {
	scratch, err := pgserver.NewScratch("", "c2dt-prepare")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scratch.Close() })
	old, kept := filepath.Join(scratch.Dir, "catalog-template-0123"), filepath.Join(scratch.Dir, "ledger.db")
	for _, dir := range []string{old, kept} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	first, err := shadow.Prepare(t.Context(), scratch.Dir, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	again, err := shadow.Prepare(t.Context(), scratch.Dir, rand.Reader)
	if err != nil || again != first {
		t.Fatalf("%s, then %s: %v", first, again, err)
	}
	if same, err := os.Stat(again); err != nil || !os.SameFile(made, same) {
		t.Errorf("the template was made again: %v", err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("an older template is still there: %v", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

package pgserver

import (
	"errors"
	"testing"
)

// TestNewest holds what directories without a server lead to.
func TestNewest(t *testing.T) {
	t.Parallel()
	if _, err := newest([]string{t.TempDir(), ""}); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("error %v", err)
	}
	b, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	if b.Major < minMajor || !b.HasExtension("plpgsql") || b.HasExtension("no_such_extension") {
		t.Errorf("found %+v", b)
	}
}

// TestMajorOf holds the forms of a version text.
func TestMajorOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 18beta1\n":                        18,
		"postgres (PostgreSQL) 16":                               16,
	} {
		if got, ok := majorOf(text); !ok || got != want {
			t.Errorf("%q: %d, %t", text, got, ok)
		}
	}
	if _, ok := majorOf("something else"); ok {
		t.Error("read a version where there is none")
	}
}

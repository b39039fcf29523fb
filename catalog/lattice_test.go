package catalog

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLattice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		col  Column
		text string
		at   int64
		out  string // canonical; empty: same as text
	}{
		{Column{Type: Smallint}, "-32768", -32768, ""},
		{Column{Type: Bigint}, "9223372036854775807", 9223372036854775807, ""},
		{Column{Type: Bigint}, "-9223372036854775808", -9223372036854775808, ""},
		{Column{Type: Numeric, Precision: 5, Scale: 2}, "-0.5", -50, "-0.50"},
		{Column{Type: Double, Scale: 3}, "1e-3", 1, "0.001"},
		{Column{Type: Boolean}, "true", 1, "t"},
		{Column{Type: Date}, "1970-01-02", 1, ""},
		{Column{Type: Date}, "1969-12-31", -1, ""},
		{Column{Type: Date}, "0001-01-01", -719162, ""},
		{Column{Type: Timestamp}, "1970-01-01 00:00:01.5", 1_500_000, ""},
		{Column{Type: Timestamptz}, "1970-01-01 02:00:00+02", 0, "1970-01-01 00:00:00+00"},
	} {
		at, err := c.col.Lattice(c.text)
		if err != nil || at != c.at {
			t.Errorf("%s %s: %d, %v; want %d", c.col.Type, c.text, at, err, c.at)
		}
		want := c.out
		if want == "" {
			want = c.text
		}
		if got := c.col.Format(at); got != want {
			t.Errorf("%s %s: format %s want %s", c.col.Type, c.text, got, want)
		}
	}
	for _, c := range []struct {
		col  Column
		text string
	}{
		{Column{Type: Smallint}, "32768"}, {Column{Type: Integer}, "1.5"}, {Column{Type: Integer}, "0x10"}, {Column{Type: Bigint}, "9223372036854775808"},
		{Column{Type: Numeric, Precision: 5, Scale: 2}, "1000"}, {Column{Type: Double}, "NaN"}, {Column{Type: Double}, "1e99"}, {Column{Type: Boolean}, "yes"},
		{Column{Type: Date}, "2023-02-29"}, {Column{Type: Date}, "1.2.2023"}, {Column{Type: Timestamptz}, "2023-01-01 00:00:00"}, {Column{Type: Text}, "a"}, {Column{}, "1"},
	} {
		if at, err := c.col.Lattice(c.text); err == nil {
			t.Errorf("%s %q was read as %d", c.col.Type, c.text, at)
		}
	}
}

func TestFormatDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n     int64
		scale int
		want  string
	}{{0, 0, "0"}, {17, 0, "17"}, {5, 2, "0.05"}, {-5, 1, "-0.5"}, {-1234, 2, "-12.34"}, {100, 2, "1.00"}} {
		if got := FormatDecimal(c.n, c.scale); got != c.want {
			t.Errorf("FormatDecimal(%d, %d) = %s, want %s", c.n, c.scale, got, c.want)
		}
	}
}

func TestBudgetNumbersAreExact(t *testing.T) {
	t.Parallel()
	if e, err := parseEpsilon("0.000000001"); err != nil || e != 1 || e.String() != "0.000000001" {
		t.Error(e, err)
	}
	if d, err := parseDelta("1e-18"); err != nil || d != 1 {
		t.Error(d, err)
	}
	for _, bad := range []string{"0", "-1", "1e7", "0.0000000001", "", "one", "1e999999999", strings.Repeat("9", 100)} {
		if _, err := parseEpsilon(bad); err == nil {
			t.Errorf("epsilon %q accepted", bad)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	key, err := NewKey(bytes.NewReader(bytes.Repeat([]byte{7}, 64)))
	if err != nil {
		t.Fatal(err)
	}
	pem, err := EncodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(path, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := ReadKey(path)
	if err != nil || !again.Equal(key) {
		t.Fatal("key does not come back", err)
	}
	print, err := Fingerprint(key.Public())
	if err != nil || !fingerprintForm.MatchString(print) {
		t.Error(print, err)
	}
	if _, err := DecodeKey([]byte("x")); err == nil {
		t.Error("no PEM accepted")
	}
	if s := fmt.Sprintf("%v %s %#v %+v %v", Secret("hunter2"), Secret("hunter2"), Secret("hunter2"), Analyst{verifier: "hunter2"}, Secret("hunter2").LogValue()); strings.Contains(s, "hunter2") {
		t.Error("a secret prints:", s)
	}
}

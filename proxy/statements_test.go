package proxy

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// register adds a statement under a new id.
func register(t *testing.T, s *statements, one statement) string {
	t.Helper()
	id, err := newStatementID(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s.add(id, one)
	return id
}

func TestStatementsBelongToTheirSession(t *testing.T) {
	t.Parallel()
	var mine, other statements
	id := register(t, &mine, statement{text: "SELECT 1"})
	if got, err := mine.get(id); err != nil || got.text != "SELECT 1" {
		t.Errorf("own statement: %v, %v", got, err)
	}
	for _, foreign := range []string{id, "", strings.Repeat("0", 32)} {
		_, err := other.get(foreign)
		if e, ok := pgerr.As(err); !ok || e.Code != "26000" {
			t.Errorf("statement %q of another session: %v, want 26000", foreign, err)
		}
	}
}

func TestStatementsForgetTheOldest(t *testing.T) {
	t.Parallel()
	var s statements
	var ids []string
	for range statementsKept + 1 {
		ids = append(ids, register(t, &s, statement{}))
	}
	if _, err := s.get(ids[0]); err == nil {
		t.Error("the oldest statement is still kept")
	}
	for _, id := range ids[1:] {
		if _, err := s.get(id); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.byID) != statementsKept || len(s.order) != statementsKept {
		t.Errorf("%d statements in %d places, want %d", len(s.byID), len(s.order), statementsKept)
	}
}

// An analyst who prepares many long statements does not fill the gateway's memory.
func TestStatementsAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	var s statements
	long := strings.Repeat("x", textKept/4)
	var ids []string
	for range 6 {
		ids = append(ids, register(t, &s, statement{text: long}))
	}
	for i, id := range ids {
		if _, err := s.get(id); (err == nil) != (i >= 2) {
			t.Errorf("statement %d of %d: %v", i, len(ids), err)
		}
	}
	if s.bytes != textKept || len(s.byID) != 4 || len(s.order) != 4 {
		t.Errorf("%d bytes in %d statements", s.bytes, len(s.byID))
	}
}

func TestParametersTravelAsText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		types []uint32
		want  string
	}{
		{nil, "NULL::text[]"},
		{[]uint32{25}, "ARRAY[$1::text]"},
		{[]uint32{23, 25, 1082}, "ARRAY[$1::int4::text, $2::text, $3::date::text]"},
		{[]uint32{0}, "ARRAY[$1::text]"},
	} {
		if got := parameters(c.types); got != c.want {
			t.Errorf("parameters(%v) = %s, want %s", c.types, got, c.want)
		}
	}
}

func TestDateParametersNeedISO(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		types []uint32
		style string
		fine  bool
	}{
		{nil, "German, DMY", true},
		{[]uint32{23, 25}, "SQL, DMY", true},
		{[]uint32{23, 1082}, "ISO, DMY", true},
		{[]uint32{1082}, "SQL, DMY", false},
		{[]uint32{1114}, "German, DMY", false},
		{[]uint32{23, 1184}, "Postgres, MDY", false},
	} {
		if err := isoDates(c.types, c.style); (err == nil) != c.fine {
			t.Errorf("types %v under %s: %v", c.types, c.style, err)
		}
	}
}

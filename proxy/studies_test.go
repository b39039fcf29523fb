package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
)

var keys = map[string]string{
	"a": "sha256:" + strings.Repeat("a", 64), "b": "sha256:" + strings.Repeat("b", 64), "c": "sha256:" + strings.Repeat("c", 64),
}

// party makes the configuration of one of three parties; a owns a table.
func party(t *testing.T, name, institutionOfB string) *catalog.Config {
	t.Helper()
	text := fmt.Sprintf("party: %s\ninstitution: Institute %s\nidentity: {key_file: k}\nstate_dir: s\npeers:\n", name, name)
	for _, other := range []string{"a", "b", "c"} {
		institution := "Institute " + other
		if other == "b" {
			institution = institutionOfB
		}
		if other != name {
			text += fmt.Sprintf("  - {party: %s, institution: %s, key: %q, connect: accept}\n", other, institution, keys[other])
		}
	}
	if name == "a" {
		text += "source: {postgres: {dsn_file: d}}\ncaps: {t: {epsilon: 5, delta: 1e-6}}\n"
	}
	text += "listen: {peers: \"127.0.0.1:1\"}\nstudies:\n  s:\n    compute: [a, b, c]\n"
	if name == "a" {
		text += `    tables:
      t:
        source: t
        sql: SELECT id FROM t
        rows: 10
        units: 10
        unit: id
        unit_kind: person
        unit_ids: shared
        unique_unit: true
        columns: {id: {type: integer, nullable: false, visibility: join-only, uses: [join]}}
`
	}
	file := filepath.Join(t.TempDir(), name+".yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := catalog.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func encoded(t *testing.T, name, institution string) []byte {
	t.Helper()
	public, err := party(t, name, institution).Public("s", keys[name])
	if err != nil {
		t.Fatal(err)
	}
	b, err := public.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStudyIsCompleteWithAllParts(t *testing.T) {
	t.Parallel()
	s, err := newStudies(party(t, "a", "Institute b"), keys["a"])
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.get("s"); ok || s.missing("s") != "waiting for b and c" {
		t.Fatalf("before anybody spoke: %v, %q", ok, s.missing("s"))
	}
	for _, peer := range []string{"b", "c"} {
		changed, err := s.learn(peer, encoded(t, peer, "Institute b"))
		if err != nil || changed != (peer == "c") {
			t.Fatalf("%s: changed %v, %v", peer, changed, err)
		}
	}
	if study, ok := s.get("s"); !ok || study.Compute != [3]string{"a", "b", "c"} {
		t.Fatalf("study: %v", study)
	}
	if changed, err := s.learn("c", encoded(t, "c", "Institute b")); changed || err != nil {
		t.Errorf("the same part again: changed %v, %v", changed, err)
	}
}

func TestPeerSpeaksForItselfOnly(t *testing.T) {
	t.Parallel()
	s, err := newStudies(party(t, "a", "Institute b"), keys["a"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.learn("c", encoded(t, "b", "Institute b")); err == nil {
		t.Error("c gave b's part")
	}
	if _, err := s.learn("b", []byte("{}")); err == nil {
		t.Error("an empty part was taken")
	}
	if _, ok := s.get("s"); ok {
		t.Error("a refused part completed the study")
	}
}

func TestPeerDoesNotChooseItsInstitution(t *testing.T) {
	t.Parallel()
	s, err := newStudies(party(t, "a", "Another House"), keys["a"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.learn("b", encoded(t, "b", "Institute b")); err == nil {
		t.Error("b named another institution than a pinned, and a took it")
	}
}

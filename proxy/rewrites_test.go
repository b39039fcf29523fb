package proxy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// TestRewritesAreShared: what one session had parsed the next one finds, and only if nothing differs that the planner reads.
func TestRewritesAreShared(t *testing.T) {
	t.Parallel()
	study := smallStudy()
	newer := smallStudy()
	var r rewrites
	first, err := r.rewrite(study, "mia@b", "SELECT count(*) FROM t WHERE x = $1", []uint32{23})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		study   *catalog.Study
		analyst string
		text    string
		types   []uint32
		shared  bool
	}{
		{"again", study, "mia@b", "SELECT count(*) FROM t WHERE x = $1", []uint32{23}, true},
		{"another analyst", study, "eve@b", "SELECT count(*) FROM t WHERE x = $1", []uint32{23}, false},
		{"another epoch", newer, "mia@b", "SELECT count(*) FROM t WHERE x = $1", []uint32{23}, false},
		{"other types", study, "mia@b", "SELECT count(*) FROM t WHERE x = $1", []uint32{25}, false},
		{"no types", study, "mia@b", "SELECT count(*) FROM t WHERE x = $1", nil, false},
		{"another text", study, "mia@b", "SELECT count(*) FROM t WHERE x = $1 ", []uint32{23}, false},
	} {
		got, err := r.rewrite(c.study, c.analyst, c.text, c.types)
		if err != nil {
			t.Fatal(err)
		}
		if shared := &got[0] == &first[0]; shared != c.shared {
			t.Errorf("%s: shared %v", c.name, shared)
		}
	}
	if _, err := r.rewrite(study, "mia@b", "DELETE FROM t", nil); err == nil {
		t.Fatal("a write is accepted")
	}
	if _, err := r.rewrite(study, "mia@b", "DELETE FROM t", nil); err == nil {
		t.Error("a refused write is accepted later")
	}
}

// TestRewritesAreBounded: many texts, and long ones, do not fill the gateway's memory, and what is used stays.
func TestRewritesAreBounded(t *testing.T) {
	t.Parallel()
	study := smallStudy()
	var r rewrites
	often := rewriteKey{study: study, analyst: "mia@b", text: "SELECT 1"}
	if _, err := r.rewrite(study, "mia@b", "SELECT 1", nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		text := fmt.Sprintf("SELECT '%d%s'", i, strings.Repeat("x", 8000))
		if _, err := r.rewrite(study, "mia@b", text, nil); err != nil {
			t.Fatal(err)
		}
		if _, ok := r.get(often); !ok {
			t.Fatalf("forgotten after %d", i)
		}
	}
	held := 0
	for _, generation := range []map[rewriteKey][]sqlplan.Statement{r.young, r.old} {
		for key := range generation {
			held += 3 * len(key.text)
		}
	}
	if held > 2*rewritesKept || held < rewritesKept/2 {
		t.Errorf("%d bytes are held", held)
	}
	n := len(r.young)
	long := "SELECT '" + strings.Repeat("x", rewriteKept) + "'"
	if _, err := r.rewrite(study, "mia@b", long, nil); err != nil || len(r.young) != n {
		t.Errorf("a long text is kept: %v", err)
	}
}

// smallStudy is a study with a table and two analysts.
func smallStudy() *catalog.Study {
	return &catalog.Study{Name: "s", Tables: []catalog.Table{{Name: "t", Partitions: []catalog.Partition{{Owner: "a", Source: "t"}}}},
		Grants: []catalog.Grant{{Owner: "a", Analyst: "mia@b", Tables: []string{"t"}}, {Owner: "a", Analyst: "eve@b", Tables: []string{"t"}}}}
}

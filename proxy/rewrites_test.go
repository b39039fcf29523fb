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
	first, err := r.rewrite(rewriteKey{study, "mia@b", "SELECT count(*) FROM t WHERE x = $1", packed([]uint32{23})}, []uint32{23})
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
		got, err := r.rewrite(rewriteKey{c.study, c.analyst, c.text, packed(c.types)}, c.types)
		if err != nil {
			t.Fatal(err)
		}
		if shared := &got[0] == &first[0]; shared != c.shared {
			t.Errorf("%s: shared %v", c.name, shared)
		}
	}
	if _, err := r.rewrite(rewriteKey{study, "mia@b", "DELETE FROM t", ""}, nil); err == nil {
		t.Fatal("a write is accepted")
	}
	if _, err := r.rewrite(rewriteKey{study, "mia@b", "DELETE FROM t", ""}, nil); err == nil {
		t.Error("a refused write is accepted later")
	}
}

// TestRewritesAreBounded: many texts, and long ones, do not fill the gateway's memory, and what is used stays.
func TestRewritesAreBounded(t *testing.T) {
	t.Parallel()
	study := smallStudy()
	var r rewrites
	often := rewriteKey{study: study, analyst: "mia@b", text: "SELECT 1"}
	if _, err := r.rewrite(rewriteKey{study, "mia@b", "SELECT 1", ""}, nil); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		text := fmt.Sprintf("SELECT '%d%s'", i, strings.Repeat("x", 8000))
		if _, err := r.rewrite(rewriteKey{study, "mia@b", text, ""}, nil); err != nil {
			t.Fatal(err)
		}
		if _, ok := r.get(often); !ok {
			t.Fatalf("forgotten after %d", i)
		}
	}
	held := 0
	for _, generation := range []map[rewriteKey]sized[[]sqlplan.Statement]{r.young, r.old} {
		for key := range generation {
			held += 3 * len(key.text)
		}
	}
	if held > 2*rememberedBytes || held < rememberedBytes/2 {
		t.Errorf("%d bytes are held", held)
	}
	n := len(r.young)
	long := "SELECT '" + strings.Repeat("x", rewriteKept) + "'"
	if _, err := r.rewrite(rewriteKey{study, "mia@b", long, ""}, nil); err != nil || len(r.young) != n {
		t.Errorf("a long text is kept: %v", err)
	}
}

// smallStudy is a study with a table and two analysts.
func smallStudy() *catalog.Study {
	return &catalog.Study{Name: "s", Tables: []catalog.Table{{Name: "t", Partitions: []catalog.Partition{{Owner: "a", Source: "t"}}}},
		Grants: []catalog.Grant{{Owner: "a", Analyst: "mia@b", Tables: []string{"t"}}, {Owner: "a", Analyst: "eve@b", Tables: []string{"t"}}}}
}

// TestRenderingsAreShared: a session gets the text that another had rendered, under its own statement's id, and only for the
// same description.
func TestRenderingsAreShared(t *testing.T) {
	t.Parallel()
	key := rewriteKey{smallStudy(), "mia@b", "EXPLAIN SELECT count(*) FROM t WHERE 1 = $1", ""}
	parts, err := (&rewrites{}).rewrite(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := renderings{blank: "00112233445566778899aabbccddeeff"}
	column := []sqlplan.OutputColumn{{Name: "n", OID: 20, TypeModifier: -1}}
	for i, c := range []struct {
		id      string
		columns []sqlplan.OutputColumn
		params  []uint32
		kept    int
	}{
		{"aa", column, []uint32{23}, 1},
		{"bb", column, []uint32{23}, 1},
		{"cc", column, []uint32{20}, 2},
		{"dd", []sqlplan.OutputColumn{{Name: "n", OID: 0x7fffffff, TypeModifier: -1}}, []uint32{23}, 3},
		{"ee", []sqlplan.OutputColumn{{Name: "n", OID: 0x7ffffffe, TypeModifier: -1}}, []uint32{23}, 4},
	} {
		text, called, err := r.render(renderingKey{rewriteKey: key}, parts[0], c.columns, c.params, c.id)
		if err != nil {
			t.Fatal(err)
		}
		if !called || !strings.Contains(text, "c2d.explain('"+c.id+"'") || strings.Contains(text, r.blank) {
			t.Errorf("%d: %s", i, text)
		}
		if len(r.young) != c.kept {
			t.Errorf("%d: %d are kept", i, len(r.young))
		}
	}
	if _, _, err := (&renderings{}).render(renderingKey{rewriteKey: key}, parts[0], column, nil, "ff"); err == nil {
		t.Error("renders without a blank")
	}
}

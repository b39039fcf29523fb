package sqlplan

import (
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// A key says its type and, where that varies, its length, so that no two identifiers are one key (RULES 10).
func TestKeysAreTagged(t *testing.T) {
	t.Parallel()
	keyOf := func(kind catalog.Type) string {
		return keySQL(&catalog.Table{Unit: "id", Columns: []catalog.Column{{Name: "id", Type: kind}}})
	}
	number, words := keyOf(catalog.Bigint), keyOf(catalog.Text)
	for _, kind := range []catalog.Type{catalog.Smallint, catalog.Integer} {
		if keyOf(kind) != number {
			t.Errorf("%s and bigint have different keys: a join of both finds nobody", kind)
		}
	}
	if !strings.HasPrefix(number, `('\x01'::pg_catalog.bytea OPERATOR(pg_catalog.||) pg_catalog.int8send(`) {
		t.Errorf("whole numbers: %s", number)
	}
	const utf8 = "pg_catalog.convert_to(u::pg_catalog.text, 'UTF8')"
	short := `'\x02'::pg_catalog.bytea OPERATOR(pg_catalog.||) pg_catalog.int4send(pg_catalog.octet_length(` + utf8 + `)) OPERATOR(pg_catalog.||) ` + utf8 + " ELSE"
	long := `'\x03'::pg_catalog.bytea OPERATOR(pg_catalog.||) pg_catalog.sha256(` + utf8 + ") END"
	if !strings.Contains(words, short) || !strings.HasSuffix(words, long) {
		t.Errorf("text: %s", words)
	}
	if keyOf(catalog.Numeric) != number && unitKind(&catalog.Table{Unit: "id", Columns: []catalog.Column{{Name: "id", Type: catalog.Numeric}}}) != "" {
		t.Error("fractional identifiers are joined")
	}
}

package conformance

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/c2dproxy/c2dproxy/"

// allowed says which packages of this module each package may import. Imports run
// downward only; what is not listed is refused.
var allowed = map[string][]string{
	"internal/pgerr":            {},
	"internal/pgserver":         {"internal/pgerr"},
	"dp":                        {"internal/pgerr"},
	"catalog":                   {"internal/pgerr", "dp"},
	"mpc/program":               {"internal/pgerr", "dp"},
	"dp/ledger":                 {"internal/pgerr", "dp"},
	"mpc/internal":              {"internal/pgerr", "mpc/internal"},
	"mpc/mpctest":               {"mpc", "mpc/program"},
	"mpc":                       {"internal/pgerr", "mpc/internal", "mpc/program", "dp"},
	"catalog/shadow":            {"internal/pgerr", "internal/pgserver", "catalog", "dp"},
	"sqlplan/syntax":            {"internal/pgerr"},
	"sqlplan":                   {"internal/pgerr", "sqlplan/syntax", "sqlplan/internal", "catalog", "dp", "mpc/program"},
	"sqlplan/internal":          {"internal/pgerr", "sqlplan/syntax", "sqlplan/internal", "catalog", "dp", "mpc/program"},
	"wire":                      {"internal/pgerr"},
	"federation":                {"internal/pgerr", "sqlplan", "sqlplan/syntax", "mpc", "mpc/program", "catalog", "dp"},
	"federation/federationtest": {"federation", "internal/pgerr", "internal/pgserver", "sqlplan", "sqlplan/syntax", "mpc", "mpc/program", "catalog", "dp"},
	"proxy": {"internal/pgerr", "wire", "sqlplan", "sqlplan/syntax", "federation", "mpc", "mpc/program",
		"catalog", "catalog/shadow", "dp", "dp/ledger", "internal/pgserver"},
	"cmd/c2dproxy": {"*"},
	"conformance":  {"*"},
}

// foreign confines a third-party module to the packages that may see it.
var foreign = map[string][]string{
	"github.com/pganalyze/pg_query_go": {"sqlplan/syntax"},
	"github.com/jackc/pgproto3/v2":     {"conformance"},
	"github.com/lib/pq":                {"conformance"},
	"go.etcd.io/bbolt":                 {"dp/ledger"},
	"github.com/hashicorp/yamux":       {"federation"},
	"math/rand":                        {"cmd/c2dproxy", "mpc/mpctest"}, // generated demo data; tests that repeat
}

// TestImports parses every source file and holds it to the two maps above. Test files may
// import more: they meet other packages as a user would.
func TestImports(t *testing.T) {
	found := map[string]bool{}
	forEachSource(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		room := roomOf(path.Dir(file))
		if room == "" {
			t.Errorf("%s: its folder is not in the house; name it in allowed and docs/architecture.md", file)
			return
		}
		found[room] = true
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			checkImport(t, file, room, imported)
		}
	})
	for _, room := range []string{"internal/pgerr", "catalog", "mpc", "mpc/program", "dp", "sqlplan", "federation", "wire"} {
		if !found[room] {
			t.Errorf("no source found for %s: the test looked in the wrong place", room)
		}
	}
}

func checkImport(t *testing.T, file, room, imported string) {
	t.Helper()
	if inside, ok := strings.CutPrefix(imported, module); ok {
		target := roomOf(inside)
		rules := allowed[room]
		if !slices.Contains(rules, target) && !slices.Contains(rules, "*") && target != room {
			t.Errorf("%s: %s must not import %s", file, room, inside)
		}
		return
	}
	for prefix, rooms := range foreign {
		if strings.HasPrefix(imported, prefix) && !slices.Contains(rooms, room) {
			t.Errorf("%s: only %v may import %s", file, rooms, prefix)
		}
	}
}

// roomOf finds the longest listed folder that holds dir.
func roomOf(dir string) string {
	for ; dir != "." && dir != "/"; dir = path.Dir(dir) {
		if _, ok := allowed[dir]; ok {
			return dir
		}
	}
	return ""
}

// TestPackageDocs requires a package comment, the package's contract, in every package.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	forEachSource(t, func(file string) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(file)
		documented[dir] = documented[dir] || parsed.Doc != nil
	})
	if len(documented) < 10 {
		t.Fatalf("found %d packages only", len(documented))
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package doc", dir)
		}
	}
}

// forEachSource visits every Go file of the module by its path from the root.
func forEachSource(t *testing.T, visit func(file string)) {
	t.Helper()
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", name)
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && rel != "." {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".go") {
			visit(filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

package conformance

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// namedTest is a test as docs name it: its package's folder, a dot, its function.
var namedTest = regexp.MustCompile("`([a-z0-9]+(?:/[a-z0-9]+)*)\\.((?:Test|Fuzz|Example)[A-Za-z0-9_]*)`")

// ruleRow begins a row of the table of rules.
var ruleRow = regexp.MustCompile(`(?m)^\| ([0-9]+) \| [^|]+ \| (held|in part|not yet|does not arise) \|.*$`)

// TestSecurityPage holds docs/security.md to the sources: every test that it names exists, and each
// of the 26 rules has one row, with a state and at least one test unless it is not held yet.
func TestSecurityPage(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	tests := testFunctions(t)
	named := namedTest.FindAllStringSubmatch(page, -1)
	if len(named) < 26 {
		t.Fatalf("the page names %d tests: the pattern looks for something else", len(named))
	}
	for _, n := range named {
		if !tests[n[1]+"."+n[2]] {
			t.Errorf("the page names %s.%s, which does not exist", n[1], n[2])
		}
	}
	rows := map[int]bool{}
	for _, row := range ruleRow.FindAllStringSubmatch(page, -1) {
		number, err := strconv.Atoi(row[1])
		if err != nil || number < 1 || number > 26 || rows[number] {
			t.Errorf("rule %s has two rows, or is none", row[1])
		}
		rows[number] = true
		if row[2] != "not yet" && !namedTest.MatchString(row[0]) {
			t.Errorf("rule %d is said to be held, and no test is named", number)
		}
		if row[2] == "in part" && !strings.Contains(page, "\n- **"+row[1]+"**") {
			t.Errorf("rule %d is held in part, and the page does not say which part", number)
		}
	}
	for number := 1; number <= 26; number++ {
		if !rows[number] {
			t.Errorf("rule %d has no row", number)
		}
	}
}

// testFunctions lists the functions of all test files as folder.Name.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	forEachSource(t, func(file string) {
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				found[path.Dir(filepath.ToSlash(file))+"."+f.Name.Name] = true
			}
		}
	})
	return found
}

// TestPlansHaveNoFloats is RULES 5: hashes of plans are compared between machines, whose floating point may
// differ. No type or constant of it occurs in what makes a plan.
func TestPlansHaveNoFloats(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	forEachSource(t, func(file string) {
		folder := path.Dir(filepath.ToSlash(file))
		switch folder {
		case "sqlplan", "sqlplan/syntax", "dp", "catalog", "mpc/program":
		default:
			return
		}
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		seen[folder] = true
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if n.Name == "float64" || n.Name == "float32" || n.Name == "Float64" || n.Name == "Float32" {
					t.Errorf("%s uses %s", file, n.Name)
				}
			case *ast.BasicLit:
				exact := constant.ToInt(constant.MakeFromLiteral(n.Value, n.Kind, 0))
				if n.Kind == token.FLOAT && exact.Kind() != constant.Int { // 1e9 is an integer
					t.Errorf("%s has the constant %s", file, n.Value)
				}
			}
			return true
		})
	})
	if len(seen) != 5 {
		t.Fatalf("looked into %v only", seen)
	}
}

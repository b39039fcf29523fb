package conformance

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
)

// wholeError is everything that a client can see of an error.
func wholeError(err error) string {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return fmt.Sprintf("%s %s\n%s\n%s\n%s\nposition %d %d\n%s\n%s %s %s %s %s", e.Severity, e.Code, e.Message, e.Detail, e.Hint,
			e.Position, e.InternalPosition, e.Where, e.SchemaName, e.TableName, e.ColumnName, e.DataTypeName, e.ConstraintName)
	}
	return err.Error()
}

// errorText is one text of an error in the sources.
type errorText struct {
	place, code, text string
	hint              bool // the text is a hint or detail
	hinted            bool // of a message: it comes with a hint
}

// TestErrorTexts holds every error that an analyst may see to PostgreSQL's style: messages begin in lower case (or with a
// word of SQL) and have no full stop; details and hints are sentences, or a statement to type; and whatever a policy,
// a limit or a missing feature refuses comes with a hint.
func TestErrorTexts(t *testing.T) {
	texts := errorTexts(t, "../sqlplan", "../sqlplan/syntax", "../federation", "../proxy", "../wire")
	if len(texts) < 250 {
		t.Fatalf("found %d texts only", len(texts))
	}
	refusals := map[string]bool{"FeatureNotSupported": true, "InsufficientPrivilege": true, "ConfigurationLimit": true, "ConnectionFailure": true, "BudgetExhausted": true,
		"NotAggregated": true, "UnboundedColumn": true, "NotPrivate": true, "JoinNeedsUnit": true, "OuterJoinSide": true, "UnitMismatch": true, "UnitsShared": true,
		"DeltaRequired": true, "DomainRequired": true, "LedgerBehind": true}
	for _, x := range texts {
		first, _ := utf8.DecodeRuneInString(x.text)
		word, _, _ := strings.Cut(x.text, " ")
		last := strings.TrimRight(x.text, ")\"”")
		switch {
		case x.text == "" || strings.Contains(x.text, "\n"):
			t.Errorf("%s: empty or of several lines: %q", x.place, x.text)
		case x.hint && !startsStatement.MatchString(x.text) && (unicode.IsLower(first) || !strings.HasSuffix(last, ".") && !strings.HasSuffix(x.text, "%s")):
			t.Errorf("%s: not a sentence: %q", x.place, x.text)
		case !x.hint && (unicode.IsUpper(first) && word != strings.ToUpper(word) || strings.HasSuffix(x.text, ".")):
			t.Errorf("%s: not in PostgreSQL's style: %q", x.place, x.text)
		case !x.hint && refusals[x.code] && !x.hinted && !withoutHint[x.text]:
			t.Errorf("%s: a refusal without a hint: %q", x.place, x.text)
		}
	}
}

// startsStatement matches hints that are a statement to type.
var startsStatement = regexp.MustCompile(`^(SELECT|SET|RESET|CAST|Write|Use) `)

// withoutHint are refusals that a client's program, and no person, can do something about.
var withoutHint = map[string]bool{"permission denied to change role": true, "permission denied for function %s": true, "permission denied for %s": true,
	"this connection is not an analyst's session": true, "unknown call %q": true, "only calls are served here": true, "gateway %q may ask only for its own analysts": true,
	"unsupported frontend protocol %d.%d: server supports 3.0 to 3.0": true, "replication connections are not supported": true, "COPY FROM STDIN is not supported": true,
	"the privacy budget of %s does not cover this question":      true, // each way on from there adds one
	"function calls of the fast-path protocol are not supported": true, "the statement's form is not supported": true, "this statement is not supported over federated tables": true}

// errorTexts reads the texts of a package's errors from its sources.
func errorTexts(t *testing.T, folders ...string) []errorText {
	t.Helper()
	var out []errorText
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no sources (%v)", folder, err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			found := textsOf(set, file)
			out = append(out, found...)
		}
	}
	return out
}

// textsOf reads one file's texts.
func textsOf(set *token.FileSet, file *ast.File) []errorText {
	var out []errorText
	hinted := map[*ast.CallExpr]bool{}
	add := func(call *ast.CallExpr, code string, arg int, hint bool) {
		if arg < len(call.Args) {
			if text, ok := literal(call.Args[arg]); ok {
				out = append(out, errorText{set.Position(call.Pos()).String(), code, text, hint, hinted[call]})
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := called(call)
		switch name {
		case "WithHint":
			for inner := call; inner != nil; inner = receiver(inner) {
				hinted[inner] = true
			}
			add(call, "", 0, true)
		case "WithDetail":
			add(call, "", 0, true)
		case "New":
			if len(call.Args) > 1 && strings.HasPrefix(fmt.Sprint(receiverName(call)), "pgerr") {
				add(call, lastName(call.Args[0]), 1, false)
			}
		case "fail", "unsupported":
			// (at, code, hint, message, …) and (at, hint, message, …)
			code, at := "FeatureNotSupported", 1
			if name == "fail" {
				at = 2
				if len(call.Args) > 1 {
					code = lastName(call.Args[1])
				}
			}
			if len(call.Args) < at+2 {
				return true
			}
			hint, constant := literal(call.Args[at])
			hinted[call] = !constant || hint != ""
			if constant && hint != "" {
				add(call, code, at, true)
			}
			add(call, code, at+1, false)
		}
		return true
	})
	return out
}

// literal is a constant text.
func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil && text != "%s"
}

// called is the name of a called function or method.
func called(call *ast.CallExpr) string { return lastName(call.Fun) }

func lastName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// receiver is the call on whose result a method is called; nil if it is none.
func receiver(call *ast.CallExpr) *ast.CallExpr {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	inner, _ := s.X.(*ast.CallExpr)
	return inner
}

// receiverName is the package or variable whose function is called.
func receiverName(call *ast.CallExpr) string {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok {
		return lastName(s.X)
	}
	return ""
}

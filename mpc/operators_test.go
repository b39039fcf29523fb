package mpc_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// instructions are the names of the types of package program that are instructions.
func instructions(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("program/*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "isOp" && f.Recv != nil {
				names[f.Recv.List[0].Type.(*ast.Ident).Name] = true
			}
		}
	}
	if len(names) < 40 {
		t.Fatalf("found %d instructions only", len(names))
	}
	return names
}

// TestOperatorsAreComplete: the table that faults, cancellation and memory are tested with has
// every instruction there is.
func TestOperatorsAreComplete(t *testing.T) {
	t.Parallel()
	want := instructions(t)
	for _, o := range mpctest.Operators(8) {
		if !want[o.Name()] {
			t.Errorf("%s is no instruction", o.Name())
		}
		delete(want, o.Name())
	}
	for name := range want {
		t.Errorf("%s is missing in mpctest.Operators", name)
	}
}

// TestOperatorsEqualEval runs the table.
func TestOperatorsEqualEval(t *testing.T) {
	t.Parallel()
	for _, o := range mpctest.Operators(70) {
		got, err := mpctest.Run(within(t), mpctest.NewNetwork(), o.Name(), o.Program, o.Inputs)
		if err != nil {
			t.Errorf("%s: %v", o.Name(), err)
			continue
		}
		checkCost(t, o.Program, got)
		if randomly[o.Name()] {
			continue
		}
		want, err := program.Eval(o.Program, merge(o.Inputs), rand.NewChaCha8([32]byte{}))
		if err != nil {
			t.Fatalf("%s: %v", o.Name(), err)
		}
		if !reflect.DeepEqual(got.All(), want) {
			t.Errorf("%s opened %v, want %v", o.Name(), got.All(), want)
		}
	}
}

// randomly are the instructions whose results are random.
var randomly = map[string]bool{"Shuffle": true, "Lookup": true, "RandomBits": true, "Suppress": true}

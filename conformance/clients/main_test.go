package main

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCompare: equal and listed values pass; others, broken expectations, missing values and failed scripts do not.
func TestCompare(t *testing.T) {
	t.Parallel()
	meant := []*difference{{client: "*", name: "ask?meant*", reason: "as told"}}
	for _, c := range []struct {
		name, gateway, plain string
		err                  error
		want                 tally
	}{
		{"equal", "=\ta\t1\n+\tholds\n", "=\ta\t1\n", nil, tally{2, 0}},
		{"different", "=\ta\t1\n", "=\ta\t2\n", nil, tally{0, 1}},
		{"listed", "=\task meant 7\t1\n", "=\task meant 7\t2\n", nil, tally{1, 0}},
		{"broken", "=\ta\t1\n-\tx\twhy\n", "=\ta\t1\n", nil, tally{1, 1}},
		{"missing", "=\ta\t1\n", "=\ta\t1\n=\tb\t1\n", nil, tally{1, 1}},
		{"too many", "=\ta\t1\n=\tb\t1\n", "=\ta\t1\n", nil, tally{1, 1}},
		{"twice", "=\ta\t1\n=\ta\t1\n", "=\ta\t1\n", nil, tally{2, 1}},
		{"ended badly", "=\ta\t1\n", "=\ta\t1\n", errors.New("exit 1"), tally{1, 1}},
		{"silent", "", "", nil, tally{0, 1}},
	} {
		got, complaints := compare("x", parse(c.gateway, c.err), parse(c.plain, nil), meant)
		if got.failed != c.want.failed || (c.name != "twice" && got != c.want) || len(complaints) != got.failed {
			t.Errorf("%s: %+v %q, expected %+v", c.name, got, complaints, c.want)
		}
	}
}

// TestScripts: every client's script is there, and differences.txt names clients that are.
func TestScripts(t *testing.T) {
	t.Parallel()
	for _, c := range clients {
		if !slices.ContainsFunc(c.command[1:], func(argument string) bool {
			_, err := os.Stat(argument)
			return err == nil && strings.Contains(argument, "/") && !strings.HasSuffix(argument, ".jar")
		}) {
			t.Errorf("%s: its script is not there: %q", c.name, c.command)
		}
	}
	meant, err := readDifferences("differences.txt")
	if err != nil || len(meant) == 0 {
		t.Fatalf("%d differences, %v", len(meant), err)
	}
	for _, d := range meant {
		known := false
		for _, c := range clients {
			matched, err := path.Match(d.client, c.name)
			known = known || matched && err == nil
		}
		if _, err := filepath.Match(d.name, ""); err != nil || !known {
			t.Errorf("differences.txt: %s %s: %v", d.client, d.name, err)
		}
	}
}

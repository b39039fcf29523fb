package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"
)

// tally counts comparisons and expectations.
type tally struct{ passed, failed int }

// patience is how long one script may take.
const patience = 10 * time.Minute

// transcript is what a script printed.
type transcript struct {
	output  string
	version string
	err     error             // how the script ended
	order   []string          // names of values, as they came
	values  map[string]string // by name
	held    []string          // expectations
	broken  []string
}

// run runs the script against one server.
func (c client) run(ctx context.Context, at endpoint) (transcript, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	command := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	command.Dir = "conformance/clients"
	command.Env = append(os.Environ(), at.environment()...)
	command.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return transcript{}, fmt.Errorf("%w\nconformance/clients/deps installs what is missing", err)
	}
	return parse(out.String(), err), nil
}

// parse reads the lines of a script.
func parse(output string, err error) transcript {
	t := transcript{output: output, err: err, values: map[string]string{}}
	for line := range strings.Lines(output) {
		fields := strings.SplitN(strings.TrimRight(line, "\r\n"), "\t", 3)
		for len(fields) < 3 {
			fields = append(fields, "")
		}
		name, value := fields[1], fields[2]
		switch fields[0] {
		case "v":
			t.version = name
		case "=":
			if _, again := t.values[name]; again {
				t.broken = append(t.broken, "the script prints "+name+" twice")
			}
			t.order, t.values[name] = append(t.order, name), value
		case "+":
			t.held = append(t.held, name)
		case "-":
			t.broken = append(t.broken, name+": "+value)
		}
	}
	return t
}

// compare counts what held at each server and what is equal at both.
func compare(client string, gateway, plain transcript, meant []*difference) (count tally, complaints []string) {
	fail := func(format string, args ...any) {
		count.failed++
		complaints = append(complaints, fmt.Sprintf(format, args...))
	}
	for _, at := range []struct {
		name string
		t    transcript
	}{{"gateway", gateway}, {"plain", plain}} {
		count.passed += len(at.t.held)
		for _, b := range at.t.broken {
			fail("%s at %s: %s", client, at.name, b)
		}
		if at.t.err != nil {
			fail("%s at %s: %v\n%s", client, at.name, at.t.err, lastLines(at.t.output, 12))
		}
	}
	if len(gateway.order) == 0 {
		fail("%s: nothing to compare", client)
	}
	for _, name := range gateway.order {
		want, there := plain.values[name]
		got := gateway.values[name]
		switch d := listed(meant, client, name); {
		case !there:
			fail("%s %s: only at the gateway", client, name)
		case got == want:
			count.passed++
		case d != nil:
			d.met = true
			count.passed++
		default:
			got, want = excerpts(got, want)
			fail("%s %s:\n      gateway %s\n      plain   %s", client, name, got, want)
		}
	}
	for _, name := range plain.order {
		if _, there := gateway.values[name]; !there {
			fail("%s %s: only at the plain server", client, name)
		}
	}
	return count, complaints
}

// excerpts cuts two values to where they begin to differ.
func excerpts(a, b string) (string, string) {
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	cut := func(s string) string {
		from, to := max(0, same-80), min(len(s), same+240)
		return strings.ToValidUTF8(s[from:to], "")
	}
	return cut(a), cut(b)
}

// lastLines are the last n lines of text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// difference is a line of differences.txt: an answer that is meant to differ.
type difference struct {
	client, name string // patterns as path.Match knows them
	reason       string
	met          bool
}

// readDifferences reads lines of client, name and reason; # begins a comment.
func readDifferences(file string) ([]*difference, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []*difference
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if len(fields) < 3 {
			return nil, fmt.Errorf("%s: a line is client, name, reason: %q", file, line)
		}
		all = append(all, &difference{client: fields[0], name: fields[1], reason: strings.Join(fields[2:], " ")})
	}
	return all, nil
}

// listed finds the line about a value.
func listed(meant []*difference, client, name string) *difference {
	for _, d := range meant {
		a, errA := path.Match(d.client, client)
		b, errB := path.Match(d.name, name)
		if errA == nil && errB == nil && a && b {
			return d
		}
	}
	return nil
}

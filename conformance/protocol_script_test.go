package conformance

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgproto3/v2"
)

// script is a sequence of messages that a client sends; testdata/protocol/README.md says how it is written.
type script struct {
	name  string
	lines []string
	codes bool     // compare the kinds of messages and SQLSTATEs only: the texts differ, and are meant to
	ours  []string // not nil: what the gateway answers instead, from its first difference on
	runs  map[string]int
}

// scripts reads testdata/protocol/name.
func scripts(t *testing.T, name string, atLeast int) []script {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "protocol", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []script
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		if word == "#" {
			all = append(all, script{name: rest, runs: map[string]int{}})
			if seen[rest] {
				t.Fatalf("%s: two scripts are called %q", name, rest)
			}
			seen[rest] = true
		}
		if word == "" || word == "#" || len(all) == 0 {
			continue
		}
		s := &all[len(all)-1]
		switch word {
		case "codes", "because":
			if rest == "" {
				t.Fatalf("%s: %q differs without a reason", name, s.name)
			}
			s.codes = word == "codes"
		case ">":
			s.ours = append(s.ours, rest)
		case "runs":
			marker, times, _ := strings.Cut(rest, " ")
			if s.runs[marker], err = strconv.Atoi(times); err != nil {
				t.Fatal(err)
			}
		default:
			s.lines = append(s.lines, line)
		}
	}
	if len(all) < atLeast {
		t.Fatalf("%s has %d scripts, expected %d at least", name, len(all), atLeast)
	}
	return all
}

// play sends a script's messages and returns the answers.
func (l *link) play(s script) ([]string, error) {
	var answers []string
	var pending []pgproto3.FrontendMessage
	owed := 0 // ReadyForQuery messages
	await := func(done func(kind byte) bool) error {
		if err := l.send(pending...); err != nil {
			return err
		}
		pending = nil
		for {
			kind, body, err := l.frame()
			if err != nil {
				answers = append(answers, "closed")
				return err
			}
			line, err := shown(kind, body)
			if err != nil {
				return err
			}
			answers = append(answers, line)
			if kind == 'Z' {
				owed--
			}
			if done(kind) {
				return nil
			}
		}
	}
	for _, line := range s.lines {
		word, rest, _ := strings.Cut(line, " ")
		m, err := message(word, rest)
		if err != nil {
			return answers, fmt.Errorf("%s: %w", line, err)
		}
		pending = append(pending, m...)
		if strings.Contains("QqSsF", word) {
			owed++
		}
		switch word {
		case "Q", "S", "F":
			err = await(func(byte) bool { return owed == 0 })
		case "H": // as many messages must come before anything else is sent
			n, e := strconv.Atoi(rest)
			if e != nil || n < 1 {
				return answers, fmt.Errorf("%s: how many messages?", line)
			}
			err = await(func(byte) bool { n--; return n == 0 })
		}
		if err != nil {
			return answers, nil // a connection that ends is an answer
		}
	}
	return answers, nil
}

// message is what a line of a script sends.
func message(word, rest string) ([]pgproto3.FrontendMessage, error) {
	fields := strings.Fields(rest)
	arg := func(i int) string {
		if i >= len(fields) || fields[i] == "-" {
			return ""
		}
		return fields[i]
	}
	one := func(m pgproto3.FrontendMessage) ([]pgproto3.FrontendMessage, error) {
		return []pgproto3.FrontendMessage{m}, nil
	}
	switch word {
	case "Q", "q":
		return one(&pgproto3.Query{String: unescaped(rest)})
	case "P":
		parts := strings.SplitN(rest, " ", 3)
		if len(parts) < 2 {
			return nil, errors.New("P name oids text")
		}
		m := &pgproto3.Parse{Name: arg(0)}
		if len(parts) == 3 {
			m.Query = unescaped(parts[2])
		}
		for _, oid := range numbers(arg(1)) {
			m.ParameterOIDs = append(m.ParameterOIDs, uint32(oid))
		}
		return one(m)
	case "B":
		return bind(fields, arg)
	case "D", "C":
		if word == "D" {
			return one(&pgproto3.Describe{ObjectType: arg(0)[0], Name: arg(1)})
		}
		return one(&pgproto3.Close{ObjectType: arg(0)[0], Name: arg(1)})
	case "E":
		m := &pgproto3.Execute{Portal: arg(0)}
		if n := numbers(arg(1)); len(n) > 0 {
			m.MaxRows = uint32(n[0])
		}
		return one(m)
	case "S", "s":
		return one(&pgproto3.Sync{})
	case "H":
		return one(&pgproto3.Flush{})
	case "F":
		return one(&fastPath{})
	case "d":
		return []pgproto3.FrontendMessage{&pgproto3.CopyData{Data: []byte(rest)}, &pgproto3.CopyDone{}, &pgproto3.CopyFail{Message: "no"}}, nil
	case "X":
		return one(&pgproto3.Terminate{})
	default:
		return nil, errors.New("unknown word")
	}
}

// bind is "B portal statement parameter-formats result-formats value…".
func bind(fields []string, arg func(int) string) ([]pgproto3.FrontendMessage, error) {
	m := &pgproto3.Bind{DestinationPortal: arg(0), PreparedStatement: arg(1)}
	for _, n := range numbers(arg(2)) {
		m.ParameterFormatCodes = append(m.ParameterFormatCodes, int16(n))
	}
	for _, n := range numbers(arg(3)) {
		m.ResultFormatCodes = append(m.ResultFormatCodes, int16(n))
	}
	for _, v := range fields[min(4, len(fields)):] {
		switch code, binary := strings.CutPrefix(v, `\x`); {
		case v == "NULL":
			m.Parameters = append(m.Parameters, nil)
		case binary:
			raw, err := hex.DecodeString(code)
			if err != nil {
				return nil, err
			}
			m.Parameters = append(m.Parameters, raw)
		default:
			m.Parameters = append(m.Parameters, []byte(strings.Trim(v, "'")))
		}
	}
	return []pgproto3.FrontendMessage{m}, nil
}

// fastPath is a FunctionCall of nothing.
type fastPath struct{ pgproto3.Query }

// Encode writes a call of function 0 without arguments.
func (*fastPath) Encode(dst []byte) ([]byte, error) {
	return append(dst, 'F', 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), nil
}

// unescaped lets a line hold bytes that are no text: \xE9.
func unescaped(s string) string {
	if text, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`); err == nil {
		return text
	}
	return s
}

// numbers reads "1,2".
func numbers(list string) (out []int) {
	for n := range strings.SplitSeq(list, ",") {
		if v, err := strconv.Atoi(n); err == nil {
			out = append(out, v)
		}
	}
	return out
}

// verdict compares the gateway's answers with PostgreSQL's; "" if they are as they should be.
func (s script) verdict(ours, theirs []string) string {
	full := func() string {
		return fmt.Sprintf("the gateway answers\n  %s\nPostgreSQL answers\n  %s", strings.Join(ours, "\n  "), strings.Join(theirs, "\n  "))
	}
	same := slices.Equal(ours, theirs)
	switch {
	case s.ours != nil:
		at := 0
		for at < min(len(ours), len(theirs)) && ours[at] == theirs[at] {
			at++
		}
		if same {
			return "a difference that the script lists is gone"
		}
		for i, want := range s.ours {
			if want == "…" {
				return ""
			}
			if at+i >= len(ours) || !like(ours[at+i], want) {
				return fmt.Sprintf("expected from line %d on\n  %s\n%s", at+1, strings.Join(s.ours, "\n  "), full())
			}
		}
		if at+len(s.ours) != len(ours) {
			return fmt.Sprintf("expected %d lines from line %d on\n%s", len(s.ours), at+1, full())
		}
		return ""
	case s.codes:
		if same {
			return "the texts do not differ: the script need not say so"
		}
		if !slices.EqualFunc(ours, theirs, func(a, b string) bool { return coded(a) == coded(b) }) {
			return full()
		}
		return ""
	case !same:
		return full()
	}
	return ""
}

// coded is what of an error a driver acts on; other messages stay as they are.
func coded(line string) string {
	if !strings.HasPrefix(line, "E ") {
		return line
	}
	for word := range strings.FieldsSeq(line) {
		if state, ok := strings.CutPrefix(word, "C="); ok {
			return "E " + state
		}
	}
	return line
}

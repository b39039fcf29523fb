package catalog

import (
	"fmt"
	"sort"
	"strings"
)

// Error is one thing wrong with a file, and what to write instead.
type Error struct {
	File    string
	Line    int    // 1-based; 0: unknown
	Column  int    // 1-based, characters; 0: unknown
	Path    string // of the setting, such as studies.liver.compute
	Message string
}

// Error gives file:line:column: path: message, the form that editors jump to.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// Errors is everything wrong with a file, in the order of its lines.
type Errors []*Error

// Error gives one line an error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single errors to errors.As.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i := range e {
		errs[i] = e[i]
	}
	return errs
}

// maxProblems bounds what is reported of one file or part.
const maxProblems = 50

// problem is an error by the path of the setting that causes it.
type problem struct{ path, message string }

// problems collects what is wrong, so that a person sees all of it at once.
type problems struct{ list []problem }

// add notes a problem at a path.
func (p *problems) add(path, format string, args ...any) {
	if len(p.list) < maxProblems {
		p.list = append(p.list, problem{path, fmt.Sprintf(format, args...)})
	}
}

// has reports whether a problem was noted at a path or below it.
func (p *problems) has(path string) bool {
	for _, q := range p.list {
		if strings.HasPrefix(q.path, path) {
			return true
		}
	}
	return false
}

// position is a place in a file.
type position struct{ line, column int }

// positions maps the path of every setting of a file to its place.
type positions map[string]position

// find returns the place of a path or of its nearest enclosing setting.
func (m positions) find(path string) position {
	for path != "" {
		if at, ok := m[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return m[""]
}

// errors returns the problems as Errors of a file, or nil.
func (p *problems) errors(file string, where positions) error {
	if len(p.list) == 0 {
		return nil
	}
	errs := make(Errors, len(p.list))
	for i, q := range p.list {
		at := where.find(q.path)
		errs[i] = &Error{file, at.line, at.column, q.path, q.message}
	}
	sort.SliceStable(errs, func(i, j int) bool {
		if errs[i].Line != errs[j].Line {
			return errs[i].Line < errs[j].Line
		}
		return errs[i].Column < errs[j].Column
	})
	return errs
}

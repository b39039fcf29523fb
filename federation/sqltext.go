package federation

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// errSQL is the root of complaints about a task's text. Plans come from our own
// compiler, so each means a fault there or in a mapping.
var errSQL = errors.New("the task's SQL is not of the form that a Source runs")

// taskSQL builds what the database runs: the mappings of the task's tables as WITH clauses in
// front of its SELECT, and the salt in place of $1. COPY takes no parameters, so the salt is
// substituted as a literal. It consists of hexadecimal digits only and is put where the lexer
// finds the parameter token $1, never inside a string, name or comment; any other
// parameter is refused. A mapping is the owner's own text and may hold no parameter.
func taskSQL(sql string, tables []string, mapping map[string]MappedTable, salt string) (string, error) {
	if strings.Trim(salt, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%w: the salt is not hexadecimal", errSQL)
	}
	body, withSpan, err := substitute(sql, "'"+salt+"'::pg_catalog.text")
	if err != nil {
		return "", err
	}
	if len(tables) == 0 {
		return body, nil
	}
	var b strings.Builder
	b.WriteString("WITH ")
	for i, table := range tables {
		mapped, ok := mapping[table]
		if !ok {
			return "", fmt.Errorf("%w: no mapping for table %q", errSQL, table)
		}
		text, _, err := substitute(mapped.SQL, "")
		if err != nil {
			return "", fmt.Errorf("mapping of table %q: %w", table, err)
		}
		if i > 0 {
			b.WriteString(", ")
		}
		// The line end closes a comment that the mapping may end with.
		b.WriteString(pgx.Identifier{table}.Sanitize() + " AS MATERIALIZED (" + text + "\n)")
	}
	if withSpan > 0 { // the task has WITH clauses of its own: they follow ours
		b.WriteString(", ")
		b.WriteString(body[withSpan:])
		return b.String(), nil
	}
	b.WriteString("\n")
	b.WriteString(body)
	return b.String(), nil
}

// substitute replaces every $1 token by literal. An empty literal refuses it. The second
// result is the length of a leading WITH keyword with what stands before it, or 0.
func substitute(sql, literal string) (out string, with int, err error) {
	var b strings.Builder
	first := true
	for i := 0; i < len(sql); {
		kind, n := nextToken(sql[i:])
		token := sql[i : i+n]
		switch kind {
		case tokenBroken:
			return "", 0, fmt.Errorf("%w: unterminated token", errSQL)
		case tokenParameter:
			if token != "$1" || literal == "" {
				return "", 0, fmt.Errorf("%w: parameter %s", errSQL, token)
			}
			token = literal
		case tokenSemicolon:
			if !blank(sql[i:]) {
				return "", 0, fmt.Errorf("%w: more than one statement", errSQL)
			}
			return b.String(), with, nil
		}
		b.WriteString(token)
		if first && kind != tokenSpace {
			first = false
			if kind == tokenWord && strings.EqualFold(token, "with") {
				with = b.Len()
			}
		}
		i += n
	}
	return b.String(), with, nil
}

// blank reports whether s is only white space, comments and semicolons.
func blank(s string) bool {
	for s != "" {
		kind, n := nextToken(s)
		if kind != tokenSpace && kind != tokenSemicolon {
			return false
		}
		s = s[n:]
	}
	return true
}

// tokenKind is what a stretch of SQL is, as far as substitution needs to know.
type tokenKind int

// Kinds of tokens.
const (
	tokenBroken    tokenKind = iota // a string, name or comment that does not end
	tokenSpace                      // white space and comments
	tokenWord                       // keyword, name or number
	tokenQuoted                     // any string constant or quoted name
	tokenParameter                  // $ and digits
	tokenSemicolon
	tokenOther
)

// nextToken returns the kind and length of the token at the start of s, which is not
// empty. It follows PostgreSQL's lexer with standard_conforming_strings on.
func nextToken(s string) (tokenKind, int) {
	c := s[0]
	switch {
	case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
		return tokenSpace, 1
	case strings.HasPrefix(s, "--"):
		if n := strings.IndexAny(s, "\r\n"); n >= 0 {
			return tokenSpace, n
		}
		return tokenSpace, len(s)
	case strings.HasPrefix(s, "/*"):
		return comment(s)
	case c == '\'':
		return quoted(s, 0, false)
	case c == '"':
		return quoted(s, 0, false)
	case (c == 'e' || c == 'E') && len(s) > 1 && s[1] == '\'':
		return quoted(s, 1, true)
	case c == '$':
		return dollar(s)
	case c == ';':
		return tokenSemicolon, 1
	case wordByte(c):
		n := 1
		for n < len(s) && (wordByte(s[n]) || s[n] == '$') {
			n++
		}
		return tokenWord, n
	}
	return tokenOther, 1
}

// wordByte reports whether c can be in a name or number; every byte of a character
// beyond ASCII can.
func wordByte(c byte) bool {
	return c == '_' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// comment measures a nested comment.
func comment(s string) (tokenKind, int) {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return tokenSpace, i + 1
			}
		}
	}
	return tokenBroken, 0
}

// quoted measures a string or name whose quote is at s[at]; a doubled quote stays inside.
func quoted(s string, at int, backslash bool) (tokenKind, int) {
	quote := s[at]
	for i := at + 1; i < len(s); i++ {
		switch {
		case backslash && s[i] == '\\':
			i++
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return tokenQuoted, i + 1
		}
	}
	return tokenBroken, 0
}

// dollar measures a parameter or a dollar-quoted string.
func dollar(s string) (tokenKind, int) {
	n := 1
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if n > 1 {
		return tokenParameter, n
	}
	for n < len(s) && wordByte(s[n]) {
		n++
	}
	if n == len(s) || s[n] != '$' {
		return tokenOther, 1
	}
	tag := s[:n+1]
	end := strings.Index(s[n+1:], tag)
	if end < 0 {
		return tokenBroken, 0
	}
	return tokenQuoted, n + 1 + end + len(tag)
}

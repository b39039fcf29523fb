package wire

import (
	"strings"
	"unicode/utf8"
)

// naming is what a statement does to the names of a session: PREPARE and DECLARE give one, EXECUTE and FETCH read
// what one stands for. SQL and protocol share the names, so the relay has one table of each.
type naming struct {
	name    string
	portal  bool // a cursor, else a prepared statement
	defines bool

	explains bool // EXPLAIN EXECUTE
}

// namingOf reads the name off a statement's text. A form that it does not know has none: then columns lose their
// origin, and nothing else.
func namingOf(statement string) *naming {
	statement = skipBlank(statement)
	verb := strings.ToLower(firstWord(statement))
	rest := statement[len(verb):]
	n := &naming{portal: verb == "declare" || verb == "fetch", defines: verb == "declare" || verb == "prepare"}
	switch verb {
	case "declare", "prepare", "execute":
		n.name, _ = identifier(rest)
	case "explain":
		n.name, n.explains = explained(rest), true
	case "fetch":
		n.name = lastIdentifier(rest)
	default:
		return nil
	}
	if n.name == "" {
		return nil
	}
	return n
}

// identifier reads the next name and returns what follows it; the name is empty if something else comes.
func identifier(s string) (name, rest string) {
	s = skipBlank(s)
	if strings.HasPrefix(s, `"`) {
		return quotedIdentifier(s[1:])
	}
	end := strings.IndexFunc(s, func(c rune) bool {
		return c < utf8.RuneSelf && c != '_' && c != '$' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
	if end < 0 {
		end = len(s)
	}
	name = s[:end]
	if name == "" || name[0] >= '0' && name[0] <= '9' || name[0] == '$' || strings.HasPrefix(s[end:], "&") {
		return "", s[end:]
	}
	return truncated(strings.Map(lower, name)), s[end:]
}

// explained is the name in EXPLAIN … EXECUTE name.
func explained(s string) string {
	for {
		s = skipBlank(s)
		if strings.HasPrefix(s, "(") {
			if _, s, _ = strings.Cut(s, ")"); s == "" {
				return ""
			}
			continue
		}
		word, rest := identifier(s)
		switch word {
		case "analyze", "analyse", "verbose":
			s = rest
		case "execute":
			name, _ := identifier(rest)
			return name
		default:
			return ""
		}
	}
}

// quotedIdentifier reads a name behind its opening quote.
func quotedIdentifier(s string) (name, rest string) {
	var b strings.Builder
	for {
		part, after, closed := strings.Cut(s, `"`)
		b.WriteString(part)
		if !closed {
			return "", ""
		}
		if !strings.HasPrefix(after, `"`) {
			return truncated(b.String()), after
		}
		b.WriteByte('"')
		s = after[1:]
	}
}

// lastIdentifier is the last word of FETCH and of MOVE: the cursor.
func lastIdentifier(s string) (last string) {
	for s = skipBlank(s); s != ""; s = skipBlank(s) {
		name, rest := identifier(s)
		if len(rest) == len(s) {
			rest = s[1:] // a sign
		}
		last, s = name, rest
	}
	return last
}

// skipBlank skips white space and comments.
func skipBlank(s string) string {
	for {
		s = strings.TrimLeft(s, " \t\r\n\f\v")
		switch {
		case strings.HasPrefix(s, "--"):
			_, s, _ = strings.Cut(s, "\n")
		case strings.HasPrefix(s, "/*"):
			s = skipComment(s)
		default:
			return s
		}
	}
}

// lower folds as PostgreSQL does in UTF-8 databases: ASCII only.
func lower(c rune) rune {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// truncated cuts a name to PostgreSQL's 63 bytes, at a character.
func truncated(name string) string {
	const most = 63
	if len(name) <= most {
		return name
	}
	end := most
	for end > 0 && !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

package sqlplan

import (
	"errors"
	"strings"
)

// What may be wrong with an array's text.
var (
	errMalformed  = errors.New("sqlplan: malformed array literal")
	errDimensions = errors.New("sqlplan: array with dimensions")
)

// parseArray reads PostgreSQL's text form of an array of one dimension; nil elements are NULL. The result is not nil.
func parseArray(s string) ([]*string, error) {
	s = trimSpace(s)
	switch {
	case strings.HasPrefix(s, "["):
		return nil, errDimensions
	case len(s) < 2 || s[0] != '{':
		return nil, errMalformed
	}
	out := []*string{}
	rest := trimSpace(s[1:])
	if rest == "}" {
		return out, nil
	}
	for {
		element, after, err := parseElement(rest)
		if err != nil {
			return nil, err
		}
		out = append(out, element)
		if after == "}" {
			return out, nil
		}
		if !strings.HasPrefix(after, ",") {
			return nil, errMalformed
		}
		rest = trimSpace(after[1:])
	}
}

// parseElement reads one element from the front, and returns what follows it, without space.
func parseElement(s string) (element *string, after string, err error) {
	if strings.HasPrefix(s, "{") {
		return nil, "", errDimensions
	}
	var w strings.Builder
	quoted := strings.HasPrefix(s, `"`)
	i, kept := 0, 0 // kept: space before this is part of the element, since it was escaped
	if quoted {
		i = 1
	}
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			if i++; i == len(s) {
				return nil, "", errMalformed
			}
			w.WriteByte(s[i])
			kept = w.Len()
			continue
		case quoted && c == '"':
			text := w.String()
			return &text, trimSpace(s[i+1:]), nil
		case !quoted && (c == ',' || c == '}'):
			text := w.String()
			text = text[:kept] + strings.TrimRight(text[kept:], space)
			switch {
			case text == "":
				return nil, "", errMalformed
			case kept == 0 && strings.EqualFold(text, "NULL"):
				return nil, s[i:], nil
			}
			return &text, s[i:], nil
		case !quoted && (c == '"' || c == '{'):
			return nil, "", errMalformed
		}
		w.WriteByte(c)
	}
	return nil, "", errMalformed
}

const space = " \t\n\r\v\f"

func trimSpace(s string) string { return strings.Trim(s, space) }

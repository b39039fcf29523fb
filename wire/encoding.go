package wire

import (
	"fmt"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// codec converts between a session's client_encoding and UTF-8. Only encodings in which every byte below 0x80
// is that ASCII character are known: in any other one the parser and the shadow could read one text
// in two ways.
type codec struct {
	name string
	cm   *charmap.Charmap // nil: bytes are UTF-8
	ok   bool             // false: only ASCII texts are taken
}

// codecOf returns the codec of a client_encoding as PostgreSQL reports it.
func codecOf(name string) codec {
	switch name {
	case "UTF8", "SQL_ASCII", "":
		return codec{name: name, ok: true}
	case "LATIN1":
		return codec{name: name, cm: charmap.ISO8859_1, ok: true}
	case "LATIN9":
		return codec{name: name, cm: charmap.ISO8859_15, ok: true}
	case "WIN1252":
		return codec{name: name, cm: charmap.Windows1252, ok: true}
	default:
		return codec{name: name}
	}
}

// decode returns the text in UTF-8.
func (c codec) decode(text string) (string, error) {
	if isASCII(text) {
		return text, nil
	}
	if !c.ok {
		return "", pgerr.New(pgerr.FeatureNotSupported, "statements with other than ASCII characters are not supported in client_encoding %s", c.name).
			WithHint("SET client_encoding TO 'UTF8'.")
	}
	if c.cm != nil {
		return c.cm.NewDecoder().String(text)
	}
	if !utf8.ValidString(text) {
		return "", pgerr.New("22021", "invalid byte sequence for encoding \"UTF8\": %s", firstInvalid(text))
	}
	return text, nil
}

// encode is the reverse of decode.
func (c codec) encode(text string) (string, error) {
	if c.cm == nil || isASCII(text) {
		return text, nil
	}
	s, err := c.cm.NewEncoder().String(text)
	if err != nil {
		return "", pgerr.New("22P05", "a character of the statement has no equivalent in client_encoding %s", c.name)
	}
	return s, nil
}

// isASCII says whether a text is the same in every encoding that codecOf knows.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// firstInvalid writes the bytes that are no UTF-8 as PostgreSQL does: as many as the first of them announces.
func firstInvalid(text string) string {
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && n <= 1 {
			break
		}
		text = text[n:]
	}
	if text == "" {
		return ""
	}
	announced := 1
	switch lead := text[0]; {
	case lead>>5 == 0b110:
		announced = 2
	case lead>>4 == 0b1110:
		announced = 3
	case lead>>3 == 0b11110:
		announced = 4
	}
	return fmt.Sprintf("% #x", text[:min(announced, len(text))])
}

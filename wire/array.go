package wire

import "strings"

// arrayLiteral writes one row as PostgreSQL's text form of text[]. Every value is quoted, so
// that only a nil is NULL.
func arrayLiteral(dst []byte, row []*string) []byte {
	dst = append(dst, '{')
	for i, v := range row {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v == nil {
			dst = append(dst, "NULL"...)
			continue
		}
		dst = append(dst, '"')
		for rest := *v; ; {
			j := strings.IndexAny(rest, `"\`)
			if j < 0 {
				dst = append(dst, rest...)
				break
			}
			dst = append(dst, rest[:j]...)
			dst = append(dst, '\\', rest[j])
			rest = rest[j+1:]
		}
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

package catalog

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Lattice returns the place of a value of the column on the column's lattice: numbers
// times 10^Scale, days since 1970-01-01 for dates, microseconds since then (UTC) for
// timestamps, 0 and 1 for booleans. text is PostgreSQL's ISO format. Text columns have none.
func (c *Column) Lattice(text string) (int64, error) {
	switch c.Type {
	case Smallint:
		return parseInt(text, math.MinInt16, math.MaxInt16, c.Type)
	case Integer:
		return parseInt(text, math.MinInt32, math.MaxInt32, c.Type)
	case Bigint:
		return parseInt(text, math.MinInt64, math.MaxInt64, c.Type)
	case Numeric:
		return c.parseNumeric(text)
	case Double:
		return c.parseDecimals(text)
	case Boolean:
		switch text {
		case "t", "true":
			return 1, nil
		case "f", "false":
			return 0, nil
		}
		return 0, fmt.Errorf("%q is not a boolean; write true or false", clip(text))
	case Date:
		at, err := parseTime(text, "2006-01-02")
		return at / dayMicros, err
	case Timestamp:
		return parseTime(text, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02")
	case Timestamptz:
		return parseTime(text, "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00", time.RFC3339Nano)
	case Text:
		return 0, fmt.Errorf("text has no order here")
	default:
		return 0, fmt.Errorf("unknown type %q", clip(string(c.Type)))
	}
}

// Format is the inverse of Lattice: the value in PostgreSQL's text format, ISO and UTC.
func (c *Column) Format(at int64) string {
	switch c.Type {
	case Boolean:
		if at != 0 {
			return "t"
		}
		return "f"
	case Numeric, Double:
		return FormatDecimal(at, c.Scale)
	case Date:
		return formatTime(time.Unix(at*86400, 0).UTC(), "2006-01-02", "")
	case Timestamp:
		return formatTime(time.UnixMicro(at).UTC(), "2006-01-02 15:04:05.999999", "")
	case Timestamptz:
		return formatTime(time.UnixMicro(at).UTC(), "2006-01-02 15:04:05.999999", "+00")
	default:
		return strconv.FormatInt(at, 10)
	}
}

// dayMicros is a day in microseconds.
const dayMicros = 86400 * 1_000_000

// parseInt reads a whole number in a type's range.
func parseInt(text string, lo, hi int64, t Type) (int64, error) {
	n, err := parseScaled(text, 0)
	if err != nil {
		return 0, err
	}
	if n < lo || n > hi {
		return 0, fmt.Errorf("%q is outside type %s", clip(text), t)
	}
	return n, nil
}

// parseNumeric reads a number on the lattice and in the range of numeric(p,s).
func (c *Column) parseNumeric(text string) (int64, error) {
	n, err := c.parseDecimals(text)
	if err != nil || c.Precision == 0 || c.Precision > 18 {
		return n, err
	}
	if limit := pow10(c.Precision); n <= -limit || n >= limit {
		return 0, fmt.Errorf("%q is outside type %s", clip(text), c.SQLType())
	}
	return n, nil
}

// parseDecimals reads a number with at most Scale decimals.
func (c *Column) parseDecimals(text string) (int64, error) {
	n, err := parseScaled(text, c.Scale)
	if err != nil && strings.Contains(err.Error(), "decimals") {
		return 0, fmt.Errorf("%w; write fewer, or a larger scale", err)
	}
	return n, err
}

// pow10 is 10^n for n at most 18.
func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// yearForm refuses years that Go's layouts read differently from PostgreSQL.
var yearForm = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}`)

// parseTime reads a point in time in one of the layouts, in microseconds.
func parseTime(text string, layouts ...string) (int64, error) {
	if yearForm.MatchString(text) {
		for _, layout := range layouts {
			at, err := time.Parse(layout, text)
			if err == nil && at.Nanosecond()%1000 == 0 && at.Year() >= 1 {
				return at.UnixMicro(), nil
			}
		}
	}
	return 0, fmt.Errorf("%q is not in the form %s", clip(text), strings.Replace(layouts[0], "Z07", "+00", 1))
}

// formatTime writes a time; years beyond 9999 do not occur, since parseTime reads none.
func formatTime(at time.Time, layout, zone string) string {
	return at.Format(layout) + zone
}

// Canonical returns a value of the column as PostgreSQL's text format writes it.
func (c *Column) Canonical(text string) (string, error) {
	if c.Type == Text {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return "", fmt.Errorf("not valid UTF-8 text")
		}
		if len(text) > maxText {
			return "", fmt.Errorf("%q is longer than %d bytes", clip(text), maxText)
		}
		return text, nil
	}
	if c.Type == Numeric && c.Precision == 0 {
		return c.canonicalNumeric(text)
	}
	at, err := c.Lattice(text)
	if err != nil {
		return "", err
	}
	return c.Format(at), nil
}

// canonicalNumeric keeps the decimals as written: numeric without a modifier does too.
func (c *Column) canonicalNumeric(text string) (string, error) {
	if _, err := c.Lattice(text); err != nil {
		return "", err
	}
	m := decimalForm.FindStringSubmatch(text)
	if m == nil || m[4] != "" || m[1] == "+" || len(m[2]) > 1 && m[2][0] == '0' {
		return "", fmt.Errorf("%q: write digits with a point and no exponent", clip(text))
	}
	return text, nil
}

// maxText bounds comments, citations, domain values and the like in bytes.
const maxText = 4096

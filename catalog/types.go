package catalog

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// typeNames maps what a person may write to the type; varchar's length is dropped.
func typeNames() map[string]Type {
	return map[string]Type{
		"boolean": Boolean, "bool": Boolean,
		"smallint": Smallint, "int2": Smallint,
		"integer": Integer, "int": Integer, "int4": Integer,
		"bigint": Bigint, "int8": Bigint,
		"numeric": Numeric, "decimal": Numeric,
		"double precision": Double, "float8": Double,
		"text": Text, "varchar": Text, "character varying": Text,
		"date":      Date,
		"timestamp": Timestamp, "timestamp without time zone": Timestamp,
		"timestamptz": Timestamptz, "timestamp with time zone": Timestamptz,
	}
}

// modifierForm is a type with a modifier, such as numeric(10, 2).
var modifierForm = regexp.MustCompile(`^([a-z ]+?)\s*\(\s*([0-9]{1,7})\s*(?:,\s*([0-9]{1,4})\s*)?\)$`)

// ParseType reads a PostgreSQL type name. precision and scale are those of
// numeric(precision, scale), else 0; varchar becomes text.
func ParseType(text string) (t Type, precision, scale int, err error) {
	name := strings.ToLower(strings.Join(strings.Fields(text), " "))
	m := modifierForm.FindStringSubmatch(name)
	if m != nil {
		name = m[1]
	}
	t, ok := typeNames()[name]
	if !ok {
		return "", 0, 0, fmt.Errorf("type %q is not supported; write boolean, smallint, integer, bigint, numeric(p,s), double precision, text, date, timestamp or timestamptz, and cast to it in the mapping SQL", clip(text))
	}
	if m == nil {
		return t, 0, 0, nil
	}
	switch {
	case t == Numeric:
		precision, _ = strconv.Atoi(m[2]) // the pattern holds digits only
		if m[3] != "" {
			scale, _ = strconv.Atoi(m[3])
		}
		if precision < 1 || precision > 1000 || scale > precision || scale > maxScale {
			return "", 0, 0, fmt.Errorf("type %q: write numeric(p,s) with s at most %d and at most p", clip(text), maxScale)
		}
		return t, precision, scale, nil
	case t == Text && m[3] == "":
		return t, 0, 0, nil
	}
	return "", 0, 0, fmt.Errorf("type %q takes no modifier; write %s", clip(text), t)
}

// maxScale bounds decimal digits kept, so that a lattice step still leaves room in 64 bits.
const maxScale = 15

// number reports whether sums over the type make sense.
func (t Type) number() bool {
	return t.integer() || t == Numeric || t == Double
}

// integer reports whether the type is a whole number.
func (t Type) integer() bool { return t == Smallint || t == Integer || t == Bigint }

// fractional reports whether the type has decimals.
func (t Type) fractional() bool { return t == Numeric || t == Double }

// ordered reports whether a column of the type may have bounds.
func (t Type) ordered() bool {
	return t.number() || t == Date || t == Timestamp || t == Timestamptz
}

// String is the type as SQL writes it.
func (t Type) String() string { return string(t) }

// SQLType is the column's type as SQL writes it, with the modifier of numeric.
func (c *Column) SQLType() string {
	if c.Type == Numeric && c.Precision > 0 {
		return fmt.Sprintf("numeric(%d,%d)", c.Precision, c.Scale)
	}
	return string(c.Type)
}

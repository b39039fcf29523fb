package sqlplan

import (
	"fmt"
	"strings"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// Bounds of the arrays of ANY and ALL: each row is compared with every element of one, and a parameter may be named often.
const (
	maxElements    = 10_000
	maxElementsAll = 10 * maxElements
)

// arrayElements are PostgreSQL's fixed oids of array types and the types of their elements.
var arrayElements = map[uint32]kind{1000: boolean, 1005: int2, 1007: int4, 1016: int8, 1231: numeric, 1022: float8, 1009: text, 1015: text, 1014: text,
	1182: date, 1115: timestamp, 1185: timestamptz}

// anyOf binds x op ANY (array) and x op ALL (array) with constant elements. PostgreSQL itself decides about
// NULL: it is among the elements as it stands.
func (b *binder) anyOf(c *syntax.Call, want use) (value, error) {
	op, ok := comparisons[c.Operator]
	list, isArray := c.Args[1].(*syntax.Array)
	if !ok || !isArray {
		return value{}, b.unsupported(c.At(), "Use = < <= > >= or <>, or IN.", "operator %s %s is not supported over federated tables", c.Operator, strings.ToUpper(c.Name))
	}
	x, err := b.scalar(c.Args[0], want)
	if err != nil {
		return value{}, err
	}
	elements, whole, err := b.elements(list)
	if err != nil {
		return value{}, err
	}
	vs := append([]value{x}, elements...)
	k, err := b.unify(c.At(), vs)
	if err != nil {
		return value{}, err
	}
	array := "NULL"
	null := x.null || !whole
	if whole {
		var parts []string
		for _, v := range vs[1:] {
			if v.lit == nil {
				parts, null = append(parts, "NULL"), true
				continue
			}
			parts = append(parts, syntax.Quote(*v.lit))
		}
		array = "ARRAY[" + strings.Join(parts, ", ") + "]"
	}
	return value{k: boolean, domain: []string{"f", "t"}, sides: x.sides, null: null,
		sql: fmt.Sprintf("%s OPERATOR(pg_catalog.%s) %s (%s::%s[])", collated(vs[0]), op, strings.ToUpper(c.Name), array, k.sql())}, nil
}

// elements binds an array's constants; whole is false where the array itself is NULL or not known yet.
func (b *binder) elements(list *syntax.Array) (elements []value, whole bool, err error) {
	if b.elementsRead > maxElementsAll {
		return nil, false, b.fail(list.At(), pgerr.ProgramLimitExceeded, "Use fewer arrays, or ranges.", "the statement's arrays have too many elements")
	}
	k := kind(list.Type)
	if list.Type == "varchar" || list.Type == "bpchar" {
		k = text
	}
	if _, ok := oids[k]; list.Type != "" && (!ok || k == unknown) {
		return nil, false, b.unsupported(list.At(), "Use an array of numbers, text, dates, timestamps or booleans.", "an array of %s is not supported over federated tables", list.Type)
	}
	if list.Of == nil {
		elements, err = b.items(list)
		whole = true
	} else {
		var texts []*string
		var own kind
		if texts, own, err = b.arrayText(list); err != nil {
			return nil, false, err
		}
		if list.Type == "" {
			k = own
		}
		whole = texts != nil
		for _, t := range texts {
			elements = append(elements, value{k: unknown, isLit: true, lit: t, null: t == nil})
		}
	}
	if err != nil {
		return nil, false, err
	}
	if len(elements) > maxElements {
		return nil, false, b.fail(list.At(), pgerr.ProgramLimitExceeded, "Use a shorter array, or a range.", "the array has %d elements; at most %d are supported", len(elements), maxElements)
	}
	b.elementsRead += int64(len(elements))
	for i, v := range elements {
		if list.Type != "" && v.k != unknown && v.k != k {
			v.k = unknown
		}
		if k != "" && k != unknown {
			if elements[i], err = b.coerce(list.At(), v, k); err != nil {
				return nil, false, err
			}
		}
	}
	if !whole && k != "" && k != unknown { // the element type takes part in choosing the operator
		elements = append(elements, nullOf(k))
	}
	return elements, whole, nil
}

// items binds the constants of ARRAY[…].
func (b *binder) items(list *syntax.Array) ([]value, error) {
	var out []value
	for _, e := range list.Items {
		v, err := b.scalar(e, useFilter)
		if err != nil {
			return nil, err
		}
		if !v.isLit {
			return nil, b.unsupported(e.At(), "Write constants or parameters in ARRAY[…].", "an array of columns or expressions is not supported over federated tables")
		}
		out = append(out, v)
	}
	return out, nil
}

// arrayText reads a constant or parameter that stands for an array: its elements, nil for NULL, and their type,
// unknown where nothing says it.
func (b *binder) arrayText(list *syntax.Array) ([]*string, kind, error) {
	var whole *string
	k := unknown
	switch x := list.Of.(type) {
	case *syntax.Literal:
		if x.Kind == syntax.String {
			whole = &x.Text
		}
	case *syntax.Param:
		if x.Number >= 1 && x.Number <= len(b.query.ArgTypes) {
			oid := b.query.ArgTypes[x.Number-1]
			if e, ok := arrayElements[oid]; ok {
				k = e
			} else if oid != 0 && oid != 705 {
				return nil, "", b.unsupported(x.At(), "Use an array of numbers, text, dates, timestamps or booleans.", "the type of parameter $%d is not supported", x.Number)
			}
		}
		if b.shape {
			return nil, k, nil
		}
		if x.Number < 1 || x.Number > len(b.query.Args) {
			return nil, "", b.fail(x.At(), "42P02", "", "there is no parameter $%d", x.Number)
		}
		whole = b.query.Args[x.Number-1]
	}
	if whole == nil {
		return nil, k, nil
	}
	out, err := parseArray(*whole)
	switch err {
	case errDimensions:
		return nil, "", b.unsupported(list.At(), "Use an array of one dimension, such as '{1,2}'.", "an array of several dimensions or with own subscripts is not supported over federated tables")
	case errMalformed:
		return nil, "", b.fail(list.At(), "22P02", "Write arrays as '{a,b}'.", "malformed array literal: %q", *whole)
	}
	return out, k, nil
}

// pinArray remembers a column that column = ANY (array) fixes to constants; NULL elements never match.
func (b *binder) pinArray(c *syntax.Call) {
	col, isColumn := c.Args[0].(*syntax.Column)
	list, isArray := c.Args[1].(*syntax.Array)
	if !isColumn || !isArray {
		return
	}
	side, def, err := b.column(col)
	if err != nil {
		return
	}
	elements, whole, err := b.elements(list)
	if err != nil {
		return
	}
	values, seen := []string{}, map[string]bool{}
	if !whole && b.shape {
		values = append(values, def.Domain...)
	}
	for _, v := range elements {
		if v.open {
			values = append(values, def.Domain...)
			continue
		}
		if v, err = b.coerce(c.At(), v, kindOf(def.Type)); err != nil || v.k != kindOf(def.Type) {
			return
		}
		if v.lit != nil && !seen[*v.lit] {
			seen[*v.lit], values = true, append(values, *v.lit)
		}
	}
	b.pinned[fmt.Sprintf("%d.%s", side, def.Name)] = values
}

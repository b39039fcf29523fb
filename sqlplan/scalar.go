package sqlplan

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// longestSQL bounds an expression written out for an owner. nullif, IN and their like write an operand more than
// once, so that nested ones grow exponentially: without a bound a short statement would take all parties' memory.
const longestSQL = 128 << 10

// scalar binds a private expression: everything in it is total and of bounded cost (RULES 12).
func (b *binder) scalar(e syntax.Expr, want use) (value, error) {
	v, err := b.expression(e, want)
	if err == nil {
		err = b.length(e.At(), len(v.sql))
	}
	if b.note != nil {
		b.note(e, v, err)
	}
	if err != nil {
		return value{}, err
	}
	return v, nil
}

// length refuses expressions whose SQL is too long.
func (b *binder) length(at, n int) error {
	if n > longestSQL {
		return b.fail(at, pgerr.ProgramLimitExceeded, "Nest fewer expressions, or ask in several statements.", "the expression is too complex")
	}
	return nil
}

func (b *binder) expression(e syntax.Expr, want use) (value, error) {
	switch x := e.(type) {
	case *syntax.Column:
		return b.reference(x, want)
	case *syntax.Literal:
		return b.literal(x)
	case *syntax.Param:
		return b.param(x)
	case *syntax.Cast:
		return b.cast(x, want)
	case *syntax.Case:
		return b.caseOf(x, want)
	case *syntax.Call:
		if x.Construct {
			return b.construct(x, want)
		}
		return b.function(x, want)
	case *syntax.Other:
		return value{}, b.unsupported(x.At(), otherHint(x), "%s is not supported over federated rows", x.What)
	}
	return value{}, b.unsupported(-1, allowHint, "this expression is not supported over federated tables")
}

func (b *binder) literal(l *syntax.Literal) (value, error) {
	switch l.Kind {
	case syntax.Null:
		return value{k: unknown, isLit: true, null: true, sql: "NULL"}, nil
	case syntax.String:
		t := l.Text
		return value{k: unknown, isLit: true, lit: &t}, nil
	case syntax.Boolean:
		return b.constant(l.At(), boolean, l.Text)
	case syntax.Decimal:
		return b.constant(l.At(), numeric, l.Text)
	}
	for _, k := range []kind{int4, int8} {
		if n, ok := new(big.Int).SetString(l.Text, 10); ok && (&interval{n, n}).within(typeRange(k)) {
			return b.constant(l.At(), k, l.Text)
		}
	}
	return b.constant(l.At(), numeric, l.Text)
}

func (b *binder) param(p *syntax.Param) (value, error) {
	k := unknown
	if p.Number >= 1 && p.Number <= len(b.query.ArgTypes) && b.query.ArgTypes[p.Number-1] != 0 {
		if k = kindOfOID(b.query.ArgTypes[p.Number-1]); k == "" {
			return value{}, b.unsupported(p.At(), "Cast the parameter.", "the type of parameter $%d is not supported", p.Number)
		}
	}
	if b.shape {
		return b.coerce(p.At(), value{k: unknown, isLit: true, open: true, sql: "NULL"}, k)
	}
	if p.Number < 1 || p.Number > len(b.query.Args) {
		return value{}, b.fail(p.At(), "42P02", "", "there is no parameter $%d", p.Number)
	}
	a := b.query.Args[p.Number-1]
	switch {
	case a == nil && k == unknown:
		return value{k: unknown, isLit: true, null: true, sql: "NULL"}, nil
	case a == nil:
		return nullOf(k), nil
	case k == unknown:
		return value{k: unknown, isLit: true, lit: a}, nil
	}
	return b.constant(p.At(), k, *a)
}

func (b *binder) all(args []syntax.Expr, want use) ([]value, int, error) {
	var out []value
	sides := 0
	for _, a := range args {
		v, err := b.scalar(a, want)
		if err != nil {
			return nil, 0, err
		}
		out, sides = append(out, v), sides|v.sides
	}
	return out, sides, nil
}

// unify finds the common type of values as PostgreSQL does for CASE, IN and operators.
func (b *binder) unify(at int, vs []value) (kind, error) {
	k := unknown
	for _, v := range vs {
		switch {
		case v.k == unknown || v.k == k:
		case k == unknown:
			k = v.k
		case k.number() && v.k.number():
			k = wider(k, v.k)
		case k.moment() && v.k.moment():
			if k == timestamptz || v.k == timestamptz {
				k = timestamptz
			} else {
				k = timestamp
			}
			if k == timestamptz && !b.utc() {
				return "", b.unsupported(at, "SET TimeZone = 'UTC'", "timestamp with time zone outside UTC is not supported over federated tables")
			}
		default:
			return "", b.fail(at, "42883", "Cast one of them.", "operator does not exist: %s and %s cannot be compared", typeWord(k), typeWord(v.k))
		}
	}
	if k == unknown {
		k = text
	}
	for i := range vs {
		var err error
		to := k
		if vs[i], err = b.coerce(at, vs[i], to); err != nil {
			return "", err
		}
		if err = b.widens(at, vs[i], k); err != nil {
			return "", err
		}
		switch {
		case vs[i].k != k && k.moment():
			vs[i] = momentTo(vs[i].clamped(), k)
		case vs[i].k == numeric && k == float8 && !vs[i].isLit:
			vs[i] = vs[i].double()
		}
	}
	return k, nil
}

// widens refuses conversions that fail on some value: dates beyond the range of timestamps, numerics beyond
// that of doubles (RULES 12).
func (b *binder) widens(at int, v value, k kind) error {
	if v.iv != nil || v.isLit || !(v.k == date && k != date || v.k == numeric && k == float8) {
		return nil
	}
	return b.unsupported(at, "Use a column with declared bounds, or compare with the column's own type.", "a conversion from %s to %s needs declared bounds", typeWord(v.k), typeWord(k))
}

func momentTo(v value, k kind) value {
	if v.iv != nil {
		v.iv = convertMoment(v.iv, v.k, k)
	}
	v.sql, v.k, v.domain = "("+v.sql+")::"+k.sql(), k, nil
	return v
}

var comparisons = map[string]string{"=": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}

// construct binds an operator or a construct.
func (b *binder) construct(c *syntax.Call, want use) (value, error) {
	switch c.Name {
	case "and", "or", "not", "istrue", "isnottrue", "isfalse", "isnotfalse", "isunknown", "isnotunknown":
		return b.logic(c, want)
	case "any", "all":
		return b.anyOf(c, want)
	}
	vs, sides, err := b.all(c.Args, want)
	if err != nil {
		return value{}, err
	}
	if op, ok := comparisons[c.Name]; ok && len(vs) == 2 {
		return b.compare(c.At(), op, vs, sides)
	}
	null := false
	for _, v := range vs {
		null = null || v.null
	}
	truth := value{k: boolean, domain: []string{"f", "t"}, sides: sides, null: null}
	switch c.Name {
	case "isnull", "isnotnull":
		truth.null = false
		truth.sql = "(" + vs[0].sql + ") IS " + map[string]string{"isnull": "NULL", "isnotnull": "NOT NULL"}[c.Name]
		return truth, nil
	case "distinct", "notdistinct":
		if _, err := b.unify(c.At(), vs); err != nil {
			return value{}, err
		}
		truth.null = false
		truth.sql = fmt.Sprintf("%s IS %sDISTINCT FROM %s", collated(vs[0]), map[string]string{"notdistinct": "NOT "}[c.Name], collated(vs[1]))
		return truth, nil
	case "between", "in":
		return b.among(c, vs, truth)
	case "coalesce", "greatest", "least":
		return b.choose(c, vs, sides)
	case "nullif":
		return b.nullIf(c, vs, sides)
	case "+", "-", "*", "/":
		return b.arithmetic(c, vs, sides)
	case "%":
		if _, err := b.unify(c.At(), vs); err != nil {
			return value{}, err
		}
		return b.remainder(c.At(), vs[0], vs[1], sides)
	case "~~", "~~*", "!~~", "!~~*":
		return b.like(c, vs, sides)
	}
	return value{}, b.unsupported(c.At(), operatorHint(c.Name), "operator %s is not supported over federated rows", c.Name)
}

// among binds BETWEEN and IN; truth is a boolean that lacks its SQL.
func (b *binder) among(c *syntax.Call, vs []value, truth value) (value, error) {
	if _, err := b.unify(c.At(), vs); err != nil {
		return value{}, err
	}
	if c.Name == "between" {
		truth.sql = fmt.Sprintf("(%s OPERATOR(pg_catalog.>=) %s AND %s OPERATOR(pg_catalog.<=) %s)", collated(vs[0]), collated(vs[1]), collated(vs[0]), collated(vs[2]))
		return truth, nil
	}
	if err := b.length(c.At(), len(vs)*len(vs[0].sql)); err != nil {
		return value{}, err
	}
	var tests []string
	for _, v := range vs[1:] {
		tests = append(tests, fmt.Sprintf("%s OPERATOR(pg_catalog.=) %s", collated(vs[0]), collated(v)))
	}
	truth.sql = "(" + strings.Join(tests, " OR ") + ")"
	return truth, nil
}

// nullIf binds NULLIF.
func (b *binder) nullIf(c *syntax.Call, vs []value, sides int) (value, error) {
	if _, err := b.unify(c.At(), vs); err != nil {
		return value{}, err
	}
	out := vs[0].clamped()
	out.sql = fmt.Sprintf("CASE WHEN %s OPERATOR(pg_catalog.=) %s THEN NULL ELSE %s END", collated(out), collated(vs[1]), out.sql)
	out.null, out.sides, out.isLit = true, sides, false
	return out, nil
}

// collated writes an operand; text compares bytewise at every owner.
func collated(v value) string {
	if v.k == text {
		return "((" + v.sql + `) COLLATE pg_catalog."C")`
	}
	return "(" + v.sql + ")"
}

func (b *binder) logic(c *syntax.Call, want use) (value, error) {
	out := value{k: boolean, domain: []string{"f", "t"}}
	var parts []string
	for _, a := range c.Args {
		v, err := b.truth(a, want)
		if err != nil {
			return value{}, err
		}
		parts, out.sides, out.null = append(parts, "("+v.sql+")"), out.sides|v.sides, out.null || v.null
	}
	switch c.Name {
	case "and", "or":
		out.sql = "(" + strings.Join(parts, " "+strings.ToUpper(c.Name)+" ") + ")"
	case "not":
		out.sql = "(NOT " + parts[0] + ")"
	default:
		test := map[string]string{"istrue": "TRUE", "isnottrue": "NOT TRUE", "isfalse": "FALSE", "isnotfalse": "NOT FALSE",
			"isunknown": "UNKNOWN", "isnotunknown": "NOT UNKNOWN"}[c.Name]
		out.sql, out.null = "("+parts[0]+" IS "+test+")", false
	}
	return out, nil
}

// truth binds a condition.
func (b *binder) truth(e syntax.Expr, want use) (value, error) {
	v, err := b.scalar(e, want)
	if err != nil {
		return value{}, err
	}
	if v, err = b.coerce(e.At(), v, boolean); err != nil {
		return value{}, err
	}
	if v.k != boolean {
		return value{}, b.fail(e.At(), "42804", "", "argument must be type boolean, not type %s", typeWord(v.k))
	}
	return v, nil
}

func (b *binder) compare(at int, op string, vs []value, sides int) (value, error) {
	if _, err := b.unify(at, vs); err != nil {
		return value{}, err
	}
	return value{k: boolean, domain: []string{"f", "t"}, sides: sides, null: vs[0].null || vs[1].null,
		sql: fmt.Sprintf("%s OPERATOR(pg_catalog.%s) %s", collated(vs[0]), op, collated(vs[1]))}, nil
}

// choose binds coalesce, greatest and least.
func (b *binder) choose(c *syntax.Call, vs []value, sides int) (value, error) {
	k, err := b.unify(c.At(), vs)
	if err != nil {
		return value{}, err
	}
	out, err := b.merge(c.At(), k, vs)
	if err != nil {
		return value{}, err
	}
	var parts []string
	out.null = true
	for _, v := range vs {
		v = v.clamped()
		s := "(" + v.sql + ")::" + k.sql()
		if k == text {
			s = collated(v)
		}
		parts = append(parts, s)
		out.null = out.null && v.null
	}
	out.sql, out.sides = c.Name+"("+strings.Join(parts, ", ")+")", sides
	return out, nil
}

// merge gives the type, lattice, interval and domain of a value that is one of vs.
func (b *binder) merge(at int, k kind, vs []value) (value, error) {
	out := value{k: k}
	for _, v := range vs {
		out.scale = max(out.scale, v.scale)
		out.null = out.null || v.null
		out.sides |= v.sides
	}
	known, seen := true, map[string]bool{}
	for i, v := range vs {
		if v.isLit && v.lit == nil && !v.open {
			continue
		}
		iv := v.iv.rescale(out.scale - v.scale)
		if out.iv == nil && i == 0 || known && out.iv == nil {
			out.iv = iv
		} else {
			out.iv = out.iv.hull(iv)
		}
		if iv == nil {
			known, out.iv = false, nil
		}
	}
	if !known {
		out.iv = nil
	}
	for _, v := range vs {
		if v.isLit && v.lit == nil {
			continue
		}
		if v.domain == nil {
			out.domain = nil
			return out, nil
		}
		for _, d := range v.domain {
			if !seen[d] {
				seen[d], out.domain = true, append(out.domain, d)
			}
		}
	}
	return out, nil
}

func (b *binder) caseOf(c *syntax.Case, want use) (value, error) {
	var conds []string
	sides := 0
	for _, w := range c.When {
		var v value
		var err error
		if c.Operand != nil {
			var vs []value
			if vs, _, err = b.all([]syntax.Expr{c.Operand, w}, want); err == nil {
				v, err = b.compare(w.At(), "=", vs, vs[0].sides|vs[1].sides)
			}
		} else {
			v, err = b.truth(w, want)
		}
		if err != nil {
			return value{}, err
		}
		conds, sides = append(conds, v.sql), sides|v.sides
		if err := b.length(c.At(), len(conds)*len(v.sql)); err != nil {
			return value{}, err
		}
	}
	results := append([]syntax.Expr(nil), c.Then...)
	if c.Else != nil {
		results = append(results, c.Else)
	}
	vs, s, err := b.all(results, want)
	if err != nil {
		return value{}, err
	}
	k, err := b.unify(c.At(), vs)
	if err != nil {
		return value{}, err
	}
	out, err := b.merge(c.At(), k, vs)
	if err != nil {
		return value{}, err
	}
	var w strings.Builder
	w.WriteString("CASE")
	for i, cond := range conds {
		fmt.Fprintf(&w, " WHEN %s THEN (%s)::%s", cond, vs[i].clamped().sql, k.sql())
	}
	if c.Else != nil {
		fmt.Fprintf(&w, " ELSE (%s)::%s", vs[len(vs)-1].clamped().sql, k.sql())
	} else {
		out.null = true
	}
	out.sql, out.sides = w.String()+" END", sides|s
	return out, nil
}

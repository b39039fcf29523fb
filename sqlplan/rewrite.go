package sqlplan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// StatementKind says who answers a statement. The zero value is nobody.
type StatementKind int

// Kinds of statements.
const (
	_         StatementKind = iota
	Relayed                 // the analyst's session answers it untouched
	Federated               // reads federated tables
)

// Statement is one statement of a text.
type Statement struct {
	Start, End int // byte span in the text, without the semicolon
	Kind       StatementKind
	Select     string   // the SELECT inside, to be described
	SelectAt   int      // byte offset of Select in the text
	Types      []uint32 // PREPARE's declared parameter types; nil: none declared
	Explain    bool
	JSON       bool // EXPLAIN (FORMAT JSON)

	study   *catalog.Study
	analyst string
	types   []uint32
	prefix  string // text of the statement before and behind the SELECT
	suffix  string
	before  int  // characters of the text before Select
	empty   bool // Select returns no row whatever the tables hold
	rows    bool // Select can only return rows as they are

	functions map[string]string // table → function that returns its made-up rows; nil: the login does not browse
}

// OutputColumn is one column of the SELECT as PostgreSQL described it.
type OutputColumn struct {
	Name         string
	OID          uint32
	TypeModifier int32  // atttypmod; -1: none
	Table        uint32 // oid of the table whose column it is; 0: none
}

// Rewrite splits a text and says of each statement who answers it. Whatever could write, change who
// one is, or read federated tables otherwise than through the rewriter is refused; an error
// refuses the whole text. types are the parameter types that the client declared (0: unknown).
func Rewrite(study *catalog.Study, analyst string, text string, types []uint32) ([]Statement, error) {
	parsed, err := syntax.Split(text)
	if err != nil {
		return nil, err
	}
	r := rewriter{study: study, analyst: analyst, text: text, types: types}
	var out []Statement
	for _, p := range parsed {
		s, err := r.statement(p)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

type rewriter struct {
	study   *catalog.Study
	analyst string
	text    string
	types   []uint32
}

func (r rewriter) fail(at int, code, hint, format string, args ...any) error {
	e := pgerr.New(code, format, args...).At(syntax.Position(r.text, at))
	if hint != "" {
		e = e.WithHint("%s", hint)
	}
	return e
}

// statement classifies one statement.
func (r rewriter) statement(p syntax.Statement) (Statement, error) {
	out := Statement{Start: p.Start, End: p.End, Kind: Relayed, study: r.study, analyst: r.analyst}
	if err := r.forbidden(p); err != nil {
		return out, err
	}
	var federated, other *syntax.Named
	for i, t := range p.Tables {
		if lookupTable(r.study, t.Schema, t.Name) != nil {
			federated = &p.Tables[i]
		} else {
			other = &p.Tables[i]
		}
	}
	switch {
	case p.Verb == syntax.CopyOut && federated != nil:
		return out, r.fail(federated.At, pgerr.NotAggregated, "Use COPY (SELECT count(*) …) TO STDOUT.", "persons' rows are not released")
	case federated == nil:
		return out, nil
	case other != nil:
		return out, r.fail(other.At, pgerr.FeatureNotSupported, "Ask about federated tables and catalogs in separate statements.",
			"federated tables cannot be combined with %q in one statement", other.Name)
	case p.Nested:
		return out, r.fail(p.Start, pgerr.FeatureNotSupported, "", "this statement is not supported over federated tables")
	case p.BadOption != nil:
		return out, r.fail(p.BadOption.At, pgerr.SyntaxError, "", "unrecognized EXPLAIN option %q", p.BadOption.Name)
	case p.Markup:
		return out, r.fail(p.Start, pgerr.FeatureNotSupported, "Use FORMAT TEXT or FORMAT JSON.", "this format of EXPLAIN is not supported over federated tables")
	case p.Analyze:
		return out, r.fail(p.Start, pgerr.FeatureNotSupported, "EXPLAIN without ANALYZE costs nothing.", "EXPLAIN ANALYZE is not supported over federated tables")
	}
	out.Kind = Federated
	aggregate := func(name string) bool { return slices.Contains(aggregates, name) }
	from, to := syntax.Question(r.text, p, r.federated(p), aggregate)
	if err := r.around(p, from, to); err != nil {
		return out, err
	}
	out.Select, out.SelectAt = r.text[from:to], from
	out.empty, out.rows = syntax.Browses(out.Select, aggregate)
	out.prefix, out.suffix = r.text[p.Start:from], r.text[to:p.End]
	out.Explain, out.JSON = p.Verb == syntax.Explain, p.JSON
	out.types, out.before = r.types, utf8.RuneCountInString(r.text[:from])
	if len(p.Types) > 0 {
		for _, t := range p.Types {
			k := kind(t)
			if t == "varchar" || t == "bpchar" {
				k = text
			}
			out.Types = append(out.Types, oids[k])
		}
		out.types = out.Types
	}
	return out, nil
}

// around refuses what may not stand around the SELECT that asks, whose span is given.
func (r rewriter) around(p syntax.Statement, from, to int) error {
	if at := syntax.ParamsOutside(r.text, p.Start, p.End, from, to); at >= 0 {
		return r.fail(at, pgerr.FeatureNotSupported, "Use parameters inside the subquery that reads the tables, and constants around it.",
			"a parameter outside of the subquery that reads federated tables is not supported")
	}
	if from == p.Inner && to == p.InnerEnd {
		return nil
	}
	if at := syntax.Copied(r.text, p, r.federated(p)); at >= 0 {
		return r.fail(at, pgerr.FeatureNotSupported, "Put it into FROM or WITH, and use its column here: SELECT … FROM (SELECT count(*) AS n …) AS t.",
			"a subquery that reads federated tables is not supported before BETWEEN, IN and .*, where it would be asked several times")
	}
	return nil
}

// federated lists the places of a statement's federated tables.
func (r rewriter) federated(p syntax.Statement) []int {
	var out []int
	for _, t := range p.Tables {
		if lookupTable(r.study, t.Schema, t.Name) != nil {
			out = append(out, t.At)
		}
	}
	return out
}

// forbidden refuses what no analyst may run, whatever it reads.
func (r rewriter) forbidden(p syntax.Statement) error {
	const readOnly = "Sessions are read-only: use SELECT."
	switch {
	case p.Verb == syntax.Role:
		return r.fail(p.Start, pgerr.InsufficientPrivilege, "", "permission denied to change role")
	case p.Verb == syntax.Write || p.Writes != "":
		return r.fail(p.Start, pgerr.ReadOnlyTransaction, readOnly, "cannot execute %s in a read-only transaction", cmp.Or(p.Writes, "this statement"))
	}
	for _, f := range p.Functions {
		own := f.Schema == "" && (slices.Contains([]string{"run", "explain", "view"}, f.Name) || strings.HasPrefix(f.Name, madeUpPrefix))
		if own || f.Schema == "c2d" || strings.HasPrefix(strings.ToLower(f.Name), "dblink") {
			return r.fail(f.At, pgerr.InsufficientPrivilege, "", "permission denied for function %s", f.Name)
		}
	}
	for _, t := range p.Tables {
		if t.Schema == "c2d" && slices.Contains([]string{"run", "explain", "view"}, t.Name) {
			return r.fail(t.At, pgerr.InsufficientPrivilege, "", "permission denied for %s", t.Name)
		}
	}
	return r.pinned(p)
}

// pinned refuses settings that would make PostgreSQL read a text otherwise than we read it: what one
// takes for a string would be a call to the other.
func (r rewriter) pinned(p syntax.Statement) error {
	for _, s := range p.Settings {
		if e, ok := pgerr.As(CheckSetting(s.Name)); ok {
			return e.At(syntax.Position(r.text, s.At))
		}
		value := strings.ToLower(s.Value)
		switch s.Name {
		case "":
			return r.fail(s.At, pgerr.FeatureNotSupported, "Write the name as a constant: set_config('work_mem', '8MB', false). pg_dump has nothing to copy here: use \\d, c2d.tables and c2d.columns.",
				"set_config needs the name of a setting")
		case "standard_conforming_strings":
			if !slices.Contains([]string{"on", "true", "yes", "1"}, value) {
				return r.fail(s.At, pgerr.FeatureNotSupported, "Write E'…' for strings with escapes.", "parameter %q is always on", s.Name)
			}
		case "array_nulls":
			if !slices.Contains([]string{"on", "true", "yes", "1"}, value) {
				return r.fail(s.At, pgerr.FeatureNotSupported, "Write \"NULL\" for an element with this text.", "parameter %q is always on", s.Name)
			}
		case "transform_null_equals":
			if !slices.Contains([]string{"off", "false", "no", "0"}, value) {
				return r.fail(s.At, pgerr.FeatureNotSupported, "Write IS NULL.", "parameter %q is always off", s.Name)
			}
		}
	}
	return nil
}

// Render returns the text that takes the statement's place: what is left of it over released rows. desc
// is PostgreSQL's description of Select, source a set-returning call of text arrays such as
// c2d.run('id', ARRAY[$1::text]).
//
// A parameter that the source casts must have its own type first (($1::int4)::text), or the
// text must be parsed with the described parameter types: nparams of them. Positions of errors count
// characters of the whole text. Where FromCatalog reports true, source does not occur in the result.
func (s Statement) Render(desc []OutputColumn, nparams int, source string) (string, error) {
	if s.Kind != Federated {
		return "", pgerr.New(pgerr.InternalError, "only federated statements are rewritten")
	}
	text, err := s.render(desc, nparams, source)
	if e, ok := pgerr.As(err); ok && e.Position > 0 {
		return "", e.At(e.Position + s.before)
	}
	return text, err
}

// render is Render with positions in Select.
func (s Statement) render(desc []OutputColumn, nparams int, source string) (string, error) {
	if s.MadeUp(desc) {
		return s.madeUp(desc)
	}
	if err := s.unmarkable(desc); err != nil {
		return "", err
	}
	free, asked, err := s.catalogAnswer(nparams)
	if err != nil {
		return "", err
	}
	if s.Explain {
		if free != nil {
			return explainCatalog(s.JSON), nil
		}
		return fmt.Sprintf(`SELECT r[1]::pg_catalog.%s AS "QUERY PLAN" FROM %s AS r(r)`, planType(s.JSON), source), nil
	}
	var tail string
	if free != nil {
		tail, err = free.text(desc)
	} else {
		tail, err = s.tail(asked, desc, nparams, source)
	}
	if err != nil {
		return "", err
	}
	return s.prefix + tail + s.suffix, nil
}

// binder binds the SELECT before its arguments are known.
func (s Statement) binder(nparams int) *binder {
	types := make([]uint32, max(nparams, len(s.types)))
	copy(types, s.types)
	b := newBinder(s.study, Query{SQL: s.Select, Analyst: s.analyst, ArgTypes: types})
	b.shape = true
	return b
}

// tail is what is asked, over released rows; positions of its errors are in Select. It changes sel.
func (s Statement) tail(sel *syntax.Select, desc []OutputColumn, nparams int, source string) (string, error) {
	a, err := s.binder(nparams).analyze(sel)
	if err != nil {
		return "", err
	}
	columns, err := tailColumns(desc)
	if err != nil {
		return "", err
	}
	if a.policy.kind == catalog.ReleaseExact {
		sel.DropHaving()
	}
	return sel.Tail(a.replace, columns, a.released(source))
}

// tailColumns are the described columns as the tail casts to them.
func tailColumns(desc []OutputColumn) ([]syntax.TailColumn, error) {
	columns := make([]syntax.TailColumn, 0, len(desc))
	for _, d := range desc {
		t, err := typeText(d)
		if err != nil {
			return nil, err
		}
		columns = append(columns, syntax.TailColumn{Name: d.Name, Type: t})
	}
	return columns, nil
}

// empty is a SELECT without rows that has the described columns: nothing is asked of anybody.
func empty(desc []OutputColumn) (string, error) {
	var list []string
	for _, d := range desc {
		t, err := typeText(d)
		if err != nil {
			return "", err
		}
		list = append(list, fmt.Sprintf("CAST(NULL AS %s) AS %s", t, syntax.Ident(d.Name)))
	}
	return "SELECT " + strings.Join(list, ", ") + " WHERE false", nil
}

// released is the FROM item of the tail: released rows with typed columns.
func (a *analysis) released(source string) string {
	var list []string
	for i, k := range a.keys {
		list = append(list, fmt.Sprintf("CAST(r[%d] AS %s) AS k%d", i+1, k.k.sql(), i+1))
	}
	for i, v := range a.values {
		t := "pg_catalog.numeric"
		if v.vec >= 0 && a.vectors[v.vec].counts {
			t = "pg_catalog.int8"
		}
		list = append(list, fmt.Sprintf("CAST(r[%d] AS %s) AS v%d", len(a.keys)+i+1, t, i+1))
	}
	return fmt.Sprintf("(SELECT %s FROM %s AS r(r)) AS c2d", strings.Join(list, ", "), source)
}

// typeText writes a described type for CAST.
func typeText(d OutputColumn) (string, error) {
	k := kindOfOID(d.OID)
	switch {
	case d.OID == 25 || k == unknown:
		return "pg_catalog.text", nil
	case k == numeric && d.TypeModifier >= 4:
		m := d.TypeModifier - 4
		return fmt.Sprintf("pg_catalog.numeric(%d, %d)", m>>16&0xffff, m&0x7ff), nil
	case d.OID == 1043 || d.OID == 1042 || d.OID == 19 || k == "":
		return "", pgerr.New(pgerr.FeatureNotSupported, "the type of output column %q is not supported", d.Name).WithHint("Cast it to text or numeric.")
	}
	return k.sql(), nil
}

package sqlplan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// What tools ask of a table when they connect, sync or preview (DESIGN §7) is answered without asking
// anybody: names and types from the catalog, the values of a column from its declared domain. Which of these values
// occur is not told. Rows are refused with one error, however they are asked for.

// catalogAnswer is a statement that the catalog answers.
type catalogAnswer struct {
	empty   bool
	list    *analysis
	filters []syntax.Expr
}

// FromCatalog reports whether the statement is answered from the catalog: its Render leaves source out, nobody is
// asked and nothing is charged. nparams is the number of parameters.
func (s Statement) FromCatalog(nparams int) bool {
	if s.Kind != Federated {
		return false
	}
	c, _, err := s.catalogAnswer(nparams)
	return err == nil && c != nil
}

// catalogAnswer is nil where the owners must be asked; what they are asked is then the second result.
func (s Statement) catalogAnswer(nparams int) (*catalogAnswer, *syntax.Select, error) {
	if s.empty {
		return &catalogAnswer{empty: true}, nil, nil
	}
	if s.rows {
		return nil, nil, s.noRows()
	}
	b := s.binder(nparams)
	sel, err := syntax.ParseSelect(s.Select, b.named)
	if err != nil || !listing(sel) {
		return nil, sel, err
	}
	a, filters, err := b.list(sel)
	if err != nil {
		return nil, nil, err
	}
	return &catalogAnswer{list: a, filters: filters}, nil, nil
}

// text is the SELECT that gives the answer in the described columns.
func (c *catalogAnswer) text(desc []OutputColumn) (string, error) {
	if c.empty {
		return empty(desc)
	}
	columns, err := tailColumns(desc)
	if err != nil {
		return "", err
	}
	c.list.sel.Keep(c.filters)
	return c.list.sel.Tail(c.list.replace, columns, c.list.declared())
}

// noRows is the one refusal of all requests for rows.
func noRows() error {
	return pgerr.New(pgerr.NotAggregated, "persons' rows are not released").
		WithHint("Use count, sum or avg, and name every other column in GROUP BY.")
}

// listing reports whether a SELECT asks for values only: grouped or distinct, without an aggregate.
func listing(s *syntax.Select) bool {
	if len(s.GroupBy) == 0 && !s.Distinct {
		return false
	}
	found := false
	look := func(e syntax.Expr) {
		visit(e, func(x syntax.Expr) {
			if _, agg := isAggregate(x); agg {
				found = true
			}
		})
	}
	for _, t := range s.Targets {
		look(t.Expr)
	}
	for _, e := range append(slices.Clone(s.OrderBy), s.Having) {
		look(e)
	}
	return !found
}

// list binds a listing. Conditions may read the listed columns only, since nothing else is known without
// the owners; they are returned for PostgreSQL to decide over the declared values.
func (b *binder) list(s *syntax.Select) (*analysis, []syntax.Expr, error) {
	a := &analysis{sel: s, replace: map[syntax.Expr]string{}}
	b.listing = true
	if err := b.bindFrom(s); err != nil {
		return nil, nil, err
	}
	a.join = len(b.tables) == 2
	if _, err := b.grants(false); err != nil {
		return nil, nil, err
	}
	filters, err := b.conditions(a)
	if err != nil {
		return nil, nil, err
	}
	keys := b.bindKeys
	if len(s.GroupBy) == 0 {
		keys = b.distinctKeys
	}
	for _, step := range []func(*analysis) error{keys, b.bindTargets, b.bindOrder, b.listable} {
		if err := step(a); err != nil {
			return nil, nil, err
		}
	}
	for _, e := range filters {
		if err := b.listFilter(a, e); err != nil {
			return nil, nil, err
		}
	}
	if s.Having != nil {
		_, err = b.outer(a, s.Having)
	}
	return a, filters, err
}

// distinctKeys takes the columns that a SELECT DISTINCT shows as its keys, or the whole expression where a column
// has no declared values itself.
func (b *binder) distinctKeys(a *analysis) error {
	for _, t := range a.sel.Targets {
		var columns []syntax.Expr
		visit(t.Expr, func(x syntax.Expr) {
			if c, ok := x.(*syntax.Column); ok {
				columns = append(columns, c)
			}
		})
		keys, err := b.keysOf(columns)
		if err != nil && !hasParam(t.Expr) {
			keys, err = b.keysOf([]syntax.Expr{t.Expr})
		}
		if err != nil {
			return err
		}
		for _, k := range keys {
			if !containsKey(a.keys, k) {
				a.keys = append(a.keys, k)
			}
		}
	}
	return nil
}

func (b *binder) keysOf(list []syntax.Expr) ([]key, error) {
	var out []key
	for _, e := range list {
		v, err := b.scalar(e, useGroup)
		if err != nil {
			return nil, err
		}
		k, err := b.key(e.At(), v)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// listable refuses what the catalog cannot list.
func (b *binder) listable(a *analysis) error {
	if len(a.keys) == 0 {
		return noRows()
	}
	for _, k := range a.keys {
		if k.k == timestamptz {
			return b.unsupported(-1, "Ask for count(*) in each group.", "values of type timestamp with time zone are not listed")
		}
	}
	return b.checkCells(a)
}

// listFilter binds a condition on listed columns.
func (b *binder) listFilter(a *analysis, e syntax.Expr) error {
	var err error
	visit(e, func(x syntax.Expr) {
		c, ok := x.(*syntax.Column)
		if !ok || err != nil {
			return
		}
		side, col, e := b.column(c)
		if e == nil {
			e = b.need(c.At(), side, col, useFilter)
		}
		err = e
	})
	if err == nil {
		_, err = b.outer(a, e)
	}
	return err
}

// declared is the FROM item of a listing: every combination of the keys' declared values.
func (a *analysis) declared() string {
	var list []string
	for i, k := range a.keys {
		var cells []string
		for _, c := range k.cells {
			if c == nil {
				cells = append(cells, "NULL")
				continue
			}
			cells = append(cells, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(*c)+`"`)
		}
		list = append(list, fmt.Sprintf("pg_catalog.unnest(CAST(%s AS %s[])) AS u%d(k%d)", syntax.Quote("{"+strings.Join(cells, ",")+"}"), k.k.sql(), i+1, i+1))
	}
	return "(SELECT * FROM " + strings.Join(list, ", ") + ") AS c2d"
}

// named lists the columns of a federated table for its stars.
func (b *binder) named(schema, name string) []string {
	t := lookupTable(b.study, schema, name)
	if t == nil {
		return nil
	}
	var out []string
	for _, c := range t.Columns {
		if c.Visibility != catalog.Hidden {
			out = append(out, c.Name)
		}
	}
	return out
}

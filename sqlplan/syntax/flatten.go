package syntax

import (
	"errors"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Columns lists the columns of a table that the analyst can name, in order; nil: there is no such table.
type Columns func(schema, name string) []string

// Bounds of a flattened statement: nested subqueries that use a column or a query twice would grow exponentially.
const (
	maxFlatBytes  = 256 << 10
	maxFlatDepth  = 1000
	maxFlatTables = 2

	maxFlatQueries = 200 // of one WITH clause: each knows those before it
)

// errNested says that a subquery does more than filter, rename and compute columns of its rows.
var errNested = errors.New("syntax: not flat")

// flatten merges the subqueries of FROM and the queries of WITH that only filter, rename and compute columns into
// the SELECT around them: tools wrap every statement so. What means something else without its own level
// (aggregates, DISTINCT, LIMIT, functions that may return several rows) stays as it is, and with it the whole
// statement. A statement without subqueries in FROM comes back untouched.
func flatten(text string, s *pg.SelectStmt, columns Columns) (*pg.SelectStmt, error) {
	if columns == nil || s.WithClause == nil && !nested(s.FromClause) {
		return s, nil
	}
	f := &flattener{text: text, columns: columns, used: map[string]bool{}}
	out := proto.Clone(s).(*pg.SelectStmt)
	err := f.whole(out)
	if errors.Is(err, errNested) {
		return s, nil
	}
	if err == nil && depth(out.ProtoReflect(), 0) > maxFlatDepth {
		err = pgerr.New(pgerr.ProgramLimitExceeded, "statement is nested too deeply")
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// nested reports whether FROM holds a subquery.
func nested(from []*pg.Node) bool {
	for _, n := range from {
		if j := n.GetJoinExpr(); n.GetRangeSubselect() != nil || j != nil && nested([]*pg.Node{j.Larg, j.Rarg}) {
			return true
		}
	}
	return false
}

// flattener collects the base tables and the conditions of all levels.
type flattener struct {
	text    string
	columns Columns
	used    map[string]bool // names that base tables have in the flat FROM
	tables  []*pg.Node
	where   []*pg.Node
	bytes   int
}

// query is a query of WITH and the queries that it can name itself.
type query struct {
	stmt  *pg.SelectStmt
	names []*pg.Node
	scope map[string]query
}

// whole flattens the outermost level.
func (f *flattener) whole(s *pg.SelectStmt) error {
	if s.Op != pg.SetOperation_SETOP_NONE || len(s.ValuesLists) > 0 || len(s.WindowClause) > 0 {
		return errNested
	}
	sc, err := f.level(s, nil)
	if err != nil {
		return err
	}
	for _, n := range s.GroupClause {
		if err := f.group(sc, s, n); err != nil {
			return err
		}
	}
	if s.HavingClause != nil {
		if err := f.replace(sc, s.HavingClause); err != nil {
			return err
		}
	}
	for _, o := range s.SortClause {
		if n := o.GetSortBy().GetNode(); output(s, n) == nil {
			if err := f.replace(sc, n); err != nil {
				return err
			}
		}
	}
	s.WithClause, s.FromClause, s.WhereClause = nil, f.tables, and(f.where)
	return nil
}

// level flattens FROM, WHERE and the select list of one level; its conditions go to f.where.
func (f *flattener) level(s *pg.SelectStmt, outer map[string]query) (*scope, error) {
	known, err := with(s.WithClause, outer)
	if err != nil {
		return nil, err
	}
	sc := &scope{}
	for _, n := range s.FromClause {
		item, err := f.item(n, known)
		if err != nil {
			return nil, err
		}
		sc.add(item)
	}
	if len(sc.relations) == 0 {
		return nil, errNested
	}
	if s.WhereClause != nil {
		if err := f.replace(sc, s.WhereClause); err != nil {
			return nil, err
		}
		f.where = append(f.where, s.WhereClause)
	}
	s.TargetList, err = f.targets(sc, s.TargetList)
	return sc, err
}

// with adds the queries of a WITH clause to those known.
func with(c *pg.WithClause, outer map[string]query) (map[string]query, error) {
	known := map[string]query{}
	for name, q := range outer {
		known[name] = q
	}
	if c == nil {
		return known, nil
	}
	if c.Recursive || len(c.Ctes) > maxFlatQueries {
		return nil, errNested
	}
	for _, n := range c.Ctes {
		e := n.GetCommonTableExpr()
		if e.Ctequery.GetSelectStmt() == nil {
			return nil, errNested
		}
		before := map[string]query{}
		for name, q := range known {
			before[name] = q
		}
		known[e.Ctename] = query{e.Ctequery.GetSelectStmt(), e.Aliascolnames, before}
	}
	return known, nil
}

// item is what one item of FROM offers.
func (f *flattener) item(n *pg.Node, known map[string]query) (*scope, error) {
	if r := n.GetRangeVar(); r != nil {
		q, ok := known[r.Relname]
		if !ok || r.Schemaname != "" {
			return f.table(r)
		}
		alias, names := r.Relname, q.names
		if r.Alias != nil {
			alias = r.Alias.Aliasname
			if len(r.Alias.Colnames) > 0 {
				names = r.Alias.Colnames
			}
		}
		return f.derived(q.stmt, q.scope, alias, names)
	}
	if r := n.GetRangeSubselect(); r != nil && !r.Lateral && r.Subquery.GetSelectStmt() != nil {
		return f.derived(r.Subquery.GetSelectStmt(), known, r.Alias.GetAliasname(), r.Alias.GetColnames())
	}
	if j := n.GetJoinExpr(); j != nil {
		return f.join(j, known)
	}
	return nil, errNested
}

// table is a base table, under a name that no other has.
func (f *flattener) table(r *pg.RangeVar) (*scope, error) {
	columns := f.columns(r.Schemaname, r.Relname)
	if columns == nil || len(r.Alias.GetColnames()) > 0 || len(f.tables) == maxFlatTables {
		return nil, errNested
	}
	rel := relation{alias: r.Relname}
	if r.Alias != nil {
		rel.alias = r.Alias.Aliasname
	}
	name := rel.alias
	for n := int64(2); f.used[name]; n++ {
		name = rel.alias + "." + itoa(n)
	}
	f.used[name] = true
	for _, c := range columns {
		rel.names = append(rel.names, c)
		rel.values = append(rel.values, columnNode(name, c))
	}
	f.tables = append(f.tables, &pg.Node{Node: &pg.Node_RangeVar{RangeVar: &pg.RangeVar{Schemaname: r.Schemaname, Relname: r.Relname,
		Inh: true, Relpersistence: "p", Location: r.Location, Alias: &pg.Alias{Aliasname: name}}}})
	return &scope{relations: []relation{rel}}, nil
}

// join is an inner join: its condition becomes one of WHERE.
func (f *flattener) join(j *pg.JoinExpr, known map[string]query) (*scope, error) {
	if j.Jointype != pg.JoinType_JOIN_INNER || j.IsNatural || j.Alias != nil || j.JoinUsingAlias != nil {
		return nil, errNested
	}
	left, err := f.item(j.Larg, known)
	if err != nil {
		return nil, err
	}
	right, err := f.item(j.Rarg, known)
	if err != nil {
		return nil, err
	}
	for _, name := range names(j.UsingClause) {
		l, r := left.find([]string{name}), right.find([]string{name})
		if l.n != 1 || r.n != 1 {
			return nil, errNested
		}
		e, err := f.equal(l.value, r.value)
		if err != nil {
			return nil, err
		}
		f.where = append(f.where, e)
	}
	both := &scope{merged: names(j.UsingClause)}
	both.add(left)
	both.add(right)
	if j.Quals != nil {
		if err := f.replace(both, j.Quals); err != nil {
			return nil, err
		}
		f.where = append(f.where, j.Quals)
	}
	return both, nil
}

// derived is a subquery whose rows are those of its FROM and WHERE, no more and no fewer.
func (f *flattener) derived(q *pg.SelectStmt, known map[string]query, alias string, names []*pg.Node) (*scope, error) {
	if !plain(q) {
		return nil, errNested
	}
	q = proto.Clone(q).(*pg.SelectStmt)
	if _, err := f.level(q, known); err != nil {
		return nil, err
	}
	rel := relation{alias: alias}
	for i, t := range q.TargetList {
		name := outputName(t.GetResTarget())
		if i < len(names) {
			name = names[i].GetString_().GetSval()
		}
		rel.names, rel.values = append(rel.names, name), append(rel.values, typed(t.GetResTarget().Val))
	}
	return &scope{relations: []relation{rel}}, nil
}

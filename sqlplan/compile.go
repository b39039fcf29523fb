package sqlplan

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// maxColumns bounds the columns of an owner's task (PostgreSQL's target list ends at 1664).
const maxColumns = 1500

// Compile makes the plan of a query. It is pure: equal catalogs and queries give byte-identical plans.
// Errors are *pgerr.Error with positions in q.SQL.
func Compile(study *catalog.Study, q Query) (*Plan, error) {
	if q.Version != Version {
		return nil, pgerr.New(pgerr.ObjectNotInState, "the parties run different planner versions: %q here, %q asked", Version, q.Version).WithHint("Upgrade all parties to one version.")
	}
	if q.Study != study.Name {
		return nil, pgerr.New(pgerr.UndefinedTable, "study %q does not exist", q.Study).WithHint("SELECT * FROM c2d.studies shows yours.")
	}
	gateway := partyNumber(study, q.Gateway)
	if gateway < 0 {
		return nil, pgerr.New(pgerr.InsufficientPrivilege, "%q is not a compute party of study %q", q.Gateway, study.Name).
			WithHint("Connect to %s, %s or %s.", study.Compute[0], study.Compute[1], study.Compute[2])
	}
	b := newBinder(study, q)
	sel, err := syntax.ParseSelect(q.SQL, b.named)
	if err != nil {
		return nil, err
	}
	a, err := b.analyze(sel)
	if err != nil {
		return nil, err
	}
	p := &Plan{Query: q, Gateway: gateway, Compute: study.Compute}
	c := compiler{b: b, a: a, plan: p}
	for _, step := range []func() error{c.columns, c.overflow, c.local, c.program, c.charge, c.leakage} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	c.result()
	p.ReadSlot = c.readSlot()
	return p, nil
}

// maxNumbers bounds what a statement makes the parties compute: groups times aggregates.
const maxNumbers = 1 << 20

func newBinder(study *catalog.Study, q Query) *binder {
	return &binder{study: study, query: q, joinCols: map[string]bool{}, pinned: map[string][]string{}}
}

func partyNumber(study *catalog.Study, name string) int {
	for i, p := range study.Compute {
		if p == name {
			return i
		}
	}
	return -1
}

// compiler emits one plan.
type compiler struct {
	b     *binder
	a     *analysis
	plan  *Plan
	build int // join: the side whose rows are looked up
}

// columns lists the output with the types that Describe must agree with.
func (c *compiler) columns() error {
	for i, t := range c.a.sel.Targets {
		oid, ok := oids[c.a.kinds[i]]
		if !ok {
			return c.b.unsupported(t.Expr.At(), "Cast the column.", "an output column's type is not supported")
		}
		c.plan.Columns = append(c.plan.Columns, Column{Name: t.Name, OID: oid})
	}
	return nil
}

// overflow proves that no sum leaves (-2^62, 2^62): declared rows times the largest magnitude.
func (c *compiler) overflow() error {
	rows := big.NewInt(1)
	for _, t := range c.b.tables {
		n := big.NewInt(0)
		for _, p := range t.Partitions {
			n.Add(n, big.NewInt(p.Rows))
		}
		rows.Mul(rows, n)
	}
	if n := c.a.domain() * int64(len(c.a.vectors)); n > maxNumbers {
		return pgerr.New(pgerr.ProgramLimitExceeded, "the statement asks for %d numbers; at most %d are supported", n, maxNumbers).
			WithHint("Group by fewer columns, or ask in several statements.")
	}
	for _, v := range c.a.vectors {
		most := new(big.Int).Mul(rows, big.NewInt(v.max))
		if _, _, ok := (&interval{most, most}).int64s(); !ok {
			return pgerr.New(pgerr.ProgramLimitExceeded, "%s might be out of range for the declared number of rows", v.label).
				WithHint("Aggregate a column with tighter bounds.")
		}
	}
	return nil
}

// local emits every owner's task. What only the cohort needs is added before.
func (c *compiler) local() error {
	if c.gated() {
		c.a.unitVector([2]string{})
	}
	if n := c.a.length(); n > longestTask {
		return pgerr.New(pgerr.ProgramLimitExceeded, "the statement is too complex").WithHint("Ask in several statements.")
	}
	exact := c.a.policy.kind == catalog.ReleaseExact
	if !c.a.join {
		t := c.b.tables[0]
		if exact && t.Partitioned() && t.UnitIDs == catalog.Shared && !t.Disjoint && c.a.policy.cohort > 1 {
			return pgerr.New(pgerr.UnitsShared, "a person may be at several owners of %q, so the least number of persons behind a group cannot be checked", t.Name).
				WithHint("Ask one owner's table alone, or ask the owners to sign disjoint: true for %q.", t.Name)
		}
		if len(c.a.partials[0]) > maxColumns {
			return pgerr.New(pgerr.ProgramLimitExceeded, "the statement has too many aggregates").WithHint("Ask in several statements.")
		}
		for _, p := range t.Partitions {
			c.addTask(c.a.denseTask(t, p), 0, p, exact)
		}
		return nil
	}
	if c.a.policy.lookup != "" {
		return pgerr.New(pgerr.InsufficientPrivilege, "permission denied: %s does not allow its tables to be joined with another owner's", c.a.policy.lookup).WithHint("Ask the owner.")
	}
	if unitKind(c.b.tables[0]) == "" || unitKind(c.b.tables[0]) != unitKind(c.b.tables[1]) {
		return pgerr.New(pgerr.FeatureNotSupported, "the person identifiers of %q and %q have types that cannot be joined", c.b.tables[0].Name, c.b.tables[1].Name).
			WithHint("Ask about each table on its own, or ask the owners to give the identifiers one type, text or bigint.")
	}
	if err := c.institutions(); err != nil {
		return err
	}
	if err := c.accepted(); err != nil {
		return err
	}
	for side, t := range c.b.tables {
		if n := c.a.cells(side) * int64(len(c.a.partials[side])); n > maxColumns {
			return pgerr.New(pgerr.ProgramLimitExceeded, "the join groups by too many declared values of %q", t.Name).WithHint("Group by coarser values, or filter.")
		}
		c.addTask(c.a.joinTask(side, t, t.Partitions[0]), side, t.Partitions[0], exact)
	}
	return nil
}

// longestTask bounds an owner's SQL.
const longestTask = 2 << 20

// length is that of the expressions in the owners' SQL.
func (a *analysis) length() int {
	n := 0
	for side := range 2 {
		for _, p := range a.partials[side] {
			n += len(p.row)
		}
		for _, w := range a.where[side] {
			n += len(w)
		}
	}
	for _, k := range a.keys {
		n += len(k.sql)
	}
	return n
}

// institutions checks that the party that helps to match persons belongs to neither owner's
// institution, nor the owners to one (RULES 11).
func (c *compiler) institutions() error {
	seen := map[string]bool{}
	for _, name := range c.b.study.Compute {
		for _, p := range c.b.study.Parties {
			if p.Name == name && p.Institution != "" {
				seen[p.Institution] = true
			}
		}
	}
	if len(seen) != len(c.b.study.Compute) {
		return pgerr.New(pgerr.FeatureNotSupported, "a join needs three parties of three institutions").WithHint("Ask about each table on its own.")
	}
	return nil
}

// accepted checks that both owners accept the party that is left to help to match persons (RULES 11).
func (c *compiler) accepted() error {
	owners := [2]string{c.b.tables[0].Partitions[0].Owner, c.b.tables[1].Partitions[0].Owner}
	for _, third := range c.b.study.Compute {
		if third == owners[0] || third == owners[1] {
			continue
		}
		for side, t := range c.b.tables {
			if p := &t.Partitions[0]; !p.Accepts(third) {
				return pgerr.New(pgerr.InsufficientPrivilege, "permission denied: %s does not accept %s as the party that helps to match persons of %q with those of %s",
					p.Owner, third, t.Name, owners[1-side]).
					WithHint("Ask about one table at a time, or ask %s to add %s to third_parties of %q.", p.Owner, third, t.Name)
			}
		}
	}
	return nil
}

func (c *compiler) addTask(task LocalTask, side int, p catalog.Partition, exact bool) {
	if exact {
		task.Check = c.b.checkSQL(side, p)
	}
	c.plan.Local = append(c.plan.Local, task)
}

// gated reports whether cells are kept or suppressed inside the computation.
func (c *compiler) gated() bool {
	return c.a.policy.kind == catalog.ReleaseExact && (!c.a.grand || c.a.policy.cohort > 1)
}

// result says how opened words become rows.
func (c *compiler) result() {
	r := &c.plan.Result
	r.Keys = c.a.cellKeys()
	r.Grand = c.a.grand && len(c.a.having) == 0
	if c.gated() || len(c.a.having) > 0 {
		r.Keep = keepLabel
	}
	for i, v := range c.a.values {
		out := ResultValue{Label: answerLabel, Name: valueName(i)[4:], Constant: v.constant}
		if v.vec >= 0 {
			w := c.a.vectors[v.vec]
			out.Offset, out.Scale, out.Name = c.offsets()[v.vec], w.scale, w.label
			for _, d := range c.plan.Release.Aggregates {
				if d.Vector == v.vec {
					out.HalfWidth95 = d.HalfWidth95
				}
			}
		}
		if v.nonNull >= 0 {
			n := v.nonNull
			out.NonNull = &n
		}
		r.Values = append(r.Values, out)
	}
}

// offsets gives each released vector its first word in the opened answer.
func (c *compiler) offsets() map[int]int {
	out, n := map[int]int{}, 0
	for _, v := range c.opened() {
		out[v] = n
		n += int(c.a.domain())
	}
	return out
}

// opened lists the vectors that leave, in order, each once.
func (c *compiler) opened() []int {
	var out []int
	seen := map[int]bool{}
	for _, v := range c.a.values {
		if v.vec >= 0 && !seen[v.vec] {
			seen[v.vec] = true
			out = append(out, v.vec)
		}
	}
	return out
}

// cellKeys lists each cell's key values in the order of GROUP BY. Cells count the first table's keys first.
func (a *analysis) cellKeys() [][]*string {
	n := a.domain()
	out := make([][]*string, n)
	other := a.cells(1)
	for cell := range n {
		index := [2]int64{cell / other, cell % other}
		row := make([]*string, len(a.keys))
		for i := len(a.keys) - 1; i >= 0; i-- {
			k := &a.keys[i]
			size := int64(len(k.cells))
			row[i] = k.cells[index[k.side]%size]
			index[k.side] /= size
		}
		out[cell] = row
	}
	return out
}

// readSlot is the length of the owners' read phase, from declared numbers only (RULES 12).
func (c *compiler) readSlot() int64 {
	var rows int64
	for _, t := range c.b.tables {
		for _, p := range t.Partitions {
			rows = max(rows, p.Rows)
		}
	}
	return c.b.study.SlotBase + (rows*c.b.study.SlotPerMillionRows+999_999)/1_000_000
}

// lambda is the width of a lookup's equality test.
func lambda(rows int) int { return min(40+bits.Len64(uint64(max(rows, 1)-1)), 64) }

// valueName is the tail's name of a released value.
func valueName(i int) string { return fmt.Sprintf("c2d.v%d", i+1) }

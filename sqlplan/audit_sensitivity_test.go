package sqlplan

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// The auditor of sensitivities runs the planner's own SQL in PostgreSQL and its own program in the clear, without
// noise, on random small databases D and on D' = D without all rows of one person in all tables of all owners
// (RULES 14: a person who is at all owners; RULES 15: the one with the largest fan-out). It holds of every noisy
// vector that its L1 distance is at most the sensitivity that its noise is calibrated to, and that no more
// cells differ than δ counts. The worst case seen must come near to the bound, else a bound that is far too large,
// or an auditor that sees nothing, would pass; and wrong bounds (mutants) must be caught.

// auditShape is a kind of question. least is the part of the bound that the worst database must reach.
type auditShape struct {
	name, sql string
	least     float64
}

var auditShapes = []auditShape{
	{"count", "SELECT count(*) FROM people", 1},
	{"count value", "SELECT count(bmi), count(weight) FROM people", 1},
	{"sum of integers", "SELECT sum(age) FROM people", 1},
	{"sum, negative bounds", "SELECT sum(delta) FROM people", 1},
	{"sum of decimals", "SELECT sum(bmi) FROM people", 1},
	{"sum of doubles", "SELECT sum(weight) FROM people", 1},
	{"sum of long doubles", "SELECT sum(long) FROM people", 1},
	{"avg", "SELECT avg(age), avg(bmi), avg(weight), avg(delta) FROM people", 1},
	{"expressions", "SELECT sum(age * 2 - 7), sum(abs(delta)), sum(bmi * bmi), sum(CASE WHEN sex = 'f' THEN age ELSE 0 END), sum(coalesce(age, 100)), sum(greatest(age, 3)), sum(nullif(age, 100)) FROM people", 1},
	{"length of a domain", "SELECT sum(length(sex)), avg(length(sex)) FROM people", 1},
	{"extract", "SELECT sum(extract(day FROM seen)), avg(extract(month FROM seen)), sum(width_bucket(age, 0, 100, 4)) FROM people", 0.5},
	{"filtered", "SELECT count(*) FILTER (WHERE age > 10), sum(age) FILTER (WHERE sex = 'f'), count(DISTINCT id) FILTER (WHERE bmi > 1.0) FROM people WHERE weight IS NOT NULL OR age > 3", 1},
	{"grouped", "SELECT sex, count(*), sum(age) FROM people GROUP BY sex", 1},
	{"grouped by a derived key", "SELECT date_trunc('month', seen), age / 50, count(*) FROM people GROUP BY 1, 2", 1},
	{"many rows", "SELECT count(*), sum(visit), count(DISTINCT id) FROM labs", 1},
	{"many rows, grouped", "SELECT test, count(*), sum(visit), count(DISTINCT id) FROM labs GROUP BY test", 1},
	{"many rows, two keys", "SELECT test, visit, count(*), count(DISTINCT id) FROM labs GROUP BY test, visit", 1},
	{"bounds by value", "SELECT sum(value), avg(value) FROM labs WHERE test = 'a'", 1},
	{"bounds by values", "SELECT visit, sum(value) FROM labs WHERE test IN ('a', 'b') GROUP BY visit", 0.6},
	{"text units", "SELECT kind, count(*), count(DISTINCT code) FROM notes GROUP BY kind", 1},
	{"shared union", "SELECT count(*), sum(n), avg(n) FROM visits", 1},
	{"shared union, grouped", "SELECT kind, count(*), sum(n) FROM visits GROUP BY kind", 1},
	{"shared union, derived key", "SELECT extract(month FROM day), count(*) FILTER (WHERE n > 0) FROM visits GROUP BY 1", 0.5},
	{"disjoint union", "SELECT kind, count(*), sum(n), count(DISTINCT id) FROM wards GROUP BY kind", 1},
	{"owner-scoped union", "SELECT kind, count(*), sum(n), count(DISTINCT id) FROM cohorts GROUP BY kind", 1},
	{"join", "SELECT count(*) FROM people JOIN labs USING (id)", 0.5},
	{"join, other order", "SELECT count(*), sum(people.age) FROM labs JOIN people USING (id)", 0.5},
	{"join, keys on one side", "SELECT sex, count(*), count(DISTINCT people.id) FROM people JOIN labs USING (id) GROUP BY sex", 0.5},
	{"join, keys on the other side", "SELECT test, count(*), sum(bmi), avg(visit) FROM people JOIN labs ON people.id = labs.id GROUP BY test", 0.5},
	{"join, keys on both sides", "SELECT sex, test, count(*), sum(visit), count(DISTINCT labs.id) FROM people JOIN labs USING (id) GROUP BY sex, test", 0.5},
	{"join, filters", "SELECT test, sum(age) FILTER (WHERE visit > 1 AND age > 0), count(weight) FROM people, labs WHERE people.id = labs.id AND age > 5 GROUP BY test", 0.5},
	{"join, many rows on both sides", "SELECT test, kind, count(*), sum(visit), sum(n), count(DISTINCT labs.id) FROM labs JOIN stays USING (id) GROUP BY test, kind", 0.5},
	{"join, many rows, other order", "SELECT count(*), avg(n), count(DISTINCT stays.id) FROM stays JOIN labs USING (id)", 0.5},
	{"join on text", "SELECT kind, count(*), sum(n) FROM notes JOIN acts USING (code) GROUP BY kind", 0.5},
	{"whole numbers", "SELECT sum(floor(bmi / 10.0)), sum(age / 10 * 10), sum(trunc(delta / 2.5)), sum(age % 7), sum((age > 50)::int) FROM people", 0},
	{"bins", "SELECT floor(age / 10.0) * 10.0, count(*), sum(ceil(bmi)) FROM people GROUP BY 1", 0.5},
	{"arrays and patterns", "SELECT count(*) FILTER (WHERE age = ANY ('{1,100,NULL}')), sum(age) FILTER (WHERE sex LIKE 'f%') FROM people WHERE delta <> ALL ('{5}')", 0.5},
}

// auditStudy declares less than the data hold: rows, persons, groups, rows a group, bounds and domains are all
// exceeded.
func auditStudy() *catalog.Study {
	all := catalog.Uses{Group: true, Filter: true, Aggregate: true}
	col := func(name string, t catalog.Type, scale int, lo, hi int64, domain ...string) catalog.Column {
		c := catalog.Column{Name: name, Type: t, Scale: scale, Visibility: catalog.Visible, Uses: all, Nullable: true, Domain: domain}
		if lo < hi {
			c.Bounds = &catalog.Bounds{Lower: lo, Upper: hi}
		}
		return c
	}
	unit := func(name string, t catalog.Type) catalog.Column {
		return catalog.Column{Name: name, Type: t, Visibility: catalog.JoinOnly, Uses: catalog.Uses{Join: true}}
	}
	part := func(owner string, groups, rows int64) catalog.Partition {
		return catalog.Partition{Owner: owner, Source: owner, Rows: 40, Units: 5, GroupsPerUnit: groups, RowsPerGroup: rows}
	}
	table := func(name, unit string, ids catalog.UnitIDs, columns []catalog.Column, parts ...catalog.Partition) catalog.Table {
		return catalog.Table{Name: name, Unit: unit, UnitKind: "person", UnitIDs: ids, Columns: columns, Partitions: parts}
	}
	value := col("value", catalog.Numeric, 1, 0, 0)
	value.BoundsBy = &catalog.BoundsBy{Column: "test", Values: map[string]catalog.Bounds{"a": {Lower: -300, Upper: 200}, "b": {Lower: 10, Upper: 50}}}
	kind, n := col("kind", catalog.Text, 0, 0, 0, "x", "y", "z"), col("n", catalog.Bigint, 0, -3, 7)
	day := col("day", catalog.Date, 0, 15706, 15900)
	id := unit("id", catalog.Integer)
	s := &catalog.Study{Name: "care", Compute: [3]string{"clinic", "lab", "helper"}, SlotBase: 100,
		Parties: []catalog.Party{{Name: "clinic", Institution: "A"}, {Name: "helper", Institution: "C"}, {Name: "lab", Institution: "B"}}}
	s.Tables = []catalog.Table{
		table("people", "id", catalog.Shared, []catalog.Column{id, col("sex", catalog.Text, 0, 0, 0, "f", "m"), col("age", catalog.Integer, 0, 0, 100),
			col("delta", catalog.Smallint, 0, -90, 30), col("bmi", catalog.Numeric, 1, -50, 600), col("weight", catalog.Double, 2, -500, 20000),
			col("long", catalog.Double, 0, -1234567890123456, 1234567890123456), col("seen", catalog.Date, 0, 15706, 15900)}, part("clinic", 1, 1)),
		table("labs", "id", catalog.Shared, []catalog.Column{id, col("test", catalog.Text, 0, 0, 0, "a", "b", "c"), value, col("visit", catalog.Smallint, 0, 1, 4)}, part("lab", 2, 3)),
		table("stays", "id", catalog.Shared, []catalog.Column{id, kind, n}, part("clinic", 2, 2)),
		table("notes", "code", catalog.Shared, []catalog.Column{unit("code", catalog.Text), kind}, part("clinic", 2, 1)),
		table("acts", "code", catalog.Shared, []catalog.Column{unit("code", catalog.Text), n}, part("lab", 1, 2)),
		table("visits", "id", catalog.Shared, []catalog.Column{id, kind, n, day}, part("clinic", 2, 2), part("helper", 1, 3), part("lab", 2, 2)),
		table("wards", "id", catalog.Shared, []catalog.Column{id, kind, n}, part("clinic", 2, 2), part("lab", 2, 2)),
		table("cohorts", "id", catalog.OwnerScoped, []catalog.Column{id, kind, n}, part("clinic", 2, 2), part("lab", 2, 2)),
	}
	s.Tables[6].Disjoint = true
	var names []string
	for _, t := range s.Tables {
		names = append(names, t.Name)
	}
	for _, owner := range s.Compute {
		s.Grants = append(s.Grants, catalog.Grant{Owner: owner, Analyst: dpAnalyst, Tables: names, Preset: catalog.Statistics, Release: catalog.ReleaseDP,
			Default: dp.OneEpsilon, PerQuestion: 20 * dp.OneEpsilon, Total: 100 * dp.OneEpsilon, TotalDelta: dp.OneDelta / 1000, Delta: dp.OneDelta / 1_000_000, Lookup: true})
	}
	return s
}

// auditData writes random data: 9 persons at every owner, where 5 are declared; some have very many rows, some one
// or none; values at, within and far outside bounds, outside domains, NULL, NaN and infinite; rows
// of nobody. Persons lean to one end of the bounds, so that worst cases occur.
type auditData struct {
	r *rand.Rand
	w strings.Builder
}

func (d *auditData) pick(list ...string) string { return list[d.r.IntN(len(list))] }

// table writes one owner's part of a table.
func (d *auditData) table(study *catalog.Study, t *catalog.Table, owner string) {
	var names []string
	for _, c := range t.Columns {
		types := map[catalog.Type]string{catalog.Numeric: "numeric"}
		sql := types[c.Type]
		if sql == "" {
			sql = string(c.Type)
		}
		names = append(names, syntax.Ident(c.Name)+" "+sql)
	}
	name := syntax.Ident(owner + "_" + t.Name)
	fmt.Fprintf(&d.w, "DROP TABLE IF EXISTS %s;\nCREATE TABLE %s (%s);\n", name, name, strings.Join(names, ", "))
	var rows []string
	for person := range 10 {
		if t.Disjoint && (person%2 == 0) != (owner == "clinic") {
			continue
		}
		many := []int{0, 1, 2, 6, 30}[d.r.IntN(5)]
		low, wild := d.r.IntN(2) == 0, d.r.IntN(3)
		for range many {
			var cells []string
			for _, c := range t.Columns {
				switch {
				case c.Name == t.Unit && person == 9:
					cells = append(cells, "NULL")
				case c.Name == t.Unit && c.Type == catalog.Text:
					cells = append(cells, syntax.Quote([]string{"a", "A", "a ", "é|1", `\x01`, "ß", "|", "2", ""}[person]))
				case c.Name == t.Unit:
					cells = append(cells, fmt.Sprint(person))
				default:
					cells = append(cells, d.value(&c, low, wild))
				}
			}
			rows = append(rows, "("+strings.Join(cells, ", ")+")")
		}
	}
	if len(rows) > 0 {
		fmt.Fprintf(&d.w, "INSERT INTO %s VALUES %s;\n", name, strings.Join(rows, ",\n"))
	}
}

// value is one value: at an end of the bounds mostly, by wild 1 and 2 also beyond.
func (d *auditData) value(c *catalog.Column, low bool, wild int) string {
	if d.r.IntN(12) == 0 && wild > 0 {
		return "NULL"
	}
	if c.Domain != nil {
		if wild == 2 && d.r.IntN(3) == 0 {
			return d.pick("'somewhere else entirely'", "''", "'F'")
		}
		return syntax.Quote(c.Domain[d.r.IntN(len(c.Domain))])
	}
	if wild > 0 && d.r.IntN(2) == 0 {
		switch c.Type {
		case catalog.Double:
			return d.pick("'NaN'", "'Infinity'", "'-Infinity'", "1e300", "-1e300", "1e-300", "0.005", "-0")
		case catalog.Numeric:
			return d.pick("'NaN'", "1e400", "-1e400", "1e-400", "'Infinity'", "59.96", "0.05")
		case catalog.Integer:
			return d.pick("2147483647", "-2147483648", "101", "-1")
		case catalog.Bigint:
			return d.pick("9223372036854775807", "-9223372036854775808", "8")
		case catalog.Smallint:
			return d.pick("32767", "-32768", "0")
		case catalog.Date:
			return d.pick("'infinity'", "'-infinity'", "'5874897-12-31'", "'4713-01-01 BC'")
		}
	}
	b := catalog.Bounds{Lower: -1000, Upper: 1000}
	if c.Bounds != nil {
		b = *c.Bounds
	}
	at := b.Upper
	if low {
		at = b.Lower
	}
	if d.r.IntN(3) == 0 {
		at = b.Lower + d.r.Int64N(b.Upper-b.Lower+1)
	}
	return "'" + c.Format(at) + "'"
}

// auditPlan is a compiled question with the bounds that its noise was made for.
type auditPlan struct {
	*Plan
	cells []int64 // J of each draw
}

// compileAudit compiles, and works out again how many cells δ counts.
func compileAudit(t *testing.T, study *catalog.Study, sql string) auditPlan {
	t.Helper()
	q := query(dpAnalyst, sql, nil, nil)
	plan, err := Compile(study, q)
	if err != nil {
		t.Fatalf("%v\nin %s", err, sql)
	}
	if plan.Release.Kind != catalog.ReleaseDP || len(plan.Release.Aggregates) == 0 {
		t.Fatalf("no noise in %s", sql)
	}
	sel, err := syntax.ParseSelect(sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := newBinder(study, q)
	a, err := b.analyze(sel)
	if err != nil {
		t.Fatal(err)
	}
	c := compiler{b: b, a: a, plan: plan}
	bound, err := c.contribution()
	if err != nil {
		t.Fatal(err)
	}
	out := auditPlan{Plan: plan}
	var total dp.Delta
	for _, d := range plan.Release.Aggregates {
		limits := bound
		if a.vectors[d.Vector].units {
			limits = bound.Distinct()
		}
		j, err := limits.Cells(int64(d.Cells))
		if err != nil {
			t.Fatal(err)
		}
		delta, err := dp.Laplace{Epsilon: d.Epsilon, Sensitivity: d.Sensitivity}.Approximation(j)
		if err != nil {
			t.Fatal(err)
		}
		out.cells = append(out.cells, j)
		total += delta
	}
	if total != plan.Release.Delta {
		t.Errorf("%s: delta %v is not that of %v cells, %v", sql, plan.Release.Delta, out.cells, total)
	}
	return out
}

// without is a person to leave out: everywhere, or at one owner where identifiers are owner-scoped.
type without struct {
	nobody bool
	person int
	owner  string // "" for all
}

// vectors evaluates a plan's noiseless vectors, one a draw.
func (o *oracle) vectors(t *testing.T, study *catalog.Study, plan *Plan, salt string, w without) [][]int64 {
	t.Helper()
	inputs := program.Inputs{}
	for i, task := range plan.Local {
		var with []string
		for _, name := range task.Tables {
			table, _ := study.Table(name)
			mapping := fmt.Sprintf("SELECT * FROM %s", syntax.Ident(task.Owner+"_"+name))
			if !w.nobody && (w.owner == "" || w.owner == task.Owner) {
				who := fmt.Sprint(w.person)
				if c, _ := table.Column(table.Unit); c.Type == catalog.Text {
					who = syntax.Quote([]string{"a", "A", "a ", "é|1", `\x01`, "ß", "|", "2", ""}[w.person])
				}
				mapping += fmt.Sprintf(" WHERE %s IS DISTINCT FROM %s", syntax.Ident(table.Unit), who)
			}
			with = append(with, fmt.Sprintf("%s AS (%s)", syntax.Ident(name), mapping))
		}
		own := salt + task.Owner
		var args []*string
		if strings.Contains(task.SQL, "$1") {
			args = []*string{&own}
		}
		rows := o.rows(t, "WITH "+strings.Join(with, ", ")+"\n"+task.SQL, args, nil)
		inputs[i] = wordsOf(t, task, rows)
	}
	var quiet program.Program
	for _, op := range plan.Program.Ops {
		if n, ok := op.(program.Noise); ok {
			op = program.Constant{Values: make([]uint64, n.N), Out: n.Out}
		}
		quiet.Ops = append(quiet.Ops, op)
	}
	opened, err := program.Eval(quiet, inputs, rand.NewChaCha8([32]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]int64
	at := 0
	for _, d := range plan.Release.Aggregates {
		var v []int64
		for _, word := range opened[answerLabel][at : at+d.Cells] {
			v = append(v, int64(word))
		}
		out = append(out, v)
		at += d.Cells
	}
	if at != len(opened[answerLabel]) {
		t.Fatalf("%d words opened, %d drawn", len(opened[answerLabel]), at)
	}
	return out
}

// wordsOf turns a task's rows into the program's inputs.
func wordsOf(t *testing.T, task LocalTask, rows [][]*string) program.Table {
	t.Helper()
	if len(rows) > task.Rows {
		t.Fatalf("%d rows, %d declared", len(rows), task.Rows)
	}
	out := program.Table{Columns: make([][]uint64, len(task.Columns))}
	for i, c := range task.Columns {
		if c.Kind == Key {
			out.Keys = make([][]byte, task.Rows)
		} else {
			out.Columns[i] = make([]uint64, task.Rows)
		}
		for j, r := range rows {
			if r[i] == nil {
				t.Fatalf("NULL in column %s", c.Name)
			}
			if c.Kind == Key {
				out.Keys[j] = []byte(*r[i])
				continue
			}
			var n int64
			if _, err := fmt.Sscan(*r[i], &n); err != nil {
				t.Fatal(err)
			}
			out.Columns[i][j] = uint64(n)
		}
	}
	return out
}

// change is the worst that one person did to one draw.
type change struct {
	l1    int64
	cells int64
	where string
}

// compare finds L1 distance and changed cells.
func compare(a, b []int64) (l1, cells int64) {
	for i := range a {
		if d := a[i] - b[i]; d != 0 {
			l1 += max(d, -d)
			cells++
		}
	}
	return l1, cells
}

// audit is the worst change of each draw over all databases and persons.
type audit map[string][]change

func (a audit) note(shape string, draws int, i int, c change) {
	if a[shape] == nil {
		a[shape] = make([]change, draws)
	}
	w := &a[shape][i]
	if c.l1 > w.l1 {
		w.l1, w.where = c.l1, c.where
	}
	w.cells = max(w.cells, c.cells)
}

// audit runs the plans of a study's SQL on a number of databases.
//
// The owners' SQL is that of the study local, which differs from study where a mutant bounds less than it declares.
func (o *oracle) audit(t *testing.T, study, local *catalog.Study, seed uint64, databases int, shapes []auditShape, into audit) {
	t.Helper()
	plans := map[string]auditPlan{}
	for _, s := range shapes {
		plan := compileAudit(t, study, s.sql)
		plan.Local = compileAudit(t, local, s.sql).Local
		plans[s.name] = plan
	}
	for n := range databases {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		d := auditData{r: r}
		for i := range study.Tables {
			for _, p := range study.Tables[i].Partitions {
				d.table(study, &study.Tables[i], p.Owner)
			}
		}
		if _, err := o.conn.Exec(t.Context(), d.w.String()); err != nil {
			t.Fatal(err)
		}
		salt := fmt.Sprintf("salt %d ", n)
		for _, s := range shapes {
			plan := plans[s.name]
			full := o.vectors(t, study, plan.Plan, salt, without{nobody: true})
			people := r.Perm(9)[:4]
			for _, person := range people {
				w := without{person: person}
				if table, _ := study.Table(plan.Local[0].Tables[0]); table.UnitIDs == catalog.OwnerScoped {
					w.owner = plan.Local[r.IntN(len(plan.Local))].Owner
				}
				less := o.vectors(t, study, plan.Plan, salt, w)
				for i := range full {
					l1, cells := compare(full[i], less[i])
					into.note(s.name, len(full), i, change{l1, cells, fmt.Sprintf("seed %d database %d without %+v", seed, n, w)})
				}
			}
		}
	}
}

// TestSensitivityAudit is the auditor; it ends with mutants, which it must catch.
func TestSensitivityAudit(t *testing.T) {
	o := startOracle(t, 1)
	const seed = 20130415
	databases := 45
	if testing.Short() {
		databases = 4
	}
	t.Logf("seed %d, %d databases", seed, databases)
	study, found := auditStudy(), audit{}
	o.audit(t, study, study, seed, databases, auditShapes, found)
	for _, s := range auditShapes {
		plan := compileAudit(t, study, s.sql)
		best := 0.0
		for i, d := range plan.Release.Aggregates {
			c := found[s.name][i]
			ratio := float64(c.l1) / float64(d.Sensitivity)
			best = max(best, ratio)
			t.Logf("%s: %s changes by %d of %d in %d of %d cells", s.name, d.Label, c.l1, d.Sensitivity, c.cells, plan.cells[i])
			if c.l1 > d.Sensitivity {
				t.Errorf("%s: one person changes %s by %d, its noise is for %d: %s", s.name, d.Label, c.l1, d.Sensitivity, c.where)
			}
			if c.cells > plan.cells[i] {
				t.Errorf("%s: one person changes %d cells of %s, delta counts %d", s.name, c.cells, d.Label, plan.cells[i])
			}
		}
		if !testing.Short() && best < s.least {
			t.Errorf("%s: the worst change seen is %.2f of the bound", s.name, best)
		}
	}
	found.rejectMutants(t, o, study, seed)
}

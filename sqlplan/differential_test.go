package sqlplan

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// oracle is one PostgreSQL that holds all owners' rows.
type oracle struct {
	conn  *pgx.Conn
	quiet bool // leave noise out
}

func startOracle(t *testing.T, seed uint64) *oracle {
	t.Helper()
	scratch, err := pgserver.NewScratch("", "sqlplan")
	if err != nil {
		t.Fatal(err)
	}
	server, err := pgserver.Start(t.Context(), pgserver.Options{Dir: filepath.Join(scratch.Dir, "pg"), Random: crand.Reader, Throwaway: true})
	if err != nil {
		t.Fatalf("%v (apt-get install postgresql)", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := errors.Join(server.Stop(ctx), scratch.Close()); err != nil {
			t.Error(err)
		}
	})
	conn, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	t.Logf("data seed %d", seed)
	if _, err := conn.Exec(t.Context(), "SET TimeZone = 'UTC';\n"+fixtureSQL(seed)); err != nil {
		t.Fatal(err)
	}
	return &oracle{conn: conn}
}

// rows runs a text with text arguments and returns text rows; nil is NULL.
func (o *oracle) rows(t *testing.T, sql string, args []*string, types []uint32) [][]*string {
	t.Helper()
	var raw [][]byte
	for _, a := range args {
		if a == nil {
			raw = append(raw, nil)
		} else {
			raw = append(raw, []byte(*a))
		}
	}
	res := o.conn.PgConn().ExecParams(t.Context(), sql, raw, types, nil, nil).Read()
	if res.Err != nil {
		t.Fatalf("%v\nin %s", res.Err, sql)
	}
	var out [][]*string
	for _, r := range res.Rows {
		var row []*string
		for _, f := range r {
			if f == nil {
				row = append(row, nil)
				continue
			}
			s := string(f)
			row = append(row, &s)
		}
		out = append(out, row)
	}
	return out
}

func (o *oracle) describe(t *testing.T, sql string) *pgconn.StatementDescription {
	t.Helper()
	d, err := o.conn.PgConn().Prepare(t.Context(), "", sql, nil)
	if err != nil {
		t.Fatalf("describe: %v\nin %s", err, sql)
	}
	return d
}

// read runs one local task the way an owner does.
func (o *oracle) read(t *testing.T, task LocalTask) program.Table {
	t.Helper()
	with := ""
	if name := task.Tables[0]; name == "cohort" || name == "cases" {
		with = fmt.Sprintf("WITH %s AS (SELECT * FROM %s_%s)\n", syntax.Ident(name), task.Owner, name)
	}
	var args []*string
	if strings.Contains(task.SQL, "$1") {
		salt := "salt of " + task.Owner
		args = append(args, &salt)
	}
	if task.Check != "" {
		if n := o.rows(t, with+task.Check, nil, nil); *n[0][0] != "0" {
			t.Fatalf("check found %s rows\nin %s", *n[0][0], task.Check)
		}
	}
	rows := o.rows(t, with+task.SQL, args, nil)
	if len(rows) > task.Rows {
		t.Fatalf("task returned %d rows, %d declared", len(rows), task.Rows)
	}
	out := program.Table{Columns: make([][]uint64, len(task.Columns))}
	for i, c := range task.Columns {
		words := make([]uint64, task.Rows)
		if c.Kind == Key {
			out.Keys = make([][]byte, task.Rows)
		}
		for j, r := range rows {
			if c.Kind == Key {
				out.Keys[j] = []byte(*r[i])
				continue
			}
			n, err := strconv.ParseInt(*r[i], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			words[j] = uint64(n)
		}
		if c.Kind == Word {
			out.Columns[i] = words
		}
	}
	return out
}

// values writes released rows as an SQL source.
func values(rows [][]*string) string {
	if len(rows) == 0 {
		return "(SELECT NULL::text[] WHERE false)"
	}
	var list []string
	for _, r := range rows {
		var cells []string
		for _, c := range r {
			if c == nil {
				cells = append(cells, "NULL")
			} else {
				cells = append(cells, syntax.Quote(*c))
			}
		}
		list = append(list, "(ARRAY["+strings.Join(cells, ", ")+"]::text[])")
	}
	return "(VALUES " + strings.Join(list, ", ") + ")"
}

func typesOf(d *pgconn.StatementDescription) []OutputColumn {
	var out []OutputColumn
	for _, f := range d.Fields {
		out = append(out, OutputColumn{Name: f.Name, OID: f.DataTypeOID, TypeModifier: f.TypeModifier})
	}
	return out
}

// federated answers a statement through Rewrite, Compile, local SQL, program, Decode and tail.
func (o *oracle) federated(t *testing.T, analyst, sql string, args []*string) ([][]*string, *Plan) {
	t.Helper()
	study := care()
	parts, err := Rewrite(study, analyst, sql, nil)
	if err != nil {
		t.Fatalf("rewrite: %v", err)
	}
	if len(parts) != 1 || parts[0].Kind != Federated || !strings.Contains(sql, parts[0].Select) {
		t.Fatalf("not federated: %+v", parts)
	}
	question := parts[0].Select // the statement, or the SELECT in it that asks
	d := o.describe(t, question)
	plan, err := Compile(study, query(analyst, question, args, d.ParamOIDs))
	if err != nil {
		t.Fatalf("compile: %v\n%s", err, question)
	}
	for i, c := range plan.Columns {
		if c.OID != d.Fields[i].DataTypeOID {
			t.Errorf("column %d has type %d, PostgreSQL says %d", i+1, c.OID, d.Fields[i].DataTypeOID)
		}
	}
	if err := program.Validate(plan.Program); err != nil {
		t.Fatalf("program: %v", err)
	}
	inputs := program.Inputs{}
	for i, task := range plan.Local {
		inputs[i] = o.read(t, task)
	}
	seed := [32]byte{1}
	binary.LittleEndian.PutUint64(seed[8:], uint64(len(sql)))
	run := plan.Program
	if o.quiet {
		run = withoutNoise(run)
	}
	opened, err := program.Eval(run, inputs, rand.NewChaCha8(seed))
	if err != nil {
		t.Fatalf("eval: %v", err)
	}
	released, err := Decode(plan, opened)
	if err != nil {
		t.Fatal(err)
	}
	tail, err := parts[0].Render(typesOf(d), len(d.ParamOIDs), values(released))
	if err != nil {
		t.Fatalf("render: %v\n%s", err, sql)
	}
	td, err := o.conn.PgConn().Prepare(t.Context(), "", tail, d.ParamOIDs)
	if err != nil {
		t.Fatalf("tail: %v\n%s", err, tail)
	}
	d = o.describe(t, sql)
	for i, f := range td.Fields {
		if f.Name != d.Fields[i].Name || f.DataTypeOID != d.Fields[i].DataTypeOID || f.TypeModifier != d.Fields[i].TypeModifier {
			t.Errorf("tail column %d is %s %d %d, described %s %d %d", i+1, f.Name, f.DataTypeOID, f.TypeModifier, d.Fields[i].Name, d.Fields[i].DataTypeOID, d.Fields[i].TypeModifier)
		}
	}
	return o.rows(t, tail, args, d.ParamOIDs), plan
}

func query(analyst, sql string, args []*string, types []uint32) Query {
	return Query{SQL: sql, Args: args, ArgTypes: types, Analyst: analyst, Gateway: "clinic", Study: "care", Version: Version,
		Settings: Settings{SearchPath: "public", TimeZone: "UTC", DateStyle: "ISO, MDY", Now: 1_700_000_000_000_000}}
}

// canonicalRows makes rows comparable: doubles to 12 digits, everything else exactly. Without ORDER BY
// the order of rows does not matter.
func canonicalRows(rows [][]*string, ordered bool, types []pgconn.FieldDescription) []string {
	var out []string
	for _, r := range rows {
		var cells []string
		for i, c := range r {
			if c == nil {
				cells = append(cells, "∅")
				continue
			}
			if f, err := strconv.ParseFloat(*c, 64); err == nil && types[i].DataTypeOID == 701 {
				cells = append(cells, strconv.FormatFloat(f, 'g', 12, 64))
				continue
			}
			cells = append(cells, *c)
		}
		out = append(out, strings.Join(cells, " | "))
	}
	if !ordered {
		slices.Sort(out)
	}
	return out
}

// TestDifferential holds the planner to PostgreSQL: with exact release every supported statement returns
// what one server with all rows returns.
func TestDifferential(t *testing.T) {
	o := startOracle(t, 1)
	cases := goldenCases(t)
	ran := 0
	for _, c := range cases {
		if c.analyst != exactAnalyst && c.analyst != dpAnalyst || c.refused() {
			continue
		}
		ran++
		t.Run(c.name, func(t *testing.T) {
			got, plan := o.federated(t, c.analyst, c.query, c.args)
			if plan.Release.Kind == catalog.ReleaseDP {
				return
			}
			d := o.describe(t, c.query)
			want := o.rows(t, c.query, c.args, d.ParamOIDs)
			ordered := strings.Contains(c.query, "ORDER BY")
			g, w := canonicalRows(got, ordered, d.Fields), canonicalRows(want, ordered, d.Fields)
			if !slices.Equal(g, w) {
				t.Errorf("%s\ngot\n%s\nwant\n%s", c.query, strings.Join(g, "\n"), strings.Join(w, "\n"))
			}
		})
	}
	if ran < 30 {
		t.Fatalf("only %d cases ran", ran)
	}
}

// TestCohort holds that groups with fewer persons than the cohort do not leave.
func TestCohort(t *testing.T) {
	o := startOracle(t, 2)
	for _, sql := range []string{
		"SELECT age, count(*) FROM patients GROUP BY age",
		"SELECT p.sex, m.visit, count(*) FROM patients p JOIN measurements m USING (id) WHERE p.age > 60 GROUP BY 1, 2",
	} {
		got, _ := o.federated(t, cohortAnalyst, sql, nil)
		id := "id"
		if strings.Contains(sql, "p.sex") {
			id = "p.id"
		}
		d := sql + " HAVING count(DISTINCT " + id + ") >= 3"
		want, fields := o.rows(t, d, nil, nil), o.describe(t, d).Fields
		if g, w := canonicalRows(got, false, fields), canonicalRows(want, false, fields); !slices.Equal(g, w) || len(w) == 0 {
			t.Errorf("%s\ngot\n%s\nwant\n%s", sql, strings.Join(g, "\n"), strings.Join(w, "\n"))
		}
	}
}

// TestCompileIsDeterministic compiles twice and compares bytes.
func TestCompileIsDeterministic(t *testing.T) {
	t.Parallel()
	for _, c := range goldenCases(t) {
		p1, err1 := Compile(care(), query(c.analyst, c.query, c.args, c.types))
		p2, err2 := Compile(care(), query(c.analyst, c.query, c.args, c.types))
		if (err1 == nil) != (err2 == nil) {
			t.Fatalf("%s: %v, then %v", c.name, err1, err2)
		}
		if err1 == nil && !bytes.Equal(p1.Canonical(), p2.Canonical()) {
			t.Errorf("%s: two plans", c.name)
		}
	}
}

package demo

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// insight is what only a demonstration can know of an answer: the parties' plan, compiled
// here once more, and the answers without noise.
type insight struct {
	plan    *sqlplan.Plan
	exact   [][]string // the statement on one database with everybody's data
	bounded [][]string // the plan without noise: contributions bounded as the owners do
}

// studies merges every party's public part, as each party does for itself.
func (d *Deployment) studies() (map[string]*catalog.Study, error) {
	parts := map[string][]catalog.Public{}
	for _, p := range d.Parties {
		config, err := catalog.Load(p.Config)
		if err != nil {
			return nil, err
		}
		for _, name := range config.Studies() {
			public, err := config.Public(name, p.Key)
			if err != nil {
				return nil, err
			}
			parts[name] = append(parts[name], public)
		}
	}
	merged := map[string]*catalog.Study{}
	for name, list := range parts {
		study, err := catalog.Merge(name, list)
		if err != nil {
			return nil, err
		}
		merged[name] = study
	}
	return merged, nil
}

// query is the question as gateway clinic fixes it.
func (q question) query(study *catalog.Study, gateway string) (sqlplan.Query, error) {
	var epsilon dp.Epsilon
	var err error
	if q.epsilon != "" {
		if epsilon, err = dp.ParseEpsilon(q.epsilon); err != nil {
			return sqlplan.Query{}, err
		}
	}
	return sqlplan.Query{
		SQL: q.sql, Analyst: q.login + "@" + gateway, Gateway: gateway, Study: study.Name,
		Epoch: study.Epoch(), Version: sqlplan.Version,
		Settings: sqlplan.Settings{
			SearchPath: `"$user", public`, TimeZone: "UTC", DateStyle: "ISO, MDY", IntervalStyle: "postgres",
			Now: time.Now().UnixMicro(), Epsilon: epsilon,
		},
	}, nil
}

// look computes the insight into a question.
func (t *tour) look(ctx context.Context, q question) (*insight, error) {
	study := t.studies[q.study]
	query, err := q.query(study, t.gateway)
	if err != nil {
		return nil, err
	}
	plan, err := sqlplan.Compile(study, query)
	if err != nil {
		return nil, err
	}
	oracle, err := t.oracle.Connect(ctx, q.study)
	if err != nil {
		return nil, err
	}
	defer oracle.Close(context.WithoutCancel(ctx))
	exact, err := fetch(ctx, oracle, q.sql)
	if err != nil {
		return nil, fmt.Errorf("exact answer: %w", err)
	}
	one := &insight{plan: plan, exact: exact.rows}
	if plan.Release.Kind != catalog.ReleaseDP {
		return one, nil
	}
	if one.bounded, err = t.bounded(ctx, oracle, plan, q, exact); err != nil {
		return nil, fmt.Errorf("answer without noise: %w", err)
	}
	return one, nil
}

// bounded runs every owner's local task in its database and the program in the clear,
// without noise.
func (t *tour) bounded(ctx context.Context, oracle *pgx.Conn, plan *sqlplan.Plan, q question, exact *result) ([][]string, error) {
	inputs := program.Inputs{}
	for i, task := range plan.Local {
		table, err := t.runTask(ctx, plan.Query.Study, task)
		if err != nil {
			return nil, err
		}
		inputs[i] = table
	}
	silent, err := withoutNoise(plan.Program)
	if err != nil {
		return nil, err
	}
	opened, err := program.Eval(silent, inputs, zeros{})
	if err != nil {
		return nil, err
	}
	released, err := sqlplan.Decode(plan, opened)
	if err != nil {
		return nil, err
	}
	statements, err := sqlplan.Rewrite(t.studies[q.study], plan.Query.Analyst, q.sql, nil)
	if err != nil {
		return nil, err
	}
	text, err := statements[0].Render(exact.columns, 0, literal(released))
	if err != nil {
		return nil, err
	}
	answer, err := fetch(ctx, oracle, text)
	if err != nil {
		return nil, err
	}
	return answer.rows, nil
}

// zeros is an endless stream of zero bytes.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// withoutNoise replaces every draw of a program by zeros.
func withoutNoise(p program.Program) (program.Program, error) {
	ops := make([]program.Op, len(p.Ops))
	for i, op := range p.Ops {
		if n, ok := op.(program.Noise); ok {
			op = program.Constant{Values: make([]uint64, n.N), Out: n.Out}
		}
		ops[i] = op
	}
	return program.Program{Ops: ops}, nil
}

// runTask runs one owner's task as the owner's source does, with the owner's own salt.
func (t *tour) runTask(ctx context.Context, study string, task sqlplan.LocalTask) (program.Table, error) {
	party := t.deployment.Party(task.Owner)
	config, err := catalog.Load(party.Config)
	if err != nil {
		return program.Table{}, err
	}
	salt, err := os.ReadFile(filepath.Join(party.Dir, "state", "salt"))
	if err != nil {
		return program.Table{}, err
	}
	conn, err := pgx.Connect(ctx, party.DatabaseDSN())
	if err != nil {
		return program.Table{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "SET TimeZone = 'UTC'"); err != nil {
		return program.Table{}, err
	}
	sql := strings.ReplaceAll(task.SQL, "$1", "'"+hex.EncodeToString(salt)+"'::pg_catalog.text")
	var with []string
	for _, name := range task.Tables {
		mapping, _ := config.Mapping(study, name)
		with = append(with, fmt.Sprintf("%s AS (%s)", pgx.Identifier{name}.Sanitize(), mapping))
	}
	rows, err := conn.Query(ctx, prefixed(with, sql))
	if err != nil {
		return program.Table{}, err
	}
	return tableOf(rows, task)
}

// prefixed puts the mappings in front of a task's SQL, which may begin with WITH itself.
func prefixed(with []string, sql string) string {
	prefix := "WITH " + strings.Join(with, ", ")
	if rest, ok := strings.CutPrefix(strings.TrimSpace(sql), "WITH "); ok {
		return prefix + ", " + rest
	}
	return prefix + " " + sql
}

// tableOf reads a task's rows and pads them.
func tableOf(rows pgx.Rows, task sqlplan.LocalTask) (program.Table, error) {
	defer rows.Close()
	table := program.Table{Columns: make([][]uint64, len(task.Columns))}
	n := 0
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return table, err
		}
		for c, value := range values {
			switch v := value.(type) {
			case int64:
				table.Columns[c] = append(table.Columns[c], uint64(v))
			case []byte:
				table.Keys = append(table.Keys, bytes.Clone(v))
			default:
				return table, fmt.Errorf("column %s is a %T", task.Columns[c].Name, value)
			}
		}
		n++
	}
	for c, column := range task.Columns {
		if column.Kind == sqlplan.Key {
			table.Columns[c] = nil
			table.Keys = append(table.Keys, make([][]byte, task.Rows-n)...)
			continue
		}
		table.Columns[c] = append(table.Columns[c], make([]uint64, task.Rows-n)...)
	}
	return table, rows.Err()
}

// literal writes released rows as a row source, in the place of the gateway's function.
func literal(rows [][]*string) string {
	var list []string
	for _, row := range rows {
		var fields []string
		for _, field := range row {
			if field == nil {
				fields = append(fields, "NULL")
			} else {
				fields = append(fields, "'"+strings.ReplaceAll(*field, "'", "''")+"'")
			}
		}
		list = append(list, "(ARRAY["+strings.Join(fields, ", ")+"]::text[])")
	}
	if len(list) == 0 {
		return "(SELECT NULL::text[] WHERE false)"
	}
	return "(VALUES " + strings.Join(list, ", ") + ")"
}

// learners joins who learned what into one line.
func (i *insight) learners() string {
	byWho := map[string][]string{}
	for _, d := range i.plan.Leakage {
		byWho[d.Who] = append(byWho[d.Who], d.What)
	}
	var parts []string
	for who, what := range byWho {
		parts = append(parts, who+": "+strings.Join(what, "; "))
	}
	sort.Strings(parts)
	return strings.Join(parts, ". ")
}

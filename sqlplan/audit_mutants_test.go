package sqlplan

import (
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// rejectMutants holds that the auditor, with what it found, refuses planners that forget something.
func (found audit) rejectMutants(t *testing.T, o *oracle, study *catalog.Study, seed uint64) {
	t.Helper()
	for _, m := range wrongSensitivities {
		if c := found[m.shape][m.draw]; c.l1 <= m.declared {
			t.Errorf("the auditor accepts a mutant: %s: %s changes by %d, the mutant declares %d", m.name, m.shape, c.l1, m.declared)
		}
	}
	for _, m := range wrongQueries {
		mutated := auditStudy()
		for i := range mutated.Tables {
			m.change(&mutated.Tables[i])
		}
		shape := auditShapes[slices.IndexFunc(auditShapes, func(s auditShape) bool { return s.name == m.shape })]
		broken := audit{}
		o.audit(t, study, mutated, seed, 12, []auditShape{shape}, broken)
		caught := false
		for i, d := range compileAudit(t, study, shape.sql).Release.Aggregates {
			caught = caught || broken[shape.name][i].l1 > d.Sensitivity
		}
		if !caught {
			t.Errorf("the auditor accepts a mutant: %s", m.name)
		}
	}
}

// wrongSensitivities are mutants of the calibration: what a planner would declare that forgets something.
var wrongSensitivities = []struct {
	name, shape string
	draw        int
	declared    int64
}{
	{"one step too little", "sum of integers", 0, 99},
	{"the upper bound instead of the larger magnitude", "sum, negative bounds", 0, 30},
	{"half of AVG's range rounded down", "avg", 4, 10249},
	{"C∞ forgotten", "many rows", 0, 1},
	{"C0 forgotten", "many rows, grouped", 0, 3},
	{"C0 forgotten for distinct persons", "many rows, grouped", 2, 1},
	{"bounds of another value", "bounds by value", 0, 3 * 200},
	{"n forgotten for a person at all owners", "shared union", 0, 3},
	{"n forgotten in groups", "shared union, grouped", 0, 6},
	{"fan-out of the other side forgotten", "join, keys on the other side", 0, 1},
	{"groups of the other side forgotten", "join, keys on the other side", 0, 3},
	{"fan-out forgotten on one of two sides", "join, many rows on both sides", 0, 6},
	{"who moves up when a person is cut forgotten", "join, many rows on both sides", 0, 24},
}

// wrongQueries are mutants of the owners' SQL: it bounds or clamps less than the plan declares.
var wrongQueries = []struct {
	name, shape string
	change      func(*catalog.Table)
}{
	{"rows of a person not bounded", "many rows", func(t *catalog.Table) { t.Partitions[0].RowsPerGroup = 1000 }},
	{"groups of a person not bounded", "many rows, grouped", func(t *catalog.Table) { t.Partitions[0].GroupsPerUnit = 1000 }},
	{"only the first owner bounds", "shared union, grouped", func(t *catalog.Table) { t.Partitions[len(t.Partitions)-1].RowsPerGroup = 1000 }},
	{"one side of a join does not bound", "join, keys on the other side", func(t *catalog.Table) {
		if t.Name == "labs" {
			t.Partitions[0].RowsPerGroup = 1000
		}
	}},
	{"clamp dropped", "sum of integers", func(t *catalog.Table) { widen(t, "age") }},
	{"clamp of decimals dropped", "sum of decimals", func(t *catalog.Table) { widen(t, "bmi") }},
	{"clamp of doubles dropped", "sum of doubles", func(t *catalog.Table) { widen(t, "weight") }},
}

// widen declares bounds that hold nothing back.
func widen(t *catalog.Table, column string) {
	for i := range t.Columns {
		if t.Columns[i].Name == column {
			t.Columns[i].Bounds = &catalog.Bounds{Lower: -1 << 31, Upper: 1<<31 - 1}
		}
	}
}

package federation

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// A task's input has its declared length whatever a Source returns, and no more rows than that: never a shorter
// answer (RULES 13).
func TestInputsAreAsLongAsDeclared(t *testing.T) {
	t.Parallel()
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues([]int64{7, 8, 9}, nil)
	column := b.NewArray()
	defer column.Release()
	task := sqlplan.LocalTask{Columns: []sqlplan.LocalColumn{{Name: "x", Kind: sqlplan.Word}}}
	schema, err := schemaOf(task.Columns)
	must(t, err)
	record := array.NewRecord(schema, []arrow.Array{column}, 3)
	defer record.Release()
	for _, rows := range []int{3, 5} {
		task.Rows = rows
		table, err := tableOf(task, record)
		must(t, err)
		if got := table.Columns[0]; len(got) != rows || got[2] != 9 || rows > 3 && got[3] != 0 {
			t.Errorf("%d rows declared: %v", rows, got)
		}
	}
	for _, exact := range []bool{false, true} {
		task.Rows, task.Exact = 2, exact
		_, err = tableOf(task, record)
		refused(t, err, pgerr.SystemError, "exceed the declared number of rows")
	}
}

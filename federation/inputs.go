package federation

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// errShape means that a Source did not return what its task declares.
var errShape = pgerr.New(pgerr.SystemError, "the owner's database did not return what its task declares").
	WithHint("The owner runs c2dproxy check and looks into its log.")

// errTooMany means that a table exceeds its declared bound where the task may not cut.
var errTooMany = pgerr.New(pgerr.SystemError, "the owner's data exceed the declared number of rows").
	WithHint("The owner must raise rows or units of the table in its configuration.")

// tableOf copies a record into a task's input, padded to task.Rows: zero words, nil keys.
// A null key is nil too and matches nothing; a null word is refused.
func tableOf(task sqlplan.LocalTask, record arrow.Record) (program.Table, error) {
	rows := int(record.NumRows())
	if int(record.NumCols()) != len(task.Columns) {
		return program.Table{}, errShape
	}
	if rows > task.Rows {
		return program.Table{}, errTooMany
	}
	t := program.Table{Columns: make([][]uint64, len(task.Columns))}
	for i, column := range task.Columns {
		switch column.Kind {
		case sqlplan.Word:
			values, ok := record.Column(i).(*array.Int64)
			if !ok || values.NullN() > 0 {
				return program.Table{}, errShape
			}
			t.Columns[i] = words(values.Int64Values(), task.Rows)
		case sqlplan.Key:
			values, ok := record.Column(i).(*array.Binary)
			if !ok || t.Keys != nil {
				return program.Table{}, errShape
			}
			t.Keys = keys(values, task.Rows)
		default:
			return program.Table{}, errShape
		}
	}
	return t, nil
}

// words returns n words, the values first and zeros after them.
func words(values []int64, n int) []uint64 {
	out := make([]uint64, n)
	for i, v := range values {
		out[i] = uint64(v)
	}
	return out
}

// keys returns n keys, nil for NULL and padding. An empty key is not nil.
func keys(values *array.Binary, n int) [][]byte {
	out := make([][]byte, n)
	for i := range values.Len() {
		if !values.IsNull(i) {
			out[i] = append([]byte{}, values.Value(i)...)
		}
	}
	return out
}

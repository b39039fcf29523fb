package demo

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// result is an answer in PostgreSQL's text format.
type result struct {
	columns []sqlplan.OutputColumn
	rows    [][]string
}

// fetch runs a statement by the simple protocol, as psql does.
func fetch(ctx context.Context, conn *pgx.Conn, sql string) (*result, error) {
	answers, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(answers) == 0 {
		return &result{}, nil
	}
	last := answers[len(answers)-1]
	out := &result{}
	for _, f := range last.FieldDescriptions {
		out.columns = append(out.columns, sqlplan.OutputColumn{Name: f.Name, OID: f.DataTypeOID, TypeModifier: f.TypeModifier})
	}
	for _, row := range last.Rows {
		var fields []string
		for _, field := range row {
			if field == nil {
				fields = append(fields, "")
				continue
			}
			fields = append(fields, string(field))
		}
		out.rows = append(out.rows, fields)
	}
	return out, nil
}

// rowsShown bounds the rows that the tour prints of one answer.
const rowsShown = 14

// print writes the answer; beside each row stands the exact row with the same keys, where the
// demonstration knows one.
func (r *result) print(out io.Writer, know *insight) {
	header := []string{}
	for _, c := range r.columns {
		header = append(header, c.Name)
	}
	lines := [][]string{header}
	if know != nil {
		lines[0] = append(lines[0], "│ exact", "│ exact, bounded")
	}
	for i, row := range r.rows {
		if i == rowsShown {
			lines = append(lines, []string{fmt.Sprintf("… %d rows more", len(r.rows)-rowsShown)})
			break
		}
		line := append([]string{}, row...)
		if know != nil {
			line = append(line, "│ "+beside(r.rows, know.exact, row), "│ "+beside(r.rows, know.bounded, row))
		}
		lines = append(lines, line)
	}
	align(out, lines)
}

// beside finds the row of other that agrees with row in the leading columns that identify
// rows, and returns what follows them.
func beside(rows, other [][]string, row []string) string {
	keys := keyColumns(rows)
	for _, candidate := range other {
		if len(candidate) >= keys && strings.Join(candidate[:keys], "\x00") == strings.Join(row[:keys], "\x00") {
			return strings.Join(candidate[keys:], "  ")
		}
	}
	return "–"
}

// keyColumns is the least number of leading columns that tells all rows apart; 0 for one row.
func keyColumns(rows [][]string) int {
	if len(rows) <= 1 {
		return 0
	}
	for n := 1; n < len(rows[0]); n++ {
		seen := map[string]bool{}
		for _, row := range rows {
			seen[strings.Join(row[:n], "\x00")] = true
		}
		if len(seen) == len(rows) {
			return n
		}
	}
	return len(rows[0])
}

// align writes lines in columns.
func align(out io.Writer, lines [][]string) {
	var widths []int
	for _, line := range lines {
		if len(line) == 1 && len(lines[0]) > 1 {
			continue // a remark
		}
		for i, field := range line {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(field))
		}
	}
	for _, line := range lines {
		var b strings.Builder
		for i, field := range line {
			if i < len(line)-1 {
				field += strings.Repeat(" ", widths[i]-utf8.RuneCountInString(field)+2)
			}
			b.WriteString(field)
		}
		fmt.Fprintf(out, "    %s\n", strings.TrimRight(b.String(), " "))
	}
}

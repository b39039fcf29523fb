package shadow_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// corpusCase is one line of a corpus file.
type corpusCase struct{ want, sql string }

// corpus reads a corpus file and fails when it holds fewer than least cases.
func corpus(t *testing.T, file string, least int) []corpusCase {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []corpusCase
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "--") {
			continue
		}
		want, sql, ok := strings.Cut(line, " | ")
		if !ok {
			t.Fatalf("%s: no bar in %q", file, line)
		}
		cases = append(cases, corpusCase{want, sql})
	}
	if len(cases) < least {
		t.Fatalf("%s: %d cases, expected at least %d", file, len(cases), least)
	}
	return cases
}

// runText runs a text by the simple protocol in a clean session and returns the rows of
// the last statement and the bytes that COPY gave.
func runText(ctx context.Context, conn *pgx.Conn, sql string) (rows, all int, err error) {
	defer func() {
		for _, reset := range []string{"ROLLBACK", "DISCARD ALL"} {
			_, resetErr := conn.Exec(ctx, reset)
			err = errors.Join(err, resetErr)
		}
	}()
	if strings.HasPrefix(sql, "COPY") && strings.Contains(sql, "STDOUT") {
		var out strings.Builder
		_, err := conn.PgConn().CopyTo(ctx, &out, sql)
		return 0, out.Len(), err
	}
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	for _, r := range results {
		rows = len(r.Rows)
		all += len(r.Rows)
	}
	return rows, all, err
}

// TestRefused runs what reads federated tables, or more than an analyst may, with no
// rewriter in front: errors only, never rows (RULES 24).
func TestRefused(t *testing.T) {
	conn := connect(t)
	for _, c := range corpus(t, "testdata/refused.sql", 120) {
		t.Run(c.sql, func(t *testing.T) {
			_, all, err := runText(t.Context(), conn, c.sql)
			var pgErr *pgconn.PgError
			if !errors.As(err, &pgErr) {
				t.Fatalf("error %v and %d rows, expected SQLSTATE %s", err, all, c.want)
			}
			if !slices.Contains(strings.Split(c.want, ","), pgErr.Code) {
				t.Errorf("SQLSTATE %s (%s), expected %s", pgErr.Code, pgErr.Message, c.want)
			}
			if all != 0 && !strings.HasPrefix(c.sql, "BEGIN") {
				t.Errorf("%d rows or bytes beside the error", all)
			}
		})
	}
}

// TestRefusedExtended runs the same single statements by Parse, Bind and Execute.
func TestRefusedExtended(t *testing.T) {
	conn := connect(t)
	for _, c := range corpus(t, "testdata/refused.sql", 120) {
		if strings.Contains(c.sql, ";") || strings.Contains(c.sql, "STDIN") || strings.Contains(c.sql, "STDOUT") {
			continue
		}
		r := conn.PgConn().ExecParams(t.Context(), c.sql, nil, nil, nil, nil).Read()
		var pgErr *pgconn.PgError
		if !errors.As(r.Err, &pgErr) || !slices.Contains(strings.Split(c.want, ","), pgErr.Code) || len(r.Rows) > 0 {
			t.Errorf("%s: %v and %d rows, expected %s", c.sql, r.Err, len(r.Rows), c.want)
		}
	}
}

// TestWorks runs what tools and analysts do all day.
func TestWorks(t *testing.T) {
	conn := connect(t)
	for _, c := range corpus(t, "testdata/works.sql", 40) {
		t.Run(c.sql, func(t *testing.T) {
			rows, _, err := runText(t.Context(), conn, c.sql)
			if err != nil {
				t.Fatal(err)
			}
			want, convErr := strconv.Atoi(c.want)
			switch {
			case c.want == "*":
			case c.want == "+" && rows == 0, convErr == nil && rows != want:
				t.Errorf("%d rows, expected %s", rows, c.want)
			}
		})
	}
}

// TestNoEffect holds what PostgreSQL lets everybody say: a warning, no row, no effect.
func TestNoEffect(t *testing.T) {
	conn := connect(t)
	for _, sql := range []string{"ANALYZE patients", "VACUUM patients", "ANALYZE"} {
		if _, all, err := runText(t.Context(), conn, sql); err != nil || all != 0 {
			t.Errorf("%s: %d rows, %v", sql, all, err)
		}
	}
	var n int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_class WHERE relname = 'patients' AND reltuples >= 0").Scan(&n); err != nil || n != 0 {
		t.Errorf("statistics were written: %d, %v", n, err)
	}
}

// TestIndependent holds what the planner proves unused: the value is the one that any data give.
func TestIndependent(t *testing.T) {
	conn := connect(t)
	for _, sql := range []string{
		"WITH unused AS (SELECT * FROM patients) SELECT 1",
		"SELECT CASE WHEN false THEN (SELECT count(*) FROM patients) ELSE 1 END",
	} {
		var n int
		if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil || n != 1 {
			t.Errorf("%s: %d, %v", sql, n, err)
		}
	}
}

// TestDescribe holds that Parse and Describe of federated statements work and are exact.
func TestDescribe(t *testing.T) {
	conn := connect(t)
	for _, c := range []struct {
		sql            string
		params, fields []uint32
	}{
		{"SELECT sex, count(*), avg(age), sum(weight) FROM patients WHERE age > $1 GROUP BY sex", []uint32{23}, []uint32{25, 20, 1700, 1700}},
		{"SELECT * FROM patients", nil, []uint32{23, 23, 25, 1700, 1082, 16}},
		{"SELECT date_trunc('day', at), count(DISTINCT pid) FROM cohort GROUP BY 1", nil, []uint32{1184, 20}},
		{"SELECT avg(m.value) FROM patients p JOIN measurements m USING (id) WHERE m.test = $1 AND p.sex = $2", []uint32{25, 25}, []uint32{701}},
	} {
		d, err := conn.PgConn().Prepare(t.Context(), "", c.sql, nil)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		var fields []uint32
		for _, f := range d.Fields {
			fields = append(fields, f.DataTypeOID)
		}
		if !slices.Equal(d.ParamOIDs, c.params) || !slices.Equal(fields, c.fields) {
			t.Errorf("%s: parameters %v, fields %v", c.sql, d.ParamOIDs, fields)
		}
	}
	_, err := conn.PgConn().Prepare(t.Context(), "", "SELECT agee FROM patients", nil)
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "42703" || pgErr.Position != 8 {
		t.Errorf("misspelt column: %v", err)
	}
}

package conformance

import (
	"math"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// hourFalseAlarm bounds the probability that a run of a first hour fails although all is well; it
// compares fewer than hourFigures noisy numbers.
const (
	hourFalseAlarm = 1e-6
	hourFigures    = 60
)

// noisy is a released number: scale is sensitivity/ε of its discrete Laplace noise, P(|noise| ≥ t) ≤ 2·exp(-t/scale).
type noisy struct{ scale float64 }

// limit is what the noise exceeds with a probability of less than hourFalseAlarm/hourFigures.
func (n noisy) limit() float64 { return n.scale * math.Log(2*hourFigures/hourFalseAlarm) }

// halfWidth is that of the 95 % interval, which the server rounds to the lattice.
func (n noisy) halfWidth() float64 { return n.scale * math.Log(20) }

// checkHour compares what a first hour found with a PostgreSQL that holds everybody's rows.
func (f *federation) checkHour(t *testing.T, found map[string][]map[string]string) {
	t.Helper()
	oracle := f.askOracle(t, "liver")
	one := noisy{scale: 1 / 0.5} // a count of sensitivity 1 at ε 0.5
	checkCounts(t, oracle, found["patients"], "", "n", one, "SELECT '' AS k, count(*) FROM patients")
	checkCounts(t, oracle, found["by_age"], "decade", "n", one, "SELECT age / 10 * 10, count(*) FROM patients GROUP BY 1")
	checkCounts(t, oracle, found["by_age"], "decade", "died", one,
		"SELECT age / 10 * 10, count(*) FILTER (WHERE died) FROM patients GROUP BY 1")
	checkCounts(t, oracle, found["pressure"], "male", "persons", noisy{scale: 2 / 1.0}, `SELECT p.male, count(DISTINCT p.id)
		FROM patients p JOIN measurements m USING (id) WHERE m.test = 'sbp' AND m.value >= 140 GROUP BY 1`)

	count, sum := noisy{scale: 10 / 1.0}, noisy{scale: 10 * 25 / 1.0}                                       // ten events a person; bmi is within 25 of 35
	const outcomes = "FROM patients p JOIN (SELECT DISTINCT id, event FROM events) e USING (id) GROUP BY 1" // one row a person and event counts
	checkCounts(t, oracle, found["bmi"], "event", "n", count, "SELECT e.event, count(p.bmi) "+outcomes)
	checkMeans(t, oracle, found["bmi"], "event", "bmi", 35, count, sum, "SELECT e.event, avg(p.bmi), avg(p.bmi) "+outcomes)

	// Three readings a person count; which ones only the laboratory knows, so the mean lies between those of the
	// three lowest and the three highest.
	count, sum = noisy{scale: 3 / 0.25}, noisy{scale: 3 * 95 / 0.25} // a pressure is within 95 of 155
	const readings = `FROM (SELECT least(greatest(value, 60), 250) AS value, row_number() OVER (PARTITION BY id ORDER BY value) AS low,
		row_number() OVER (PARTITION BY id ORDER BY value DESC) AS high FROM measurements WHERE test = 'sbp' AND value IS NOT NULL) AS r`
	checkCounts(t, oracle, found["systolic"], "", "n", count, "SELECT '' AS k, count(*) FILTER (WHERE low <= 3) "+readings)
	checkMeans(t, oracle, found["systolic"], "", "mmhg", 155, count, sum,
		"SELECT '' AS k, avg(value) FILTER (WHERE low <= 3), avg(value) FILTER (WHERE high <= 3) "+readings)
}

// checkCounts compares a column of counts, in every group that has rows.
func checkCounts(t *testing.T, oracle *pgx.Conn, rows []map[string]string, key, column string, noise noisy, sql string) {
	t.Helper()
	for group, exact := range exactly(t, oracle, sql) {
		row := find(rows, key, group)
		if row == nil {
			t.Errorf("%s: no group %q", column, group)
			continue
		}
		if got := number(t, row[column]); math.Abs(got-exact[0]) > noise.limit() {
			t.Errorf("%s of %q: %g, exactly %g, the noise should stay below %.0f", column, group, got, exact[0], noise.limit())
		}
	}
}

// checkMeans compares a column of means with exact ones (or with a lowest and a highest), and the error bar with the one
// that follows from the noise. A mean is middle + S/N, so its error is (noise of S − (mean − middle)·noise of N)/N.
func checkMeans(t *testing.T, oracle *pgx.Conn, rows []map[string]string, key, column string, middle float64, count, sum noisy, sql string) {
	t.Helper()
	for group, exact := range exactly(t, oracle, sql) {
		row := find(rows, key, group)
		if row == nil {
			t.Errorf("%s: no group %q", column, group)
			continue
		}
		got, n := number(t, row[column]), math.Max(number(t, row["n"]), 1)
		far := math.Max(math.Abs(exact[0]-middle), math.Abs(exact[1]-middle))
		limit := (sum.limit() + far*count.limit()) / n
		if got < exact[0]-limit || got > exact[1]+limit {
			t.Errorf("%s of %q: %g, exactly %g to %g, the error should stay below %.2f", column, group, got, exact[0], exact[1], limit)
		}
		bar := (sum.halfWidth() + math.Abs(got-middle)*count.halfWidth()) / n
		if shown := number(t, row["error"]); math.Abs(shown-bar) > 0.05*bar {
			t.Errorf("%s of %q: the error bar is %g, should be %g", column, group, shown, bar)
		}
	}
}

// exactly asks the oracle for a group and its values.
func exactly(t *testing.T, oracle *pgx.Conn, sql string) map[string][]float64 {
	t.Helper()
	a, err := simple(t.Context(), oracle, sql)
	if err != nil || len(a.rows) == 0 {
		t.Fatalf("%s: %v %v", sql, a, err)
	}
	values := map[string][]float64{}
	for _, row := range a.rows {
		for _, field := range row[1:] {
			values[row[0]] = append(values[row[0]], number(t, field))
		}
	}
	return values
}

// find is the row of a group; key is empty where there is one row. Python and R write booleans in words.
func find(rows []map[string]string, key, group string) map[string]string {
	if key == "" && len(rows) == 1 {
		return rows[0]
	}
	for _, row := range rows {
		value := strings.ToLower(row[key])
		if row[key] == group || value == "true" && group == "t" || value == "false" && group == "f" {
			return row
		}
	}
	return nil
}

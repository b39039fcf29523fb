package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// canaryValues are what one row of trial_planted holds and nothing else does: a person number, an
// outlier far outside the declared bounds, and texts.
var canaryValues = []string{"770077007", "918273645546372819", "Xanaryville", "canary-note-5e1f7c", "canary-secret-9b2d4e"}

// canaryOutlier is the number among them.
const canaryOutlier = 918273645546372819

// canaryNeedles are all forms in which the values could lie somewhere.
func canaryNeedles() [][]byte {
	needles := [][]byte{
		binary.BigEndian.AppendUint64(nil, canaryOutlier), binary.LittleEndian.AppendUint64(nil, canaryOutlier),
		binary.BigEndian.AppendUint64(nil, 770077007),
	}
	for _, text := range canaryValues {
		needles = append(needles, []byte(text))
	}
	return needles
}

// provocations try to make an error, or the shape of an answer, depend on the planted row. %s is a
// table with that row or its twin without.
var provocations = []string{
	"SELECT count(*) FROM %s WHERE income > 100001",
	"SELECT sum(income) FROM %s",
	"SELECT sum(income) FROM %s WHERE income > 100000",
	"SELECT sum(income * income) FROM %s",
	"SELECT sum(income * income * income * income) FROM %s",
	"SELECT sum(income * 1000000000000000) FROM %s",
	"SELECT sum(1 / (income - 100000)) FROM %s",
	"SELECT sum(1 / income) FROM %s WHERE income > 100000",
	"SELECT sum(CASE WHEN income > 100001 THEN 1 / 0 ELSE 0 END) FROM %s",
	"SELECT sum(CASE WHEN income > 100001 THEN income * income ELSE 0 END) FROM %s",
	"SELECT sum(CASE WHEN city = 'Y' OR note > 'c' THEN income END) FROM %s",
	"SELECT count(*) FROM %s WHERE income::int > 5",
	"SELECT count(*) FROM %s WHERE income::smallint > 5",
	"SELECT sum(income::int) FROM %s",
	"SELECT count(*) FROM %s WHERE note::int = 5",
	"SELECT count(*) FROM %s WHERE note::date > '2000-01-01'",
	"SELECT count(*) FROM %s WHERE city::numeric > 3",
	"SELECT count(*) FROM %s WHERE length(note) > 10",
	"SELECT count(*) FROM %s WHERE note > 'canary' AND note < 'canasta'",
	"SELECT city, count(*) FROM %s GROUP BY city",
	"SELECT upper(city), count(*) FROM %s GROUP BY 1",
	"SELECT width_bucket(income, 0, 100000, 10), count(*) FROM %s GROUP BY 1",
	"SELECT width_bucket(income, 100001, 1000000000, 3), count(*) FROM %s GROUP BY 1",
	"SELECT income / 10000, count(*) FROM %s GROUP BY 1",
	"SELECT income, count(*) FROM %s GROUP BY income HAVING count(*) > 3",
	"SELECT avg(income) > 100000 FROM %s",
	"SELECT 1 / (count(*) - count(*)) FROM %s",
	"SELECT sqrt(-1 - count(*) * 0) FROM %s",
	"SELECT exp(100000000) * count(*) FROM %s",
	"SELECT count(*) FROM %s WHERE secret = 'x'",
	"SELECT max(income) FROM %s",
	"SELECT * FROM %s WHERE income > 100001",
	"SELECT count(*) FROM %s WHERE id > 770000000",
	"SELECT p.sex, count(*) FROM %s p JOIN visits v USING (id) WHERE p.income > 100000 GROUP BY p.sex",
	"SELECT v.kind, sum(p.income), sum(v.score) FROM visits v JOIN %s p USING (id) GROUP BY v.kind",
	"EXPLAIN SELECT city, sum(income) FROM %s GROUP BY city",
	"COPY (SELECT city, sum(income) FROM %s GROUP BY city ORDER BY city) TO STDOUT",
}

// TestCanary: the planted values appear in no error, answer, log, metric, EXPLAIN, in no other
// party's folder and in no traffic; and errors and shapes of answers are the same with and without the row.
func TestCanary(t *testing.T) {
	long(t)
	f := running(t)
	conn := f.connect(t, "clinic", "mia", "trial")
	refused := 0
	for _, text := range provocations {
		with, without := provoke(t, conn, text, "planted"), provoke(t, conn, text, "cleared")
		if with != without {
			t.Errorf("%s: with the row\n%s\nwithout\n%s", text, with, without)
		}
		if strings.HasPrefix(with, "ERROR") {
			refused++
		}
	}
	if refused < 5 || refused == len(provocations) {
		t.Errorf("%d of %d statements were refused: the test does not provoke as it should", refused, len(provocations))
	}
	exact := f.connect(t, "clinic", "rosa", "trial")
	for _, text := range []string{"SELECT count(*), sum(income) FROM planted", "SELECT city, count(*) FROM planted GROUP BY city"} {
		_, err := simple(t.Context(), exact, text)
		if err == nil || !strings.Contains(err.Error(), "clinic") {
			t.Errorf("%s: a value outside its declaration should be an error that names the owner: %v", text, err)
		}
		clean(t, text, []byte(wholeError(err)))
	}
	f.searchEverywhere(t)
}

// provoke asks with one of the two tables and returns what does not depend on noise: the whole error, or
// the columns, types and group keys of the answer.
func provoke(t *testing.T, conn *pgx.Conn, text, table string) string {
	t.Helper()
	results, err := conn.PgConn().Exec(t.Context(), strings.Replace(text, "%s", table, 1)).ReadAll()
	seen := ""
	if err != nil {
		seen = wholeError(err)
	}
	for _, r := range results {
		a := textAnswer(r)
		seen += fmt.Sprintln(a.names, a.types, a.tag)
		for _, row := range a.rows {
			clean(t, text, []byte(strings.Join(row, "|")))
			if len(row) > 1 || strings.HasPrefix(text, "EXPLAIN") {
				seen += row[0] + "\n" // the first key; values are noisy
			}
		}
	}
	clean(t, text, []byte(seen))
	seen = strings.ReplaceAll(seen, table, "TABLE")
	return budgetLeft.ReplaceAllString(seen, "")
}

// budgetLeft is the part of EXPLAIN that says what the analyst had and has left.
var budgetLeft = regexp.MustCompile(` \([0-9.]+ before, [0-9.]+ after\)`)

// searchEverywhere looks for the planted values where they must not be, and where they must.
func (f *federation) searchEverywhere(t *testing.T) {
	t.Helper()
	for _, p := range f.Parties {
		for _, page := range []string{"metrics", "status", "healthz", "readyz"} {
			text := get(t, p, page)
			if text == "" {
				t.Errorf("%s/%s is empty", p.Name, page)
			}
			clean(t, p.Name+"/"+page, []byte(text))
		}
	}
	clinic := f.Party("clinic")
	if files, found := search(t, filepath.Join(clinic.Dir, "db")); files == 0 || len(found) == 0 {
		t.Fatal("the values are not found where they were planted: the search is broken")
	}
	traffic, err := filepath.Glob(filepath.Join(f.Dir, "traffic-*"))
	if err != nil || len(traffic) != 3 {
		t.Fatalf("%d recordings, %v", len(traffic), err)
	}
	for _, place := range append(traffic, f.Party("lab").Dir, f.Party("registry").Dir, clinic.Logs(), filepath.Join(clinic.Dir, "state")) {
		files, found := search(t, place)
		if files == 0 {
			t.Errorf("%s: nothing was searched", place)
		}
		for _, where := range found {
			t.Errorf("a planted value is in %s", where)
		}
	}
}

// search looks through a file or everything below a folder.
func search(t *testing.T, root string) (files int, found []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // a running server removed it
		}
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		files++
		for _, needle := range canaryNeedles() {
			if bytes.Contains(content, needle) {
				found = append(found, path)
				break
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, found
}

// clean checks a text that somebody sees.
func clean(t *testing.T, where string, text []byte) {
	t.Helper()
	for _, needle := range canaryNeedles() {
		if bytes.Contains(text, needle) {
			t.Errorf("%s holds the planted value %q:\n%s", where, needle, text)
		}
	}
}

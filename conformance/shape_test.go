package conformance

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTrafficShape: tables crowded and deserts are declared alike; one holds 5,000 persons, the
// other three. Somebody who watches the network sees the same: of every connection between two
// parties and each direction, the same number of bytes inside the TLS records of a question.
//
// Parties also say that they are alive every few seconds, at times that no data touches; of
// several runs of one question the one with the fewest bytes in a direction had none of that.
func TestTrafficShape(t *testing.T) {
	long(t)
	f := running(t)
	conn := f.connect(t, "clinic", "mia", "trial")
	for _, question := range []string{
		"SELECT count(*) FROM %s",
		"SELECT sex, count(*), avg(age), sum(income) FROM %s WHERE age > 20 GROUP BY sex",
		"SELECT p.sex, count(DISTINCT p.id), sum(v.score) FROM %s p JOIN visits v USING (id) GROUP BY p.sex",
		"SELECT s.ward, count(*), sum(s.days) FROM stays s JOIN %s p USING (id) WHERE p.active GROUP BY s.ward",
	} {
		least := map[string]map[string]int{}
		const runs = 4
		for i := range 2 * runs {
			table := []string{"crowded", "deserts"}[i%2]
			_, mark := f.Shape(nil)
			a, err := simple(t.Context(), conn, fmt.Sprintf(question, table))
			if err != nil || len(a.rows) == 0 {
				t.Fatalf("%s: %v", table, err)
			}
			lengths := f.settled(mark)
			if len(lengths) != 6 {
				t.Fatalf("%d directions", len(lengths))
			}
			if least[table] == nil {
				least[table] = map[string]int{}
			}
			for direction, list := range lengths {
				n := inside(list)
				if old, ok := least[table][direction]; !ok || n < old {
					least[table][direction] = n
				}
			}
		}
		total := 0
		for direction, n := range least["crowded"] {
			total += n
			if m := least["deserts"][direction]; n != m {
				t.Errorf("%s: %s: %d bytes over 5,000 persons, %d over 3", question, direction, n, m)
			}
		}
		if total < 10_000 {
			t.Errorf("%s: only %d bytes were seen", question, total)
		}
		var words []string
		for direction, n := range least["deserts"] {
			words = append(words, fmt.Sprintf("%s %d", direction, n))
		}
		slices.Sort(words)
		t.Logf("%s: %s", question, strings.Join(words, ", "))
	}
}

// settled is the traffic since mark, once there is none for a while: streams are closed after the answer is there, and what
// closes them must not count for the next question.
func (f *federation) settled(mark map[string]int) map[string][]int {
	lengths, _ := f.Shape(mark)
	for {
		time.Sleep(100 * time.Millisecond)
		later, _ := f.Shape(mark)
		if reflect.DeepEqual(later, lengths) {
			return lengths
		}
		lengths = later
	}
}

// inside is the number of bytes that TLS 1.3 records carry: each ends with a byte of type and a tag of 16.
func inside(lengths []int) int {
	n := 0
	for _, length := range lengths {
		n += length - 17
	}
	return n
}

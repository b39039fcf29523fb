package sqlplan

import "testing"

// The noise of a join covers, for each table whose owner did not sign that it is bounded, one more
// person: whoever takes the place of the one who is removed.
func TestBoundedTablesNeedLessNoise(t *testing.T) {
	t.Parallel()
	const sql = "SELECT sex, count(*) FROM patients JOIN measurements USING (id) WHERE test = 'sbp' GROUP BY sex"
	sensitivity := func(bounded ...string) int64 {
		study := care()
		for i := range study.Tables {
			for _, name := range bounded {
				if study.Tables[i].Name == name {
					study.Tables[i].Partitions[0].Bounded = true
				}
			}
		}
		q := query("mia@clinic", sql, nil, nil)
		q.Epoch = study.Epoch()
		plan, err := Compile(study, q)
		if err != nil {
			t.Fatal(err)
		}
		return plan.Release.Aggregates[0].Sensitivity
	}
	both := sensitivity("patients", "measurements")
	if both <= 0 {
		t.Fatalf("sensitivity %d", both)
	}
	for _, c := range []struct {
		bounded []string
		times   int64
	}{{nil, 3}, {[]string{"patients"}, 2}, {[]string{"measurements"}, 2}} {
		if got := sensitivity(c.bounded...); got != c.times*both {
			t.Errorf("bounded %v: sensitivity %d, want %d times %d", c.bounded, got, c.times, both)
		}
	}
}

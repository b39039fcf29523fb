package dp

import (
	"math"
	"testing"
)

// TestL1 is RULES 14: n·C0·C∞·M, and the tighter bound where a join gives one.
func TestL1(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bound Contribution
		abs   int64
		want  int64 // 0: refused
	}{
		{Contribution{1, 1, 1, 0}, 1, 1},
		{Contribution{3, 2, 5, 0}, 7, 210},
		{Contribution{1, 4, 6, 6}, 10, 60},
		{Contribution{1, 2, 2, 100}, 1, 4},
		{Contribution{1, 1, 1, 0}, 0, 1},
		{Contribution{}, 1, 0},
		{Contribution{1, 0, 1, 1}, 1, 0},
		{Contribution{1, 1, 0, 1}, 1, 0},
		{Contribution{0, 1, 1, 1}, 1, 0},
		{Contribution{1, -1, 1, 0}, 1, 0},
		{Contribution{1, 1, 1, -1}, 1, 0},
		{Contribution{1, 1, 1, 0}, -1, 0},
		{Contribution{2, math.MaxInt64 / 2, 3, 0}, 1, 0},
		{Contribution{2, math.MaxInt64 / 2, 3, 9}, 1, 9},
		{Contribution{1, 1 << 31, 1, 0}, 1 << 31, 0},
		{Contribution{1, 1 << 31, 1, 0}, 1 << 30, 1 << 61},
	} {
		got, err := c.bound.L1(c.abs)
		if got != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%+v.L1(%d) = %d, %v; want %d", c.bound, c.abs, got, err, c.want)
		}
	}
}

// TestJoin is RULES 15.
func TestJoin(t *testing.T) {
	t.Parallel()
	a, b := Contribution{1, 2, 3, 0}, Contribution{1, 5, 1, 0}
	got, err := Join(a, b, 4)
	if want := (Contribution{1, 4, 30, 30}); err != nil || got != want {
		t.Fatalf("Join = %+v, %v; want %+v", got, err, want)
	}
	if l1, err := got.L1(1); err != nil || l1 != 30 {
		t.Errorf("L1 = %d, %v: a unit has 30 joined rows, each in one group", l1, err)
	}
	if l1, err := got.Distinct().L1(1); err != nil || l1 != 4 {
		t.Errorf("L1 of distinct units = %d, %v", l1, err)
	}
	if cells, err := got.Cells(4); err != nil || cells != 4 {
		t.Errorf("cells = %d, %v", cells, err)
	}
	if _, err := Join(a, Contribution{}, 4); err == nil {
		t.Error("a join with an unbounded table succeeded")
	}
	if _, err := Join(a, b, 0); err == nil {
		t.Error("a join over no groups succeeded")
	}
	huge := Contribution{1, 1 << 40, 1, 0}
	if _, err := Join(huge, huge, 1); err == nil {
		t.Error("an overflowing join succeeded")
	}
}

func TestWithinAndCells(t *testing.T) {
	t.Parallel()
	c := Contribution{Partitions: 3, Groups: 10, RowsPerGroup: 2}
	if l1, err := c.Within(1).L1(1); err != nil || l1 != 6 {
		t.Errorf("without GROUP BY L1 = %d, %v; want 6", l1, err)
	}
	if _, err := c.Within(0).L1(1); err == nil {
		t.Error("an empty domain was accepted")
	}
	for domain, want := range map[int64]int64{1: 1, 20: 20, 30: 30, 50: 30} {
		if got, err := c.Cells(domain); err != nil || got != want {
			t.Errorf("Cells(%d) = %d, %v; want %d", domain, got, err, want)
		}
	}
	if _, err := (Contribution{}).Cells(1); err == nil {
		t.Error("the zero Contribution was accepted")
	}
}

// TestCentre is RULES 18: D = max(u-m, m-l) in steps.
func TestCentre(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lower, upper, mid, reach int64 }{
		{0, 10, 5, 5}, {0, 11, 5, 6}, {-11, 0, -6, 6}, {-10, 10, 0, 10}, {7, 7, 7, 1}, {-3, -2, -3, 1},
		{-maxSensitivity, maxSensitivity, 0, maxSensitivity},
	} {
		mid, reach, err := Centre(c.lower, c.upper)
		if err != nil || mid != c.mid || reach != c.reach {
			t.Errorf("Centre(%d, %d) = %d, %d, %v; want %d, %d", c.lower, c.upper, mid, reach, err, c.mid, c.reach)
		}
	}
	for _, c := range [][2]int64{{1, 0}, {math.MinInt64, math.MaxInt64}, {math.MinInt64, 0}} {
		if mid, reach, err := Centre(c[0], c[1]); err == nil && (reach < c[1]-mid || reach < mid-c[0]) {
			t.Errorf("Centre(%d, %d) = %d, %d", c[0], c[1], mid, reach)
		} else if err == nil && c[0] > c[1] {
			t.Errorf("Centre(%d, %d) succeeded", c[0], c[1])
		}
	}
	if m, err := MaxAbs(-7, 3); err != nil || m != 7 {
		t.Errorf("MaxAbs = %d, %v", m, err)
	}
	for _, c := range [][2]int64{{1, 0}, {math.MinInt64, 0}, {0, math.MaxInt64}} {
		if _, err := MaxAbs(c[0], c[1]); err == nil {
			t.Errorf("MaxAbs(%d, %d) succeeded", c[0], c[1])
		}
	}
}

// TestDisplacing holds the bounds of a cut: with one more unit per table, everything counts once more.
func TestDisplacing(t *testing.T) {
	t.Parallel()
	join, err := Join(Contribution{Partitions: 1, Groups: 2, RowsPerGroup: 3}, Contribution{Partitions: 1, Groups: 1, RowsPerGroup: 2}, 4)
	if err != nil {
		t.Fatal(err)
	}
	cut, err := join.Displacing(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what      string
		got, want int64
	}{
		{"sum", must(t)(cut.L1(10)), 3 * 12 * 10},
		{"distinct", must(t)(cut.Distinct().L1(1)), 3 * 4},
		{"cells", must(t)(cut.Cells(4)), 4},
		{"cells of many", must(t)(cut.Cells(100)), 12},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.what, c.got, c.want)
		}
	}
	for _, bad := range []Contribution{{}, {Partitions: 1, Groups: 1, RowsPerGroup: maxSensitivity}} {
		if _, err := bad.Displacing(2); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	if _, err := join.Displacing(-1); err == nil {
		t.Error("fewer than no units are accepted")
	}
}

// must fails the test on an error.
func must(t *testing.T) func(int64, error) int64 {
	return func(n int64, err error) int64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// TestUnion holds that shared units add up over owners and others do not.
func TestUnion(t *testing.T) {
	t.Parallel()
	a, b := Contribution{Partitions: 1, Groups: 2, RowsPerGroup: 2}, Contribution{Partitions: 1, Groups: 1, RowsPerGroup: 3}
	for _, c := range []struct {
		shared                bool
		sum, distinct, groups int64
	}{{true, 7, 4, 4}, {false, 4, 2, 2}} {
		u, err := Union(c.shared, a, b)
		if err != nil {
			t.Fatal(err)
		}
		if sum, distinct, groups := must(t)(u.L1(1)), must(t)(u.Distinct().L1(1)), must(t)(u.Cells(100)); sum != c.sum || distinct != c.distinct || groups != c.groups {
			t.Errorf("shared %t: sum %d, distinct %d, cells %d", c.shared, sum, distinct, groups)
		}
	}
	if _, err := Union(true, a, Contribution{}); err == nil {
		t.Error("a part without bounds is accepted")
	}
	if _, err := Union(true, Contribution{Partitions: 1, Groups: 1, RowsPerGroup: maxSensitivity}, a); err == nil {
		t.Error("a sum out of range is accepted")
	}
}

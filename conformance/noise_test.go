package conformance

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// falseAlarm is the probability with which each comparison of noise with its distribution
// fails although all is well. There are about twenty of them.
const falseAlarm = 1e-6

// explained is what EXPLAIN (FORMAT JSON) says of one value's noise.
type explained struct {
	Mechanism   string `json:"mechanism"`
	Sensitivity string `json:"sensitivity"`
	Epsilon     string `json:"epsilon"`
	Groups      int    `json:"groups"`
}

// TestNoise: in thousands of groups whose exact values the oracle knows, what was added is
// discrete Laplace noise with the sensitivity and ε that EXPLAIN states, and new each time. No
// person of these tables exceeds the declared contributions, so that bounding changes nothing.
func TestNoise(t *testing.T) {
	long(t)
	f := running(t)
	conn, oracle := f.connect(t, "clinic", "mia", "trial"), f.askOracle(t, "trial")
	for _, c := range []struct {
		epsilon, sql string
		keys         int
	}{
		{"0.5", "SELECT width_bucket(income, 0, 100000, 998) AS b, sex, count(*) FROM persons GROUP BY 1, 2", 2},
		{"10", "SELECT width_bucket(income, 0, 100000, 998) AS b, sex, sum(weight) FROM persons GROUP BY 1, 2", 2},
		{"8", "SELECT date_trunc('hour', seen) AS h, region, flag, count(*) FROM sites GROUP BY 1, 2, 3", 3},
	} {
		if _, err := conn.Exec(t.Context(), "SET c2d.epsilon = "+c.epsilon); err != nil {
			t.Fatal(err)
		}
		stated := explain(t, conn, c.sql)
		sensitivity, scale := lattice(t, stated.Sensitivity)
		epsilon, err := strconv.ParseFloat(stated.Epsilon, 64)
		if err != nil || fmt.Sprint(epsilon) != c.epsilon || stated.Groups < 2000 || !strings.Contains(strings.ToLower(stated.Mechanism), "laplace") {
			t.Fatalf("%s: EXPLAIN says %+v", c.sql, stated)
		}
		alpha := math.Exp(-epsilon / float64(sensitivity))
		exact := cells(t, oracle, c.sql, c.keys, scale)
		first, second := noise(t, conn, c.sql, c.keys, scale, exact), noise(t, conn, c.sql, c.keys, scale, exact)
		if len(first) != stated.Groups || len(second) != len(first) {
			t.Fatalf("%s: %d and %d groups, EXPLAIN says %d", c.sql, len(first), len(second), stated.Groups)
		}
		for _, draws := range []map[string]int64{first, second} {
			kolmogorov(t, c.sql, draws, alpha)
			chiSquare(t, c.sql, draws, alpha)
		}
		unrelated(t, c.sql, first, second, alpha)
		t.Logf("%s: %d groups, sensitivity %s, ε %s", c.sql, len(first), stated.Sensitivity, stated.Epsilon)
	}
}

// explain asks for the noise of a statement with one aggregate.
func explain(t *testing.T, conn *pgx.Conn, sql string) explained {
	t.Helper()
	a, err := simple(t.Context(), conn, "EXPLAIN (FORMAT JSON) "+sql)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, row := range a.rows {
		text.WriteString(row[0] + "\n")
	}
	var plans []struct {
		Errors []explained `json:"expected_errors"`
	}
	if err := json.Unmarshal([]byte(text.String()), &plans); err != nil || len(plans) != 1 || len(plans[0].Errors) != 1 {
		t.Fatalf("EXPLAIN: %v\n%s", err, text.String())
	}
	return plans[0].Errors[0]
}

// lattice reads a decimal as a number of steps and its decimals.
func lattice(t *testing.T, text string) (steps int64, scale int) {
	t.Helper()
	if point := strings.IndexByte(text, '.'); point >= 0 {
		scale = len(text) - point - 1
	}
	return stepsOf(t, text, scale), scale
}

// stepsOf reads a decimal as a number of steps of 10^-scale; NULL is 0, as in a sum of nothing.
func stepsOf(t *testing.T, text string, scale int) int64 {
	t.Helper()
	if text == null {
		return 0
	}
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("not a number: %q", text)
	}
	value.Mul(value, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	if !value.IsInt() || !value.Num().IsInt64() {
		t.Fatalf("%s is not on the lattice of %d decimals", text, scale)
	}
	return value.Num().Int64()
}

// cells reads one value a group.
func cells(t *testing.T, conn *pgx.Conn, sql string, keys, scale int) map[string]int64 {
	t.Helper()
	a, err := simple(t.Context(), conn, sql)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]int64{}
	for _, row := range a.rows {
		values[strings.Join(row[:keys], "|")] = stepsOf(t, row[keys], scale)
	}
	if len(values) != len(a.rows) || len(values) < 100 {
		t.Fatalf("%s: %d rows, %d groups", sql, len(a.rows), len(values))
	}
	return values
}

// noise asks the question and subtracts the exact value in each group.
func noise(t *testing.T, conn *pgx.Conn, sql string, keys, scale int, exact map[string]int64) map[string]int64 {
	t.Helper()
	answers := cells(t, conn, sql, keys, scale)
	for group := range exact {
		if _, ok := answers[group]; !ok {
			t.Fatalf("%s: group %q is missing", sql, group)
		}
	}
	for group := range answers {
		answers[group] -= exact[group]
	}
	return answers
}

// cumulative is P(X ≤ x) of the discrete Laplace distribution P(X = x) = (1-α)/(1+α)·α^|x|.
func cumulative(alpha float64, x int64) float64 {
	if x < 0 {
		return math.Pow(alpha, float64(-x)) / (1 + alpha)
	}
	return 1 - math.Pow(alpha, float64(x)+1)/(1+alpha)
}

// kolmogorov compares the empirical distribution function. By the inequality of Dvoretzky,
// Kiefer, Wolfowitz and Massart P(sup > t) ≤ 2·exp(-2nt²), for discrete distributions too.
func kolmogorov(t *testing.T, sql string, draws map[string]int64, alpha float64) {
	t.Helper()
	counts := map[int64]int{}
	low, high := int64(math.MaxInt64), int64(math.MinInt64)
	for _, x := range draws {
		counts[x]++
		low, high = min(low, x), max(high, x)
	}
	n := float64(len(draws))
	worst, below := 0.0, 0
	for x := low - 1; x <= high; x++ {
		below += counts[x]
		worst = max(worst, math.Abs(float64(below)/n-cumulative(alpha, x)))
	}
	if limit := math.Sqrt(math.Log(2/falseAlarm) / (2 * n)); worst > limit {
		t.Errorf("%s: the noise is off by %.4f, at most %.4f expected", sql, worst, limit)
	}
}

// chiSquare compares frequencies in bins of equal probability, as nearly as integers allow; the
// quantile is Wilson and Hilferty's approximation.
func chiSquare(t *testing.T, sql string, draws map[string]int64, alpha float64) {
	t.Helper()
	const bins = 20
	var edges []int64 // bin i ends at edges[i]; the last is open
	for i := 1; i < bins; i++ {
		x := int64(0)
		for cumulative(alpha, x) < float64(i)/bins {
			x++
		}
		for cumulative(alpha, x-1) >= float64(i)/bins {
			x--
		}
		if len(edges) == 0 || edges[len(edges)-1] != x {
			edges = append(edges, x)
		}
	}
	observed := make([]float64, len(edges)+1)
	for _, x := range draws {
		i := 0
		for i < len(edges) && x > edges[i] {
			i++
		}
		observed[i]++
	}
	statistic, last := 0.0, 0.0
	for i := range observed {
		upper := 1.0
		if i < len(edges) {
			upper = cumulative(alpha, edges[i])
		}
		expected := (upper - last) * float64(len(draws))
		if expected < 20 {
			t.Fatalf("%s: bin %d expects %.1f draws only", sql, i, expected)
		}
		statistic += (observed[i] - expected) * (observed[i] - expected) / expected
		last = upper
	}
	k := float64(len(edges))
	const z = 4.7534 // standard normal quantile of 1 - 10^-6
	if limit := k * math.Pow(1-2/(9*k)+z*math.Sqrt(2/(9*k)), 3); statistic > limit {
		t.Errorf("%s: χ² is %.1f with %d degrees of freedom, at most %.1f expected", sql, statistic, len(edges), limit)
	}
}

// unrelated checks that two executions drew their noise anew: signs agree in half of the
// groups where both are not zero (Hoeffding), and the executions differ.
func unrelated(t *testing.T, sql string, first, second map[string]int64, alpha float64) {
	t.Helper()
	same, both, equal := 0, 0, 0
	for group, x := range first {
		y := second[group]
		if x == y {
			equal++
		}
		if x == 0 || y == 0 {
			continue
		}
		both++
		if (x > 0) == (y > 0) {
			same++
		}
	}
	n := float64(both)
	if off := math.Abs(float64(same)/n - 0.5); both < 500 || off > math.Sqrt(math.Log(2/falseAlarm)/(2*n)) {
		t.Errorf("%s: signs agree in %d of %d groups", sql, same, both)
	}
	// P(X = Y) = ((1-α)/(1+α))²·(1+α²)/(1-α²)
	q := (1 - alpha) / (1 + alpha)
	expected := q * q * (1 + alpha*alpha) / (1 - alpha*alpha) * float64(len(first))
	if limit := expected + math.Sqrt(math.Log(1/falseAlarm)/2*float64(len(first))); float64(equal) > limit {
		t.Errorf("%s: %d draws are equal in both executions, %.0f expected", sql, equal, expected)
	}
}

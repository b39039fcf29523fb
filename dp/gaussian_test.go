package dp_test

import (
	"errors"
	"math"
	"testing"

	. "github.com/c2dproxy/c2dproxy/dp"
)

// gaussianPMF is P(X = 0), P(X = 1), … of a discrete Gaussian, in float64.
func gaussianPMF(variance float64) []float64 {
	pmf := []float64{1}
	for x := 1.0; x < 12*math.Sqrt(variance)+2; x++ {
		pmf = append(pmf, math.Exp(-x*x/(2*variance)))
	}
	all := 1.0
	for _, w := range pmf[1:] {
		all += 2 * w
	}
	for i := range pmf {
		pmf[i] /= all
	}
	return pmf
}

// drawnPMF is what draws with these bounds and factors have, by convolution: index edge is 0.
func drawnPMF(bounds []uint64, factors []int64) (pmf []float64, edge int) {
	edge = len(bounds)
	pmf = make([]float64, 2*edge+1)
	above := 1.0
	for j := 0; j <= len(bounds); j++ {
		next := 0.0
		if j < len(bounds) {
			next = float64(bounds[j]) * math.Exp2(-64)
		}
		if p := above - next; j == 0 {
			pmf[edge] = p
		} else {
			pmf[edge-j], pmf[edge+j] = p/2, p/2
		}
		above = next
	}
	for _, k := range factors {
		wide := make([]float64, (len(pmf)-1)*(1+int(k))+1)
		for i, p := range pmf {
			for j, q := range pmf {
				wide[i+int(k)*j] += p * q
			}
		}
		pmf, edge = wide, edge*(1+int(k))
	}
	return pmf, edge
}

// TestGaussianDistribution computes the whole distribution of what is drawn, table and sums, and
// compares it with the discrete Gaussian: in total variation they are equal to the precision of
// float64.
func TestGaussianDistribution(t *testing.T) {
	t.Parallel()
	for _, variance := range []int64{1, 2, 7, 29, 64, 65, 100, 129, 300, 1000, 1088, 1089, 5000} {
		g := Gaussian{Variance: variance}
		bounds, err := g.Bounds()
		if err != nil {
			t.Fatal(err)
		}
		factors, err := g.Factors()
		if err != nil {
			t.Fatal(err)
		}
		if variance <= 64 && len(factors) != 0 {
			t.Errorf("variance %d: factors %v", variance, factors)
		}
		got, edge := drawnPMF(bounds, factors)
		want := gaussianPMF(float64(variance))
		distance := 0.0
		for i, p := range got {
			ideal := 0.0
			if x := max(i-edge, edge-i); x < len(want) {
				ideal = want[x]
			}
			distance += math.Abs(p-ideal) / 2
		}
		if distance > 1e-13 {
			t.Errorf("variance %d with factors %v: distance %g", variance, factors, distance)
		}
	}
}

// TestGaussianVariance: whatever the variance, the parts make it exactly with few factors, and
// the approximation costs next to nothing.
func TestGaussianVariance(t *testing.T) {
	t.Parallel()
	for v := int64(1); v > 0 && v <= MaxVariance; v = v*3/2 + 1 {
		g := Gaussian{Variance: v}
		factors, err := g.Factors()
		if err != nil {
			t.Fatalf("variance %d: %v", v, err)
		}
		if len(factors) > 5 {
			t.Errorf("variance %d: factors %v", v, factors)
		}
		delta, err := g.Approximation(OneEpsilon, 1)
		if err != nil {
			t.Fatal(err)
		}
		if delta > 1000 { // 10^-15
			t.Errorf("variance %d: approximation costs %d·10^-18", v, delta)
		}
		ten, err := g.Approximation(OneEpsilon, 10)
		if err != nil || ten <= 10*(delta-1) || ten > 10*delta {
			t.Errorf("variance %d: ten cells cost %d, one %d: %v", v, ten, delta, err)
		}
	}
}

// TestGaussianFor checks the calibration against the exact δ of a discrete Gaussian on counts:
// P(X > εσ² − ½) − e^ε·P(X > εσ² + ½) (Canonne, Kamath, Steinke, Theorem 7), and against the
// formula of zCDP in float64.
func TestGaussianFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		epsilon Epsilon
		delta   Delta
		squared int64
	}{{OneEpsilon, 1e12, 1}, {OneEpsilon / 10, 1e10, 1}, {2 * OneEpsilon, 1e9, 9}, {OneEpsilon / 2, 1e12, 10000}} {
		g, err := GaussianFor(c.epsilon, c.delta, c.squared)
		if err != nil {
			t.Fatal(err)
		}
		e, d := float64(c.epsilon)/1e9, float64(c.delta)/1e18
		l := math.Log(1 / d)
		least := float64(c.squared) / 2 / math.Pow(math.Sqrt(e+l)-math.Sqrt(l), 2)
		if v := float64(g.Variance); v < least || v > least*1.0001+1 {
			t.Errorf("ε %g δ %g: variance %v, want just above %v", e, d, v, least)
		}
		if c.squared != 1 {
			continue
		}
		pmf := gaussianPMF(float64(g.Variance))
		tail := func(from float64) (p float64) { // P(X > from), from ≥ 0
			for x := int(math.Floor(from)) + 1; x < len(pmf); x++ {
				p += pmf[x]
			}
			return p
		}
		at := e * float64(g.Variance)
		if exact := tail(at-0.5) - math.Exp(e)*tail(at+0.5); exact > d {
			t.Errorf("ε %g: exact δ %g exceeds %g", e, exact, d)
		}
	}
}

// TestGaussianRefuses parameters out of range.
func TestGaussianRefuses(t *testing.T) {
	t.Parallel()
	for _, g := range []Gaussian{{}, {-1}, {MaxVariance + 1}} {
		if _, err := g.Bounds(); !errors.Is(err, ErrGaussian) {
			t.Errorf("%+v: bounds: %v", g, err)
		}
		if _, err := g.Factors(); !errors.Is(err, ErrGaussian) {
			t.Errorf("%+v: factors: %v", g, err)
		}
	}
	for name, f := range map[string]func() error{
		"no epsilon":     func() error { _, err := GaussianFor(0, 1, 1); return err },
		"no delta":       func() error { _, err := GaussianFor(1, 0, 1); return err },
		"no sensitivity": func() error { _, err := GaussianFor(1, 1, 0); return err },
		"too much noise": func() error { _, err := GaussianFor(1, 1, math.MaxInt64); return err },
		"no cells":       func() error { _, err := Gaussian{Variance: 9}.Approximation(OneEpsilon, 0); return err },
	} {
		if err := f(); !errors.Is(err, ErrGaussian) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

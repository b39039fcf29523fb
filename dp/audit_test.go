package dp

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The auditor after "Auditing differentially private machine learning" (Jagielski, Ullman and
// Oprea, 2020) over the plaintext simulation: it runs a mechanism on two neighbouring
// databases, finds the event that tells them apart best on one half of the runs, and bounds the
// ε that this event proves on the other half with Clopper-Pearson intervals. Each bound is
// wrong with probability 10^-3/2, both directions together with 2·10^-3; seeds are fixed, so a
// passing test stays so.
const auditError = 1e-3

// view is what the adversary compares: one number a run.
type view func(withUnit bool) float64

// auditEpsilon returns a lower bound on ε from n runs on each database, half of them to choose
// the event. The δ of the constants, below 2^-58, is far beneath its resolution.
func auditEpsilon(n int, run view) float64 {
	sample := func(with bool) []float64 {
		values := make([]float64, n/2)
		for i := range values {
			values[i] = run(with)
		}
		slices.Sort(values)
		return values
	}
	with, without := [2][]float64{sample(true), sample(true)}, [2][]float64{sample(false), sample(false)}
	return max(provenEpsilon(with, without), provenEpsilon(without, with))
}

// provenEpsilon looks at events {v ≥ t} and {v ≤ t}; p holds the likelier database. Index 0
// chooses, index 1 tests.
func provenEpsilon(p, q [2][]float64) float64 {
	best, bestBound := func([]float64) int { return 0 }, math.Inf(-1)
	for i := 0; i < 400; i++ {
		t := p[0][i*len(p[0])/400]
		for _, event := range []func([]float64) int{
			func(v []float64) int { at, _ := slices.BinarySearch(v, t); return len(v) - at },
			func(v []float64) int { at, _ := slices.BinarySearch(v, math.Nextafter(t, math.Inf(1))); return at },
		} {
			if b := ratioBound(event(p[0]), event(q[0]), len(p[0])); b > bestBound {
				best, bestBound = event, b
			}
		}
	}
	return ratioBound(best(p[1]), best(q[1]), len(p[1]))
}

// ratioBound returns ln(CP_low(a/n) / CP_high(b/n)).
func ratioBound(a, b, n int) float64 {
	low, high := 0.0, 1.0
	if a > 0 {
		low = betaQuantile(auditError/2, float64(a), float64(n-a+1))
	}
	if b < n {
		high = betaQuantile(1-auditError/2, float64(b+1), float64(n-b))
	}
	return math.Log(low / high)
}

// betaQuantile inverts the regularised incomplete beta function by bisection.
func betaQuantile(p, a, b float64) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		if mid := (low + high) / 2; incompleteBeta(mid, a, b) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// incompleteBeta is the regularised incomplete beta function by Lentz's continued fraction
// (Press et al., Numerical Recipes, §6.4).
func incompleteBeta(x, a, b float64) float64 {
	if x <= 0 || x >= 1 {
		return math.Max(0, math.Min(1, x))
	}
	if x > (a+1)/(a+b+2) {
		return 1 - incompleteBeta(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab - la - lb + a*math.Log(x) + b*math.Log1p(-x))
	const tiny = 1e-300
	c, d := 1.0, 1/math.Max(tiny, 1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m < 500; m++ {
		step := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/(1+step*d), 1+step/c
		f *= d * c
		step = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/(1+step*d), 1+step/c
		f *= d * c
		if math.Abs(d*c-1) < 1e-12 {
			break
		}
	}
	return front * f / a
}

func TestBetaQuantile(t *testing.T) {
	t.Parallel()
	// Clopper-Pearson of 7 out of 20 at 95 %: (0.1539, 0.5922), the textbook's.
	if low, high := betaQuantile(0.025, 7, 14), betaQuantile(0.975, 8, 13); math.Abs(low-0.15391) > 1e-4 || math.Abs(high-0.59219) > 1e-4 {
		t.Errorf("interval (%v, %v)", low, high)
	}
}

// runs is how often the auditor runs a mechanism on each database.
func runs() int {
	if testing.Short() {
		return 20_000
	}
	return 100_000
}

// vector simulates a release: the unit adds weight to each of cells cells, every cell gets the
// noise of l. The view is the least cell, which for equal cells tells neighbours apart best.
func vector(t *testing.T, r *rand.ChaCha8, l Laplace, cells int, weight int64) view {
	t.Helper()
	bits, err := l.Bits()
	if err != nil {
		t.Fatal(err)
	}
	return func(with bool) float64 {
		least := int64(math.MaxInt64)
		for range cells {
			x, err := Sample(bits, r)
			if err != nil {
				t.Fatal(err)
			}
			if with {
				x += weight
			}
			least = min(least, x)
		}
		return float64(least)
	}
}

// TestAudit: what the package's sensitivities promise holds against the worst unit, and each
// mistake is caught.
func TestAudit(t *testing.T) {
	t.Parallel()
	noiseFor := func(c Contribution, maxAbs int64) Laplace {
		l1, err := c.L1(maxAbs)
		if err != nil {
			t.Fatal(err)
		}
		return Laplace{OneEpsilon, l1}
	}
	join, err := Join(Contribution{1, 1, 1, 0}, Contribution{1, 3, 1, 0}, 5)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		name   string
		noise  Laplace
		cells  int   // groups of the worst unit
		weight int64 // what it adds to each
		broken bool
	}{
		{"count", noiseFor(Contribution{1, 1, 1, 0}, 1), 1, 1, false},
		{"count in two groups", noiseFor(Contribution{1, 2, 1, 0}, 1), 2, 1, false},
		{"sum at the bound", noiseFor(Contribution{1, 1, 2, 0}, 7), 1, 14, false},
		{"union, unit at both owners in one group", noiseFor(Contribution{2, 1, 1, 0}, 1), 1, 2, false},
		{"union, unit at both owners in two groups", noiseFor(Contribution{2, 1, 1, 0}, 1), 2, 1, false},
		{"join, largest fan-out in one group", noiseFor(join, 1), 1, 3, false},
		{"join, largest fan-out in three groups", noiseFor(join, 1), 3, 1, false},
		{"scale/1.25", Laplace{OneEpsilon * 5 / 4, 1}, 1, 1, true},
		{"forgot C0 = 2", Laplace{OneEpsilon, 1}, 2, 1, true},
		{"forgot the second owner", noiseFor(Contribution{1, 1, 1, 0}, 1), 1, 2, true},
		{"forgot the fan-out", noiseFor(Contribution{1, 1, 1, 0}, 1), 1, 3, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := auditEpsilon(runs(), vector(t, chacha(t, byte(i)), c.noise, c.cells, c.weight))
			checkAudit(t, got, c.broken)
		})
	}
}

// checkAudit holds a bound to the claim ε = 1. A correct mechanism must also come near it, or
// the auditor would have no power.
func checkAudit(t *testing.T, got float64, broken bool) {
	t.Helper()
	t.Logf("proven epsilon %.3f, claimed 1", got)
	switch {
	case broken && got <= 1:
		t.Errorf("the auditor did not notice: it proves only %.3f", got)
	case !broken && got > 1:
		t.Errorf("the mechanism claims 1 and loses %.3f", got)
	case !broken && got < 0.75:
		t.Errorf("the auditor has no power: %.3f", got)
	}
}

// TestAuditNoiseShares: why noise is not summed from shares that a party knows. With three
// Polya(1/3) shares the sum is discrete Laplace, but a party that knows its own share faces too
// little; with Polya(1/2) the two honest shares are enough (reference: dp, noise inside MPC).
func TestAuditNoiseShares(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		name   string
		shape  float64
		broken bool
	}{{"Polya(1/2), one share known", 0.5, false}, {"Polya(1/3), one share known", 1.0 / 3, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(chacha(t, byte(100+i)))
			got := auditEpsilon(runs(), func(with bool) float64 {
				x := 0.0
				if with {
					x = 1
				}
				for range 2 { // the honest parties' shares; the adversary subtracts its own
					x += polya(rng, c.shape, math.Exp(-1)) - polya(rng, c.shape, math.Exp(-1))
				}
				return x
			})
			checkAudit(t, got, c.broken)
		})
	}
}

// polya returns a Polya (negative binomial) variable: Poisson with a Gamma(shape, α/(1-α))
// mean.
func polya(rng *rand.Rand, shape, alpha float64) float64 {
	mean := gamma(rng, shape) * alpha / (1 - alpha)
	limit, product, n := math.Exp(-mean), rng.Float64(), 0.0
	for product > limit {
		product *= rng.Float64()
		n++
	}
	return n
}

// gamma returns a Gamma(shape, 1) variable for shape < 1 (Marsaglia and Tsang, 2000, with their
// boost).
func gamma(rng *rand.Rand, shape float64) float64 {
	d := shape + 1 - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rng.NormFloat64()
		v := math.Pow(1+c*x, 3)
		if v > 0 && math.Log(rng.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v * math.Pow(rng.Float64(), 1/shape)
		}
	}
}

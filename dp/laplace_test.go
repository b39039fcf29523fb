package dp

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/differential-privacy/go/v3/noise"
)

// reference returns e^-x at 1024 bits by another way than expNegative: the plain series of e^x,
// all terms positive, and one division.
func reference(x *big.Rat) *big.Float {
	wide := func() *big.Float { return new(big.Float).SetPrec(1024) }
	y, sum, term := wide().SetRat(x), wide().SetInt64(1), wide().SetInt64(1)
	for n := int64(1); term.Sign() != 0 && term.MantExp(nil) > -1100; n++ {
		term.Mul(term, y)
		term.Quo(term, wide().SetInt64(n))
		sum.Add(sum, term)
	}
	return sum.Quo(wide().SetInt64(1), sum)
}

// relativeError returns the binary exponent of |a-b|/b.
func relativeError(a, b *big.Float) int {
	d := new(big.Float).SetPrec(1024).Sub(a, b)
	if d.Sign() == 0 {
		return -1024
	}
	return d.Quo(d, b).MantExp(nil)
}

func TestExpNegative(t *testing.T) {
	t.Parallel()
	const one = "0.36787944117144232159552377016146086744581113103176783450783680169746149574489980335714727434591964374662732527684399520824697579279012900862665358949409878309219436737733811504863899112514561634498771997868447595793974730254989249545323936620796481051464752061229422308916"
	want, _, err := big.ParseFloat(one, 10, 800, big.ToNearestEven)
	if err != nil {
		t.Fatal(err)
	}
	if e := relativeError(expNegative(big.NewRat(1, 1)), want); e > -320 {
		t.Errorf("e^-1 is off by 2^%d", e)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	t.Log("seed 1, 1")
	for range 200 {
		x := big.NewRat(rng.Int64N(112_000_000_000)+1, rng.Int64N(1<<rng.IntN(62)+1)+1)
		if x.Cmp(big.NewRat(112, 1)) > 0 {
			x.Inv(x)
		}
		if e := relativeError(expNegative(x), reference(x)); e > -320 {
			t.Errorf("e^-(%v) is off by 2^%d", x, e)
		}
	}
	if expNegative(new(big.Rat)).Cmp(big.NewFloat(1)) != 0 {
		t.Error("e^0 is not 1")
	}
}

// mechanisms are the parameters that tests walk through, from the strongest noise to the
// weakest.
var mechanisms = []Laplace{
	{1, 1}, {1, 1 << 25}, {OneEpsilon / 100, 1}, {OneEpsilon / 10, 1}, {OneEpsilon / 3, 7}, {OneEpsilon, 1}, {OneEpsilon, 2},
	{OneEpsilon, 100 << 16}, {2 * OneEpsilon, 1}, {2 * OneEpsilon, 1 << 55}, {10 * OneEpsilon, 1}, {MaxDraw, 1}, {MaxDraw, 3},
}

func TestBitsAgainstReference(t *testing.T) {
	t.Parallel()
	half := big.NewFloat(0.5)
	for _, l := range mechanisms {
		bits, err := l.Bits()
		if err != nil {
			t.Fatalf("%+v: %v", l, err)
		}
		k := max(1, int(math.Ceil(math.Log2(55.5*float64(l.Sensitivity)/(float64(l.Epsilon)/1e9)))))
		if len(bits) != k {
			t.Errorf("%+v has %d digits, want %d", l, len(bits), k)
		}
		for i, got := range bits {
			a := reference(l.rate(1 << i))
			p := new(big.Float).SetPrec(1024).Quo(a, new(big.Float).SetPrec(1024).Add(a, big.NewFloat(1)))
			p.SetMantExp(p, 64)
			want, _ := p.Add(p, half).Uint64()
			if got != want {
				t.Errorf("%+v digit %d: %d, want %d", l, i, got, want)
			}
		}
	}
}

// TestBitsGolden pins constants that a change of arithmetic must not move: plans are hashed.
func TestBitsGolden(t *testing.T) {
	t.Parallel()
	bits, err := Laplace{OneEpsilon, 1}.Bits()
	want := []uint64{4961093570831980854, 2198905795380358826, 331787012026708147, 6186118031800230, 2075907333724, 233613}
	if err != nil || !slices.Equal(bits, want) {
		t.Errorf("Bits of epsilon 1 = %v, %v", bits, err)
	}
}

func TestLaplaceRefusals(t *testing.T) {
	t.Parallel()
	for _, l := range []Laplace{
		{}, {0, 1}, {-1, 1}, {OneEpsilon, 0}, {OneEpsilon, -1}, {MaxDraw + 1, 1}, {1, 1 << 40}, {OneEpsilon, math.MaxInt64},
	} {
		if bits, err := l.Bits(); err == nil {
			t.Errorf("%+v has bits %v", l, bits)
		}
		if h, err := l.HalfWidth95(); err == nil {
			t.Errorf("%+v has half-width %d", l, h)
		}
		if d, err := l.Approximation(1); err == nil {
			t.Errorf("%+v has approximation %v", l, d)
		}
		if v, err := l.Variance(); err == nil {
			t.Errorf("%+v has variance %v", l, v)
		}
	}
	if _, err := (Laplace{OneEpsilon, 1}).Approximation(0); err == nil {
		t.Error("an approximation of no cells succeeded")
	}
	if d, err := (Laplace{MaxDraw, 1}).Approximation(math.MaxInt64); err == nil {
		t.Errorf("an approximation beyond 9 gave %v", d)
	}
}

func TestApproximation(t *testing.T) {
	t.Parallel()
	for _, l := range mechanisms {
		bits, err := l.Bits()
		if err != nil {
			t.Fatal(err)
		}
		eps := float64(l.Epsilon) / 1e9
		for _, cells := range []int64{1, 3, 1000} {
			tail := math.Exp(-eps / float64(l.Sensitivity) * math.Exp2(float64(len(bits))))
			want := (1 + math.Exp(eps)) * float64(cells) * (2*float64(len(bits))*math.Exp2(-65) + 2*tail) * 1e18
			got, err := l.Approximation(cells)
			if err != nil || float64(got) < want*(1-1e-9) || float64(got) > want*(1+1e-9)+1 {
				t.Errorf("%+v.Approximation(%d) = %d, %v; want %g rounded up", l, cells, got, err, want)
			}
		}
	}
}

// TestHalfWidthIsExact sums the exact probabilities.
func TestHalfWidthIsExact(t *testing.T) {
	t.Parallel()
	for _, l := range []Laplace{{OneEpsilon / 100, 1}, {OneEpsilon / 10, 1}, {OneEpsilon / 3, 7}, {OneEpsilon, 1}, {OneEpsilon, 2}, {3 * OneEpsilon, 1}, {5 * OneEpsilon, 1}, {MaxDraw, 1}} {
		alpha := math.Exp(-float64(l.Epsilon) / 1e9 / float64(l.Sensitivity))
		inside, h := (1-alpha)/(1+alpha), int64(0)
		for inside < 0.95 {
			h++
			inside += 2 * (1 - alpha) / (1 + alpha) * math.Pow(alpha, float64(h))
		}
		if got, err := l.HalfWidth95(); err != nil || got != h {
			t.Errorf("%+v.HalfWidth95() = %d, %v; want %d", l, got, err, h)
		}
	}
}

// TestAgainstGoogle compares with the continuous Laplace of google/differential-privacy, which
// the discrete one approaches as the scale grows: interval and variance.
func TestAgainstGoogle(t *testing.T) {
	t.Parallel()
	for _, l := range []Laplace{{OneEpsilon / 100, 1}, {OneEpsilon, 1000}, {OneEpsilon / 10, 1 << 20}} {
		eps := float64(l.Epsilon) / 1e9
		interval, err := noise.Laplace().ComputeConfidenceIntervalInt64(0, 1, l.Sensitivity, eps, 0, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		h, err := l.HalfWidth95()
		if err != nil || math.Abs(float64(h)-interval.UpperBound) > 2 {
			t.Errorf("%+v: half-width %d, %v; Google has %v", l, h, err, interval.UpperBound)
		}
		v, err := l.Variance()
		if err != nil {
			t.Fatal(err)
		}
		scale := float64(l.Sensitivity) / eps
		if got, _ := v.Float64(); math.Abs(got/(2*scale*scale)-1) > 1e-4 {
			t.Errorf("%+v: variance %v, continuous %v", l, got, 2*scale*scale)
		}
	}
}

// TestGoogleSampleVariance: Google's integer Laplace at the same parameters has our variance.
// 20,000 draws; the bound is six standard errors of the sample variance (kurtosis 6), a false
// alarm in 10^8 runs.
func TestGoogleSampleVariance(t *testing.T) {
	t.Parallel()
	const draws = 20_000
	l := Laplace{OneEpsilon / 10, 5}
	v, err := l.Variance()
	if err != nil {
		t.Fatal(err)
	}
	want, _ := v.Float64()
	var sum, squares float64
	for range draws {
		x, err := noise.Laplace().AddNoiseInt64(0, 1, l.Sensitivity, 0.1, 0)
		if err != nil {
			t.Fatal(err)
		}
		sum += float64(x)
		squares += float64(x) * float64(x)
	}
	got := squares/draws - (sum/draws)*(sum/draws)
	if math.Abs(got/want-1) > 6*math.Sqrt(5.0/draws) {
		t.Errorf("Google's variance is %v, ours %v", got, want)
	}
}

func BenchmarkBits(b *testing.B) {
	l := Laplace{OneEpsilon / 100, 1 << 30}
	for b.Loop() {
		if _, err := l.Bits(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHalfWidth95(b *testing.B) {
	l := Laplace{OneEpsilon / 100, 1 << 30}
	for b.Loop() {
		if _, err := l.HalfWidth95(); err != nil {
			b.Fatal(err)
		}
	}
}

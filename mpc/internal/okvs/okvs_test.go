package okvs

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRoundTrip stores and reads back random pairs at the boundaries of the shapes, with
// fewer pairs than declared too.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	source := rand.NewChaCha8([32]byte{2})
	for _, bound := range []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 129, 1000, 20000} {
		for _, rows := range []int{0, bound / 2, bound} {
			for _, width := range []int{1, 3} {
				e, values := pairs(t, source, bound, rows, width)
				store := make([]uint64, e.Shape.Slots()*width)
				if err := e.Encode(values, width, source, store); err != nil {
					t.Fatalf("bound %d, %d rows: %v", bound, rows, err)
				}
				got := make([]uint64, len(values))
				if err := e.Decode(store, width, got); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, values) {
					t.Fatalf("bound %d, %d rows, width %d: decoded values differ", bound, rows, width)
				}
			}
		}
	}
}

// TestLargeCore solves equations with a ratio below the peeling threshold, so that
// elimination does most of the work.
func TestLargeCore(t *testing.T) {
	t.Parallel()
	source := rand.NewChaCha8([32]byte{3})
	const rows, width = 600, 2
	shape := Shape{Bins: 225, Dense: 50}
	e, err := Hash(shape, Seed{}, words(source, 2*rows))
	if err != nil {
		t.Fatal(err)
	}
	if _, core := e.peel(); len(core) < rows/4 {
		t.Fatalf("core of %d rows tests nothing", len(core))
	}
	values, store, got := words(source, rows*width), make([]uint64, shape.Slots()*width), make([]uint64, rows*width)
	if err := e.Encode(values, width, source, store); err != nil {
		t.Fatal(err)
	}
	if err := e.Decode(store, width, got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, values) {
		t.Fatal("decoded values differ")
	}
}

// TestSize holds RULES 8: the size is a function of the bound.
func TestSize(t *testing.T) {
	t.Parallel()
	for bound, want := range map[int]int{0: 40, 1: 41, 32: 72, 33: 45 + 46, 131072: 3*56798 + 57} {
		shape, err := ShapeFor(bound)
		if err != nil || shape.Slots() != want {
			t.Errorf("ShapeFor(%d) has %d slots (%v), want %d", bound, shape.Slots(), err, want)
		}
	}
	for _, bound := range []int{-1, maxBound + 1} {
		if _, err := ShapeFor(bound); err == nil {
			t.Errorf("ShapeFor(%d) succeeded", bound)
		}
	}
}

// TestSingular encodes equal tags: the store must be exactly the free reader's words.
func TestSingular(t *testing.T) {
	t.Parallel()
	for _, bound := range []int{10, 100} {
		shape, err := ShapeFor(bound)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Hash(shape, Seed{5}, []uint64{1, 2, 3, 4, 1, 2})
		if err != nil {
			t.Fatal(err)
		}
		store := make([]uint64, shape.Slots())
		if err := e.Encode([]uint64{1, 2, 3}, 1, rand.NewChaCha8([32]byte{4}), store); !errors.Is(err, ErrSingular) {
			t.Fatalf("bound %d: %v, want ErrSingular", bound, err)
		}
		want := make([]uint64, len(store))
		if err := fill(rand.NewChaCha8([32]byte{4}), want); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(store, want) {
			t.Fatalf("bound %d: a singular store is not the fresh words", bound)
		}
	}
}

// TestFreeSlots checks that two encodings of the same pairs under different
// randomness decode alike and differ wherever few pairs leave slots free.
func TestFreeSlots(t *testing.T) {
	t.Parallel()
	source := rand.NewChaCha8([32]byte{6})
	e, values := pairs(t, source, 1000, 10, 1)
	a, b := make([]uint64, e.Shape.Slots()), make([]uint64, e.Shape.Slots())
	if err := errors.Join(e.Encode(values, 1, source, a), e.Encode(values, 1, source, b)); err != nil {
		t.Fatal(err)
	}
	for i := range a {
		if a[i] == b[i] || a[i] == 0 {
			t.Fatalf("slot %d is not fresh: %x, %x", i, a[i], b[i])
		}
	}
}

// TestLengths holds that arrays of wrong length are errors.
func TestLengths(t *testing.T) {
	t.Parallel()
	e, values := pairs(t, rand.NewChaCha8([32]byte{7}), 50, 50, 2)
	store := make([]uint64, 2*e.Shape.Slots())
	if err := e.Decode(store[1:], 2, values); err == nil {
		t.Error("short store accepted")
	}
	if err := e.Encode(values[1:], 2, nil, store); err == nil {
		t.Error("short values accepted")
	}
	if err := e.Decode(store, 0, nil); err == nil {
		t.Error("width 0 accepted")
	}
	if _, err := Hash(e.Shape, Seed{}, make([]uint64, 3)); err == nil {
		t.Error("odd tags accepted")
	}
}

// TestFailureBound evaluates the union bound of the package doc over the shapes in use.
func TestFailureBound(t *testing.T) {
	t.Parallel()
	for n := allDense + 1; n <= 1<<19; n += 1 + n/2 {
		shape, err := ShapeFor(n)
		if err != nil {
			t.Fatal(err)
		}
		if sum := dependentSets(n, shape.Bins); sum >= 1 {
			t.Errorf("bound %d: Σ C(n,s) q(s)³ ≤ %.3g, want below 1", n, sum)
		} else {
			t.Logf("bound %d: encoding fails with probability ≤ 2^%.1f", n, math.Log2(sum)-float64(shape.Dense))
		}
	}
}

// TestFailureRate compares the observed rate of failure with the union bound where there
// are so few dense slots that failures are frequent. The bound halves with each dense slot,
// and the rate must follow it: that is what carries the bound to 40 + log2 n slots.
// False alarm: a deviation of more than 6 standard deviations, below 10^-8 a case.
func TestFailureRate(t *testing.T) {
	t.Parallel()
	trials := 20_000
	if testing.Short() {
		trials = 5_000
	}
	const n = 48
	for dense := range 5 {
		shape := Shape{Bins: (13*n + 29) / 30, Dense: dense}
		failures := failureRate(t, shape, n, trials, byte(dense))
		bound := dependentSets(n, shape.Bins) * math.Exp2(-float64(dense))
		slack := 6 * math.Sqrt(bound/float64(trials))
		t.Logf("n %d, %d dense slots: rate %.5f, bound %.5f", n, dense, failures, bound)
		if failures > bound+slack {
			t.Errorf("%d dense slots: rate %.5f exceeds the bound %.5f", dense, failures, bound)
		}
		if failures < bound/4-slack {
			t.Errorf("%d dense slots: rate %.5f is far below the bound %.5f: the test tests nothing", dense, failures, bound)
		}
	}
	for extra := 1; extra <= 5; extra++ { // all dense
		bound := math.Exp2(-float64(extra))
		rate := failureRate(t, Shape{Dense: 16 + extra}, 16, trials, byte(100+extra))
		t.Logf("16 rows, %d dense slots: rate %.5f, bound %.5f", 16+extra, rate, bound)
		if slack := 6 * math.Sqrt(bound/float64(trials)); math.Abs(rate-bound) > bound/4+slack {
			t.Errorf("16 rows, %d dense slots: rate %.5f, bound %.5f", 16+extra, rate, bound)
		}
	}
}

// failureRate encodes n pairs again and again and returns the share of failures.
func failureRate(t *testing.T, shape Shape, n, trials int, seed byte) float64 {
	t.Helper()
	source := rand.NewChaCha8([32]byte{8, seed})
	values, store := make([]uint64, n), make([]uint64, shape.Slots())
	failures := 0
	for range trials {
		e, err := Hash(shape, Seed{}, words(source, 2*n))
		if err != nil {
			t.Fatal(err)
		}
		switch err := e.Encode(values, 1, source, store); {
		case errors.Is(err, ErrSingular):
			failures++
		case err != nil:
			t.Fatal(err)
		}
	}
	return float64(failures) / float64(trials)
}

// dependentSets returns Σ_s C(n,s)·q(s)³, where q(s) = s!·[x^s] cosh(x)^bins / bins^s is
// the chance that s balls leave every one of bins bins even; exactly for few pairs, else an upper bound.
func dependentSets(n, bins int) float64 {
	sum := 0.0
	for s := 2; s <= n; s += 2 {
		f, q := float64(s), 0.0
		if n <= 1<<11 {
			q = logEven(s, bins)
		} else {
			q = logEvenBound(s, bins)
		}
		sum += math.Exp(lgamma(float64(n)+1) - lgamma(f+1) - lgamma(float64(n)-f+1) + 3*q)
	}
	return sum
}

// logEven is log q(s), q(s) being the s-th moment of the mean of bins random signs.
func logEven(s, bins int) float64 {
	q, b := 0.0, float64(bins)
	for j := 0; 2*j < bins; j++ {
		f := float64(j)
		q += 2 * math.Exp(lgamma(b+1)-lgamma(f+1)-lgamma(b-f+1)-b*math.Ln2+float64(s)*math.Log(1-2*f/b))
	}
	return math.Log(q)
}

// logEvenBound bounds log q(s): [x^s] cosh(x)^bins ≤ cosh(x)^bins / x^s, here at the best x.
func logEvenBound(s, bins int) float64 {
	f, b := float64(s), float64(bins)
	x := saddle(f / b)
	return b*(x+math.Log1p(math.Exp(-2*x))-math.Ln2) - f*math.Log(x) + lgamma(f+1) - f*math.Log(b)
}

// saddle solves x·tanh(x) = y.
func saddle(y float64) float64 {
	lo, hi := 0.0, y+1
	for range 45 {
		if mid := (lo + hi) / 2; mid*math.Tanh(mid) < y {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// lgamma is the logarithm of the gamma function of a positive number.
func lgamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// pairs returns equations of random tags under a random seed, and random values.
func pairs(t *testing.T, source *rand.ChaCha8, bound, rows, width int) (Equations, []uint64) {
	t.Helper()
	shape, err := ShapeFor(bound)
	if err != nil {
		t.Fatal(err)
	}
	var seed Seed
	copy(seed[:], fmt.Sprint(source.Uint64()))
	e, err := Hash(shape, seed, words(source, 2*rows))
	if err != nil {
		t.Fatal(err)
	}
	return e, words(source, rows*width)
}

package dp

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// chacha returns a stream of random bytes from a printed seed.
func chacha(t *testing.T, seed byte) *rand.ChaCha8 {
	t.Helper()
	t.Logf("seed %d", seed)
	return rand.NewChaCha8([32]byte{seed})
}

// words encodes words as Sample reads them.
func words(values ...uint64) *bytes.Reader {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return bytes.NewReader(b)
}

func TestSampleInjected(t *testing.T) {
	t.Parallel()
	bits := []uint64{100, 50, 10}
	for _, c := range []struct {
		words []uint64
		want  int64
	}{
		{[]uint64{99, 50, 9, 100, 50, 10}, 5},
		{[]uint64{100, 49, 10, 99, 49, 9}, -5},
		{[]uint64{0, 0, 0, 0, 0, 0}, 0},
		{[]uint64{1 << 63, 1 << 63, 1 << 63, 1 << 63, 1 << 63, 0}, -4},
	} {
		if got, err := Sample(bits, words(c.words...)); err != nil || got != c.want {
			t.Errorf("Sample(%v) = %d, %v; want %d", c.words, got, err, c.want)
		}
	}
	if _, err := Sample(bits, words(1, 2, 3, 4, 5)); err == nil {
		t.Error("too little randomness was accepted")
	}
	if _, err := Sample(nil, words(1)); err == nil {
		t.Error("a draw without digits was accepted")
	}
	if _, err := Sample(make([]uint64, 63), words(1)); err == nil {
		t.Error("a draw that could overflow was accepted")
	}
}

// TestDigitsMakeAGeometric multiplies the digits' probabilities out: the distribution that Bits
// describes is within Approximation's total variation of the geometric one.
func TestDigitsMakeAGeometric(t *testing.T) {
	t.Parallel()
	for _, l := range []Laplace{{OneEpsilon / 10, 1}, {OneEpsilon, 1}, {OneEpsilon, 7}, {5 * OneEpsilon, 1}} {
		bits, err := l.Bits()
		if err != nil {
			t.Fatal(err)
		}
		alpha := expNegative(l.rate(1))
		want := newFloat().Sub(newFloat().SetInt64(1), alpha) // (1-α)·α^g
		distance := newFloat()
		for g := range 1 << len(bits) {
			p := newFloat().SetInt64(1)
			for i, threshold := range bits {
				digit := newFloat().SetMantExp(newFloat().SetUint64(threshold), -64)
				if g>>i&1 == 0 {
					digit.Sub(newFloat().SetInt64(1), digit)
				}
				p.Mul(p, digit)
			}
			d := newFloat().Sub(p, want)
			distance.Add(distance, d.Abs(d))
			want.Mul(want, alpha)
		}
		limit := newFloat().SetMantExp(big.NewFloat(float64(len(bits))), -65)
		limit.Add(limit, expNegative(l.rate(1<<len(bits))))
		if distance.SetMantExp(distance, -1); distance.Cmp(limit) > 0 {
			t.Errorf("%+v: total variation %.3g, bound %.3g", l, distance, limit)
		}
	}
}

// TestSampleChiSquare compares draws with the exact probabilities. The bound is the 1-10^-6
// quantile (Wilson and Hilferty's approximation); the seed is fixed, so it cannot flake.
func TestSampleChiSquare(t *testing.T) {
	t.Parallel()
	const draws = 100_000
	r := chacha(t, 1)
	for _, l := range []Laplace{{OneEpsilon, 1}, {OneEpsilon / 2, 3}, {3 * OneEpsilon, 1}} {
		bits, err := l.Bits()
		if err != nil {
			t.Fatal(err)
		}
		counts := map[int64]float64{}
		for range draws {
			x, err := Sample(bits, r)
			if err != nil {
				t.Fatal(err)
			}
			counts[x]++
		}
		chi, cells := chiSquare(l, counts, draws)
		n := float64(cells - 1)
		if limit := n * math.Pow(1-2/(9*n)+4.753*math.Sqrt(2/(9*n)), 3); chi > limit {
			t.Errorf("%+v: chi-square %.1f over %d cells, limit %.1f", l, chi, cells, limit)
		}
	}
}

// chiSquare pools the tails where fewer than five draws are expected.
func chiSquare(l Laplace, counts map[int64]float64, draws float64) (chi float64, cells int) {
	alpha := math.Exp(-float64(l.Epsilon) / 1e9 / float64(l.Sensitivity))
	restExpected, restSeen := draws, draws
	for x := int64(0); ; x++ {
		expected := draws * (1 - alpha) / (1 + alpha) * math.Pow(alpha, float64(x))
		if expected < 5 {
			break
		}
		for _, v := range []int64{x, -x} {
			chi += (counts[v] - expected) * (counts[v] - expected) / expected
			restExpected -= expected
			restSeen -= counts[v]
			cells++
			if x == 0 {
				break
			}
		}
	}
	chi += (restSeen - restExpected) * (restSeen - restExpected) / restExpected
	return chi, cells + 1
}

func BenchmarkSample(b *testing.B) {
	bits, err := Laplace{OneEpsilon, 1}.Bits()
	if err != nil {
		b.Fatal(err)
	}
	r := rand.NewChaCha8([32]byte{})
	for b.Loop() {
		if _, err := Sample(bits, r); err != nil {
			b.Fatal(err)
		}
	}
}

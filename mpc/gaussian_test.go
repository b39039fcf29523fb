package mpc_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math"
	"reflect"
	"testing"

	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// gaussian is the instruction for a variance.
func gaussian(t *testing.T, n int, variance int64) program.Gaussian {
	t.Helper()
	g := dp.Gaussian{Variance: variance}
	bounds, err := g.Bounds()
	if err != nil {
		t.Fatal(err)
	}
	factors, err := g.Factors()
	if err != nil {
		t.Fatal(err)
	}
	return program.Gaussian{N: n, Factors: factors, Bounds: bounds}
}

// openGaussian opens draws to party 1.
func openGaussian(t *testing.T, seed string, op program.Gaussian) []uint64 {
	t.Helper()
	p := program.Program{Ops: []program.Op{op, program.Open{Label: "x", A: 0, To: 1}}}
	got, err := mpctest.Run(within(t), mpctest.NewNetwork(), seed, p, [3]program.Inputs{})
	if err != nil {
		t.Fatal(err)
	}
	checkCost(t, p, got)
	return got.Opened[1]["x"]
}

// TestGaussianDistributionOnShares compares opened noise with the discrete Gaussian, by a
// chi-square test over cells of a quarter σ and by the variance. For random seeds each fails with
// probability about 10^-6; the seeds are fixed.
func TestGaussianDistributionOnShares(t *testing.T) {
	t.Parallel()
	const z = 4.753 // normal quantile of 1 − 10^-6
	for variance, n := range map[int64]int{3: 40_000, 29: 30_000, 1000: 12_000, 1_000_000: 3_000} {
		sigma := math.Sqrt(float64(variance))
		width := max(1, math.Round(sigma/4))
		cell := func(x float64) int { return int(math.Floor((x + width/2) / width)) }
		edge := cell(2.5 * sigma)
		want, all := map[int]float64{}, 0.0
		for x := -math.Ceil(10 * sigma); x <= math.Ceil(10*sigma); x++ {
			p := math.Exp(-x * x / (2 * float64(variance)))
			want[max(-edge, min(edge, cell(x)))] += p
			all += p
		}
		count, square := map[int]float64{}, 0.0
		for _, w := range openGaussian(t, "gaussian", gaussian(t, n, variance)) {
			x := float64(int64(w))
			count[max(-edge, min(edge, cell(x)))]++
			square += x * x
		}
		chi := 0.0
		for c, p := range want {
			expected := float64(n) * p / all
			chi += (count[c] - expected) * (count[c] - expected) / expected
		}
		df := float64(len(want) - 1)
		if limit := df * math.Pow(1-2/(9*df)+z*math.Sqrt(2/(9*df)), 3); chi > limit { // Wilson and Hilferty
			t.Errorf("variance %d: chi-square %.1f with %v degrees of freedom, limit %.1f", variance, chi, df, limit)
		}
		if got := square / float64(n); math.Abs(got-float64(variance)) > z*float64(variance)*math.Sqrt(2/float64(n)) {
			t.Errorf("variance %.2f, want %d", got, variance)
		}
	}
}

// TestGaussianEqualsEval reconstructs the random bits from the seeds of all three pairs and wants
// the very draws that the plaintext interpreter makes of them.
func TestGaussianEqualsEval(t *testing.T) {
	t.Parallel()
	const seed = "exact gaussian"
	for _, variance := range []int64{20, 700} {
		op := gaussian(t, 50, variance)
		got := openGaussian(t, seed, op)
		rows := op.N << len(op.Factors)
		w := (rows + 63) / 64
		planes := make([]uint64, 65*w)
		for k := range 3 {
			secret, err := mpctest.Seeds(seed, k).Seed((k+2)%3, "mpc/1/noise")
			if err != nil {
				t.Fatal(err)
			}
			block, err := aes.NewCipher(secret[:16])
			if err != nil {
				t.Fatal(err)
			}
			stream := make([]byte, 8*len(planes))
			cipher.NewCTR(block, secret[16:]).XORKeyStream(stream, stream)
			for i := range planes {
				planes[i] ^= binary.LittleEndian.Uint64(stream[8*i:])
			}
		}
		words := make([]uint64, 2*rows) // the uniform words, then the signs
		for row := range rows {
			for j := range 64 {
				words[row] |= planes[j*w+row/64] >> (row % 64) & 1 << j
			}
			words[rows+row] = planes[64*w+row/64] >> (row % 64) & 1
		}
		p := program.Program{Ops: []program.Op{op, program.Open{Label: "x", A: 0, To: 1}}}
		want, err := program.Eval(p, nil, &reader{words})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want["x"]) {
			t.Errorf("variance %d: got %v, want %v", variance, got, want["x"])
		}
	}
}

package mpc_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// laplaceBits are the thresholds of a discrete Laplace variable with ratio alpha. float64
// is good enough for a test of 10^5 draws; the product computes them in package dp.
func laplaceBits(alpha float64, bits int) []uint64 {
	out := make([]uint64, bits)
	for i := range out {
		a := math.Pow(alpha, math.Exp2(float64(i)))
		out[i] = uint64(math.Exp2(64) * (a / (1 + a)))
	}
	return out
}

// draws opens n draws of noise.
func draws(t *testing.T, seed string, n int, bits []uint64) []int64 {
	t.Helper()
	p := program.Program{Ops: []program.Op{program.Noise{N: n, Bits: bits, Out: 0}, program.Open{Label: "x", A: 0, To: 1}}}
	got, err := mpctest.Run(within(t), mpctest.NewNetwork(), seed, p, [3]program.Inputs{})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int64, n)
	for i, w := range got.Opened[1]["x"] {
		out[i] = int64(w)
	}
	return out
}

// TestNoiseDistribution compares opened noise with the exact probabilities, by a
// chi-square test and by the variance. For a random seed each fails with probability about
// 10^-6; the seeds are fixed.
func TestNoiseDistribution(t *testing.T) {
	t.Parallel()
	const n, z = 100_000, 4.753 // normal quantile of 1 - 10^-6
	for _, c := range []struct {
		seed    string
		epsilon float64
		bits    int
	}{{"laplace 1", 1, 6}, {"laplace 0.25", 0.25, 8}} {
		alpha := math.Exp(-c.epsilon)
		pmf := func(x int) float64 { return (1 - alpha) / (1 + alpha) * math.Pow(alpha, math.Abs(float64(x))) }
		edge := int(math.Log(float64(n)/200) / c.epsilon) // beyond it both tails are pooled
		count := make([]float64, 2*edge+2)
		var square float64
		for _, x := range draws(t, c.seed, n, laplaceBits(alpha, c.bits)) {
			square += float64(x * x)
			if x < -int64(edge) || x > int64(edge) {
				count[2*edge+1]++
			} else {
				count[x+int64(edge)]++
			}
		}
		chi, rest := 0.0, 1.0
		for i := range 2*edge + 1 {
			want := n * pmf(i-edge)
			rest -= pmf(i - edge)
			chi += (count[i] - want) * (count[i] - want) / want
		}
		chi += (count[2*edge+1] - n*rest) * (count[2*edge+1] - n*rest) / (n * rest)
		df := float64(2*edge + 1)
		// Wilson and Hilferty's approximation of the quantile.
		limit := df * math.Pow(1-2/(9*df)+z*math.Sqrt(2/(9*df)), 3)
		if chi > limit {
			t.Errorf("seed %q: chi-square %.1f with %v degrees of freedom, limit %.1f", c.seed, chi, df, limit)
		}
		variance, fourth := 0.0, 0.0
		for x := -2000; x <= 2000; x++ {
			variance += pmf(x) * float64(x*x)
			fourth += pmf(x) * math.Pow(float64(x), 4)
		}
		if got := square / n; math.Abs(got-variance) > z*math.Sqrt((fourth-variance*variance)/n) {
			t.Errorf("seed %q: variance %.4f, want %.4f", c.seed, got, variance)
		}
	}
}

// TestNoiseSeeds: equal seeds give equal noise, others unrelated noise.
func TestNoiseSeeds(t *testing.T) {
	t.Parallel()
	const n = 20_000
	bits := laplaceBits(math.Exp(-1), 6)
	a, again, b := draws(t, "a", n, bits), draws(t, "a", n, bits), draws(t, "b", n, bits)
	if !slices.Equal(a, again) {
		t.Error("equal seeds gave different noise")
	}
	product, squares := 0.0, 0.0
	for i := range a {
		product += float64(a[i] * b[i])
		squares += float64(a[i] * a[i])
	}
	if math.Abs(product/squares)*math.Sqrt(n) > 5 { // probability below 10^-6
		t.Errorf("noise of different seeds correlates: %f", product/squares)
	}
}

// TestNoiseEqualsEval reconstructs the uniform bits from the seeds of all three pairs and
// wants the very draws that the plaintext interpreter makes of them.
func TestNoiseEqualsEval(t *testing.T) {
	t.Parallel()
	ops := []program.Noise{
		{N: 3, Bits: []uint64{1 << 63, 1<<62 + 12345, 0, math.MaxUint64}, Out: 0},
		{N: 40, Bits: laplaceBits(0.9, 9), Out: 1},
	}
	p := program.Program{Ops: []program.Op{ops[0], ops[1], program.Open{Label: "0", A: 0, To: 0}, program.Open{Label: "1", A: 1, To: 2}}}
	got, err := mpctest.Run(within(t), mpctest.NewNetwork(), "exact", p, [3]program.Inputs{})
	if err != nil {
		t.Fatal(err)
	}
	uniform := drawn(t, "exact", ops)
	want, err := program.Eval(p, nil, &reader{uniform})
	if err != nil {
		t.Fatal(err)
	}
	if all := got.All(); !reflect.DeepEqual(all, want) {
		t.Errorf("got %v, want %v", all, want)
	}
}

// TestNoiseAtItsThresholds: a bit is 1 where its 64 uniform bits are below the threshold and 0 where they are equal to it:
// all 64 bits of a threshold count (RULES 16). What the parties draw does not depend on thresholds, so these are
// chosen by what will be drawn.
func TestNoiseAtItsThresholds(t *testing.T) {
	t.Parallel()
	const digits = 8
	op := program.Noise{N: 1, Bits: make([]uint64, digits)}
	uniform := drawn(t, "thresholds", []program.Noise{op}) // for each digit that of the added and of the subtracted variable
	for name, above := range map[string]uint64{"equal": 0, "one above": 1} {
		want := uint64(0)
		for b := range digits {
			op.Bits[b] = uniform[2*b] + above
			if uniform[2*b] < op.Bits[b] {
				want += 1 << b
			}
			if uniform[2*b+1] < op.Bits[b] {
				want -= 1 << b
			}
		}
		p := program.Program{Ops: []program.Op{op, program.Open{Label: "0", A: 0, To: 0}}}
		got, err := mpctest.Run(within(t), mpctest.NewNetwork(), "thresholds", p, [3]program.Inputs{})
		if err != nil {
			t.Fatal(err)
		}
		if all := got.All()["0"]; len(all) != 1 || all[0] != want {
			t.Errorf("thresholds %s: got %v, want %d", name, all, int64(want))
		}
	}
}

// drawn is the uniform values that the parties of an execution draw for its noise, in order; nobody else could know.
func drawn(t *testing.T, execution string, ops []program.Noise) []uint64 {
	t.Helper()
	words := 0
	for _, op := range ops {
		words += len(op.Bits) * ((2*op.N + 63) / 64)
	}
	planes := make([]uint64, 64*words)
	for k := range 3 {
		seed, err := mpctest.Seeds(execution, k).Seed((k+2)%3, "mpc/1/noise")
		if err != nil {
			t.Fatal(err)
		}
		block, err := aes.NewCipher(seed[:16])
		if err != nil {
			t.Fatal(err)
		}
		stream := make([]byte, 8*len(planes))
		cipher.NewCTR(block, seed[16:]).XORKeyStream(stream, stream)
		for i := range planes {
			planes[i] ^= binary.LittleEndian.Uint64(stream[8*i:])
		}
	}
	var uniform []uint64
	first := 0
	for _, op := range ops {
		for range op.Bits {
			for r := range 2 * op.N {
				var u uint64
				for i := range 64 {
					u |= planes[i*words+first+r/64] >> (r % 64) & 1 << i
				}
				uniform = append(uniform, u)
			}
			first += (2*op.N + 63) / 64
		}
	}
	return uniform
}

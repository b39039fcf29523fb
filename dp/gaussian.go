package dp

import (
	"errors"
	"math/big"
)

// MaxVariance keeps a draw of discrete Gaussian noise far below the ring's sign.
const MaxVariance = 1 << 60

// tableVariance is the widest discrete Gaussian that is drawn from one table of thresholds:
// σ = 8, some 75 thresholds.
const tableVariance = 64

// leastSmoothing is the least τ² of a sum of two draws, in halves: see Gaussian.
const leastSmoothing = 5

// ErrGaussian says that a mechanism's parameters are out of range.
var ErrGaussian = errors.New("dp: parameters of discrete Gaussian are out of range")

// Gaussian is the mechanism that adds to each cell of an integer vector an independent discrete
// Gaussian variable X, P(X = x) ∝ exp(−x²/2σ²), for which σ² is Variance (Canonne, Kamath, Steinke,
// The Discrete Gaussian for Differential Privacy, NeurIPS 2020). If one unit changes the vector by
// at most Δ in L2 norm, the noisy vector is Δ²/2σ²-zCDP (their Theorem 14).
//
// Their sampler rejects, which on shares would show how often. Here a draw has one shape: 2^L
// draws of a narrow Gaussian, each from a table of its distribution function, are added with public
// Factors k_1 … k_L: a level adds k times one half of the variables to the other half. Such a sum
// of two independent N_Z(0,σ²) is a discrete Gaussian of variance σ²(1+k²) up to a factor within 1 ± δ
// of each probability, δ = 2·Σ e^{−2π²τ²n²} with τ² = σ²/(1+k²) (Micciancio and Walter, Gaussian
// Sampling over the Integers, CRYPTO 2017, §4; here directly: completing the square leaves Σ_x
// exp(−(x−c)²/2τ²), which Poisson summation makes τ√2π·(1 + 2·Σ e^{−2π²τ²n²}·cos 2πnc)).
// τ² ≥ 5/2 everywhere: 2δ < 2^-68. The zero Gaussian is refused.
type Gaussian struct{ Variance int64 }

// GaussianFor returns the least noise that is (ε,δ)-DP for a vector of squared L2 sensitivity at
// most squared: ρ-zCDP is (ρ + 2√(ρ·ln 1/δ), δ)-DP (Bun and Steinke 2016, Proposition 1.3).
func GaussianFor(epsilon Epsilon, delta Delta, squared int64) (Gaussian, error) {
	if epsilon <= 0 || epsilon > MaxDraw || delta <= 0 || delta >= OneDelta || squared <= 0 {
		return Gaussian{}, ErrGaussian
	}
	log := logInverse(delta)
	e := big.NewRat(int64(epsilon), int64(OneEpsilon))
	enough := func(variance int64) bool { // ρ ≤ ε and 4ρ·ln(1/δ) ≤ (ε−ρ)²
		rho := big.NewRat(squared, 2)
		rho.Quo(rho, new(big.Rat).SetInt64(variance))
		rest := new(big.Rat).Sub(e, rho)
		if rest.Sign() < 0 {
			return false
		}
		need := new(big.Rat).Mul(rho, log)
		need.Mul(need, big.NewRat(4, 1))
		return need.Cmp(rest.Mul(rest, rest)) <= 0
	}
	if !enough(MaxVariance) {
		return Gaussian{}, ErrGaussian
	}
	low, high := int64(0), int64(MaxVariance) // enough(high); not enough(low), or low is 0
	for high-low > 1 {
		if mid := low + (high-low)/2; enough(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return Gaussian{Variance: high}, nil
}

// logInverse returns an upper bound of ln(1/δ), less than 2^-20 above it.
func logInverse(delta Delta) *big.Rat {
	limit := newFloat().SetRat(big.NewRat(int64(delta), int64(OneDelta)))
	low, high := int64(0), int64(64)<<20 // δ ≥ 10^-18 > e^-64
	for high-low > 1 {
		if mid := low + (high-low)/2; expNegative(big.NewRat(mid, 1<<20)).Cmp(limit) <= 0 {
			high = mid
		} else {
			low = mid
		}
	}
	return big.NewRat(high, 1<<20)
}

// Factors returns k_1 … k_L; none where one table is enough.
func (g Gaussian) Factors() ([]int64, error) {
	factors, _, err := g.split()
	return factors, err
}

// Bounds returns, for j from 1, 2^64 times the probability that the narrow Gaussian is at least j
// in absolute value, rounded to nearest, as long as that is not 0: the absolute value is how many
// of them a uniformly random word is less than; its sign is a random bit.
func (g Gaussian) Bounds() ([]uint64, error) {
	_, variance, err := g.split()
	if err != nil {
		return nil, err
	}
	var weights []*big.Float // e^(−j²/2σ²); those left out are below 2^-300
	for j := int64(1); len(weights) == 0 || weights[len(weights)-1].MantExp(nil) > -300; j++ {
		x := big.NewRat(j*j, 2)
		weights = append(weights, expNegative(x.Quo(x, variance)))
	}
	tails := make([]*big.Float, len(weights))
	sum := newFloat()
	for j := len(weights) - 1; j >= 0; j-- {
		sum.Add(sum, weights[j])
		tails[j] = newFloat().SetMantExp(sum, 1)
	}
	all := newFloat().Add(newFloat().SetInt64(1), tails[0])
	var bounds []uint64
	for _, tail := range tails {
		p := tail.Quo(tail, all)
		bound, err := roundWord(p.SetMantExp(p, 64))
		if err != nil {
			return nil, err
		}
		if bound == 0 {
			break
		}
		bounds = append(bounds, bound)
	}
	return bounds, nil
}

// Approximation returns the δ that one noisy vector costs because its noise is only near to
// discrete Gaussian, where one unit can change cells of its cells and the ideal noise is used as
// (ε,·)-DP: (1+e^ε)·cells·t, rounded up, as for [Laplace]. A draw is within t in total
// variation: of m bounds each is off by at most 2^-65 and what is beyond them is less, so that each
// of 2^L draws from the table is within (m+2)·2^-65; and each of 2^(L−i) sums of level i is within
// 2δ ≤ 5·e^(−2π²τ²).
func (g Gaussian) Approximation(epsilon Epsilon, cells int64) (Delta, error) {
	bounds, err := g.Bounds()
	if err != nil {
		return 0, err
	}
	if cells <= 0 || epsilon <= 0 || epsilon > MaxDraw {
		return 0, ErrGaussian
	}
	factors, variance, err := g.split()
	if err != nil {
		return 0, err
	}
	draws := int64(1) << len(factors)
	distance := newFloat().SetMantExp(newFloat().SetInt64(draws*int64(len(bounds)+2)), -65)
	for _, k := range factors {
		draws /= 2
		x := new(big.Rat).Mul(smoothing(variance, k), big.NewRat(19739, 1000)) // 2π² is more
		distance.Add(distance, newFloat().Mul(expNegative(x), newFloat().SetInt64(5*draws)))
		variance = new(big.Rat).Mul(variance, widening(k))
	}
	one := newFloat().SetInt64(1)
	grow := newFloat().Quo(one, expNegative(big.NewRat(int64(epsilon), int64(OneEpsilon))))
	cost := distance.Mul(distance, grow.Add(grow, one))
	cost.Mul(cost, newFloat().SetInt64(cells))
	return roundUp(cost.Mul(cost, newFloat().SetInt64(int64(OneDelta))))
}

// split returns the fewest factors for the variance, and the variance of the table, at most
// tableVariance, from which they make it exactly.
func (g Gaussian) split() (factors []int64, table *big.Rat, err error) {
	if g.Variance < 1 || g.Variance > MaxVariance {
		return nil, nil, ErrGaussian
	}
	for levels := range 7 {
		for from := int64(tableVariance); from >= 8; from /= 2 {
			factors, table = split(g.Variance, from, levels)
			if fits(factors, table) {
				return factors, table, nil
			}
		}
	}
	return nil, nil, ErrGaussian
}

// split chooses all factors but the last as large as a table of variance from allows, and the last
// as small as tableVariance allows.
func split(variance, from int64, levels int) (factors []int64, table *big.Rat) {
	table, chain := big.NewRat(variance, 1), big.NewRat(from, 1)
	for level := range levels {
		k := int64(1)
		if level < levels-1 {
			for k = largestFactor(chain); k > 1 && smoothing(chain, k).Cmp(big.NewRat(leastSmoothing, 2)) < 0; {
				k--
			}
			chain.Mul(chain, widening(k))
		} else { // 1 + k² ≥ table / tableVariance
			need := new(big.Rat).Quo(table, big.NewRat(tableVariance, 1))
			k = max(1, floorRoot(need)-1)
			for widening(k).Cmp(need) < 0 {
				k++
			}
		}
		factors = append(factors, k)
		table.Quo(table, widening(k))
	}
	return factors, table
}

// fits says whether a table is narrow enough and every sum smooth.
func fits(factors []int64, table *big.Rat) bool {
	if table.Cmp(big.NewRat(tableVariance, 1)) > 0 {
		return false
	}
	variance := new(big.Rat).Set(table)
	for _, k := range factors {
		if smoothing(variance, k).Cmp(big.NewRat(leastSmoothing, 2)) < 0 {
			return false
		}
		variance.Mul(variance, widening(k))
	}
	return true
}

// largestFactor is about √(2σ²/5), at least 1: no factor beyond it is smooth.
func largestFactor(variance *big.Rat) int64 {
	return max(1, floorRoot(new(big.Rat).Mul(variance, big.NewRat(2, leastSmoothing))))
}

// floorRoot is the integer part of a square root.
func floorRoot(x *big.Rat) int64 {
	return new(big.Int).Sqrt(new(big.Int).Quo(x.Num(), x.Denom())).Int64()
}

// widening is 1 + k².
func widening(k int64) *big.Rat {
	square := new(big.Int).Mul(big.NewInt(k), big.NewInt(k))
	return new(big.Rat).SetInt(square.Add(square, big.NewInt(1)))
}

// smoothing is τ² = σ²/(1+k²).
func smoothing(variance *big.Rat, k int64) *big.Rat {
	return new(big.Rat).Quo(variance, widening(k))
}

package dp

import (
	"errors"
	"fmt"
	"math/big"
)

// MaxDraw is the largest ε of one draw. Above it noise is nearly always 0 and the error of the
// constants, which grows with e^ε, would be most of the guarantee.
const MaxDraw = 30 * OneEpsilon

// maxBits keeps a draw, the difference of two numbers of that many bits, two bits below the
// ring's sign.
const maxBits = 62

// ErrLaplace says that a mechanism's parameters are out of range: ε outside (0, MaxDraw], no
// positive sensitivity, or noise so wide that it would wrap around.
var ErrLaplace = errors.New("dp: parameters of discrete Laplace are out of range")

// Laplace is the mechanism that adds to each cell of an integer vector an independent discrete
// Laplace variable X, P(X = x) = (1-α)/(1+α)·α^|x| with α = exp(-ε/Δ): the difference of two
// geometric variables (Ghosh, Roughgarden, Sundararajan, Universally utility-maximizing privacy
// mechanisms, 2009). If one unit changes the vector by at most Δ in L1 norm, the noisy vector
// is ε-differentially private.
//
// A geometric variable's binary digits are independent, digit i is 1 with probability
// α^(2^i)/(1+α^(2^i)); so it can be sampled with public constants, without branches, on shares.
// The zero Laplace is refused.
type Laplace struct {
	Epsilon     Epsilon // of the whole vector
	Sensitivity int64   // Δ: L1, of the whole vector, in lattice steps
}

// Bits returns, for each binary digit of a geometric variable from the lowest, 2^64 times the
// probability that it is 1, rounded to nearest: a digit is 1 where a uniformly random word is
// less. The number of digits k is the least with α^(2^k) ≤ e^-55.5 < 2^-80.
//
// The constants are correctly rounded: their relative error before rounding stays below 2^-250
// (see expNegative; each of at most 62 squarings doubles it), and a value so near to a half
// that this could matter is an error.
func (l Laplace) Bits() ([]uint64, error) {
	k, err := l.digits()
	if err != nil {
		return nil, err
	}
	power := expNegative(l.rate(1))
	thresholds := make([]uint64, k)
	for i := range thresholds {
		p := newFloat().Add(power, newFloat().SetInt64(1))
		p.Quo(power, p)
		if thresholds[i], err = roundWord(p.SetMantExp(p, 64)); err != nil {
			return nil, err
		}
		power.Mul(power, power)
	}
	return thresholds, nil
}

// Approximation returns the δ that one noisy vector costs because its noise is only near to
// discrete Laplace (RULES 16), where one unit can change cells of its cells:
// (1+e^ε)·cells·(2k·2^-65 + 2·α^(2^k)), rounded up.
//
// Proof. A digit's constant is off by at most 2^-65, and digits from k on are left out, so one
// draw is within t = 2k·2^-65 + 2·α^(2^k) of the ideal one in total variation, and the cells
// that the unit touches together within cells·t; all other cells have the same distribution
// with and without the unit. With M ideal and ε-DP, N the real mechanism, D and D' neighbours:
// P(N(D)∈S) ≤ P(M(D)∈S) + cells·t ≤ e^ε·P(M(D')∈S) + cells·t ≤ e^ε·P(N(D')∈S) +
// (1+e^ε)·cells·t. So ε is that of this vector, not of the question: the question's vectors,
// each (ε_i,δ_i)-DP, add up by basic composition.
func (l Laplace) Approximation(cells int64) (Delta, error) {
	k, err := l.digits()
	if err != nil {
		return 0, err
	}
	if cells <= 0 {
		return 0, ErrLaplace
	}
	one := newFloat().SetInt64(1)
	grow := newFloat().Quo(one, expNegative(big.NewRat(int64(l.Epsilon), int64(OneEpsilon))))
	distance := newFloat().SetMantExp(newFloat().SetInt64(int64(2*k)), -65)
	tail := expNegative(l.rate(1 << k))
	distance.Add(distance, tail.SetMantExp(tail, 1))
	cost := distance.Mul(distance, grow.Add(grow, one))
	cost.Mul(cost, newFloat().SetInt64(cells))
	cost.Mul(cost, newFloat().SetInt64(int64(OneDelta)))
	return roundUp(cost)
}

// HalfWidth95 returns the least h with P(|X| > h) ≤ 1/20: the true cell is within h of the
// released one with probability 95 % at least. In lattice steps.
func (l Laplace) HalfWidth95() (int64, error) {
	if _, err := l.digits(); err != nil {
		return 0, err
	}
	// P(|X| > h) = 2·α^(h+1)/(1+α) ≤ 1/20  ⇔  40·α^(h+1) ≤ 1 + α.
	limit := newFloat().Add(expNegative(l.rate(1)), newFloat().SetInt64(1))
	enough := func(h int64) bool {
		tail := expNegative(l.rate(h + 1))
		return tail.Mul(tail, newFloat().SetInt64(40)).Cmp(limit) <= 0
	}
	low, high := int64(-1), int64(0) // enough(low) is false, or low is -1
	for !enough(high) {
		low, high = high, 2*high+1
	}
	for high-low > 1 {
		if mid := low + (high-low)/2; enough(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high, nil
}

// Variance returns that of one draw: 2α/(1-α)².
func (l Laplace) Variance() (*big.Float, error) {
	if _, err := l.digits(); err != nil {
		return nil, err
	}
	alpha := expNegative(l.rate(1))
	rest := newFloat().Sub(newFloat().SetInt64(1), alpha)
	rest.Mul(rest, rest)
	return alpha.Quo(alpha.SetMantExp(alpha, 1), rest), nil
}

// digits checks the parameters and returns k, the least with 2^k·ε ≥ 55.5·Δ; at least 1.
func (l Laplace) digits() (int, error) {
	if l.Epsilon <= 0 || l.Epsilon > MaxDraw || l.Sensitivity <= 0 {
		return 0, ErrLaplace
	}
	need := new(big.Int).Mul(big.NewInt(l.Sensitivity), big.NewInt(555*int64(OneEpsilon)/10))
	have := big.NewInt(int64(l.Epsilon))
	for k := 1; k <= maxBits; k++ {
		have.Lsh(have, 1)
		if have.Cmp(need) >= 0 {
			return k, nil
		}
	}
	return 0, ErrLaplace
}

// rate returns n·ε/Δ exactly: α^n = e^-rate(n).
func (l Laplace) rate(n int64) *big.Rat {
	numerator := new(big.Int).Mul(big.NewInt(n), big.NewInt(int64(l.Epsilon)))
	denominator := new(big.Int).Mul(big.NewInt(l.Sensitivity), big.NewInt(int64(OneEpsilon)))
	return new(big.Rat).SetFrac(numerator, denominator)
}

// roundWord rounds a number in [0, 2^63] to the nearest integer. A number within 2^-150 of a
// half is an error: its error bound would not decide it. (e^r is transcendental for rational r
// ≠ 0, so no constant is a half exactly.)
func roundWord(x *big.Float) (uint64, error) {
	half := newFloat().SetMantExp(newFloat().SetInt64(1), -1)
	word, _ := newFloat().Add(x, half).Uint64()
	nearest := newFloat().SetUint64(word)
	distance := nearest.Sub(x, nearest)
	distance.Sub(distance.Abs(distance), half)
	if distance.Sign() != 0 && distance.MantExp(nil) >= -150 {
		return word, nil
	}
	return 0, fmt.Errorf("dp: a noise constant is too near to a half to be rounded")
}

// roundUp returns the least Delta that is at least x, whose relative error is below 2^-200; one
// that does not fit is ErrBudgetOverflow.
func roundUp(x *big.Float) (Delta, error) {
	slack := newFloat().SetMantExp(x, -200)
	whole, accuracy := newFloat().Add(x, slack).Int(nil)
	if accuracy == big.Below {
		whole.Add(whole, big.NewInt(1))
	}
	if !whole.IsInt64() {
		return 0, ErrBudgetOverflow
	}
	return Delta(whole.Int64()), nil
}

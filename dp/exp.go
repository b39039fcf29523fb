package dp

import "math/big"

// precision is the mantissa of all intermediate results, in bits.
const precision = 384

// expNegative returns e^-x for 0 ≤ x < 2^20 with relative error below 2^-320.
//
// Source: argument reduction and Taylor series (Brent and Zimmermann, Modern Computer
// Arithmetic, 2010, §4.3.1 and §4.4.1). Proof, with u = 2^-384 the error of one rounding: y =
// x/2^s ≤ 2^-8 is exact but for one rounding. Terms y^n/n! fall by more than 2^8 each, so fewer
// than 48 stay above 2^-392, and the alternating tail is below the first term left out. Each
// term has relative error below 2·48·u, their sum is below 1.01, each addition adds at most u:
// the sum, above 0.99, is off by less than 2^8·u. Squaring doubles a relative error and adds u;
// s ≤ 28 squarings make 2^28·(2^8 + 1)·u < 2^-320.
func expNegative(x *big.Rat) *big.Float {
	y := newFloat().SetRat(x)
	if y.Sign() == 0 {
		return newFloat().SetInt64(1)
	}
	squarings := max(y.MantExp(nil)+8, 0) // y < 2^exponent
	y.SetMantExp(y, -squarings)
	y.Neg(y)

	sum, term := newFloat().SetInt64(1), newFloat().SetInt64(1)
	for n := int64(1); term.MantExp(nil) > -(precision + 8); n++ {
		term.Mul(term, y)
		term.Quo(term, newFloat().SetInt64(n))
		sum.Add(sum, term)
	}
	for range squarings {
		sum.Mul(sum, sum)
	}
	return sum
}

// newFloat returns a zero with the package's precision, rounding to nearest even.
func newFloat() *big.Float { return new(big.Float).SetPrec(precision) }

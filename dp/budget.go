package dp

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
)

// Epsilon counts privacy loss in nano-ε (10^-9). Costs are rounded up.
type Epsilon int64

// Delta counts failure probability in 10^-18. Costs are rounded up.
type Delta int64

// Units and largest values. A budget above MaxEpsilon protects nobody and is taken for a typing
// mistake (1e20 has been used to mean "no noise" elsewhere).
const (
	OneEpsilon Epsilon = 1_000_000_000
	OneDelta   Delta   = 1_000_000_000_000_000_000
	MaxEpsilon Epsilon = 1_000_000 * OneEpsilon

	epsilonDigits = 9
	deltaDigits   = 18
)

// ErrBudgetOverflow says that a sum of budgets does not fit.
var ErrBudgetOverflow = errors.New("dp: budget overflows")

// ParseEpsilon reads a decimal such as 0.5 or 1e-3 exactly. It refuses what is not a decimal
// number, zero and less, more than nine digits after the point, and more than MaxEpsilon.
func ParseEpsilon(s string) (Epsilon, error) {
	v, err := parseDecimal(s, epsilonDigits)
	if err != nil {
		return 0, fmt.Errorf("dp: epsilon: %w", err)
	}
	if v <= 0 || Epsilon(v) > MaxEpsilon {
		return 0, fmt.Errorf("dp: epsilon must be greater than 0 and at most %v", MaxEpsilon)
	}
	return Epsilon(v), nil
}

// ParseDelta reads a decimal such as 1e-8 exactly; 0 is allowed. It refuses what is not a
// decimal number, negative numbers, more than 18 digits after the point, and 1 or more.
func ParseDelta(s string) (Delta, error) {
	v, err := parseDecimal(s, deltaDigits)
	if err != nil {
		return 0, fmt.Errorf("dp: delta: %w", err)
	}
	if v < 0 || Delta(v) >= OneDelta {
		return 0, errors.New("dp: delta must be at least 0 and less than 1")
	}
	return Delta(v), nil
}

// String returns ε as the shortest exact decimal: 0.5.
func (e Epsilon) String() string { return formatDecimal(int64(e), epsilonDigits) }

// String returns δ as the shortest exact decimal; it may have 18 digits after the point.
func (d Delta) String() string { return formatDecimal(int64(d), deltaDigits) }

// Add returns e + f, or ErrBudgetOverflow. Neither may be negative.
func (e Epsilon) Add(f Epsilon) (Epsilon, error) {
	sum, err := addBudget(int64(e), int64(f))
	return Epsilon(sum), err
}

// Add returns d + f, or ErrBudgetOverflow. Neither may be negative.
func (d Delta) Add(f Delta) (Delta, error) {
	sum, err := addBudget(int64(d), int64(f))
	return Delta(sum), err
}

// Split returns the equal part of eps for each of several draws, rounded down, so that together
// they never cost more than eps. A part of 0 is an error.
func Split(eps Epsilon, draws int) (Epsilon, error) {
	if eps <= 0 || draws <= 0 {
		return 0, fmt.Errorf("dp: cannot split epsilon %v over %d draws", eps, draws)
	}
	part := eps / Epsilon(draws)
	if part == 0 {
		return 0, fmt.Errorf("dp: epsilon %v is too small for %d draws", eps, draws)
	}
	return part, nil
}

// addBudget adds two amounts that are not negative.
func addBudget(a, b int64) (int64, error) {
	if a < 0 || b < 0 || a > math.MaxInt64-b {
		return 0, ErrBudgetOverflow
	}
	return a + b, nil
}

// parseDecimal reads sign, digits, point, digits, exponent, and returns the number times
// 10^digits. Anything that is not a whole number then is an error: what a person typed is never
// rounded.
func parseDecimal(s string, digits int) (int64, error) {
	mantissa, exponent, err := scanDecimal(s)
	if err != nil {
		return 0, err
	}
	exponent += digits
	ten := big.NewInt(10)
	power := new(big.Int).Exp(ten, big.NewInt(int64(max(exponent, -exponent))), nil)
	if exponent >= 0 {
		mantissa.Mul(mantissa, power)
	} else {
		var rest big.Int
		mantissa.QuoRem(mantissa, power, &rest)
		if rest.Sign() != 0 {
			return 0, fmt.Errorf("more than %d digits after the point", digits)
		}
	}
	if !mantissa.IsInt64() {
		return 0, errors.New("number is out of range")
	}
	return mantissa.Int64(), nil
}

// scanDecimal splits a decimal into integer mantissa and power of ten. Length and exponent are
// bounded before any arithmetic, so that no text costs much.
func scanDecimal(s string) (*big.Int, int, error) {
	const maxLength, maxExponent = 64, 64
	bad := errors.New("not a decimal number")
	if len(s) > maxLength {
		return nil, 0, errors.New("number is too long")
	}
	number, exp, hasExp := strings.Cut(strings.ToLower(s), "e")
	exponent := 0
	if hasExp {
		e, ok := digitsToInt(exp)
		if !ok || !e.IsInt64() || e.Int64() > maxExponent || e.Int64() < -maxExponent {
			return nil, 0, bad
		}
		exponent = int(e.Int64())
	}
	whole, fraction, hasPoint := strings.Cut(number, ".")
	if hasPoint && (fraction == "" || !isDigits(fraction)) {
		return nil, 0, bad
	}
	mantissa, ok := digitsToInt(whole + fraction)
	if !ok || strings.TrimLeft(whole, "+-") == "" {
		return nil, 0, bad
	}
	return mantissa, exponent - len(fraction), nil
}

// digitsToInt reads an optional sign and at least one digit.
func digitsToInt(s string) (*big.Int, bool) {
	unsigned := s
	if strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		unsigned = s[1:]
	}
	if unsigned == "" || !isDigits(unsigned) {
		return nil, false
	}
	return new(big.Int).SetString(s, 10)
}

// isDigits reports whether s consists of ASCII digits only.
func isDigits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// formatDecimal writes v / 10^digits without trailing zeros.
func formatDecimal(v int64, digits int) string {
	sign := ""
	magnitude := new(big.Int).SetInt64(v)
	if v < 0 {
		sign = "-"
		magnitude.Neg(magnitude)
	}
	text := fmt.Sprintf("%0*s", digits+1, magnitude.String())
	whole, fraction := text[:len(text)-digits], strings.TrimRight(text[len(text)-digits:], "0")
	if fraction == "" {
		return sign + whole
	}
	return sign + whole + "." + fraction
}

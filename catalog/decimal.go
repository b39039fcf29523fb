package catalog

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/c2dproxy/c2dproxy/dp"
)

// decimalForm is what a decimal number looks like; digits and exponent are bounded so
// that no text makes a huge number.
var decimalForm = regexp.MustCompile(`^([+-]?)([0-9]{1,40})(?:\.([0-9]{1,40}))?(?:[eE]([+-]?[0-9]{1,2}))?$`)

// parseScaled returns the number that text writes, times 10^scale, exactly. A number
// with more decimals than scale is an error, never rounded.
func parseScaled(text string, scale int) (int64, error) {
	m := decimalForm.FindStringSubmatch(strings.ReplaceAll(text, "_", ""))
	if m == nil {
		return 0, fmt.Errorf("%q is not a decimal number", clip(text))
	}
	exp := scale - len(m[3])
	if m[4] != "" {
		e, err := strconv.Atoi(m[4])
		if err != nil {
			return 0, fmt.Errorf("%q is not a decimal number", clip(text))
		}
		exp += e
	}
	n, ok := new(big.Int).SetString(m[1]+m[2]+m[3], 10)
	if !ok {
		return 0, fmt.Errorf("%q is not a decimal number", clip(text))
	}
	factor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(exp, -exp))), nil)
	if exp >= 0 {
		n.Mul(n, factor)
	} else if _, rest := n.QuoRem(n, factor, new(big.Int)); rest.Sign() != 0 {
		return 0, fmt.Errorf("%q has more than %d decimals", clip(text), scale)
	}
	if !n.IsInt64() {
		return 0, fmt.Errorf("%q is too large", clip(text))
	}
	return n.Int64(), nil
}

// FormatDecimal writes n lattice steps of 10^-scale, with exactly scale decimals: the inverse of parseScaled.
func FormatDecimal(n int64, scale int) string {
	sign := ""
	digits := strconv.FormatInt(n, 10)
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	if scale == 0 {
		return sign + digits
	}
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// parseEpsilon reads ε from decimal text, such as 0.5, into nano-ε. Beside dp.ParseEpsilon it takes the _ of YAML's numbers
// and says what to write.
func parseEpsilon(text string) (dp.Epsilon, error) {
	n, err := parseScaled(text, 9)
	if err != nil {
		return 0, err
	}
	if n <= 0 || dp.Epsilon(n) > dp.MaxEpsilon {
		return 0, fmt.Errorf("%q is out of range; write a number above 0, at most %s", clip(text), dp.MaxEpsilon)
	}
	return dp.Epsilon(n), nil
}

// parseDelta reads δ from decimal text, such as 1e-9, into units of 10^-18; more than maxDelta is refused.
func parseDelta(text string) (dp.Delta, error) {
	n, err := parseScaled(text, 18)
	if err != nil {
		return 0, err
	}
	if n <= 0 || dp.Delta(n) > maxDelta {
		return 0, fmt.Errorf("%q is out of range; write a number above 0, at most 0.01", clip(text))
	}
	return dp.Delta(n), nil
}

// maxDelta is far beyond any protection: δ is the probability that nothing is protected.
const maxDelta dp.Delta = 1e16

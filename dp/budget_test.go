package dp

import (
	"errors"
	"math"
	"testing"
)

func TestParseEpsilon(t *testing.T) {
	t.Parallel()
	good := map[string]Epsilon{
		"0.5": OneEpsilon / 2, "1": OneEpsilon, "1e-9": 1, "0.000000001": 1, "1.50": 3 * OneEpsilon / 2,
		"1E1": 10 * OneEpsilon, "+2": 2 * OneEpsilon, "1000000": MaxEpsilon, "0.10000000000000": OneEpsilon / 10,
		"10e-1": OneEpsilon, "1e+1": 10 * OneEpsilon,
	}
	for text, want := range good {
		if got, err := ParseEpsilon(text); err != nil || got != want {
			t.Errorf("ParseEpsilon(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	bad := []string{
		"", "0", "-1", "-0.1", "NaN", "nan", "inf", "+Inf", "-inf", "1e20", "1e400", "1e999999999999", "0x1p-2", "1_000",
		"1000000.000000001", "0.0000000001", "1.", ".5", "+.5", "1.5.5", "e5", "1e", "1e+", "1e1.5", " 1", "1 ", "--1", "1,5", "١",
		"1.+5", "1e-10", "0.00000000000000000000000000000000000000000000000000000000000000001",
	}
	for _, text := range bad {
		if got, err := ParseEpsilon(text); err == nil {
			t.Errorf("ParseEpsilon(%q) = %v, want an error", text, got)
		}
	}
}

func TestParseDelta(t *testing.T) {
	t.Parallel()
	good := map[string]Delta{"1e-8": 10_000_000_000, "0": 0, "0.1": OneDelta / 10, "1e-18": 1, "0.999999999999999999": OneDelta - 1}
	for text, want := range good {
		if got, err := ParseDelta(text); err != nil || got != want {
			t.Errorf("ParseDelta(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "1", "-1e-9", "1e-19", "NaN", "2"} {
		if got, err := ParseDelta(text); err == nil {
			t.Errorf("ParseDelta(%q) = %v, want an error", text, got)
		}
	}
}

func TestBudgetString(t *testing.T) {
	t.Parallel()
	for e, want := range map[Epsilon]string{
		0: "0", 1: "0.000000001", OneEpsilon / 2: "0.5", 12 * OneEpsilon: "12", -OneEpsilon / 4: "-0.25",
		math.MaxInt64: "9223372036.854775807", math.MinInt64: "-9223372036.854775808",
	} {
		if got := e.String(); got != want {
			t.Errorf("Epsilon(%d) prints %q, want %q", int64(e), got, want)
		}
	}
	if got := Delta(10_000_000_000).String(); got != "0.00000001" {
		t.Errorf("Delta prints %q", got)
	}
}

func TestAddAndSplit(t *testing.T) {
	t.Parallel()
	if sum, err := Epsilon(2).Add(3); err != nil || sum != 5 {
		t.Errorf("2+3 = %d, %v", sum, err)
	}
	for _, pair := range [][2]Delta{{math.MaxInt64, 1}, {1, math.MaxInt64}, {-1, 2}, {2, -1}} {
		if _, err := pair[0].Add(pair[1]); !errors.Is(err, ErrBudgetOverflow) {
			t.Errorf("%d+%d: %v", pair[0], pair[1], err)
		}
	}
	for draws := 1; draws < 100; draws++ {
		part, err := Split(OneEpsilon, draws)
		if err != nil || part*Epsilon(draws) > OneEpsilon || (part+1)*Epsilon(draws) <= OneEpsilon {
			t.Errorf("Split over %d = %v, %v", draws, part, err)
		}
	}
	for _, c := range []struct {
		eps   Epsilon
		draws int
	}{{0, 1}, {1, 0}, {1, 2}, {-1, 1}, {1, -1}} {
		if _, err := Split(c.eps, c.draws); err == nil {
			t.Errorf("Split(%d, %d) succeeded", c.eps, c.draws)
		}
	}
}

// FuzzParseEpsilon: what parses prints as a decimal that parses to the same.
func FuzzParseEpsilon(f *testing.F) {
	for _, seed := range []string{"0.5", "1e-9", "1e20", "NaN", "-1", "1.5e0", "00.1", "1e-64", "+3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseEpsilon(text)
		if err != nil {
			return
		}
		if again, err := ParseEpsilon(e.String()); err != nil || again != e || e <= 0 || e > MaxEpsilon {
			t.Fatalf("%q → %v → %v, %v", text, e, again, err)
		}
	})
}

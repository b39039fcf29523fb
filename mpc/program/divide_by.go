package program

import (
	"fmt"
	mathbits "math/bits"
)

// MaxDivisor bounds divisors, so that what is compared with them stays in 63 bits.
const MaxDivisor = 1 << 60

// FloorDivide defines Out = ⌊A / Divisor⌋ of signed words, exactly, 2 ≤ Divisor ≤ MaxDivisor.
//
// A + 2^63 = u + v − c·2^64 as naturals, where u, the sum of two components, is known to one
// party and v, the third, to the two others. Both divide what they know: with u = q·d + r, v =
// q'·d + r', 2^64 = Q·d + R and 2^63 = H·d + G, the quotient is q + q' − c·Q − H + ⌊w/d⌋ with
// w = r + r' − c·R − G between −2d and 2d, so that ⌊w/d⌋ is −2 and one for each of −d, 0 and d
// that w reaches. (The carry of a sharing as the error of a local division is the idea of
// Veugen and Abspoel, Secure integer division with a private divisor, PoPETs 2021, §3, for
// shares of two; here it is computed and not estimated.) The carry is one prefix circuit, the
// comparisons, as many as Divisor needs, are parallel: 20 rounds, 102 bytes a row and
// party with two comparisons, 134 with three. Nothing is opened; NULL bits of A are those of Out.
type FloorDivide struct {
	A       Reg
	Divisor int64
	Out     Reg
}

func (FloorDivide) isOp() {}

func (op FloorDivide) defines() []Reg { return []Reg{op.Out} }
func (op FloorDivide) reads() []Reg   { return []Reg{op.A} }
func (op FloorDivide) text() string {
	return fmt.Sprintf("r%d = floor_divide r%d %d", op.Out, op.A, op.Divisor)
}

func (op FloorDivide) check(c *checker) error {
	n, err := c.arith(op.A)
	if err == nil && (op.Divisor < 2 || op.Divisor > MaxDivisor) {
		err = fmt.Errorf("divisor %d outside 2 to %d", op.Divisor, int64(MaxDivisor))
	}
	return c.then(err, op.Out, words(n))
}

func (op FloorDivide) eval(m *machine) error {
	m.values[op.Out] = each(m.values[op.A], func(a uint64) uint64 { return uint64(floorDivide(int64(a), op.Divisor)) })
	return nil
}

// floorDivide is ⌊a / d⌋ for d > 0.
func floorDivide(a, d int64) int64 {
	if q := a / d; a%d >= 0 {
		return q
	}
	return a/d - 1
}

func (op FloorDivide) batch([]Shape) Batch { return Batch{Kind: Ratio} }

func (op FloorDivide) cost(m *meter) int {
	n, w := m.shapes[op.A].Rows, planeWords(m.shapes[op.A].Rows)
	tests := len(NewDivision(op.Divisor).Steps)
	for k := range m.direct {
		from, to := k*w/3, (k+1)*w/3
		m.direct[k] += int64(64*(to-from) + 2*(min(64*to, n)-min(64*from, n)))
	}
	gates, rounds := CarryCost(64)
	m.direct.all(gates * w)
	m.direct.convert(n)
	m.direct.convert(64 * w * tests)
	m.compare = tests * w
	return 1 + rounds + convertDepth + compareDepth + convertDepth
}

func (op FloorDivide) memory(m memory) int64 {
	n, w := m.shapes[op.A].Rows, planeWords(m.shapes[op.A].Rows)
	t := len(NewDivision(op.Divisor).Steps) * w
	sum := 2*pair(64*w) + buffer(64*third(w)) + 2*buffer(192*third(w)) + 2*buffer(64*third(w)) + carryMemory(64, w) + pair(w)
	test := pair(64*t) + pair(t) + max(2*pair(64*t)+max(enterSums(64, t), carryMemory(63, t))+pair(t), convertMemory(64*t))
	return 7*pair(n) + max(sum, convertMemory(n), test)
}

// Division is the constants of a FloorDivide: 2^64 = Q·d + R and 2^63 = H·d + G. ⌊w/d⌋ is Base and
// one for each of Steps that w reaches; there are only those that w may or may not reach.
type Division struct {
	Q, R, H, G uint64
	Steps      []int64
	Base       uint64
}

// NewDivision are the constants of a division by d, from 2 to MaxDivisor.
func NewDivision(d int64) Division {
	v := Division{H: (1 << 63) / uint64(d), G: (1 << 63) % uint64(d)}
	v.Q, v.R = mathbits.Div64(1, 0, uint64(d))
	for _, step := range []int64{-d, 0} {
		if -int64(v.R+v.G) < step {
			v.Steps = append(v.Steps, step)
			v.Base--
		}
	}
	v.Steps = append(v.Steps, d)
	return v
}

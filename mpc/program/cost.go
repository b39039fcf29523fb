package program

import (
	"fmt"
	mathbits "math/bits"
)

// OpCost is what one instruction costs: rounds are those of its batch, counted at the
// batch's first instruction; Bytes is what each party sends. Summed over a program both are
// exactly what the engine counts.
type OpCost struct {
	Op     string // canonical text
	Rows   int
	Rounds int
	Bytes  [3]int64
}

// traffic is the words that each party sends.
type traffic [3]int64

// all adds the same number of words to every party.
func (t *traffic) all(words int) {
	for i := range t {
		t[i] += int64(words)
	}
}

// Cost lists what the instructions of a program cost, in the order in which they run.
func Cost(p Program) ([]OpCost, error) {
	batches, shapes, err := Schedule(p)
	if err != nil {
		return nil, err
	}
	var costs []OpCost
	for _, b := range batches {
		m := meter{shapes: shapes}
		first := len(costs)
		var before traffic
		for _, op := range b.Ops {
			if err := m.add(op); err != nil {
				return nil, err
			}
			c := OpCost{Op: Text(op), Rows: rowsOf(op, shapes)}
			// A batch shares conversions among its instructions: each is charged what the batch grows by.
			after := m.total()
			for k := range after {
				c.Bytes[k] = 8 * (after[k] - before[k])
			}
			before = after
			costs = append(costs, c)
		}
		costs[first].Rounds = m.rounds
	}
	return costs, nil
}

// rowsOf is the number of rows that an instruction works on.
func rowsOf(op Op, shapes []Shape) int {
	switch op := op.(type) {
	case Lookup:
		return max(op.ProbeRows, op.BuildRows)
	case Open:
		return shapes[op.A].Rows
	case Dot:
		return shapes[op.A[0]].Rows
	case Sum:
		return shapes[op.A].Rows
	default:
		if out := defines(op); len(out) > 0 {
			return shapes[out[0]].Rows
		}
		return 0
	}
}

func planeWords(rows int) int { return (rows + 63) / 64 }

// Words of AND gates a plane word in the engine's circuits.
const (
	compareGates = 63 + 31 + 57             // see mpc: carry, then fold of 32 groups
	belowGates   = 63 + 31 + 15 + 7 + 3 + 1 // fold of 64 groups
	compareDepth = 1 + 2 + 5                // input, two rounds in pairs, fold
	belowDepth   = 6
	convertDepth = 2
)

// meter adds up a batch.
type meter struct {
	shapes  []Shape
	rounds  int
	direct  traffic // words that one instruction sends whatever the rest of its batch
	compare int     // words of planes that comparisons fill
	convert int     // rows that conversions fill, all but the last block padded to words
	coins   int     // words of planes of Bernoulli variables
	split   int     // words of planes that words of width bits become
	width   int
	combine int // words of planes that become words
}

// add enters one more instruction of the batch.
func (m *meter) add(op Op) error {
	n := rowsOf(op, m.shapes)
	rounds := 1
	switch op := op.(type) {
	case Constant, Add, Sub, Scale, Sum, Concat, Slice, Xor, Not:
		rounds = 0
	case InputArith:
		m.direct[op.Party] += int64(n)
	case Mul:
		m.direct.all(n)
	case Dot:
		m.direct.all(len(op.A))
	case And:
		m.direct.all(m.shapes[op.B].Width * planeWords(n))
	case IsZero:
		width := m.shapes[op.A].Width
		m.direct.all((width - 1) * planeWords(n))
		rounds = mathbits.Len(uint(width - 1))
	case GreaterEqual:
		m.compare += planeWords(n)
		rounds = compareDepth
	case BitToArith:
		m.convert = 64*planeWords(m.convert) + n
		rounds = convertDepth
	case Noise:
		m.coins += len(op.Bits) * planeWords(2*op.N)
		if rounds = 0; m.coins > 0 {
			rounds = belowDepth + convertDepth
		}
	case Lookup:
		rounds = lookupCost(op, &m.direct)
	case Open:
		if s := m.shapes[op.A]; s.Boolean {
			n = s.Width * planeWords(n)
		}
		m.direct[(op.To+2)%3] += int64(n)
	case step:
		rounds = op.cost(m)
	default:
		return fmt.Errorf("%w: no cost for %T", ErrInvalid, op)
	}
	m.rounds = rounds
	return nil
}

// total is what the batch sends so far.
func (m *meter) total() traffic {
	t := m.direct
	for k := range t {
		t[k] += int64(64 * ((k+1)*m.compare/3 - k*m.compare/3))
	}
	m.conversions(&t)
	t.all(compareGates*m.compare + belowGates*m.coins)
	t.convert(m.convert)
	t.convert(64 * m.coins)
	return t
}

// conversions adds those between words and Boolean rows: sums of two components enter a
// third at each party; what becomes words is sent on by two parties for each third.
func (m *meter) conversions(t *traffic) {
	third := func(words, k int) int64 { return int64((k+1)*words/3 - k*words/3) }
	for k := range t {
		t[k] += int64(m.width)*third(m.split, k) + 64*(2*third(m.combine, k)+third(m.combine, (k+2)%3))
	}
	gates, _ := AdderCost(m.width)
	t.all(gates * m.split)
	gates, _ = AdderCost(64)
	t.all(gates * m.combine)
}

// convert adds the conversion of a plane of rows bits to words: each party enters a third
// of it, and all multiply.
func (t *traffic) convert(rows int) {
	w := planeWords(rows)
	for k := range t {
		t[k] += int64(min(64*((k+1)*w/3), rows) - min(64*(k*w/3), rows))
	}
	t.all(rows)
}

package program

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Key is a Boolean register to sort by: as naturals, or in two's complement where Signed;
// ascending unless Descending. NULLS FIRST and LAST are a null bit as a key in front, and the
// rows behind it set to one value.
type Key struct {
	A                  Reg
	Signed, Descending bool
}

// Order defines Out, Boolean rows of IndexWidth bits, as the numbers of the rows in the
// stable order of Keys, the first key most significant: Gather moves columns by it.
//
// It is a radix sort of two bits a pass (Chida et al., An Efficient Secure Three-Party
// Sorting Protocol, eprint 2019/695; Asharov et al., Efficient Secure Three-Party Sorting,
// CCS 2022): the digit's indicators are converted, positions are prefix
// sums times indicators, then the rows are shuffled, their positions (a uniformly random
// order) become known and they move. 8 rounds a pass, the same for every input; about 70 bytes
// a row and pass sent by each party. Nothing is opened, and nothing but the shape leaks. A
// quicksort on shuffled keys compares less, but how often depends on the order that it draws:
// its rounds and lengths would not be the program's alone.
type Order struct {
	Keys []Key
	Out  Reg
}

func (Order) isOp() {}

func (op Order) defines() []Reg { return []Reg{op.Out} }
func (op Order) reads() []Reg   { return keyRegs(op.Keys) }
func (op Order) text() string   { return fmt.Sprintf("r%d = order %s", op.Out, keysText(op.Keys)) }
func (op Order) check(c *checker) error {
	n, _, err := c.keys(op.Keys)
	return c.then(err, op.Out, Shape{Boolean: true, Rows: n, Width: IndexWidth(max(n, 1))})
}
func (op Order) batch([]Shape) Batch { return Batch{Kind: Radix} }

func (op Order) eval(m *machine) error {
	m.values[op.Out] = m.sorted(op.Keys)
	return nil
}

func (op Order) cost(m *meter) int {
	n := m.shapes[op.Out].Rows
	width := 0
	for _, k := range op.Keys {
		width += m.shapes[k.A].Width
	}
	rounds := 0
	for _, pass := range RadixPasses(n, width) {
		m.direct.convert(pass.Converted)
		m.direct.all(n + 2*(halfWords(n)*(1+pass.Half)+(pass.Words-pass.Half)*n) + halfWords(n))
		rounds += convertDepth + 5
		if pass.Bits == 2 {
			m.direct.all(n)
			rounds++
		}
	}
	return rounds
}

// RadixPass is one pass of Order: it sorts by Bits bits at position From of rows that are
// packed to end with a word, converts a plane of Converted rows, and moves the last Words
// words of each row, of which Half travel as 32 bits because no more of them is needed.
type RadixPass struct{ From, Bits, Converted, Words, Half int }

// RadixPasses lists the passes of Order for n rows of width bits of keys: a row is its keys,
// the least significant bit first, and behind them its number.
func RadixPasses(n, width int) []RadixPass {
	total := width + IndexWidth(n)
	words := (total + 63) / 64
	at, end := 64*words-total, 64*words-IndexWidth(n)
	var passes []RadixPass
	for at < end {
		p := RadixPass{From: at, Bits: min(2, end-at)}
		p.Converted = 64*planeWords(n)*(p.Bits-1) + n
		at += p.Bits
		p.Words = words - at/64
		if at%64 >= 32 { // only the first of them is ever partly done
			p.Half = 1
		}
		passes = append(passes, p)
	}
	return passes
}

// keyRegs are the registers of keys.
func keyRegs(keys []Key) []Reg {
	out := make([]Reg, len(keys))
	for i, k := range keys {
		out[i] = k.A
	}
	return out
}

// keysText writes keys as an ORDER BY would.
func keysText(keys []Key) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = fmt.Sprintf("r%d", k.A)
		if k.Signed {
			out[i] += " signed"
		}
		if k.Descending {
			out[i] += " desc"
		}
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// maxKeyWidth bounds all keys of a sort together.
const maxKeyWidth = 4096

// keys checks keys and returns their rows and their bits together.
func (c *checker) keys(keys []Key) (rows, width int, err error) {
	if len(keys) == 0 {
		return 0, 0, errors.New("no keys")
	}
	for _, k := range keys {
		s, err := c.boolean(k.A)
		if err != nil {
			return 0, 0, err
		}
		if rows != 0 && s.Rows != rows {
			return 0, 0, errors.New("keys of different lengths")
		}
		rows = s.Rows
		if width += s.Width; width > maxKeyWidth {
			return 0, 0, errors.New("keys are too wide")
		}
	}
	return rows, width, nil
}

// sorted numbers the rows in the order of keys.
func (m *machine) sorted(keys []Key) []uint64 {
	out := make([]uint64, m.shapes[keys[0].A].Rows)
	for i := range out {
		out[i] = uint64(i)
	}
	slices.SortStableFunc(out, func(i, j uint64) int { return m.compare(keys, i, j) })
	return out
}

// compare compares two rows by keys.
func (m *machine) compare(keys []Key, i, j uint64) int {
	for _, k := range keys {
		flip := signFlip(m.shapes[k.A].Width, k.Signed)
		c := cmp.Compare(m.values[k.A][i]^flip, m.values[k.A][j]^flip)
		if k.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

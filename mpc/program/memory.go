package program

import (
	mathbits "math/bits"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// DefaultMemory is what a party may hold of one program unless it sets a limit itself: shares
// in registers and buffers, in bytes.
const DefaultMemory = 2 << 30

// CheckMemory refuses a program that needs more than limit bytes, before anything of it runs,
// and returns what it needs. All parties reach the same answer under the same limit.
func CheckMemory(p Program, limit int64) (need int64, err error) {
	need, err = Memory(p)
	if err != nil {
		return 0, err
	}
	if need > limit {
		return need, pgerr.New(pgerr.OutOfMemory, "the computation needs more memory than a party allows for one question").
			WithDetail("By declared sizes it needs %d kB; the limit is %d kB.", (need+1023)>>10, limit>>10).
			WithHint("Group by fewer columns, filter by fewer conditions, or ask over smaller tables.")
	}
	return need, nil
}

// Memory is the most bytes that registers and buffers of a program take at one party, at any
// time of its run: a function of the program alone. It walks the schedule, frees registers
// at their last use as the engine does, and takes for each batch what the engine's protocol
// for it takes (scratch). Buffers are powers of two of words, as the engine's pool makes them.
// It is an upper bound: where the three parties' parts differ, or a protocol frees in an
// order that is not worth following, it counts the more.
func Memory(p Program) (int64, error) {
	batches, shapes, err := Schedule(p)
	if err != nil {
		return 0, err
	}
	uses := Uses(batches, len(shapes))
	var live, peak int64
	release := func(op Op) {
		for _, r := range LastUse(op, uses) {
			live -= registerWords(shapes[r])
		}
	}
	define := func(op Op) {
		for _, r := range defines(op) {
			live += registerWords(shapes[r])
		}
	}
	for _, b := range batches {
		if b.Kind == Local {
			for _, op := range b.Ops {
				define(op)
				peak = max(peak, live+localScratch(op, shapes))
				release(op)
			}
			continue
		}
		for _, op := range b.Ops {
			define(op)
		}
		peak = max(peak, live+scratch(b, shapes))
		for _, op := range b.Ops {
			release(op)
		}
	}
	return 8*peak + overhead(batches, len(shapes)), nil
}

// overhead is the program itself: what a party keeps of instructions and of registers beside
// their words.
func overhead(batches []Batch, registers int) int64 {
	ops := 0
	for _, b := range batches {
		ops += len(b.Ops)
	}
	return int64(512*ops + 256*registers)
}

// registerWords is what a register takes: two components.
func registerWords(s Shape) int64 {
	if s.Boolean {
		return pair(s.Width * planeWords(s.Rows))
	}
	return pair(s.Rows)
}

// buffer is the words that the pool makes for n words.
func buffer(n int) int64 {
	if n <= 0 {
		return 0
	}
	return 1 << mathbits.Len(uint(n-1))
}

// pair is two components of n words.
func pair(n int) int64 { return 2 * buffer(n) }

// localScratch is what a linear instruction takes beside its operands and results.
func localScratch(op Op, shapes []Shape) int64 {
	if op, ok := op.(Concat); ok && shapes[op.Out].Boolean { // one part at a time
		most := int64(0)
		for _, r := range op.Parts {
			most = max(most, registerWords(shapes[r]))
		}
		return most
	}
	return 0
}

// scratch is what a batch takes at most beside its operands and its results.
func scratch(b Batch, shapes []Shape) int64 {
	m := memory{shapes: shapes}
	switch b.Kind {
	case Enter:
		return m.enter(b.Ops)
	case Draw:
		return m.draw(b.Ops)
	case Product, Gate:
		return m.products(b.Ops)
	case Compare:
		w := m.planes(b.Ops)
		return pair(64*w) + 2*pair(64*w) + max(enterSums(64, w), carryMemory(63, w)) + 2*pair(w)
	case Zero:
		w := m.planes(b.Ops)
		return pair(b.Width*w) + zeroMemory(b.Width, w)
	case Convert:
		w := m.planes(b.Ops)
		return pair(w) + convertMemory(64*w)
	case Find:
		return m.lookup(b.Ops[0].(Lookup))
	case Reveal:
		return m.reveal(b.Ops)
	case Borrow:
		w := m.planes(b.Ops)
		return 4*pair(b.Width*w) + carryMemory(b.Width, w) + 2*pair(w)
	case Split:
		w := m.planes(b.Ops)
		return pair(64*w) + 2*pair(b.Width*w) + max(enterSums(b.Width, w), adderMemory(b.Width, w))
	case Combine:
		w := m.planes(b.Ops)
		return 5*pair(64*w) + max(enterSums(64, w), adderMemory(64, w)) + 2*buffer(128*third(w))
	case Bound:
		return m.bound(b)
	default:
		return m.alone(b.Ops[0])
	}
}

// memory adds up what batches take.
type memory struct{ shapes []Shape }

// planes is the plane words of the operands of a batch.
func (m memory) planes(ops []Op) (words int) {
	for _, op := range ops {
		words += planeWords(m.shapes[Reads(op)[0]].Rows)
	}
	return words
}

// alone is what an instruction takes that is a batch of its own.
func (m memory) alone(op Op) int64 {
	if op, ok := op.(interface{ memory(m memory) int64 }); ok {
		return op.memory(m)
	}
	// An operator that does not say: what it reads and defines, many times.
	total := int64(0)
	for _, r := range append(append([]Reg{}, Reads(op)...), defines(op)...) {
		total += registerWords(m.shapes[r])
	}
	return 32 * total
}

// enter is the buffers of a round of private inputs, and the planes that they are cut into.
func (m memory) enter(ops []Op) int64 {
	var words [3]int
	planes := int64(0)
	for _, op := range ops {
		switch op := op.(type) {
		case InputArith:
			words[op.Party] += op.N
		case InputBits:
			w := op.Width * planeWords(op.N)
			words[op.Party] += w
			planes += buffer(w)
		}
	}
	most := int64(0)
	for k := range words {
		most = max(most, buffer(words[k])+buffer(words[(k+1)%3]))
	}
	return planes + most
}

// draw is the noise of a batch: bits, their comparison, and their conversion to words.
func (m memory) draw(ops []Op) int64 {
	w := 0
	for _, op := range ops {
		if op, ok := op.(Noise); ok {
			w += len(op.Bits) * planeWords(2*op.N)
		}
	}
	return max(2*pair(64*w)+foldMemory(64, w), 2*pair(w)+convertMemory(64*w)) + pair(w)
}

// products is the result of a round of products before it is handed out, and bits that are
// spread over rows.
func (m memory) products(ops []Op) int64 {
	words, spread := 0, int64(0)
	for _, op := range ops {
		for _, r := range defines(op) {
			words += m.shapes[r].Rows
			if m.shapes[r].Boolean {
				words += m.shapes[r].Width*planeWords(m.shapes[r].Rows) - m.shapes[r].Rows
			}
		}
		if op, ok := op.(And); ok && m.shapes[op.A].Width < m.shapes[op.B].Width {
			spread += registerWords(m.shapes[op.B])
		}
	}
	return pair(words) + spread
}

// reveal is the round of openings, and what they become at the recipient.
func (m memory) reveal(ops []Op) int64 {
	words, plain := 0, int64(0)
	for _, op := range ops {
		s := m.shapes[op.(Open).A]
		n := int(registerWords(s) / 2)
		words += n
		plain += int64(n + s.Rows)
	}
	return 2*buffer(words) + plain
}

// third is the most words of a third of words.
func third(words int) int { return (words + 2) / 3 }

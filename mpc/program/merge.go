package program

import (
	"errors"
	"fmt"
)

// Merge defines Out as Order does, of Keys that are sorted runs of Runs rows one behind the
// other, as owners enter them: a tree of bitonic merges (Batcher 1968) of keys and row
// numbers, (rows/2)·⌈log2 rows⌉ exchanges for two runs. An exchange is a comparison and a
// conditional swap of bits; nothing is opened, and every exchange's place is public. Rows of
// equal keys keep their order. What an owner enters unsorted is merged to something else.
type Merge struct {
	Keys []Key
	Runs []int
	Out  Reg
}

func (Merge) isOp() {}

func (op Merge) defines() []Reg { return []Reg{op.Out} }
func (op Merge) reads() []Reg   { return keyRegs(op.Keys) }
func (op Merge) text() string {
	return fmt.Sprintf("r%d = merge %s runs=%s", op.Out, keysText(op.Keys), list(op.Runs, ""))
}

func (op Merge) check(c *checker) error {
	n, _, err := c.keys(op.Keys)
	rows := 0
	for _, run := range op.Runs {
		if run < 1 || run > MaxRows {
			return errors.New("a run without rows, or too long")
		}
		if rows += run; rows > MaxRows {
			return errors.New("runs are too long")
		}
	}
	if err == nil && rows != n {
		err = fmt.Errorf("runs of %d rows in keys of %d", rows, n)
	}
	return c.then(err, op.Out, Shape{Boolean: true, Rows: n, Width: IndexWidth(max(n, 1))})
}
func (op Merge) batch([]Shape) Batch { return Batch{Kind: Weave} }

func (op Merge) eval(m *machine) error {
	at := uint64(0)
	for _, run := range op.Runs {
		for i := at + 1; i < at+uint64(run); i++ {
			if m.compare(op.Keys, i-1, i) > 0 {
				return errors.New("a run is not sorted")
			}
		}
		at += uint64(run)
	}
	m.values[op.Out] = m.sorted(op.Keys)
	return nil
}

func (op Merge) cost(m *meter) (rounds int) {
	width := m.shapes[op.Out].Width
	for _, k := range op.Keys {
		width += m.shapes[k.A].Width
	}
	gates, depth := CarryCost(width)
	for _, level := range MergeLevels(op.Runs) {
		for stage := range level.Stages {
			words := 0
			for _, p := range level.Pairs {
				words += p.ExchangedWords(level.Distance(p, stage))
			}
			m.direct.all((gates + width) * words)
			rounds += depth + 1
		}
	}
	return rounds
}

// MergeLevel is one level of the tree: independent merges of two neighbouring runs each, in
// Stages steps. An odd last run waits for the next level.
type MergeLevel struct {
	Pairs  []MergePair
	Stages int
}

// MergePair is the lengths of two runs that merge.
type MergePair struct{ First, Second int }

// MergeLevels is the tree of merges of runs.
func MergeLevels(runs []int) []MergeLevel {
	var levels []MergeLevel
	for len(runs) > 1 {
		var level MergeLevel
		var next []int
		for i := 0; i+1 < len(runs); i += 2 {
			pair := MergePair{runs[i], runs[i+1]}
			level.Pairs = append(level.Pairs, pair)
			level.Stages = max(level.Stages, pair.stages())
			next = append(next, runs[i]+runs[i+1])
		}
		if len(runs)%2 == 1 {
			next = append(next, runs[len(runs)-1])
		}
		levels, runs = append(levels, level), next
	}
	return levels
}

// stages is ⌈log2 rows⌉.
func (p MergePair) stages() int { return IndexWidth(p.First + p.Second) }

// Distance is how far the rows of an exchange are apart in a stage of a level; 0 if the
// merge has not begun: smaller merges of a level begin later.
func (l MergeLevel) Distance(p MergePair, stage int) int {
	if left := l.Stages - stage; left <= p.stages() {
		return 1 << (left - 1)
	}
	return 0
}

// ExchangedWords is the plane words of exchanges over a distance. The first run is reversed
// before the first stage, so that rows fall and then rise; the last word is filled up with
// infinite rows, and words beyond it count as infinite, stay there and need no exchange.
func (p MergePair) ExchangedWords(distance int) int {
	words, apart := planeWords(p.First+p.Second), distance/64
	switch {
	case distance == 0:
		return 0
	case apart == 0: // both halves of two words make a word of lower and one of higher rows
		return (words + 1) / 2
	default:
		return words/(2*apart)*apart + max(0, words%(2*apart)-apart)
	}
}

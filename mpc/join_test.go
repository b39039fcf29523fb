package mpc_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// joinRow is a row with a key of two columns: it may be padding, and its key may be NULL.
type joinRow struct{ exists, matchable, major, minor, word, short uint64 }

// joinRows are n rows with keys below limit; unique says that matchable keys differ.
func joinRows(r *rand.Rand, n, limit int, unique bool) []joinRow {
	rows, seen := make([]joinRow, n), map[int]bool{}
	for i := range rows {
		key := r.IntN(limit)
		row := joinRow{exists: uint64(min(r.IntN(6), 1)), major: uint64(key / 4), minor: uint64(key % 4), word: r.Uint64(), short: uint64(r.IntN(32))}
		row.matchable = row.exists & uint64(min(r.IntN(5), 1))
		if unique && row.matchable == 1 {
			if seen[key] {
				row.matchable = 0
			}
			seen[key] = true
		}
		rows[i] = row
	}
	return rows
}

// equal says that two rows match.
func (a joinRow) equal(b joinRow) bool {
	return a.matchable&b.matchable == 1 && a.major == b.major && a.minor == b.minor
}

// byKey orders matchable rows by their keys, others behind.
func byKey(a, b joinRow) int {
	if a.matchable != b.matchable {
		return int(b.matchable) - int(a.matchable)
	}
	return slices.Compare([]uint64{a.major, a.minor}, []uint64{b.major, b.minor})
}

// joinSide is the registers of a side.
type joinSide struct {
	keys, columns     []program.Reg
	exists, matchable program.Reg
}

// side enters rows.
func (b *builder) side(party int, rows []joinRow) joinSide {
	bit := func(width int, f func(joinRow) uint64) program.Reg { return b.words(party, width, column(rows, f)) }
	return joinSide{
		keys:    []program.Reg{bit(9, func(r joinRow) uint64 { return r.major }), bit(2, func(r joinRow) uint64 { return r.minor })},
		exists:  bit(1, func(r joinRow) uint64 { return r.exists }),
		columns: []program.Reg{bit(0, func(r joinRow) uint64 { return r.word }), bit(5, func(r joinRow) uint64 { return r.short })},

		matchable: bit(1, func(r joinRow) uint64 { return r.matchable }),
	}
}

// join is a join of two sides.
func join(kind program.JoinKind, left, right []joinRow, sorted bool) *builder {
	b := newBuilder()
	l, r := b.side(0, left), b.side(1, right)
	out := b.regs(7)
	b.emit(program.Join{Kind: kind, Left: l.keys, Right: r.keys, LeftValid: l.exists, RightValid: r.exists, LeftMatchable: l.matchable, RightMatchable: r.matchable,
		Sorted: sorted, LeftColumns: l.columns, RightColumns: r.columns, OutLeft: out[:2], OutRight: out[2:4], HasLeft: out[4], HasRight: out[5], Valid: out[6]})
	for i, name := range []string{"left word", "left short", "right word", "right short", "has left", "has right", "valid"} {
		b.open(name, out[i])
	}
	return b
}

// joined is one row of a join: NULLs are zeros without has.
type joined struct{ hasLeft, leftWord, leftShort, hasRight, rightWord, rightShort uint64 }

// nestedLoops is the join as SQL defines it.
func nestedLoops(kind program.JoinKind, left, right []joinRow) (out []joined) {
	matched := make([]bool, len(left))
	for _, r := range right {
		found := false
		for i, l := range left {
			if l.equal(r) {
				found, matched[i] = true, true
				out = append(out, joined{1, l.word, l.short, 1, r.word, r.short})
			}
		}
		if !found && r.exists == 1 && (kind == program.RightJoin || kind == program.FullJoin) {
			out = append(out, joined{hasRight: 1, rightWord: r.word, rightShort: r.short})
		}
	}
	for i, l := range left {
		if !matched[i] && l.exists == 1 && (kind == program.LeftJoin || kind == program.FullJoin) {
			out = append(out, joined{hasLeft: 1, leftWord: l.word, leftShort: l.short})
		}
	}
	return out
}

// TestJoin holds every kind of join to nested loops: shared keys, unsorted and sorted.
func TestJoin(t *testing.T) {
	t.Parallel()
	for seed, sizes := range [][2]int{{1, 1}, {1, 3}, {3, 1}, {64, 63}, {40, 130}, {130, 30}} {
		for kind := program.InnerJoin; kind <= program.FullJoin; kind++ {
			r := rand.New(rand.NewPCG(uint64(seed), uint64(kind)))
			left, right := joinRows(r, sizes[0], 1+sizes[0], true), joinRows(r, sizes[1], 1+sizes[0], false)
			sorted := seed%2 == 1
			if sorted {
				slices.SortFunc(left, byKey)
				slices.SortFunc(right, byKey)
			}
			name := fmt.Sprint(sizes, " ", kind)
			got := join(kind, left, right, sorted).opened(t, name)
			var rows []joined
			for i, valid := range got["valid"] {
				if valid == 0 {
					continue
				}
				row := joined{hasLeft: got["has left"][i], hasRight: got["has right"][i]}
				if row.hasLeft == 1 {
					row.leftWord, row.leftShort = got["left word"][i], got["left short"][i]
				}
				if row.hasRight == 1 {
					row.rightWord, row.rightShort = got["right word"][i], got["right short"][i]
				}
				rows = append(rows, row)
			}
			if want := nestedLoops(kind, left, right); !slices.Equal(rows, want) {
				t.Errorf("%s: got %v, want %v", name, rows, want)
			}
		}
	}
}

// TestJoinTraffic: no match and all matches have the same traffic.
func TestJoinTraffic(t *testing.T) {
	t.Parallel()
	sameTraffic(t, func(r *rand.Rand) *builder {
		limit := 30 + r.IntN(2)*1900
		return join(program.FullJoin, joinRows(r, 30, limit, true), joinRows(r, 50, limit, false), false)
	})
}

// TestJoinRefusesDuplicates in the clear: the unique side is not.
func TestJoinRefusesDuplicates(t *testing.T) {
	t.Parallel()
	row := joinRow{exists: 1, matchable: 1}
	b := join(program.InnerJoin, []joinRow{row, row}, []joinRow{row}, false)
	if _, err := program.Eval(b.p, merge(b.inputs), nil); err == nil {
		t.Error("joined keys that are not unique")
	}
}

// expansion is an n:m join with a bound.
func expansion(left, right []joinRow, rows int, sorted bool) *builder {
	b := newBuilder()
	l, r := b.side(0, left), b.side(1, right)
	out := b.regs(8)
	b.emit(program.ExpandJoin{Left: l.keys, Right: r.keys, LeftValid: l.matchable, RightValid: r.matchable, Sorted: sorted,
		LeftColumns: l.columns, RightColumns: r.columns, Rows: rows, OutLeft: out[:2], OutRight: out[2:4], Valid: out[4], Total: out[5],
		Matches: true, LeftMatched: out[6], RightMatched: out[7]})
	for i, name := range []string{"left word", "left short", "right word", "right short", "valid", "total", "left matched", "right matched"} {
		b.open(name, out[i])
	}
	return b
}

// TestExpandJoin holds n:m joins to nested loops, and keys beyond the bound to what is declared:
// left out whole, with all behind them.
func TestExpandJoin(t *testing.T) {
	t.Parallel()
	for seed, c := range []struct{ left, right, keys, rows int }{
		{1, 1, 1, 1}, {1, 1, 1, 5}, {5, 7, 3, 64}, {5, 7, 3, 10}, {64, 65, 20, 300}, {64, 65, 20, 100}, {30, 30, 1, 1000}, {30, 30, 1, 60}, {40, 20, 900, 63},
	} {
		r := rand.New(rand.NewPCG(uint64(seed), 26))
		left, right := joinRows(r, c.left, c.keys, false), joinRows(r, c.right, c.keys, false)
		sorted := seed%2 == 0
		if sorted {
			order := func(a, b joinRow) int {
				return slices.Compare([]uint64{a.major, a.minor}, []uint64{b.major, b.minor})
			}
			slices.SortStableFunc(left, order)
			slices.SortStableFunc(right, order)
		}
		name := fmt.Sprint(c)
		got := expansion(left, right, c.rows, sorted).opened(t, name)
		want, total, full := []joined{}, 0, false
		for key := range uint64(1000) {
			var rows []joined
			for _, l := range left {
				for _, r := range right {
					if l.equal(r) && 4*l.major+l.minor == key {
						rows = append(rows, joined{1, l.word, l.short, 1, r.word, r.short})
					}
				}
			}
			total += len(rows)
			if full = full || len(want)+len(rows) > c.rows; !full {
				want = append(want, rows...)
			}
		}
		want = append(want, make([]joined, c.rows-len(want))...)
		for i, label := range []string{"left word", "left short", "right word", "right short", "valid"} {
			expect(t, name, got, label, column(want, func(r joined) uint64 {
				return []uint64{r.leftWord, r.leftShort, r.rightWord, r.rightShort, r.hasLeft}[i]
			}))
		}
		expect(t, name, got, "total", []uint64{uint64(total)})
		expect(t, name, got, "left matched", column(left, func(l joinRow) uint64 { return matches(l, right) }))
		expect(t, name, got, "right matched", column(right, func(r joinRow) uint64 { return matches(r, left) }))
	}
}

// matches is 1 if a row matches any of others.
func matches(row joinRow, others []joinRow) uint64 {
	if slices.ContainsFunc(others, row.equal) {
		return 1
	}
	return 0
}

// TestExpandJoinTraffic: joins without a row and beyond their bound have the same traffic.
func TestExpandJoinTraffic(t *testing.T) {
	t.Parallel()
	limit := 1
	sameTraffic(t, func(r *rand.Rand) *builder {
		limit = 2001 - limit
		return expansion(joinRows(r, 30, limit, false), joinRows(r, 30, limit, false), 50, false)
	})
}

// repeated repeats rows.
func repeated(r *rand.Rand, n, limit, rows int) (b *builder, want [3][]uint64) {
	b = newBuilder()
	count, word, short := small(r, n, limit), oddWords(r, n), small(r, n, 100)
	out := b.regs(3)
	b.emit(program.RepeatRows{Count: b.words(0, 0, count), Rows: rows, A: []program.Reg{b.words(1, 0, word), b.words(2, 7, short)}, Out: out[:2], Valid: out[2]})
	for i, r := range out {
		b.open(fmt.Sprint(i), r)
	}
	for i := range count {
		for range count[i] {
			want[0], want[1], want[2] = append(want[0], word[i]), append(want[1], short[i]), append(want[2], 1)
		}
	}
	for i := range want {
		want[i] = append(want[i], make([]uint64, rows)...)[:rows]
	}
	return b, want
}

// TestRepeatRows repeats no row, all rows, and more than there is room for.
func TestRepeatRows(t *testing.T) {
	t.Parallel()
	for seed, n := range rowSizes {
		for _, c := range [][2]int{{1, 5}, {2, 1}, {3, 2 * n}, {9, n}} {
			b, want := repeated(rand.New(rand.NewPCG(uint64(seed), 27)), n, c[0], c[1])
			name := fmt.Sprint(n, c)
			got := b.opened(t, name)
			for i := range want {
				expect(t, name, got, fmt.Sprint(i), want[i])
			}
		}
	}
}

// TestRepeatRowsTraffic: no repetition and too many have the same traffic.
func TestRepeatRowsTraffic(t *testing.T) {
	t.Parallel()
	limit := 1
	sameTraffic(t, func(r *rand.Rand) *builder {
		limit = 10 - limit
		b, _ := repeated(r, 60, limit, 70)
		return b
	})
}

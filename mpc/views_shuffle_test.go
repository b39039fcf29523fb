package mpc

import (
	"context"
	"fmt"
	"slices"
	"testing"
)

// twoRows is the word in which two one-bit rows travel.
func twoRows(v uint64) uint64 { return v&1 | v>>1<<32 }

// bothRows is a modulus that keeps both rows of such a word.
const bothRows = 1 << 33

// maskedRows are the words that a step of a shuffle of one column of two rows draws.
func maskedRows(k, position int) (coins []coin) {
	for _, c := range []int{k, (k + 2) % 3} {
		coins = append(coins, coin{purpose: purposeMask, component: c, position: position, base: 4, as: twoRows})
	}
	return coins
}

// orderCoin is the order of two rows that parties k and k+1 share.
func orderCoin(k int) coin {
	return coin{purpose: purposeOrder, component: (k + 1) % 3, base: 2, as: func(v uint64) uint64 { return v << 63 }}
}

// rowsColumn makes one bit of two owners, masked in one word each, two rows of a column.
func rowsColumn(ctx context.Context, p *Party, owners []int, values []uint64) (column, error) {
	s, err := enterOne(ctx, p, owners, values, true)
	if err != nil {
		return column{}, err
	}
	c := column{share: p.take(2), boolean: true, half: true}
	for i := range s {
		c.own[i], c.next[i] = s[i].own[0], s[i].next[0]
	}
	return c, nil
}

// step opens x ⊕ y after one step of a shuffle of the rows x and y.
func step(k, a, b, to int, inverse bool) primitive {
	owners := []int{a, b}
	return primitive{
		name: fmt.Sprintf("step %d of a shuffle of rows of parties %d and %d to %d", k, a, b, to),
		ring: bothRows, base: 2, owners: owners, opensTo: to,
		coins:  append(append(maskCoins(2, a, b), maskedRows(k, 0)...), orderCoin(k)),
		result: func(v []uint64) uint64 { return v[0] ^ v[1] },
		run: func(ctx context.Context, p *Party, values []uint64) (register, error) {
			c, err := rowsColumn(ctx, p, owners, values)
			if err != nil {
				return register{}, err
			}
			s, err := p.newShuffle(2)
			if err != nil {
				return register{}, err
			}
			if err := p.reorder(ctx, k, s.order[k], inverse, []column{c}); err != nil {
				return register{}, err
			}
			x := share{own: []uint64{c.own[0] ^ c.own[1]}, next: []uint64{c.next[0] ^ c.next[1]}}
			return register{boolean: true, bits: bits{n: 1, width: 1, share: x}}, nil
		},
	}
}

// known makes a shuffled order of two rows known: the order is party a's private input.
func known(a int) primitive {
	coins := maskCoins(2, a, a)
	var used [3]int
	for k := range 3 {
		coins = append(coins, orderCoin(k))
	}
	for k := range 3 {
		for _, c := range maskedRows(k, 0) {
			c.position = used[c.component]
			used[c.component]++
			coins = append(coins, c)
		}
	}
	return primitive{
		name: fmt.Sprintf("shuffled order of party %d", a),
		ring: bothRows, base: 2, owners: []int{a}, opensTo: a, coins: coins,
		result: func([]uint64) uint64 { return 0 },
		run: func(ctx context.Context, p *Party, values []uint64) (register, error) {
			c, err := rowsColumn(ctx, p, []int{a, a}, []uint64{values[0], 1 - values[0]})
			if err != nil {
				return register{}, err
			}
			s, err := p.newShuffle(2)
			if err != nil {
				return register{}, err
			}
			if err := p.apply(ctx, s, []column{c}); err != nil {
				return register{}, err
			}
			_, err = p.knownOrder(ctx, c)
			return register{boolean: true, bits: bits{n: 1, width: 1, share: p.takeZero(1)}}, err
		},
	}
}

// positions opens the position of the first of two rows in the stable order of their bits, one
// of each owner, mod 2.
func positions(a, b, to int) primitive {
	owners := []int{a, b}
	return primitive{
		name: fmt.Sprintf("positions of rows of parties %d and %d to %d", a, b, to),
		ring: 2, base: 2, owners: owners, opensTo: to,
		coins:  append(maskCoins(2, a, b), zeroCoins(2, 2)...),
		result: func(v []uint64) uint64 { return v[0] &^ v[1] }, // behind the other if that is 0
		run: func(ctx context.Context, p *Party, values []uint64) (register, error) {
			s, err := enterOne(ctx, p, owners, values, false)
			if err != nil {
				return register{}, err
			}
			x := p.take(2)
			for i := range s {
				x.own[i], x.next[i] = s[i].own[0], s[i].next[0]
			}
			to, err := p.digitPositions(ctx, []arith{x})
			return register{arith: to.slice(0, 1)}, err
		},
	}
}

// TestViewsOfShuffle: no step of a shuffle shows a party anything.
func TestViewsOfShuffle(t *testing.T) {
	t.Parallel()
	for k := range 3 {
		for a := range 3 {
			for to := range 3 {
				q := step(k, a, (a+to)%3, to, a == k)
				if leak := q.leak(t); leak != "" {
					t.Errorf("%s: %s", q.name, leak)
				}
			}
			q := positions(a, k, (a+1)%3)
			if leak := q.leak(t); leak != "" {
				t.Errorf("%s: %s", q.name, leak)
			}
		}
	}
	if testing.Short() {
		return
	}
	q := known(0)
	if leak := q.leak(t); leak != "" {
		t.Errorf("%s: %s", q.name, leak)
	}
}

// TestViewMutantsOfShuffle: a step without masks, with one mask twice, or no shuffle at all
// before an order becomes known must be caught.
func TestViewMutantsOfShuffle(t *testing.T) {
	t.Parallel()
	bare := step(0, 2, 2, 0, false)
	bare.coins[2].base, bare.coins[3].base = 1, 1
	reused := step(0, 2, 2, 0, false)
	reused.coins[3].same = &reused.coins[2]
	unshuffled := known(0)
	for i, c := range unshuffled.coins {
		if c.purpose == purposeOrder {
			unshuffled.coins[i].base = 1
		} else if c.purpose == purposeMask {
			unshuffled.coins[i].base = 1 // irrelevant here, and fewer cases
		}
	}
	crossed := positions(0, 1, 2)
	for i := 2; i < len(crossed.coins); i++ {
		crossed.coins[i].base = 1 // no sharing of zero on top of the products
	}
	for name, q := range map[string]primitive{"positions without zero sharing": crossed, "no masks": bare, "mask reused": reused, "not shuffled": unshuffled} {
		if q.leak(t) == "" {
			t.Errorf("mutant %q was not caught", name)
		}
	}
}

// TestRandomOrder: all orders of four rows are equally frequent. 24 cells, 24,000 draws:
// a fair shuffle exceeds χ² = 71 (23 degrees of freedom) with probability 10^-6; the stream
// is fixed, so that this test never alarms falsely by chance.
func TestRandomOrder(t *testing.T) {
	t.Parallel()
	s, err := newStream([32]byte{5})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for range 24000 {
		order := randomOrder(s, 4)
		counts[fmt.Sprint(order)]++
		slices.Sort(order)
		if !slices.Equal(order, []uint32{0, 1, 2, 3}) {
			t.Fatal("not a permutation")
		}
	}
	chi := 0.0
	for _, c := range counts {
		chi += float64(c-1000) * float64(c-1000) / 1000
	}
	if len(counts) != 24 || chi > 71 {
		t.Errorf("%d orders, χ² = %.1f", len(counts), chi)
	}
}

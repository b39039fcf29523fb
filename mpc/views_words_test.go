package mpc

import (
	"context"
	"fmt"
	"testing"
)

// coinsOf are n words of one stream from position on.
func coinsOf(purpose string, component, position, n int, base uint64) (coins []coin) {
	for i := range n {
		coins = append(coins, coin{purpose: purpose, component: component, position: position + i, base: base})
	}
	return coins
}

// enterRows enters one Boolean row of width bits for each owner.
func enterRows(ctx context.Context, p *Party, owners []int, values []uint64, width int) ([]bits, error) {
	inputs := make([]privateInput, len(owners))
	for i, owner := range owners {
		inputs[i] = privateInput{from: owner, words: width, boolean: true}
		if owner == p.self {
			for j := range width {
				inputs[i].values = append(inputs[i].values, values[i]>>j&1)
			}
		}
	}
	s, err := p.enter(ctx, inputs)
	rows := make([]bits, len(s))
	for i := range rows {
		rows[i] = bits{n: 1, width: width, share: s[i]}
	}
	return rows, err
}

// comparison opens x < y of two owners' rows of two bits.
func comparison(a, b, to int, signed bool) primitive {
	var coins []coin
	var used [3]int
	for _, owner := range []int{a, b} {
		c := (owner + 1) % 3
		coins = append(coins, coinsOf(purposeInput, c, used[c], 2, 2)...)
		used[c] += 2
	}
	return primitive{
		name: fmt.Sprintf("less of parties %d and %d to %d (signed %v)", a, b, to, signed),
		ring: 2, base: 4, owners: []int{a, b}, opensTo: to,
		coins: append(coins, zeroCoins(2, 2)...),
		result: func(v []uint64) uint64 {
			x, y := v[0], v[1]
			if signed {
				x, y = x^2, y^2
			}
			if x < y {
				return 1
			}
			return 0
		},
		run: func(ctx context.Context, p *Party, values []uint64) (register, error) {
			x, err := enterRows(ctx, p, []int{a, b}, values, 2)
			if err != nil {
				return register{}, err
			}
			z, err := p.less(ctx, x[0], x[1], []bool{signed})
			return register{boolean: true, bits: z}, err
		},
	}
}

// asWord opens a row of two bits as a word mod 4. One row is in the third of party 2, who
// enters the sum of components 2 and 0.
func asWord(owner, to int) primitive {
	c := (owner + 1) % 3
	coins := coinsOf(purposeInput, c, 0, 2, 2)
	position := 0
	if c == 0 {
		position = 2
	}
	coins = append(coins, coinsOf(purposeInput, 0, position, 2, 2)...)
	coins = append(coins, coinsOf(purposeMask, 2, 0, 1, 4)...)
	coins = append(coins, coinsOf(purposeMask, 0, 0, 1, 4)...)
	return primitive{
		name: fmt.Sprintf("row of party %d as a word to %d", owner, to),
		ring: 4, base: 4, owners: []int{owner}, opensTo: to,
		coins:  append(coins, zeroCoins(2, 1)...),
		result: func(v []uint64) uint64 { return v[0] },
		run: func(ctx context.Context, p *Party, values []uint64) (register, error) {
			x, err := enterRows(ctx, p, []int{owner}, values, 2)
			if err != nil {
				return register{}, err
			}
			z, err := p.toArith(ctx, x[0])
			return register{arith: z.slice(0, 1)}, err
		},
	}
}

// asRow opens the higher bit of a word mod 4.
func asRow(owner, to int) primitive {
	coins := maskCoins(4, owner)
	position := 0
	if owner == 2 {
		position = 1
	}
	coins = append(coins, coinsOf(purposeInput, 0, position, 2, 2)...)
	return primitive{
		name: fmt.Sprintf("word of party %d as a row to %d", owner, to),
		ring: 4, base: 4, owners: []int{owner}, opensTo: to,
		coins:  append(coins, zeroCoins(2, 1)...),
		result: func(v []uint64) uint64 { return v[0] >> 1 },
		run: func(ctx context.Context, p *Party, values []uint64) (register, error) {
			s, err := enterOne(ctx, p, []int{owner}, values, false)
			if err != nil {
				return register{}, err
			}
			z, err := p.toBits(ctx, s[0], 2)
			if err != nil {
				return register{}, err
			}
			return register{boolean: true, bits: z.plane(1)}, err
		},
	}
}

// TestViewsOfWords: comparisons and conversions of whole words reveal nothing.
func TestViewsOfWords(t *testing.T) {
	t.Parallel()
	var all []primitive
	for to := range 3 {
		for a := range 3 {
			all = append(all, asWord(a, to), asRow(a, to), comparison(a, (a+1)%3, to, a == to))
		}
	}
	for _, q := range all {
		if leak := q.leak(t); leak != "" {
			t.Errorf("%s: %s", q.name, leak)
		}
	}
}

// TestViewMutantsOfWords: without a mask, or with one used twice, the same tests fail.
func TestViewMutantsOfWords(t *testing.T) {
	t.Parallel()
	unmasked := asWord(1, 2)
	unmasked.coins[4].base = 1 // component 2 is no secret: party 0 sees x itself
	reused := asWord(0, 2)
	reused.coins[5].same = &reused.coins[4] // components 2 and 0 are equal
	bare := asRow(0, 1)
	bare.coins[1].base, bare.coins[2].base = 1, 1 // the sum enters without a mask
	open := comparison(0, 1, 2, false)
	for i := 4; i < len(open.coins); i++ {
		open.coins[i].base = 1 // no sharing of zero on top of the gates
	}
	for name, q := range map[string]primitive{"component not drawn": unmasked, "component drawn once": reused, "unmasked sum": bare, "no zero sharing": open} {
		if q.leak(t) == "" {
			t.Errorf("mutant %q was not caught", name)
		}
	}
}

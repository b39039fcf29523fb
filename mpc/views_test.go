package mpc

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// The tests of this file enumerate all randomness of a primitive and compare the exact
// distributions of each party's view. Z_2^64 → Z_2^k is a ring homomorphism, so the real
// code with all words reduced mod 2^k is the protocol over the small ring: randomness is
// drawn from the small ring and messages are reduced before they are compared.

// coin is one word of randomness: position of component's stream for a purpose.
type coin struct {
	purpose   string
	component int
	position  int
	base      uint64              // drawn from 0 to base-1
	as        func(uint64) uint64 // the word that a draw stands for; itself if nil
	same      *coin               // mutants: not drawn, but a copy of another
}

// primitive is a protocol on private values, followed by opening its result.
type primitive struct {
	name    string
	ring    uint64 // messages are compared modulo it
	owners  []int  // of the private values
	base    uint64 // values are 0 to base-1
	opensTo int
	coins   []coin
	run     func(ctx context.Context, p *Party, values []uint64) (register, error)
	result  func(values []uint64) uint64
}

// tape is a key stream with given words.
type tape struct{ words []uint64 }

// XORKeyStream implements cipher.Stream; words beyond the tape are zero.
func (t *tape) XORKeyStream(dst, _ []byte) {
	for ; len(dst) > 0; dst = dst[8:] {
		word := uint64(0)
		if len(t.words) > 0 {
			word, t.words = t.words[0], t.words[1:]
		}
		binary.LittleEndian.PutUint64(dst, word)
	}
}

// tapes are the drawn words of all streams.
type tapes map[string]*[3][]uint64

// load puts the words of a purpose into a party's two streams.
func (t tapes) load(into *pair, purpose string, self int) {
	words := t[purpose]
	if words == nil {
		words = &[3][]uint64{}
	}
	if into.prev == nil {
		*into = pair{prev: &stream{}, next: &stream{}}
	}
	into.prev.keystream = &tape{words[self]}
	into.next.keystream = &tape{words[(self+1)%3]}
}

// tinyEnd is a transport over channels that notes what it receives.
type tinyEnd struct {
	self  int
	links *[3][3]chan []uint64
	ring  uint64
	got   []uint64
}

// tinyLinks are the channels of one network.
func tinyLinks() *[3][3]chan []uint64 {
	var links [3][3]chan []uint64
	for i := range links {
		for j := range links {
			links[i][j] = make(chan []uint64, 1)
		}
	}
	return &links
}

func (e *tinyEnd) Self() int { return e.self }

func (e *tinyEnd) Round(_ context.Context, r Round) error {
	next, prev := (e.self+1)%3, (e.self+2)%3
	e.links[e.self][next] <- append([]uint64{}, r.ToNext...)
	e.links[e.self][prev] <- append([]uint64{}, r.ToPrev...)
	copy(r.FromNext, <-e.links[next][e.self])
	copy(r.FromPrev, <-e.links[prev][e.self])
	if e.ring == 0 { // benchmarks
		return nil
	}
	for _, w := range append(append([]uint64{}, r.FromNext...), r.FromPrev...) {
		e.got = append(e.got, w%e.ring)
	}
	return nil
}

// views runs the primitive once and returns each party's view: what it drew and received.
func (q primitive) views(t *testing.T, parties *[3]*Party, values []uint64, drawn tapes) [3]string {
	var out [3]string
	var wait sync.WaitGroup
	for self := range 3 {
		wait.Go(func() {
			p := parties[self]
			end := p.transport.(*tinyEnd)
			end.got = end.got[:0]
			drawn.load(&p.zero, purposeZero, self)
			drawn.load(&p.input, purposeInput, self)
			drawn.load(&p.mask, purposeMask, self)
			drawn.load(&p.order, purposeOrder, self)
			o := program.Open{Label: "z", To: q.opensTo}
			p.manifest = manifest{want: []program.Open{o}}
			z, err := q.run(t.Context(), p, values)
			if err != nil {
				t.Error(err)
				return
			}
			opened, err := p.open(t.Context(), []opening{{Open: o, value: z}})
			if err != nil {
				t.Error(err)
				return
			}
			if self == q.opensTo && opened["z"][0]%q.ring != q.result(values)%q.ring {
				t.Errorf("%s of %v is %d", q.name, values, opened["z"][0]%q.ring)
			}
			known := ""
			for _, c := range q.coins {
				if c.component == self || c.component == (self+1)%3 {
					known += fmt.Sprint(drawn[c.purpose][c.component][c.position])
				}
			}
			out[self] = fmt.Sprint(known, end.got)
		})
	}
	wait.Wait()
	return out
}

// distributions counts the views of each party over all randomness.
func (q primitive) distributions(t *testing.T, values []uint64) (counts [3]map[string]int) {
	var parties [3]*Party
	links := tinyLinks()
	for i := range counts {
		counts[i] = map[string]int{}
		parties[i] = &Party{self: i, transport: &tinyEnd{self: i, links: links, ring: q.ring}}
	}
	total := uint64(1)
	for _, c := range q.coins {
		if c.same == nil {
			total *= c.base
		}
	}
	for code := range total {
		drawn := tapes{}
		for _, c := range q.coins {
			if drawn[c.purpose] == nil {
				drawn[c.purpose] = &[3][]uint64{}
			}
			var word uint64
			if c.same != nil {
				word = drawn[c.same.purpose][c.same.component][c.same.position]
			} else {
				if word, code = code%c.base, code/c.base; c.as != nil {
					word = c.as(word)
				}
			}
			stream := &drawn[c.purpose][c.component]
			if len(*stream) != c.position {
				t.Fatalf("coins of %s are out of order", q.name)
			}
			*stream = append(*stream, word)
		}
		for i, v := range q.views(t, &parties, values, drawn) {
			counts[i][v]++
		}
	}
	return counts
}

// leak names a party whose view tells apart two inputs that agree on what it knows: its
// own values, and the result if it is opened to it. Empty: none does.
func (q primitive) leak(t *testing.T) string {
	type outcome struct {
		values []uint64
		counts [3]map[string]int
	}
	var seen []outcome
	values := make([]uint64, len(q.owners))
	for {
		now := outcome{append([]uint64{}, values...), q.distributions(t, values)}
		for _, before := range seen {
			for party := range 3 {
				if q.alike(party, before.values, now.values) && !maps.Equal(before.counts[party], now.counts[party]) {
					return fmt.Sprintf("party %d tells %v from %v", party, before.values, now.values)
				}
			}
		}
		seen = append(seen, now)
		i := 0
		for ; i < len(values); i++ {
			if values[i]++; values[i] < q.base {
				break
			}
			values[i] = 0
		}
		if i == len(values) {
			return ""
		}
	}
}

// alike says whether party may not tell two inputs apart.
func (q primitive) alike(party int, a, b []uint64) bool {
	for i, owner := range q.owners {
		if owner == party && a[i] != b[i] {
			return false
		}
	}
	return party != q.opensTo || q.result(a)%q.ring == q.result(b)%q.ring
}

// maskCoins are the words that private inputs of these owners draw.
func maskCoins(base uint64, owners ...int) (coins []coin) {
	var used [3]int
	for _, owner := range owners {
		c := (owner + 1) % 3
		coins = append(coins, coin{purpose: purposeInput, component: c, position: used[c], base: base})
		used[c]++
	}
	return coins
}

// zeroCoins are the words that n products draw.
func zeroCoins(base uint64, n int) (coins []coin) {
	for position := range n {
		for component := range 3 {
			coins = append(coins, coin{purpose: purposeZero, component: component, position: position, base: base})
		}
	}
	return coins
}

// enterOne enters each value privately.
func enterOne(ctx context.Context, p *Party, owners []int, values []uint64, boolean bool) ([]share, error) {
	inputs := make([]privateInput, len(owners))
	for i, owner := range owners {
		inputs[i] = privateInput{from: owner, words: 1, boolean: boolean}
		if owner == p.self {
			inputs[i].values = values[i : i+1]
		}
	}
	return p.enter(ctx, inputs)
}

// multiplication opens x·y of two owners' values; boolean: x ∧ y.
func multiplication(ring uint64, a, b, to int, boolean bool) primitive {
	owners := []int{a, b}
	return primitive{
		name: fmt.Sprintf("product mod %d (boolean %v) of parties %d and %d to %d", ring, boolean, a, b, to),
		ring: ring, base: ring, owners: owners, opensTo: to,
		coins:  append(maskCoins(ring, a, b), zeroCoins(ring, 1)...),
		result: func(v []uint64) uint64 { return v[0] * v[1] },
		run: func(ctx context.Context, p *Party, values []uint64) (register, error) {
			s, err := enterOne(ctx, p, owners, values, boolean)
			if err != nil {
				return register{}, err
			}
			if !boolean {
				z, err := p.multiply(ctx, []factors{{s[0], s[1]}})
				return register{arith: z}, err
			}
			z, err := p.and(ctx, []factors{{s[0], s[1]}})
			return register{boolean: true, bits: bits{n: 1, width: 1, share: z}}, err
		},
	}
}

// squares opens x² + x·y, so that two products' messages are seen together.
func squares(a, b, to int) primitive {
	q := multiplication(2, a, b, to, false)
	q.name = fmt.Sprintf("two products of parties %d and %d to %d", a, b, to)
	q.coins = append(maskCoins(2, a, b), zeroCoins(2, 2)...)
	q.result = func(v []uint64) uint64 { return v[0]*v[0] + v[0]*v[1] }
	q.run = func(ctx context.Context, p *Party, values []uint64) (register, error) {
		s, err := enterOne(ctx, p, q.owners, values, false)
		if err != nil {
			return register{}, err
		}
		z, err := p.multiply(ctx, []factors{{s[0], s[0]}, {s[0], s[1]}})
		if err != nil {
			return register{}, err
		}
		return register{arith: p.combine(z.slice(0, 1), z.slice(1, 2), 1)}, nil
	}
	return q
}

// conversion opens a private bit as a word. One row is in the third of party 2.
func conversion(owner, to int) primitive {
	coins := maskCoins(2, owner)
	word := coin{purpose: purposeInput, component: 0, base: 4}
	if owner == 2 {
		word.position = 1
	}
	return primitive{
		name: fmt.Sprintf("bit of party %d as a word to %d", owner, to),
		ring: 4, base: 2, owners: []int{owner}, opensTo: to,
		coins:  append(append(coins, word), zeroCoins(4, 1)...),
		result: func(v []uint64) uint64 { return v[0] },
		run: func(ctx context.Context, p *Party, values []uint64) (register, error) {
			s, err := enterOne(ctx, p, []int{owner}, values, true)
			if err != nil {
				return register{}, err
			}
			z, err := p.bitToArith(ctx, bits{n: 1, width: 1, share: s[0]})
			return register{arith: z}, err
		},
	}
}

// entering opens the sum of two private inputs.
func entering(a, b, to int) primitive {
	q := multiplication(4, a, b, to, false)
	q.name = fmt.Sprintf("sum of inputs of parties %d and %d to %d", a, b, to)
	q.coins = maskCoins(4, a, b)
	q.result = func(v []uint64) uint64 { return v[0] + v[1] }
	q.run = func(ctx context.Context, p *Party, values []uint64) (register, error) {
		s, err := enterOne(ctx, p, q.owners, values, false)
		if err != nil {
			return register{}, err
		}
		return register{arith: p.combine(s[0], s[1], 1)}, nil
	}
	return q
}

// TestViews: no party's view depends on anything but its own values and what it opens.
func TestViews(t *testing.T) {
	t.Parallel()
	all := []primitive{multiplication(4, 0, 1, 2, false)}
	for to := range 3 {
		for a := range 3 {
			all = append(all, conversion(a, to), squares(a, (a+to)%3, to))
			for b := range 3 {
				all = append(all, multiplication(2, a, b, to, false), multiplication(2, a, b, to, true), entering(a, b, to))
			}
		}
	}
	for _, q := range all {
		if leak := q.leak(t); leak != "" {
			t.Errorf("%s: %s", q.name, leak)
		}
	}
}

// TestViewMutants: the same test fails when randomness is missing or used twice.
func TestViewMutants(t *testing.T) {
	t.Parallel()
	unmasked := multiplication(2, 0, 1, 2, false)
	for i := range unmasked.coins {
		if unmasked.coins[i].purpose == purposeZero {
			unmasked.coins[i].base = 1 // no sharing of zero on top of the products
		}
	}
	gate := multiplication(2, 0, 1, 2, true)
	gate.coins = append(maskCoins(2, 0, 1), zeroCoins(1, 1)...)
	reused := entering(0, 0, 1)
	reused.coins[1].same = &reused.coins[0] // one mask for two inputs
	twice := squares(0, 1, 2)
	for i := 5; i < 8; i++ {
		twice.coins[i].same = &twice.coins[i-3] // one sharing of zero for two products
	}
	bare := conversion(0, 2)
	bare.coins[1].base = 1 // the bit enters without a mask
	for name, q := range map[string]primitive{"no zero sharing": unmasked, "no zero sharing of a gate": gate, "mask reused": reused, "zero sharing reused": twice, "unmasked conversion": bare} {
		if q.leak(t) == "" {
			t.Errorf("mutant %q was not caught", name)
		}
	}
}

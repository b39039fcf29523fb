package mpc

import (
	"encoding/binary"
	"maps"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/internal/okvs"
)

// The tests of this file enumerate all randomness of a lookup over one-bit words and
// compare exact view distributions. The words are the lowest bits of production's: every
// step (mask, add, XOR, encode, decode) commutes with that projection, so the functions
// under test are production's own: sealed, store, probe, Decode, mask. In the place of AES stand
// tables of an ideal keyed function over two join keys and a position table.

// tinyPositions gives the two dense slots of each tag, for each of two store seeds. Under
// either seed some pairs of tags are dependent, one tag even alone.
var tinyPositions = [2][4]uint64{{1, 2, 3, 1}, {3, 0, 3, 2}}

// tinyCase is the data of one lookup; the join keys are 0 and 1.
type tinyCase struct {
	build  []int    // keys
	fields []uint64 // one bit a build row
	probe  []int    // key of each probe row, -1 for none
}

// tinyMutant is a broken protocol; the zero value is the real one.
type tinyMutant struct {
	components bool // halves become components of the sharing instead of private inputs
	redraw     bool // the store's seed is redrawn until the keys can be encoded
	zeroFree   bool // free slots are zero
	fixedPads  bool // rows without a key send a constant tag
	noValidity bool // the match bit is not ANDed with validity
}

// choices enumerates the leaves of a tree of uniform choices; a leaf's weight is
// proportional to its probability.
type choices struct{ digits, bases []int }

// whole is the weight of certainty: divisible by the product of the bases on any path.
const whole = uint64(27) << 45

// each calls f once a leaf.
func (c *choices) each(f func(pick func(n int) int, weight func() uint64)) {
	for {
		depth := 0
		f(func(n int) int {
			if depth == len(c.digits) {
				c.digits, c.bases = append(c.digits, 0), append(c.bases, n)
			}
			depth++
			return c.digits[depth-1]
		}, func() uint64 {
			w := whole
			for _, b := range c.bases[:depth] {
				if w%uint64(b) != 0 {
					panic("whole is not divisible by the bases")
				}
				w /= uint64(b)
			}
			return w
		})
		for len(c.digits) > 0 && c.digits[len(c.digits)-1] == c.bases[len(c.bases)-1]-1 {
			c.digits, c.bases = c.digits[:len(c.digits)-1], c.bases[:len(c.bases)-1]
		}
		if len(c.digits) == 0 {
			return
		}
		c.digits[len(c.digits)-1]++
	}
}

// view is the transcript of one party, packed.
type view struct{ hi, lo uint64 }

// with appends bits to a view.
func (v view) with(words ...uint64) view {
	for _, w := range words {
		v = view{v.hi<<3 | v.lo>>61, v.lo<<3 | w&7}
	}
	return v
}

// distribution is the weight of each view.
type distribution map[view]uint64

// tinyViews are the view distributions of one case, and the weight of each match bit of row 0.
type tinyViews struct {
	build, probe, third distribution
	match               [2]uint64
}

// tinyTable is an ideal keyed function on two keys: distinct random tags, random masks.
type tinyTable struct {
	tags  []uint64 // of key 0, of key 1
	masks [][2]uint64
	spare []uint64 // the other tags, in random order, for rows without a key
}

// newTinyTable picks a function for a lookup with rows probe rows.
func newTinyTable(rows int, pick func(int) int) *tinyTable {
	var left []uint64
	for i := range 2 + rows {
		left = append(left, uint64(i))
	}
	var order []uint64
	for len(left) > 0 {
		i := pick(len(left))
		order = append(order, left[i])
		left = append(left[:i:i], left[i+1:]...)
	}
	f := &tinyTable{tags: order[:2], spare: order[2:]}
	for range 2 {
		f.masks = append(f.masks, [2]uint64{uint64(pick(2)), uint64(pick(2))})
	}
	return f
}

// derive implements keyed.
func (f *tinyTable) derive(key []byte, tag, mask []uint64) {
	tag[0], tag[1] = f.tags[key[0]], 0
	copy(mask, f.masks[key[0]][:])
}

// tinyKeys encodes keys as a task does.
func tinyKeys(keys []int) [][]byte {
	out := make([][]byte, len(keys))
	for i, k := range keys {
		if k >= 0 {
			out[i] = []byte{byte(k)}
		}
	}
	return out
}

// bitReader is a source of one-bit words.
type bitReader func() uint64

// Read implements io.Reader.
func (r bitReader) Read(b []byte) (int, error) {
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r())
	}
	return len(b), nil
}

// tinyEquations is the position function.
func tinyEquations(seed int, tags []uint64) okvs.Equations {
	e := okvs.Equations{Shape: okvs.Shape{Dense: 2}, Rows: len(tags) / 2}
	for r := range e.Rows {
		e.Dense = append(e.Dense, tinyPositions[seed][tags[2*r]])
	}
	return e
}

// tinySeed picks the store's seed.
func tinySeed(m tinyMutant, tags []uint64, pick func(int) int) int {
	if !m.redraw {
		return pick(2)
	}
	var good []int
	for seed := range 2 {
		zero := bitReader(func() uint64 { return 0 })
		values, into := make([]uint64, len(tags)/2), make([]uint64, 2)
		if singular, err := store(tinyEquations(seed, tags), values, 1, zero, into); err == nil && !singular {
			good = append(good, seed)
		}
	}
	if len(good) == 0 {
		return pick(2)
	}
	return good[pick(len(good))]
}

// enumerate returns the view distributions of a case. Party order is (B, A, T) or, turned,
// (A, B, T): it decides who receives a private input and who knows its mask. With more
// than one probe row only the messages to T are enumerated.
func enumerate(t *testing.T, in tinyCase, m tinyMutant, turned bool) tinyViews {
	t.Helper()
	out := tinyViews{build: distribution{}, probe: distribution{}, third: distribution{}}
	new(choices).each(func(pick func(int) int, weight func() uint64) {
		f := newTinyTable(len(in.probe), pick)
		tags, values := sealed(f, tinyKeys(in.build), [][]uint64{in.fields})
		seed := tinySeed(m, tags, pick)
		free := bitReader(func() uint64 {
			if m.zeroFree {
				return 0
			}
			return uint64(pick(2))
		})
		slots := make([]uint64, 4)
		if _, err := store(tinyEquations(seed, tags), values, 2, free, slots); err != nil {
			t.Fatal(err)
		}
		pads := 0
		x := probe(f, tinyKeys(in.probe), len(in.probe), 2, func(words []uint64) {
			if pads++; pads%2 == 1 { // tag, then mask
				words[0], words[1] = f.spare[pads/2], 0
				if m.fixedPads {
					words[0] = 0
				}
				return
			}
			if len(in.probe) == 1 {
				words[0], words[1] = uint64(pick(2)), uint64(pick(2))
			}
		})
		y := make([]uint64, 2*len(in.probe))
		if err := tinyEquations(seed, x.tags).Decode(slots, 2, y); err != nil {
			t.Fatal(err)
		}
		third := view{}.with(uint64(seed)).with(low(slots)...).with(x.tags...)
		if len(in.probe) > 1 {
			out.third[third] += weight()
			return
		}
		shared := view{}.with(f.tags...).with(f.masks[0][:]...).with(f.masks[1][:]...)
		out.combine(m, turned, weight(), x, y,
			shared.with(uint64(seed)).with(low(slots)...), shared.with(x.tags...).with(x.masks...), third)
	})
	return out
}

// combine enumerates the masks of the private inputs of one probe row and adds up views.
func (out *tinyViews) combine(m tinyMutant, turned bool, weight uint64, x probes, y []uint64, build, probe, third view) {
	const masks = 32
	for r := range uint64(masks) {
		a, b := [3]uint64{r & 1, r >> 1 & 1, r >> 2 & 1}, [2]uint64{r >> 3 & 1, r >> 4 & 1}
		if m.components {
			a, b = [3]uint64{}, [2]uint64{}
		}
		// What enter sends: check and validity over Z_2, payload over Z_2^64.
		var sentA [3]uint64
		var sentT [2]uint64
		mask(sentA[:1], x.masks[:1], a[:1], true)
		mask(sentA[1:2], x.masks[1:2], a[1:2], false)
		mask(sentA[2:], x.valid, a[2:], true)
		mask(sentT[:1], y[:1], b[:1], true)
		mask(sentT[1:], y[1:], b[1:], false)
		sentA[1], sentT[1] = sentA[1]&1, sentT[1]&1
		v, p, t := build, probe, third
		if turned {
			v, t, p = v.with(a[:]...).with(sentT[:]...), t.with(sentA[:]...), p.with(b[:]...)
		} else {
			v, t, p = v.with(sentA[:]...).with(b[:]...), t.with(a[:]...), p.with(sentT[:]...)
		}
		out.build[v] += weight / masks
		// An owner's own mask is independent of all else in its view: A's view is counted
		// once for each mask of T, T's once for each mask of A.
		if r&7 == 0 {
			out.probe[p] += weight / 4
		}
		if r>>3 == 0 {
			out.third[t] += weight / 8
		}
		match := sentA[0] ^ a[0] ^ sentT[0] ^ b[0] ^ 1
		if !m.noValidity {
			match &= sentA[2] ^ a[2]
		}
		out.match[match] += weight / masks
	}
}

// low returns the lowest bits of words.
func low(words []uint64) []uint64 {
	bits := make([]uint64, len(words))
	for i, w := range words {
		bits[i] = w & 1
	}
	return bits
}

// tinyBuilds and tinyProbes are the data that the tests range over.
var (
	tinyBuilds = []tinyCase{
		{},
		{build: []int{0}, fields: []uint64{0}},
		{build: []int{0}, fields: []uint64{1}},
		{build: []int{1}, fields: []uint64{1}},
		{build: []int{0, -1}, fields: []uint64{1, 1}},
		{build: []int{0, 1}, fields: []uint64{1, 0}},
	}
	tinyProbes = [][]int{{0}, {1}, {-1}}
)

// leaks names the parties whose view distribution depends on what they must not learn.
func leaks(t *testing.T, m tinyMutant) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, turned := range []bool{false, true} {
		var third distribution
		ofProbe := map[int]distribution{}
		builds := tinyBuilds
		if m != (tinyMutant{}) || testing.Short() {
			builds = []tinyCase{tinyBuilds[0], tinyBuilds[2], tinyBuilds[5]} // enough to be caught
		}
		for _, b := range builds {
			var build distribution
			for i, keys := range tinyProbes {
				v := enumerate(t, tinyCase{b.build, b.fields, keys}, m, turned)
				if third == nil {
					third = v.third
				}
				if build == nil {
					build = v.build
				}
				if ofProbe[i] == nil {
					ofProbe[i] = v.probe
				}
				found["third"] = found["third"] || !maps.Equal(third, v.third)
				found["build"] = found["build"] || !maps.Equal(build, v.build)
				found["probe"] = found["probe"] || !maps.Equal(ofProbe[i], v.probe)
			}
		}
	}
	return found
}

// TestLookupViews holds RULES 6 to 10 exactly: T's view is the same for all data of both
// owners, B's for all data of A, A's for all data of B. Each mutant must be caught at the party named.
func TestLookupViews(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		mutant tinyMutant
		leaks  []string
	}{
		{"protocol", tinyMutant{}, nil},
		{"conversion by components", tinyMutant{components: true}, []string{"build", "third"}},
		{"seed redrawn until the keys encode", tinyMutant{redraw: true}, []string{"third"}},
		{"free slots not random", tinyMutant{zeroFree: true}, []string{"third"}},
		{"padding tags not random", tinyMutant{fixedPads: true}, []string{"third"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			want := map[string]bool{"build": false, "probe": false, "third": false}
			for _, party := range c.leaks {
				want[party] = true
			}
			got := leaks(t, c.mutant)
			for party := range want {
				if c.leaks == nil && got[party] || want[party] && !got[party] {
					t.Errorf("view of %s depends on others' data: %v, want %v", party, got[party], want[party])
				}
			}
		})
	}
}

// TestLookupViewOfRows compares T's messages for several probe rows: keys, no keys, matches or not.
func TestLookupViewOfRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mutant tinyMutant
		equal  bool
	}{{tinyMutant{}, true}, {tinyMutant{fixedPads: true}, false}, {tinyMutant{redraw: true}, false}} {
		var first distribution
		equal := true
		for _, b := range []tinyCase{tinyBuilds[0], tinyBuilds[2], tinyBuilds[5]} {
			for _, keys := range [][]int{{0, 1}, {-1, 1}, {-1, -1}} {
				v := enumerate(t, tinyCase{b.build, b.fields, keys}, c.mutant, false)
				if first == nil {
					first = v.third
				}
				equal = equal && maps.Equal(first, v.third)
			}
		}
		if equal != c.equal {
			t.Errorf("%+v: T's views are equal: %v, want %v", c.mutant, equal, c.equal)
		}
	}
}

// TestLookupFreshKeys is RULES 7: with one key for two lookups T would see their intersection.
func TestLookupFreshKeys(t *testing.T) {
	t.Parallel()
	tags := func(second int, reuse bool) distribution {
		d := distribution{}
		new(choices).each(func(pick func(int) int, weight func() uint64) {
			f := newTinyTable(0, pick)
			g := f
			if !reuse {
				g = newTinyTable(0, pick)
			}
			a := probe(f, tinyKeys([]int{0}), 1, 2, nil)
			b := probe(g, tinyKeys([]int{second}), 1, 2, nil)
			d[view{}.with(a.tags...).with(b.tags...)] += weight()
		})
		return d
	}
	if !maps.Equal(tags(0, false), tags(1, false)) {
		t.Error("fresh keys: T's view of two lookups depends on their keys")
	}
	if maps.Equal(tags(0, true), tags(1, true)) {
		t.Error("mutant with one key for two lookups was not caught")
	}
}

// TestLookupValidity is RULES 10: a row without a key matches with probability 2^-λ (here
// one half) unless the match bit is ANDed with validity. It checks the tiny protocol's
// results on the way.
func TestLookupValidity(t *testing.T) {
	t.Parallel()
	for _, b := range tinyBuilds[:2] {
		in := tinyCase{b.build, b.fields, []int{-1}}
		if got := enumerate(t, in, tinyMutant{}, false).match[1]; got != 0 {
			t.Errorf("build %v: a row without a key matches with weight %d", b.build, got)
		}
		if got := enumerate(t, in, tinyMutant{noValidity: true}, false).match[1]; got == 0 {
			t.Errorf("build %v: mutant without validity was not caught", b.build)
		}
	}
	in := tinyCase{[]int{0}, []uint64{1}, []int{0}}
	got := enumerate(t, in, tinyMutant{}, false).match
	// The key is found unless its equation is empty (one tag of three under one seed of
	// two), and then in half of the cases by chance.
	if want := whole - whole/12; got[1] != want || got[0]+got[1] != whole {
		t.Errorf("match weights %v, want %d of %d", got, want, uint64(whole))
	}
}

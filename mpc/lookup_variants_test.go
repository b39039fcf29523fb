package mpc_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// slotsPerKey is how many rows of the build side may have one key.
const slotsPerKey = 3

// setCase is a lookup between two owners: composite keys of a number and a name, up to
// slotsPerKey build rows a key with two columns, NULL keys on both sides.
type setCase struct {
	build   map[string][][2]uint64 // a key's rows
	order   []string
	probe   []string // sorted; "" is NULL or padding
	starts  []uint64 // 1 in the first row of a key
	notNull []uint64
	hasNull uint64
}

// pairKey encodes a composite key injectively: each component behind its length.
func pairKey(number uint64, name string) string {
	k := binary.LittleEndian.AppendUint64([]byte{8, 0, 0, 0}, number)
	return string(append(binary.LittleEndian.AppendUint32(k, uint32(len(name))), name...))
}

// newSetCase draws one, with probe rows of one key beside each other, of which the first looks
// it up for all; it may have an empty build side, and one with a NULL.
func newSetCase(r *rand.Rand, build, probe int) *setCase {
	c := &setCase{build: map[string][][2]uint64{}, hasNull: uint64(r.IntN(2))}
	key := func() string { return pairKey(uint64(r.IntN(4)), "ab"[:r.IntN(3)]) }
	if r.IntN(4) == 0 {
		build = 0
	}
	for range build {
		k := key()
		if _, ok := c.build[k]; !ok {
			c.order = append(c.order, k)
		}
		if len(c.build[k]) < slotsPerKey {
			c.build[k] = append(c.build[k], [2]uint64{r.Uint64(), r.Uint64()})
		}
	}
	for range probe {
		k := ""
		if r.IntN(4) > 0 {
			k = key()
		}
		c.probe = append(c.probe, k)
	}
	slices.Sort(c.probe)
	for i, k := range c.probe {
		c.notNull = append(c.notNull, uint64(min(len(k), 1)))
		c.starts = append(c.starts, 0)
		if i == 0 || c.probe[i-1] != k {
			c.starts[i] = 1
		}
	}
	return c
}

// bound is the declared build rows.
const buildBound = 12

// program is the lookup, its slots, and NOT IN over it.
func (c *setCase) builder() *builder {
	b := newBuilder()
	n := len(c.probe)
	fields := make([][]uint64, 3*slotsPerKey) // present, column 0 and column 1 of each slot
	for f := range fields {
		fields[f] = make([]uint64, buildBound)
	}
	table := program.Table{Columns: fields}
	for i, k := range c.order {
		table.Keys = append(table.Keys, []byte(k))
		for s, row := range c.build[k] {
			fields[3*s][i], fields[3*s+1][i], fields[3*s+2][i] = 1, row[0], row[1]
		}
	}
	keys := make([][]byte, n)
	for i, k := range c.probe {
		if k != "" && c.starts[i] == 1 {
			keys[i] = []byte(k)
		}
	}
	b.inputs[0][0], b.inputs[1][1] = table, program.Table{Keys: keys}
	b.tasks = 2
	match, payload := b.regs(1)[0], b.regs(3*slotsPerKey)
	look := program.Lookup{Node: "n", Build: 0, Probe: 1, Third: 2, BuildTask: 0, ProbeTask: 1, BuildRows: buildBound, ProbeRows: n,
		Lambda: program.MinLambda(n), Match: match, Payload: payload}
	for f := range fields {
		look.BuildFields = append(look.BuildFields, f)
	}
	b.emit(look)
	found := append([]program.Reg{match}, payload...) // at the first row of a key
	all := b.regs(len(found))
	b.emit(program.Broadcast{Starts: b.words(1, 1, c.starts), First: found, OutFirst: all})
	match, payload = all[0], all[1:]
	b.open("match", match)
	var slots program.Slots
	for s := range slotsPerKey {
		slots.Present = append(slots.Present, payload[3*s])
	}
	for column := range 2 {
		var regs []program.Reg
		for s := range slotsPerKey {
			regs = append(regs, payload[3*s+1+column])
		}
		slots.Columns = append(slots.Columns, regs)
	}
	slots.Match = match
	for _, left := range []bool{false, true} {
		out := b.regs(3)
		slots.Left, slots.Out, slots.Rows = left, out[:2], out[2]
		b.emit(slots)
		for i, r := range out {
			b.open(fmt.Sprintf("%v%d", left, i), r)
		}
	}
	c.notIn(b, match)
	return b
}

// notIn adds NOT IN behind the lookup.
func (c *setCase) notIn(b *builder, match program.Reg) {
	empty := uint64(1)
	if len(c.order) > 0 || c.hasNull == 1 {
		empty = 0
	}
	bits := [3]program.Reg{b.words(1, 1, c.notNull), b.words(0, 1, []uint64{empty}), b.words(0, 1, []uint64{c.hasNull})}
	out := b.regs(2)
	b.emit(program.NotIn{Match: match, NotNull: bits[0], Empty: bits[1], HasNull: bits[2], Out: out[0], Null: out[1]})
	b.open("not in", out[0])
	b.open("null", out[1])
}

// TestLookupVariants: inner, left, semi and anti joins, IN and NOT IN with NULLs, several
// columns, composite keys and several rows a key, behind one private lookup.
func TestLookupVariants(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		n := rowSizes[int(seed)%len(rowSizes)]
		c := newSetCase(rand.New(rand.NewPCG(seed, 28)), buildBound, n)
		b := c.builder()
		p := b.p
		for _, o := range b.opens {
			p.Ops = append(p.Ops, o)
		}
		run, err := mpctest.Run(within(t), mpctest.NewNetwork(), fmt.Sprint("lookup ", seed), p, b.inputs)
		if err != nil {
			t.Fatal(err)
		}
		checkCost(t, p, run)
		clear, err := program.Eval(p, merge(b.inputs), rand.NewChaCha8([32]byte{byte(seed)}))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range c.want() {
			expect(t, fmt.Sprint("run ", seed), run.All(), name, want)
			expect(t, fmt.Sprint("in the clear ", seed), clear, name, want)
		}
	}
}

// want is what SQL says.
func (c *setCase) want() map[string][]uint64 {
	n := len(c.probe)
	want := map[string][]uint64{}
	for _, label := range []string{"false0", "false1", "false2", "true0", "true1", "true2"} {
		want[label] = make([]uint64, slotsPerKey*n)
	}
	truth := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	for i, k := range c.probe {
		rows, found := c.build[k]
		found = found && k != ""
		want["match"] = append(want["match"], truth(found))
		if found {
			for s, row := range rows {
				for _, left := range []string{"false", "true"} {
					want[left+"0"][s*n+i], want[left+"1"][s*n+i], want[left+"2"][s*n+i] = row[0], row[1], 1
				}
			}
		} else {
			want["true2"][i] = 1
		}
		notIn, null := true, false // over an empty set
		if len(c.build) > 0 || c.hasNull == 1 {
			null = c.notNull[i] == 0 || !found && c.hasNull == 1
			notIn = !null && !found
		}
		want["not in"] = append(want["not in"], truth(notIn))
		want["null"] = append(want["null"], truth(null))
	}
	return want
}

// TestLookupVariantsTraffic: an empty build side and a full one have the same traffic.
func TestLookupVariantsTraffic(t *testing.T) {
	t.Parallel()
	sameTraffic(t, func(r *rand.Rand) *builder { return newSetCase(r, buildBound, 40).builder() })
}

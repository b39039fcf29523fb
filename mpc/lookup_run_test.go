package mpc_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// lookupCase is a lookup of random data. Parties are numbered by roles: roles[0] builds,
// roles[1] probes, roles[2] is the third party.
type lookupCase struct {
	build, probe int // declared rows
	keys, probes [][]byte
	fields       int
	roles        [3]int
}

// op is the lookup of a case, into registers from first on.
func (c lookupCase) op(node string, first program.Reg) program.Lookup {
	l := program.Lookup{
		Node: node, Build: c.roles[0], Probe: c.roles[1], Third: c.roles[2],
		BuildTask: 0, ProbeTask: 1, BuildRows: c.build, ProbeRows: c.probe,
		Lambda: 40 + bits.Len(uint(c.probe-1)), Match: first,
	}
	for f := range c.fields {
		l.BuildFields = append(l.BuildFields, f)
		l.Payload = append(l.Payload, first+1+program.Reg(f))
	}
	return l
}

// program opens the match bits and match · field for each field, to the third party.
func (c lookupCase) program(nodes ...string) program.Program {
	var p program.Program
	next := program.Reg(0)
	for _, node := range nodes {
		l := c.op(node, next)
		next += 1 + program.Reg(c.fields)
		p.Ops = append(p.Ops, l, program.BitToArith{A: l.Match, Out: next})
		match := next
		p.Ops = append(p.Ops, program.Open{Label: node, A: match, To: l.Third})
		next++
		for f, r := range l.Payload {
			p.Ops = append(p.Ops, program.Mul{A: match, B: r, Out: next},
				program.Open{Label: fmt.Sprint(node, "/", f), A: next, To: l.Third})
			next++
		}
	}
	return sortOpens(p)
}

// sortOpens moves the openings to the end, where a manifest lists them.
func sortOpens(p program.Program) program.Program {
	slices.SortStableFunc(p.Ops, func(a, b program.Op) int {
		_, x := a.(program.Open)
		_, y := b.(program.Open)
		switch {
		case x == y:
			return 0
		case x:
			return 1
		default:
			return -1
		}
	})
	return p
}

// inputs are the tables of both owners, by party.
func (c lookupCase) inputs(source *rand.ChaCha8) [3]program.Inputs {
	build := program.Table{Keys: padKeys(c.keys, c.build)}
	for range c.fields {
		build.Columns = append(build.Columns, randomWords(source, c.build))
	}
	var in [3]program.Inputs
	in[c.roles[0]] = program.Inputs{0: build}
	in[c.roles[1]] = program.Inputs{1: {Keys: padKeys(c.probes, c.probe)}}
	in[c.roles[2]] = program.Inputs{}
	return in
}

// padKeys appends rows without a key.
func padKeys(keys [][]byte, rows int) [][]byte {
	return append(slices.Clone(keys), make([][]byte, rows-len(keys))...)
}

// randomWords returns n random words.
func randomWords(source *rand.ChaCha8, n int) []uint64 {
	w := make([]uint64, n)
	for i := range w {
		w[i] = source.Uint64()
	}
	return w
}

// keyRange returns the keys from to to-1, of length bytes each.
func keyRange(from, to, length int) [][]byte {
	var keys [][]byte
	for i := from; i < to; i++ {
		key := make([]byte, length)
		binary.BigEndian.PutUint32(key[length-4:], uint32(i))
		keys = append(keys, key)
	}
	return keys
}

// shuffled returns keys in random order with some rows between them that have none.
func shuffled(r *rand.Rand, keys [][]byte, nils int) [][]byte {
	out := padKeys(keys, len(keys)+nils)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// runLookup runs a case and compares what is opened with program.Eval.
func runLookup(t *testing.T, c lookupCase, seed string) {
	t.Helper()
	in := c.inputs(rand.NewChaCha8([32]byte{byte(len(seed)), 1}))
	p := c.program("n")
	got, err := mpctest.Run(t.Context(), mpctest.NewNetwork(), seed, p, in)
	if err != nil {
		t.Fatalf("%s: %v", seed, err)
	}
	all := program.Inputs{}
	for _, own := range in {
		maps.Copy(all, own)
	}
	want, err := program.Eval(p, all, rand.NewChaCha8([32]byte{9}))
	if err != nil {
		t.Fatalf("%s: %v", seed, err)
	}
	if !maps.EqualFunc(got.All(), want, slices.Equal) {
		t.Fatalf("%s: opened values differ from program.Eval", seed)
	}
}

// TestLookupEval compares the protocol with program.Eval: random sets of every overlap, sizes
// around words and shapes, long and empty keys, every assignment of roles.
func TestLookupEval(t *testing.T) {
	t.Parallel()
	roles := [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	r := rand.New(rand.NewPCG(1, 2))
	run := 0
	for _, rows := range []int{1, 2, 63, 64, 65, 1000} {
		for _, shape := range []struct {
			name                 string
			from, to, nils, size int
		}{
			{"all match", 0, rows, 0, 8},
			{"none match", rows, 2 * rows, 0, 16},
			{"half match", rows / 2, rows/2 + rows, 0, 17},
			{"rows without keys", 0, rows - rows/3, rows / 3, 40},
			{"no probe keys", 0, 0, 0, 4},
		} {
			for _, built := range []int{0, rows / 2, rows} {
				c := lookupCase{
					build: rows, probe: rows, fields: run % 4, roles: roles[run%len(roles)],
					keys:   shuffled(r, keyRange(0, built, shape.size), (rows-built)/2),
					probes: shuffled(r, keyRange(shape.from, shape.to, shape.size), shape.nils),
				}
				runLookup(t, c, fmt.Sprintf("%d rows, %s, %d built", rows, shape.name, built))
				run++
			}
		}
	}
	runLookup(t, lookupCase{build: 5, probe: 200, fields: 1, roles: roles[0],
		keys:   [][]byte{{}, {0}, {0, 0}, []byte(strings.Repeat("k", 100)), nil},
		probes: [][]byte{[]byte(strings.Repeat("k", 100)), {}, []byte(strings.Repeat("k", 99)), {0}}}, "mixed lengths")
}

// TestLookupDuplicates holds that a key twice on either side is refused before anything
// about it is sent.
func TestLookupDuplicates(t *testing.T) {
	t.Parallel()
	twice := [][]byte{{1}, {2}, {1}}
	for _, c := range []lookupCase{
		{build: 3, probe: 3, keys: twice, probes: keyRange(0, 3, 4), roles: [3]int{0, 1, 2}},
		{build: 3, probe: 3, keys: keyRange(0, 3, 4), probes: twice, roles: [3]int{0, 1, 2}},
	} {
		_, err := mpctest.Run(t.Context(), mpctest.NewNetwork(), "duplicates", c.program("n"), c.inputs(rand.NewChaCha8([32]byte{})))
		if err == nil || !strings.Contains(err.Error(), "join key twice") {
			t.Errorf("error %v, want one about a join key twice", err)
		}
	}
}

// TestLookupShape holds that traffic is a function of declared sizes.
func TestLookupShape(t *testing.T) {
	t.Parallel()
	var first []mpctest.Event
	for i, c := range []lookupCase{
		{keys: keyRange(0, 300, 8), probes: keyRange(0, 200, 8)},
		{keys: nil, probes: nil},
		{keys: keyRange(7, 9, 100), probes: keyRange(1000, 1200, 50)},
	} {
		c.build, c.probe, c.fields, c.roles = 300, 200, 2, [3]int{2, 0, 1}
		network := mpctest.NewNetwork()
		if _, err := mpctest.Run(t.Context(), network, fmt.Sprint("shape", i), c.program("n"), c.inputs(rand.NewChaCha8([32]byte{byte(i)}))); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = network.Trace()
		}
		if len(first) == 0 || !slices.Equal(first, network.Trace()) {
			t.Errorf("case %d: traffic differs for data of equal declared sizes", i)
		}
	}
}

// TestLookupUnrelatedTags is RULES 1 and 7: the same keys looked up by two nodes of one
// execution, and by one node in two executions, show T no word twice.
func TestLookupUnrelatedTags(t *testing.T) {
	t.Parallel()
	c := lookupCase{build: 100, probe: 100, fields: 1, roles: [3]int{0, 1, 2},
		keys: keyRange(0, 100, 8), probes: keyRange(0, 100, 8)}
	in := c.inputs(rand.NewChaCha8([32]byte{3}))
	// T's whole view is compared: stores, tags, masked inputs, reshared products.
	seen := map[uint64]string{}
	for _, execution := range []string{"first", "second"} {
		network := mpctest.NewNetwork()
		network.Record = true
		if _, err := mpctest.Run(t.Context(), network, execution, c.program("a", "b"), in); err != nil {
			t.Fatal(err)
		}
		view := network.View(2)
		if len(view) < 2*(2*100) {
			t.Fatalf("T received %d words only", len(view))
		}
		for _, word := range view {
			if before := seen[word]; before != "" && word != 0 {
				t.Fatalf("T sees word %x in execution %s and before in %s", word, execution, before)
			}
			seen[word] = execution
		}
	}
}

// BenchmarkLookup is the bare lookup of one field.
func BenchmarkLookup(b *testing.B) {
	const n = 1 << 17
	c := lookupCase{build: n, probe: n, fields: 1, roles: [3]int{0, 1, 2}, keys: keyRange(0, n, 8), probes: keyRange(n/2, n/2+n, 8)}
	in := c.inputs(rand.NewChaCha8([32]byte{4}))
	l := c.op("n", 0)
	p := program.Program{Ops: []program.Op{l, program.BitToArith{A: l.Match, Out: 2}, program.Sum{A: 2, Out: 3}, program.Open{Label: "n", A: 3, To: 2}}}
	i := 0
	for b.Loop() {
		i++
		if _, err := mpctest.Run(context.Background(), mpctest.NewNetwork(), fmt.Sprint(i), p, in); err != nil {
			b.Fatal(err)
		}
	}
}

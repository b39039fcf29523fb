package mpc_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc"
	"github.com/c2dproxy/c2dproxy/mpc/mpctest"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// joinGroups is the number of groups of the probe side.
const joinGroups = 10

// joinSum is SELECT a.g, sum(b.x), count(*) FROM a JOIN b USING (k) GROUP BY a.g for a at
// party 1 and b at party 0, both of rows rows, as the planner emits it: for each group a 0/1
// column of the probe side, and of the build side the columns x and 1. The match bit is
// multiplied with the two payload columns, the fewer ones.
func joinSum(rows int, source *rand.ChaCha8) (program.Program, [3]program.Inputs, []uint64) {
	c := lookupCase{build: rows, probe: rows, fields: 2, roles: [3]int{0, 1, 2},
		keys: keyRange(0, rows, 8), probes: keyRange(rows/2, rows/2+rows, 8)}
	in := c.inputs(source)
	x, count := in[0][0].Columns[0], in[0][0].Columns[1]
	want := make([]uint64, 2*joinGroups)
	groups := make([][]uint64, joinGroups)
	for g := range groups {
		groups[g] = make([]uint64, rows)
	}
	for i := range rows {
		x[i], count[i] = x[i]%1000, 1
	}
	for i := range rows {
		g := int(source.Uint64() % joinGroups)
		groups[g][i] = 1
		if match := rows/2 + i; match < rows {
			want[2*g] += x[match]
			want[2*g+1]++
		}
	}
	in[1][1] = program.Table{Keys: in[1][1].Keys, Columns: groups}
	return joinProgram(c), in, want
}

// joinProgram is the program of joinSum.
func joinProgram(c lookupCase) program.Program {
	var p program.Program
	var next program.Reg
	register := func() program.Reg { next++; return next - 1 }
	columns := make([]program.Reg, joinGroups)
	for g := range columns {
		columns[g] = register()
		p.Ops = append(p.Ops, program.InputArith{Party: 1, From: program.Input{Task: 1, Column: g}, N: c.probe, Out: columns[g]})
	}
	l := c.op("join", next)
	next += program.Reg(1 + c.fields)
	match := register()
	p.Ops = append(p.Ops, l, program.BitToArith{A: l.Match, Out: match})
	var dot program.Dot
	gated := make([]program.Reg, c.fields)
	for f, payload := range l.Payload {
		gated[f] = register()
		p.Ops = append(p.Ops, program.Mul{A: match, B: payload, Out: gated[f]})
	}
	for _, column := range columns {
		for _, payload := range gated {
			dot.A, dot.B = append(dot.A, column), append(dot.B, payload)
		}
	}
	dot.Out = register()
	p.Ops = append(p.Ops, dot, program.Open{Label: "groups", A: dot.Out, To: 1})
	return p
}

// BenchmarkLookupJoinSum joins two owners' tables, rows rows in all, with SUM, COUNT and
// GROUP BY, all three parties in this process: over channels, and over mutually authenticated
// TLS 1.3 on loopback.
func BenchmarkLookupJoinSum(b *testing.B) {
	for _, rows := range []int{1 << 14, 1 << 18} {
		p, in, want := joinSum(rows/2, rand.NewChaCha8([32]byte{7}))
		name := fmt.Sprintf("bits=64/rows=%d", rows)
		b.Run(name, func(b *testing.B) {
			benchmarkJoin(b, rows, p, in, want, overChannels)
		})
		b.Run(name+"/tls", func(b *testing.B) { benchmarkJoin(b, rows, p, in, want, tlsTransports) })
		b.Run(name+"/lan", func(b *testing.B) { benchmarkJoin(b, rows, p, in, want, over(mpctest.LAN)) })
		b.Run(name+"/wan", func(b *testing.B) { benchmarkJoin(b, rows, p, in, want, over(mpctest.WAN)) })
	}
}

// benchmarkJoin runs joinSum's program over fresh transports.
func benchmarkJoin(b *testing.B, rows int, p program.Program, in [3]program.Inputs, want []uint64, open func(testing.TB) [3]mpc.Transport) {
	benchmarkProgram(b, rows, p, in, open, func(party int, opened program.Opened) error {
		if party == 1 && fmt.Sprint(opened["groups"]) != fmt.Sprint(want) {
			return fmt.Errorf("wrong sums")
		}
		return nil
	})
}

// overChannels is the network inside the process.
func overChannels(testing.TB) [3]mpc.Transport { return mpctest.NewNetwork().Transports() }

// over is the same network as slow as a link.
func over(l mpctest.Link) func(testing.TB) [3]mpc.Transport {
	return func(tb testing.TB) [3]mpc.Transport {
		ends := overChannels(tb)
		for i := range ends {
			ends[i] = mpctest.Paced(ends[i], l)
		}
		return ends
	}
}

// benchmarkProgram runs a program over fresh transports and checks what each party learned.
func benchmarkProgram(b *testing.B, rows int, p program.Program, in [3]program.Inputs, open func(testing.TB) [3]mpc.Transport, check func(party int, opened program.Opened) error) {
	var stats [3]mpc.Stats
	run := 0
	b.ReportAllocs()
	mpc.ResetPeak()
	for b.Loop() {
		b.StopTimer()
		ends := open(b)
		b.StartTimer()
		run++
		err := mpctest.Parties(context.Background(), func(ctx context.Context, party int) error {
			opened, s, err := mpc.Run(ctx, ends[party], mpctest.Seeds(fmt.Sprint(run), party),
				rand.NewChaCha8([32]byte{byte(party)}), p, in[party])
			stats[party] = s
			if err != nil {
				return err
			}
			return check(party, opened)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	mpc.ReportPeak(b)
	sent := stats[0].WordsSent + stats[1].WordsSent + stats[2].WordsSent
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(8*float64(sent)/3/float64(rows), "sentB/row")
	b.ReportMetric(float64(stats[0].Rounds), "rounds")
}

// TestJoinSum is the benchmark's program on few rows.
func TestJoinSum(t *testing.T) {
	t.Parallel()
	p, in, want := joinSum(500, rand.NewChaCha8([32]byte{8}))
	got, err := mpctest.Run(t.Context(), mpctest.NewNetwork(), "join", p, in)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Opened[1]["groups"]) != fmt.Sprint(want) {
		t.Errorf("sums %v, want %v", got.Opened[1]["groups"], want)
	}
}

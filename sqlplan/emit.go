package sqlplan

import (
	"fmt"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// Labels of what is opened.
const (
	keepLabel   = "keep"
	answerLabel = "answer"
)

// emitter numbers registers.
type emitter struct {
	ops  []program.Op
	next program.Reg
}

func (e *emitter) reg() program.Reg {
	e.next++
	return e.next - 1
}

func (e *emitter) add(op program.Op) { e.ops = append(e.ops, op) }

// input enters a column of a task.
func (e *emitter) input(party, task, column, n int) program.Reg {
	r := e.reg()
	e.add(program.InputArith{Party: party, From: program.Input{Task: task, Column: column}, N: n, Out: r})
	return r
}

func (e *emitter) sum(a, b program.Reg) program.Reg {
	r := e.reg()
	e.add(program.Add{A: a, B: b, Out: r})
	return r
}

func (e *emitter) mul(a, b program.Reg) program.Reg {
	r := e.reg()
	e.add(program.Mul{A: a, B: b, Out: r})
	return r
}

// program emits vectors, then noise or gates, then the one or two openings, to the gateway only.
func (c *compiler) program() error {
	e := &emitter{}
	var vectors []program.Reg
	var err error
	if c.a.join {
		vectors, err = c.emitJoin(e)
	} else {
		vectors, err = c.emitUnion(e)
	}
	if err != nil {
		return err
	}
	c.plan.Release.Kind = c.a.policy.kind
	if c.a.policy.kind == catalog.ReleaseDP {
		if vectors, err = c.emitNoise(e, vectors); err != nil {
			return err
		}
	} else {
		vectors = c.emitGate(e, vectors)
	}
	var parts []program.Reg
	for _, v := range c.opened() {
		parts = append(parts, vectors[v])
	}
	if len(parts) > 0 { // an aggregate in HAVING alone releases which groups are kept, and no number
		answer := e.reg()
		e.add(program.Concat{Parts: parts, Out: answer})
		e.add(program.Open{Label: answerLabel, A: answer, To: c.plan.Gateway})
	}
	c.plan.Program = program.Program{Ops: e.ops}
	return nil
}

// party is the number of an owner; an owner that is no compute party cannot take part.
func (c *compiler) party(owner string) (int, error) {
	if n := partyNumber(c.b.study, owner); n >= 0 {
		return n, nil
	}
	return 0, pgerr.New(pgerr.FeatureNotSupported, "%s is not a compute party of the study", owner).WithHint("Ask about tables of the three parties that compute for the study.")
}

// emitUnion adds the partitions' dense vectors: no round.
func (c *compiler) emitUnion(e *emitter) ([]program.Reg, error) {
	var out []program.Reg
	for _, v := range c.a.vectors {
		var total program.Reg
		for task, l := range c.plan.Local {
			party, err := c.party(l.Owner)
			if err != nil {
				return nil, err
			}
			r := e.input(party, task, v.part[0], l.Rows)
			if task > 0 {
				r = e.sum(total, r)
			}
			total = r
		}
		out = append(out, total)
	}
	return out, nil
}

// emitJoin looks up the build side's columns for each probe row, multiplies the probe side's by the
// match bit, and takes inner products: one word a cell and vector. The build side is the one with fewer
// columns (its payload travels), then with fewer rows, then the first in FROM.
func (c *compiler) emitJoin(e *emitter) ([]program.Reg, error) {
	l := c.plan.Local
	build := 0
	if len(l[1].Columns) < len(l[0].Columns) || len(l[1].Columns) == len(l[0].Columns) && l[1].Rows < l[0].Rows {
		build = 1
	}
	c.build = build
	probe := 1 - build
	buildParty, err := c.party(l[build].Owner)
	if err != nil {
		return nil, err
	}
	probeParty, err := c.party(l[probe].Owner)
	if err != nil {
		return nil, err
	}
	look := program.Lookup{Node: "join", Build: buildParty, Probe: probeParty, Third: 3 - buildParty - probeParty, BuildTask: build, ProbeTask: probe,
		BuildRows: l[build].Rows, ProbeRows: l[probe].Rows, Lambda: lambda(l[probe].Rows), Match: e.reg()}
	for i := 1; i < len(l[build].Columns); i++ {
		look.BuildFields, look.Payload = append(look.BuildFields, i), append(look.Payload, e.reg())
	}
	e.add(look)
	match := e.reg()
	e.add(program.BitToArith{A: look.Match, Out: match})
	var probed []program.Reg
	for i := 1; i < len(l[probe].Columns); i++ {
		probed = append(probed, e.mul(e.input(probeParty, probe, i, l[probe].Rows), match))
	}
	var sides [2][]program.Reg
	sides[build], sides[probe] = look.Payload, probed
	dot := program.Dot{}
	for _, v := range c.a.vectors {
		for x := range c.a.cells(0) {
			for y := range c.a.cells(1) {
				dot.A = append(dot.A, sides[0][int(x)*len(c.a.partials[0])+v.part[0]])
				dot.B = append(dot.B, sides[1][int(y)*len(c.a.partials[1])+v.part[1]])
			}
		}
	}
	dot.Out = e.reg()
	e.add(dot)
	d := int(c.a.domain())
	out := make([]program.Reg, len(c.a.vectors))
	for i := range out {
		out[i] = e.reg()
		e.add(program.Slice{A: dot.Out, From: i * d, To: (i + 1) * d, Out: out[i]})
	}
	return out, nil
}

// emitGate zeroes the cells that the cohort or HAVING suppresses, and opens which are kept.
func (c *compiler) emitGate(e *emitter, vectors []program.Reg) []program.Reg {
	c.plan.Release.Cohort = c.a.policy.cohort
	var keep program.Reg
	first := true
	and := func(bit program.Reg) {
		if !first {
			r := e.reg()
			e.add(program.And{A: keep, B: bit, Out: r})
			bit = r
		}
		keep, first = bit, false
	}
	if c.gated() {
		bit := e.reg()
		e.add(program.GreaterEqual{A: vectors[c.a.unitVector([2]string{})], Bound: c.a.policy.cohort, Out: bit})
		and(bit)
	}
	for _, v := range c.a.cohorts {
		bit := e.reg()
		e.add(program.GreaterEqual{A: vectors[v], Bound: c.a.policy.cohort, Out: bit})
		and(bit)
	}
	for _, h := range c.a.having {
		bit := e.reg()
		e.add(program.GreaterEqual{A: vectors[h.vec], Bound: h.bound, Out: bit})
		if h.negate {
			not := e.reg()
			e.add(program.Not{A: bit, Out: not})
			bit = not
		}
		and(bit)
	}
	if first {
		return vectors
	}
	kept := e.reg()
	e.add(program.BitToArith{A: keep, Out: kept})
	e.add(program.Open{Label: keepLabel, A: kept, To: c.plan.Gateway})
	out := append([]program.Reg(nil), vectors...)
	for _, v := range c.opened() {
		out[v] = e.mul(vectors[v], kept)
	}
	return out
}

// contribution bounds what one person can change (RULES 14, 15). A union enters dense sums over all rows, so
// nobody's rows depend on another's. A join enters at most the declared number of persons of each table
// (RULES 13): in a table that exceeds it, the person next in order takes the place of one who is removed,
// and changes the answer too, unless the owner signed that its table never exceeds it.
func (c *compiler) contribution() (dp.Contribution, error) {
	var sides []dp.Contribution
	others := 0
	for i, t := range c.b.tables {
		var parts []dp.Contribution
		for _, p := range t.Partitions {
			part := dp.Contribution{Partitions: 1, Groups: p.GroupsPerUnit, RowsPerGroup: p.RowsPerGroup}
			parts = append(parts, part.Within(c.a.cells(i)))
			if !p.Bounded {
				others++
			}
		}
		side, err := dp.Union(t.UnitIDs != catalog.OwnerScoped && !t.Disjoint, parts...)
		if err != nil {
			return dp.Contribution{}, err
		}
		sides = append(sides, side)
	}
	if !c.a.join {
		return sides[0], nil
	}
	join, err := dp.Join(sides[0], sides[1], c.a.domain())
	if err != nil {
		return dp.Contribution{}, err
	}
	return join.Displacing(others)
}

// emitNoise adds an independent draw to each released vector, ε split equally over them.
func (c *compiler) emitNoise(e *emitter, vectors []program.Reg) ([]program.Reg, error) {
	opened := c.opened()
	bound, err := c.contribution()
	if err != nil {
		return nil, noiseError(err)
	}
	part, err := dp.Split(c.a.policy.epsilon, len(opened))
	if err != nil {
		return nil, pgerr.New(pgerr.InvalidParameterValue, "c2d.epsilon %v is too small for %d noisy values", c.a.policy.epsilon, len(opened)).WithHint("SET c2d.epsilon to a larger value.")
	}
	// The question costs its whole ε, also where the parts are rounded down.
	c.plan.Release.Epsilon = c.a.policy.epsilon
	d := int(c.a.domain())
	out := append([]program.Reg(nil), vectors...)
	for _, v := range opened {
		w := c.a.vectors[v]
		limits := bound
		if w.units {
			limits = bound.Distinct()
		}
		draw, noise, err := c.draw(v, limits, part, d)
		if err != nil {
			return nil, noiseError(err)
		}
		noise.Out = e.reg()
		e.add(noise)
		out[v] = e.sum(vectors[v], noise.Out)
		c.plan.Release.Aggregates = append(c.plan.Release.Aggregates, draw)
	}
	return out, nil
}

// draw calibrates one vector's noise and adds its cost to the release.
func (c *compiler) draw(v int, limits dp.Contribution, part dp.Epsilon, d int) (Draw, program.Noise, error) {
	w := c.a.vectors[v]
	fail := func(err error) (Draw, program.Noise, error) { return Draw{}, program.Noise{}, err }
	l1, err := limits.L1(w.max)
	if err != nil {
		return fail(err)
	}
	l := dp.Laplace{Epsilon: part, Sensitivity: l1}
	noise, err := l.Bits()
	if err != nil {
		return fail(err)
	}
	half, err := l.HalfWidth95()
	if err != nil {
		return fail(err)
	}
	touched, err := limits.Cells(int64(d))
	if err != nil {
		return fail(err)
	}
	delta, err := l.Approximation(touched)
	if err != nil {
		return fail(err)
	}
	r := &c.plan.Release
	if r.Delta, err = r.Delta.Add(delta); err != nil {
		return fail(err)
	}
	return Draw{Label: w.label, Mechanism: "discrete Laplace", Epsilon: part, Sensitivity: l1, Scale: w.scale, HalfWidth95: half, Cells: d, Vector: v},
		program.Noise{N: d, Bits: noise}, nil
}

func noiseError(err error) error {
	return pgerr.New(pgerr.InvalidParameterValue, "no noise can be calibrated for this question: %v", err).
		WithHint("Use a larger c2d.epsilon, or columns with tighter bounds.")
}

// charge is what each owner's protected source pays.
func (c *compiler) charge() error {
	if c.a.policy.kind != catalog.ReleaseDP {
		return nil
	}
	if c.plan.Release.Delta > c.a.policy.delta {
		return pgerr.New(pgerr.DeltaRequired, "the question needs delta %v, the owners allow %v", c.plan.Release.Delta, c.a.policy.delta).
			WithHint("Ask the owners to allow a delta such as 1e-9 per question.")
	}
	for _, t := range c.b.tables {
		for _, p := range t.Partitions {
			c.plan.Charges = append(c.plan.Charges, Charge{Owner: p.Owner, Source: p.Source, Epsilon: c.plan.Release.Epsilon, Delta: c.plan.Release.Delta})
		}
	}
	return nil
}

// leakage says who learns what, in the analyst's words.
func (c *compiler) leakage() error {
	p := c.plan
	gateway := p.Compute[p.Gateway]
	say := func(who, format string, args ...any) {
		p.Leakage = append(p.Leakage, Disclosure{Who: who, What: fmt.Sprintf(format, args...)})
	}
	say("everyone", "every party of the study sees the statement's text and its parameters")
	say("everyone", "declared numbers of rows and persons, and the declared groups, are known to all")
	if c.a.policy.kind == catalog.ReleaseDP {
		say(gateway, "learns the answer with noise for every declared group: %d numbers; nobody learns the noise or the exact answer", len(c.opened())*int(c.a.domain()))
	} else {
		say(gateway, "learns exact values of the groups in which at least %d persons are behind each value, and which groups these are", c.a.policy.cohort)
		for _, v := range c.a.values {
			if v.nonNull >= 0 {
				say(gateway, "learns the number of values behind %s beside it", c.a.vectors[v.vec].label)
			}
		}
	}
	if c.a.join {
		third := 3 - c.mustParty(p.Local[0].Owner) - c.mustParty(p.Local[1].Owner)
		say(p.Compute[third], "helps to match persons and learns nothing about who matches or how many; together with %s or %s it could find out whether a known identifier is in the other's table", p.Local[0].Owner, p.Local[1].Owner)
	}
	return nil
}

func (c *compiler) mustParty(owner string) int { return partyNumber(c.b.study, owner) }

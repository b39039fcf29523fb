package program

import "fmt"

// NotIn defines, for the rows of a probe side, SQL's x NOT IN (SELECT y …): Out is 1 where it is
// true, Null where it is NULL; x IN is true where Match is 1 and NULL where Null is (RULES 10).
// Match says whether x is among the y, as a Lookup or MergeJoin has it; NotNull is 0 where x is
// NULL. Empty and HasNull, one row each, say of the build side that it has no rows, and
// that some y is NULL; its owner enters them. Over an empty side everything is true, NULL too.
//
// IN and EXISTS without NULLs (semi join) are Match itself, NOT EXISTS (anti join) its
// complement; both gated by the row's own validity, as Out is. Three rounds of one bit a row.
// Nothing is opened and nothing leaks.
type NotIn struct {
	Match, NotNull, Empty, HasNull Reg
	Out, Null                      Reg
}

func (NotIn) isOp() {}

func (op NotIn) defines() []Reg { return []Reg{op.Out, op.Null} }
func (op NotIn) reads() []Reg   { return []Reg{op.Match, op.NotNull, op.Empty, op.HasNull} }
func (op NotIn) text() string {
	return fmt.Sprintf("r%d r%d = not_in match=r%d not_null=r%d empty=r%d has_null=r%d", op.Out, op.Null, op.Match, op.NotNull, op.Empty, op.HasNull)
}

func (op NotIn) check(c *checker) error {
	n, err := c.bit(op.Match)
	if err != nil {
		return err
	}
	if _, err := c.boolean(op.Match, op.NotNull); err != nil {
		return err
	}
	if s, err := c.boolean(op.Empty, op.HasNull); err != nil || s != bit(1) {
		return fmt.Errorf("the build side has one bit each: %w", err)
	}
	if err := c.define(op.Out, bit(n)); err != nil {
		return err
	}
	return c.define(op.Null, bit(n))
}

func (op NotIn) eval(m *machine) error {
	empty, hasNull := m.values[op.Empty][0], m.values[op.HasNull][0]
	n := len(m.values[op.Match])
	out, null := make([]uint64, n), make([]uint64, n)
	for i, match := range m.values[op.Match] {
		notNull := m.values[op.NotNull][i]
		out[i] = empty | notNull&(1-match)&(1-hasNull)
		null[i] = 1 ^ out[i] ^ match
	}
	m.values[op.Out], m.values[op.Null] = out, null
	return nil
}

func (op NotIn) expand(l *lowering) error {
	d := &draft{lowering: l}
	n := d.rows(op.Match)
	some := d.repeat(d.not(op.Empty), n)
	clean := d.repeat(d.not(op.HasNull), n)
	sure := d.and(d.and(op.NotNull, d.not(op.Match)), clean)
	d.do(Not{A: d.and(some, d.not(sure)), Out: op.Out})
	d.do(Not{A: d.xor(op.Out, op.Match), Out: op.Null})
	return d.err
}

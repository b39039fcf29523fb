package mpc

import (
	"context"
	"fmt"
	"io"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// Run computes a program as one of the three parties and returns what is opened to this
// party. All three run the same program; in holds this party's own tasks only, each of the
// length that the program declares. rand is fresh randomness of this party (the lookup's
// free slots and tags of rows without a key).
//
// A program that needs more than [program.DefaultMemory] is refused before anything is sent,
// with 53200; [RunWithin] takes another limit.
//
// seeds serve one Run (see the package's contract). After an error nothing is returned and
// the transport is unusable; the other parties fail when it closes or ctx ends.
func Run(ctx context.Context, t Transport, seeds Seeds, rand io.Reader, prog program.Program, in program.Inputs) (program.Opened, Stats, error) {
	return RunWithin(program.DefaultMemory)(ctx, t, seeds, rand, prog, in)
}

// RunWithin is Run with a limit of its own, in bytes, on what a party holds of a program.
func RunWithin(memory int64) func(ctx context.Context, t Transport, seeds Seeds, rand io.Reader, prog program.Program, in program.Inputs) (program.Opened, Stats, error) {
	return func(ctx context.Context, t Transport, seeds Seeds, rand io.Reader, prog program.Program, in program.Inputs) (program.Opened, Stats, error) {
		need, err := program.CheckMemory(prog, memory)
		if err != nil {
			return nil, Stats{}, err
		}
		p, err := newParty(t, seeds, rand)
		if err != nil {
			return nil, Stats{}, err
		}
		p.pool.bound = need / 8
		return p.run(ctx, prog, in)
	}
}

// run computes a program.
func (p *Party) run(ctx context.Context, prog program.Program, in program.Inputs) (program.Opened, Stats, error) {
	batches, shapes, err := program.Schedule(prog)
	if err != nil {
		return nil, Stats{}, err
	}
	p.manifest.want = prog.Manifest()
	e := execution{p: p, in: in, shapes: shapes, registers: make([]register, len(shapes)), uses: program.Uses(batches, len(shapes)), opened: program.Opened{}}
	for _, b := range batches {
		if err := e.batch(ctx, b); err != nil {
			return nil, p.stats, err
		}
		if b.Kind != program.Local { // those release one by one
			e.release(b.Ops...)
		}
		p.stats.PeakBytes = 8 * p.pool.peak
	}
	return e.opened, p.stats, nil
}

// execution is a program under way at one party.
type execution struct {
	secret
	p         *Party
	in        program.Inputs
	shapes    []program.Shape
	registers []register
	uses      []int // instructions that still read a register
	opened    program.Opened
}

// arith and bits are the registers as the checked program types them.
func (e *execution) arith(r program.Reg) arith { return e.registers[r].arith }
func (e *execution) bits(r program.Reg) bits   { return e.registers[r].bits }

func (e *execution) setArith(r program.Reg, a arith) { e.registers[r] = register{arith: a} }
func (e *execution) setBits(r program.Reg, b bits) {
	e.registers[r] = register{boolean: true, bits: b}
}

// release recycles registers that nothing reads after these instructions.
func (e *execution) release(ops ...program.Op) {
	for _, op := range ops {
		for _, r := range program.LastUse(op, e.uses) {
			e.p.give(e.registers[r].share())
			e.registers[r] = register{}
		}
	}
}

// batch runs instructions that share their rounds.
func (e *execution) batch(ctx context.Context, b program.Batch) error {
	switch b.Kind {
	case program.Local:
		for _, op := range b.Ops {
			if err := e.local(op); err != nil {
				return err
			}
			e.release(op)
		}
		return nil
	case program.Enter:
		return e.enter(ctx, b.Ops)
	case program.Draw:
		return e.draw(ctx, b.Ops)
	case program.Product:
		return e.product(ctx, b.Ops)
	case program.Gate:
		return e.gate(ctx, b.Ops)
	case program.Compare:
		return e.compare(ctx, b.Ops)
	case program.Zero:
		return e.zero(ctx, b)
	case program.Convert:
		return e.convert(ctx, b.Ops)
	case program.Find:
		return e.find(ctx, b.Ops)
	case program.Reveal:
		return e.reveal(ctx, b.Ops)
	case program.Borrow:
		return e.borrow(ctx, b)
	case program.Split:
		return e.split(ctx, b)
	case program.Combine:
		return e.join(ctx, b.Ops)
	case program.Bound:
		return e.below(ctx, b)
	default:
		return e.alone(ctx, b)
	}
}

// alone runs a batch of one instruction.
func (e *execution) alone(ctx context.Context, b program.Batch) error {
	if len(b.Ops) != 1 {
		return fmt.Errorf("mpc: batch of %d instructions of kind %d", len(b.Ops), b.Kind)
	}
	switch op := b.Ops[0].(type) {
	case program.Shuffle:
		return e.shuffle(ctx, op)
	case program.Scatter:
		return e.scatter(ctx, op)
	case program.Gather:
		return e.gather(ctx, op)
	case program.Order:
		return e.order(ctx, op)
	case program.Merge:
		return e.merge(ctx, op)
	case program.Starts:
		return e.starts(ctx, op)
	case program.FloorDivide:
		return e.floorDivide(ctx, op)
	default:
		return fmt.Errorf("mpc: unknown kind of batch %d", b.Kind)
	}
}

// unexpected reports an instruction in a batch of another kind.
func unexpected(op program.Op) error { return fmt.Errorf("mpc: unexpected instruction %T", op) }

// copyOf is a share of its own with the words of a view.
func (p *Party) copyOf(view share) share {
	s := p.take(view.len())
	copy(s.own, view.own)
	copy(s.next, view.next)
	return s
}

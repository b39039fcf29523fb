package program

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Eval computes a program in the clear and returns everything that it opens, whoever
// it is opened to. It is the specification of the instruction set and the oracle of the
// protocol's tests; nothing in the product calls it on private data.
//
// inputs holds the tables of all parties. random supplies little-endian words: for a Noise
// and each bit of it one word for every variable added, then one for every variable
// subtracted; for a Lookup, field by field, one for each row without a match. It may be nil
// where no instruction draws.
func Eval(p Program, inputs Inputs, random io.Reader) (Opened, error) {
	shapes, err := Shapes(p)
	if err != nil {
		return nil, err
	}
	m := machine{inputs: inputs, random: random, shapes: shapes, values: make([][]uint64, len(shapes)), opened: Opened{}}
	for i, op := range p.Ops {
		if err := m.step(op); err != nil {
			return nil, fmt.Errorf("program: instruction %d: %w", i, err)
		}
	}
	return m.opened, nil
}

// machine is a program in the clear: a word a row in every register, whatever its kind.
type machine struct {
	inputs Inputs
	random io.Reader
	shapes []Shape
	values [][]uint64
	opened Opened
}

func (m *machine) step(op Op) error {
	v := m.values
	switch op := op.(type) {
	case InputArith:
		column, err := m.inputs.Column(op.From, op.N)
		v[op.Out] = column
		return err
	case Constant:
		v[op.Out] = op.Values
	case Add:
		v[op.Out] = zip(v[op.A], v[op.B], func(a, b uint64) uint64 { return a + b })
	case Sub:
		v[op.Out] = zip(v[op.A], v[op.B], func(a, b uint64) uint64 { return a - b })
	case Mul:
		v[op.Out] = zip(v[op.A], v[op.B], func(a, b uint64) uint64 { return a * b })
	case Scale:
		v[op.Out] = each(v[op.A], func(a uint64) uint64 { return a * op.Factor })
	case Dot:
		v[op.Out] = make([]uint64, len(op.A))
		for i := range op.A {
			v[op.Out][i] = total(zip(v[op.A[i]], v[op.B[i]], func(a, b uint64) uint64 { return a * b }))
		}
	case Sum:
		v[op.Out] = []uint64{total(v[op.A])}
	case Concat:
		for _, part := range op.Parts {
			v[op.Out] = append(v[op.Out], v[part]...)
		}
	case Slice:
		v[op.Out] = v[op.A][op.From:op.To]
	case GreaterEqual:
		v[op.Out] = each(v[op.A], func(a uint64) uint64 { return truth(int64(a-uint64(op.Bound)) >= 0) })
	case Open:
		m.opened[op.Label] = append([]uint64{}, v[op.A]...)
	case Noise:
		return m.noise(op)
	case Lookup:
		return m.lookup(op)
	default:
		return m.gate(op)
	}
	return nil
}

// gate runs the Boolean instructions.
func (m *machine) gate(op Op) error {
	v := m.values
	switch op := op.(type) {
	case IsZero:
		v[op.Out] = each(v[op.A], func(a uint64) uint64 { return truth(a == 0) })
	case And:
		gate := v[op.A]
		if m.shapes[op.A].Width < m.shapes[op.B].Width { // one bit for all of a row
			gate = each(gate, func(a uint64) uint64 { return -a })
		}
		v[op.Out] = zip(gate, v[op.B], func(a, b uint64) uint64 { return a & b })
	case Xor:
		v[op.Out] = zip(v[op.A], v[op.B], func(a, b uint64) uint64 { return a ^ b })
	case Not:
		ones := ^uint64(0) >> (64 - m.shapes[op.A].Width)
		v[op.Out] = each(v[op.A], func(a uint64) uint64 { return a ^ ones })
	case BitToArith:
		v[op.Out] = v[op.A]
	case Select:
		out := make([]uint64, len(v[op.A]))
		for i := range out {
			if out[i] = v[op.B][i]; v[op.Bit][i] == 1 {
				out[i] = v[op.A][i]
			}
		}
		v[op.Out] = out
	case operator:
		return op.eval(m)
	default:
		return fmt.Errorf("%w: unknown instruction %T", ErrInvalid, op)
	}
	return nil
}

// noise draws differences of geometric variables.
func (m *machine) noise(op Noise) error {
	out := make([]uint64, op.N)
	for i, threshold := range op.Bits {
		for _, sign := range []uint64{1, ^uint64(0)} {
			u, err := m.draw(op.N)
			if err != nil {
				return err
			}
			for r := range out {
				out[r] += sign * truth(u[r] < threshold) << i
			}
		}
	}
	m.values[op.Out] = out
	return nil
}

func (m *machine) lookup(op Lookup) error {
	build, err := m.inputs.Rows(op.BuildTask, op.BuildRows)
	if err != nil {
		return err
	}
	probe, err := m.inputs.Rows(op.ProbeTask, op.ProbeRows)
	if err != nil {
		return err
	}
	row := make(map[string]int, len(build))
	for i, key := range build {
		if key == nil {
			continue
		}
		if _, twice := row[string(key)]; twice {
			return errors.New("build keys of a lookup are not unique")
		}
		row[string(key)] = i
	}
	match := make([]uint64, op.ProbeRows)
	for i, key := range probe {
		if _, ok := row[string(key)]; key != nil && ok {
			match[i] = 1
		}
	}
	m.values[op.Match] = match
	for f, field := range op.BuildFields {
		columns := m.inputs[op.BuildTask].Columns
		if field >= len(columns) || len(columns[field]) < len(build) {
			return fmt.Errorf("task %d lacks column %d", op.BuildTask, field)
		}
		out := make([]uint64, op.ProbeRows)
		for i := range out {
			if match[i] == 1 {
				out[i] = columns[field][row[string(probe[i])]]
				continue
			}
			u, err := m.draw(1)
			if err != nil {
				return err
			}
			out[i] = u[0]
		}
		m.values[op.Payload[f]] = out
	}
	return nil
}

// draw reads n words of randomness.
func (m *machine) draw(n int) ([]uint64, error) {
	if m.random == nil {
		return nil, errors.New("the program draws, and there is no randomness")
	}
	b := make([]byte, 8*n)
	if _, err := io.ReadFull(m.random, b); err != nil {
		return nil, fmt.Errorf("randomness: %w", err)
	}
	u := make([]uint64, n)
	for i := range u {
		u[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return u, nil
}

// Column is a task's column, which must have exactly rows words.
func (in Inputs) Column(from Input, rows int) ([]uint64, error) {
	table, ok := in[from.Task]
	if !ok || from.Column < 0 || from.Column >= len(table.Columns) {
		return nil, fmt.Errorf("task %d has no column %d", from.Task, from.Column)
	}
	if c := table.Columns[from.Column]; len(c) == rows {
		return c, nil
	}
	return nil, fmt.Errorf("task %d, column %d: not the declared number of rows, %d", from.Task, from.Column, rows)
}

// Rows is a task's keys, at most as many as rows; missing ones match nothing.
func (in Inputs) Rows(task, rows int) ([][]byte, error) {
	table, ok := in[task]
	if !ok {
		return nil, fmt.Errorf("there is no task %d", task)
	}
	if len(table.Keys) > rows {
		return nil, fmt.Errorf("task %d: more keys than the declared %d", task, rows)
	}
	return table.Keys, nil
}

func zip(a, b []uint64, f func(a, b uint64) uint64) []uint64 {
	out := make([]uint64, len(a))
	for i := range out {
		out[i] = f(a[i], b[i])
	}
	return out
}

func each(a []uint64, f func(uint64) uint64) []uint64 {
	out := make([]uint64, len(a))
	for i := range out {
		out[i] = f(a[i])
	}
	return out
}

func total(a []uint64) (sum uint64) {
	for _, v := range a {
		sum += v
	}
	return sum
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

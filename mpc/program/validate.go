package program

import (
	"errors"
	"fmt"
	mathbits "math/bits"
)

// Limits of a program: beyond them Validate refuses, so that no program makes a party
// allocate without bound.
const (
	MaxOps   = 1 << 16
	MaxRows  = 1 << 26 // of one register
	MaxWords = 1 << 30 // of all registers together
	maxCoins = 1 << 24 // Bernoulli variables of one Noise

	// MaxProbeRows bounds the probe rows of one Lookup: its equality test has at most 64
	// bits, and all rows together must keep 40 of them.
	MaxProbeRows = 1 << 24
)

// ErrInvalid is what every error of Validate wraps.
var ErrInvalid = errors.New("program: invalid")

// Shape is the public type of a register.
type Shape struct {
	Boolean bool
	Rows    int
	Width   int // bits a row: 64 for arithmetic registers
}

// Validate checks a program whole: every register defined once, before it is read, of the
// kind, length and width that the instruction needs; constants, labels, parties and limits.
// It never panics, whatever the program.
func Validate(p Program) error {
	_, err := Shapes(p)
	return err
}

// Shapes validates a program and returns the shape of every register.
func Shapes(p Program) ([]Shape, error) {
	if len(p.Ops) > MaxOps {
		return nil, fmt.Errorf("%w: %d instructions, at most %d", ErrInvalid, len(p.Ops), MaxOps)
	}
	registers := 0
	for _, op := range p.Ops {
		registers += len(defines(op))
		if registers > MaxOps*16 {
			return nil, fmt.Errorf("%w: too many registers", ErrInvalid)
		}
	}
	c := checker{shapes: make([]Shape, registers), labels: map[string]bool{}, nodes: map[string]bool{}}
	for i, op := range p.Ops {
		if err := c.op(op); err != nil {
			return nil, fmt.Errorf("%w: instruction %d: %w", ErrInvalid, i, err)
		}
	}
	return c.shapes, nil
}

// checker walks a program and collects shapes. Rows 0 marks a register not yet defined:
// every defined register has at least one row.
type checker struct {
	shapes        []Shape
	words         int
	labels, nodes map[string]bool
}

// define enters the shape of a new register.
func (c *checker) define(r Reg, s Shape) error {
	if r < 0 || int(r) >= len(c.shapes) {
		return fmt.Errorf("register r%d outside 0 to %d", r, len(c.shapes)-1)
	}
	if c.shapes[r].Rows != 0 {
		return fmt.Errorf("register r%d is defined twice", r)
	}
	if s.Rows < 1 || s.Rows > MaxRows {
		return fmt.Errorf("register r%d has %d rows, must have 1 to %d", r, s.Rows, MaxRows)
	}
	c.words += s.Rows
	if c.words > MaxWords {
		return fmt.Errorf("registers have more than %d words", MaxWords)
	}
	c.shapes[r] = s
	return nil
}

// read returns the shape of a defined register.
func (c *checker) read(r Reg) (Shape, error) {
	if r < 0 || int(r) >= len(c.shapes) || c.shapes[r].Rows == 0 {
		return Shape{}, fmt.Errorf("register r%d is read before it is defined", r)
	}
	return c.shapes[r], nil
}

// arith returns the common number of rows of arithmetic registers.
func (c *checker) arith(regs ...Reg) (int, error) {
	s, err := c.same(regs...)
	if err != nil {
		return 0, err
	}
	if s.Boolean {
		return 0, errors.New("needs arithmetic registers")
	}
	return s.Rows, nil
}

// boolean returns the common shape of Boolean registers.
func (c *checker) boolean(regs ...Reg) (Shape, error) {
	s, err := c.same(regs...)
	if err != nil {
		return Shape{}, err
	}
	if !s.Boolean {
		return Shape{}, errors.New("needs Boolean registers")
	}
	return s, nil
}

// bit returns the rows of a Boolean register of width 1.
func (c *checker) bit(r Reg) (int, error) {
	s, err := c.boolean(r)
	if err == nil && s.Width != 1 {
		err = fmt.Errorf("r%d has %d bits a row, must have 1", r, s.Width)
	}
	return s.Rows, err
}

// same returns the one shape that all registers have.
func (c *checker) same(regs ...Reg) (Shape, error) {
	if len(regs) == 0 {
		return Shape{}, errors.New("no operands")
	}
	first, err := c.read(regs[0])
	if err != nil {
		return Shape{}, err
	}
	for _, r := range regs[1:] {
		s, err := c.read(r)
		if err != nil {
			return Shape{}, err
		}
		if s != first {
			return Shape{}, fmt.Errorf("r%d and r%d have different shapes", regs[0], r)
		}
	}
	return first, nil
}

func words(rows int) Shape { return Shape{Rows: rows, Width: 64} }
func bit(rows int) Shape   { return Shape{Boolean: true, Rows: rows, Width: 1} }

// op checks one instruction and defines its registers.
func (c *checker) op(op Op) error {
	switch op := op.(type) {
	case InputArith:
		if err := party(op.Party); err != nil {
			return err
		}
		if op.From.Task < 0 || op.From.Column < 0 {
			return errors.New("negative task or column")
		}
		return c.define(op.Out, words(op.N))
	case Constant:
		return c.define(op.Out, words(len(op.Values)))
	case Add:
		return c.binary(op.A, op.B, op.Out)
	case Sub:
		return c.binary(op.A, op.B, op.Out)
	case Mul:
		return c.binary(op.A, op.B, op.Out)
	case Scale:
		return c.binary(op.A, op.A, op.Out)
	case Sum:
		_, err := c.arith(op.A)
		return c.then(err, op.Out, words(1))
	case Dot:
		return c.dot(op)
	case Concat:
		return c.concat(op)
	case Slice:
		return c.slice(op)
	case GreaterEqual:
		n, err := c.arith(op.A)
		return c.then(err, op.Out, bit(n))
	case Select:
		return c.choose(op)
	case Noise:
		if len(op.Bits) == 0 {
			return errors.New("noise without bits is no noise")
		}
		if len(op.Bits) > 64 || op.N > maxCoins || 2*op.N*len(op.Bits) > maxCoins {
			return fmt.Errorf("noise of %d draws with %d bits is too large", op.N, len(op.Bits))
		}
		return c.define(op.Out, words(op.N))
	case Lookup:
		return c.lookup(op)
	case Open:
		return c.open(op)
	default:
		return c.gate(op)
	}
}

// gate checks one Boolean instruction.
func (c *checker) gate(op Op) error {
	switch op := op.(type) {
	case IsZero:
		s, err := c.boolean(op.A)
		return c.then(err, op.Out, bit(s.Rows))
	case And:
		return c.and(op)
	case Xor:
		s, err := c.boolean(op.A, op.B)
		return c.then(err, op.Out, s)
	case Not:
		s, err := c.boolean(op.A)
		return c.then(err, op.Out, s)
	case BitToArith:
		n, err := c.bit(op.A)
		return c.then(err, op.Out, words(n))
	case operator:
		return op.check(c)
	default:
		return fmt.Errorf("unknown instruction %T", op)
	}
}

// then defines out unless err says why not.
func (c *checker) then(err error, out Reg, s Shape) error {
	if err != nil {
		return err
	}
	return c.define(out, s)
}

func (c *checker) binary(a, b, out Reg) error {
	n, err := c.arith(a, b)
	return c.then(err, out, words(n))
}

// and checks a conjunction of rows of equal width, or of a bit with every bit of a row.
func (c *checker) and(op And) error {
	s, err := c.boolean(op.B)
	if err != nil {
		return err
	}
	gate, err := c.boolean(op.A)
	if err == nil && gate != s && gate != bit(s.Rows) {
		err = fmt.Errorf("r%d and r%d have different shapes", op.A, op.B)
	}
	return c.then(err, op.Out, s)
}

func (c *checker) dot(op Dot) error {
	if len(op.A) != len(op.B) {
		return errors.New("dot has lists of different lengths")
	}
	for i := range op.A {
		if _, err := c.arith(op.A[i], op.B[i]); err != nil {
			return err
		}
	}
	return c.define(op.Out, words(len(op.A)))
}

func (c *checker) concat(op Concat) error {
	if len(op.Parts) == 0 {
		return errors.New("no operands")
	}
	first, err := c.read(op.Parts[0])
	if err != nil {
		return err
	}
	n := 0
	for _, r := range op.Parts {
		s, err := c.read(r)
		if err != nil {
			return err
		}
		if n += s.Rows; s.Boolean != first.Boolean || s.Width != first.Width {
			return fmt.Errorf("r%d and r%d have different kinds or widths", op.Parts[0], r)
		}
		if n > MaxRows {
			return errors.New("concatenation is too long")
		}
	}
	first.Rows = n
	return c.define(op.Out, first)
}

func (c *checker) slice(op Slice) error {
	s, err := c.read(op.A)
	if err != nil {
		return err
	}
	if op.From < 0 || op.To > s.Rows || op.From >= op.To {
		return fmt.Errorf("slice %d to %d of %d rows", op.From, op.To, s.Rows)
	}
	s.Rows = op.To - op.From
	return c.define(op.Out, s)
}

func (c *checker) choose(op Select) error {
	rows, err := c.bit(op.Bit)
	if err != nil {
		return err
	}
	s, err := c.same(op.A, op.B)
	if err == nil && s.Rows != rows {
		err = fmt.Errorf("select of %d rows by %d bits", s.Rows, rows)
	}
	return c.then(err, op.Out, s)
}

func (c *checker) lookup(op Lookup) error {
	if err := errors.Join(party(op.Build), party(op.Probe), party(op.Third)); err != nil {
		return err
	}
	if op.Build == op.Probe || op.Probe == op.Third || op.Third == op.Build {
		return errors.New("the three parties of a lookup must be different")
	}
	if op.Node == "" || c.nodes[op.Node] {
		return fmt.Errorf("lookup node %q is empty or not unique", op.Node)
	}
	c.nodes[op.Node] = true
	if op.BuildTask < 0 || op.ProbeTask < 0 {
		return errors.New("negative task")
	}
	if op.BuildRows < 1 || op.BuildRows > MaxRows || op.ProbeRows < 1 || op.ProbeRows > MaxProbeRows {
		return errors.New("lookup without a row bound, or too many rows")
	}
	if need := MinLambda(op.ProbeRows); op.Lambda < need || op.Lambda > 64 {
		return fmt.Errorf("lookup tests %d bits, must test %d to 64", op.Lambda, need)
	}
	if len(op.Payload) != len(op.BuildFields) {
		return errors.New("lookup has as many payload registers as build fields")
	}
	for _, f := range op.BuildFields {
		if f < 0 {
			return errors.New("negative column")
		}
	}
	if err := c.define(op.Match, bit(op.ProbeRows)); err != nil {
		return err
	}
	for _, r := range op.Payload {
		if err := c.define(r, words(op.ProbeRows)); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) open(op Open) error {
	if _, err := c.read(op.A); err != nil {
		return err
	}
	if op.Label == "" || c.labels[op.Label] {
		return fmt.Errorf("label %q is empty or not unique", op.Label)
	}
	c.labels[op.Label] = true
	return party(op.To)
}

// party checks a party number.
func party(i int) error {
	if i < 0 || i > 2 {
		return fmt.Errorf("party %d outside 0 to 2", i)
	}
	return nil
}

// MinLambda is the least number of bits of a lookup's equality test. A probe row without a
// partner is compared with one uniform word, so that it matches with probability 2^-λ: the
// union is over probe rows only, and stays below 2^-40. Build rows do not count.
// Up to [MaxProbeRows] rows the result fits a word.
func MinLambda(probeRows int) int { return 40 + mathbits.Len(uint(max(probeRows, 1)-1)) }

package program

import "fmt"

// Kind says which step of the protocol a batch of instructions shares.
type Kind int

// Kinds of batches. The zero Kind is no kind.
const (
	Local   Kind = iota + 1 // linear, no traffic
	Enter                   // InputArith
	Draw                    // Noise
	Product                 // Mul and Dot
	Gate                    // And
	Compare                 // GreaterEqual
	Zero                    // IsZero of one width
	Convert                 // BitToArith
	Find                    // one Lookup
	Reveal                  // Open
	Borrow                  // Less of one width
	Split                   // ToBits of one width
	Combine                 // ToArith
	Bound                   // Below of one width
	Mix                     // one Shuffle
	Move                    // one Scatter or Gather
	Radix                   // one Order
	Weave                   // one Merge
	Border                  // one Starts
	Ratio                   // one FloorDivide
)

// alone says that a batch of the kind is a single instruction.
func (k Kind) alone() bool { return k == Find || k >= Mix }

// Batch is instructions that run together and share their rounds.
type Batch struct {
	Kind  Kind
	Width int // of Zero, Borrow, Split and Bound: bits a row
	Ops   []Op
	First int // index of the first of them in the scheduled program
}

// Schedule orders a program for execution. Instructions that are independent and of one
// kind share rounds; all openings come last, together, in their order, so that nothing is
// revealed before everything is computed. The order is a function of the program alone.
// Select and the composite operators run as other instructions: the registers that this
// adds follow the program's own. It returns the shapes of all registers.
func Schedule(p Program) ([]Batch, []Shape, error) {
	declared, err := Shapes(p)
	if err != nil {
		return nil, nil, err
	}
	ops, shapes, err := lower(p, declared)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	s := scheduler{shapes: shapes, done: make([]bool, len(shapes)), pending: make([]int, len(ops)), ops: ops}
	for i := range s.pending {
		s.pending[i] = i
	}
	for len(s.pending) > 0 {
		b, err := s.pick()
		if err != nil {
			return nil, nil, err
		}
		s.take(b)
	}
	return s.batches, shapes, nil
}

// scheduler is a program under way: what is defined and what is left.
type scheduler struct {
	ops     []Op
	shapes  []Shape
	done    []bool
	pending []int
	batches []Batch
}

// pick says what runs next: local instructions at once, else the kind of the first
// instruction that is left, openings when nothing else is.
func (s *scheduler) pick() (Batch, error) {
	next := Batch{Kind: Reveal}
	for _, i := range s.pending {
		b, err := s.kind(s.ops[i])
		if err != nil {
			return Batch{}, err
		}
		if b.Kind == Local && s.ready(s.ops[i]) {
			return b, nil
		}
		if next.Kind == Reveal && b.Kind != Local && s.ready(s.ops[i]) {
			next = b
		}
	}
	return next, nil
}

// take moves all ready instructions of the batch's kind from pending into it.
func (s *scheduler) take(b Batch) {
	left := s.pending[:0]
	var defined []Reg
	for _, i := range s.pending {
		k, _ := s.kind(s.ops[i]) // pick has seen every kind
		full := b.Kind.alone() && len(b.Ops) == 1
		if k.Kind != b.Kind || k.Width != b.Width || full || !s.ready(s.ops[i]) {
			left = append(left, i)
			continue
		}
		if len(b.Ops) == 0 {
			b.First = i
		}
		b.Ops = append(b.Ops, s.ops[i])
		if b.Kind == Local { // a local instruction may read what the one before it defined
			s.define(defines(s.ops[i]))
		} else {
			defined = append(defined, defines(s.ops[i])...)
		}
	}
	s.define(defined)
	s.pending = left
	s.batches = append(s.batches, b)
}

func (s *scheduler) define(regs []Reg) {
	for _, r := range regs {
		s.done[r] = true
	}
}

// ready reports whether everything that an instruction reads is there.
func (s *scheduler) ready(op Op) bool {
	for _, r := range Reads(op) {
		if !s.done[r] {
			return false
		}
	}
	return true
}

// kind is the empty batch that an instruction belongs to.
func (s *scheduler) kind(op Op) (Batch, error) {
	switch op := op.(type) {
	case Constant, Add, Sub, Scale, Sum, Concat, Slice, Xor, Not:
		return Batch{Kind: Local}, nil
	case InputArith:
		return Batch{Kind: Enter}, nil
	case Noise:
		return Batch{Kind: Draw}, nil
	case Mul, Dot:
		return Batch{Kind: Product}, nil
	case And:
		return Batch{Kind: Gate}, nil
	case GreaterEqual:
		return Batch{Kind: Compare}, nil
	case IsZero:
		return Batch{Kind: Zero, Width: s.shapes[op.A].Width}, nil
	case BitToArith:
		return Batch{Kind: Convert}, nil
	case Lookup:
		return Batch{Kind: Find}, nil
	case Open:
		return Batch{Kind: Reveal}, nil
	case step:
		return op.batch(s.shapes), nil
	default:
		return Batch{}, fmt.Errorf("%w: instruction %T cannot be scheduled", ErrInvalid, op)
	}
}

// Package program is the instruction set that the planner targets and that the
// three compute parties run on shares. Its plaintext interpreter [Eval] is at
// once the specification of every instruction and the oracle of every test of
// the protocol.
//
// Contract: a [Program] is straight-line code over vectors; each instruction
// defines new registers and names earlier ones. Two kinds of registers exist:
// arithmetic vectors over Z_2^64 (two's complement where a sign matters) and
// Boolean vectors of w-bit rows, w ≤ 64. All lengths are fixed when the
// program is made and are public; no instruction's traffic depends on data.
// Exactly one kind of instruction reveals anything: [Open]; the program's opens,
// in order, are its opening manifest.
//
// The package does no I/O, knows no SQL and no protocol, and imports only pgerr.
package program

// Reg names a register; registers are numbered from 0 in the order of their definition.
type Reg int

// Input names a column of a party's local task: Task indexes Plan.Local,
// Column the task's columns.
type Input struct {
	Task   int
	Column int
}

// Program is straight-line code. The zero Program computes and opens nothing.
type Program struct {
	Ops []Op
}

// Op is one instruction. The set is closed: switches over it treat an unknown op as an error.
type Op interface{ isOp() }

// InputArith defines Out, N words, as private input of compute party Party.
// A shorter column than N is an error of the party that holds it (tasks pad).
type InputArith struct {
	Party int
	From  Input
	N     int
	Out   Reg
}

// Constant defines Out as a public arithmetic vector.
type Constant struct {
	Values []uint64
	Out    Reg
}

// Add defines Out = A + B, elementwise mod 2^64. No traffic.
type Add struct{ A, B, Out Reg }

// Sub defines Out = A - B, elementwise mod 2^64. No traffic.
type Sub struct{ A, B, Out Reg }

// Scale defines Out = A · Factor for a public factor. No traffic.
type Scale struct {
	A      Reg
	Factor uint64
	Out    Reg
}

// Mul defines Out = A · B, elementwise mod 2^64. One round, N words a party.
type Mul struct{ A, B, Out Reg }

// Dot defines Out, one word for each pair (A[i], B[i]): the inner product mod 2^64 of
// the registers A[i] and B[i]. One round, len(A) words a party, whatever the length of
// the vectors.
type Dot struct {
	A, B []Reg
	Out  Reg
}

// Sum defines Out, one word: the sum of A. No traffic.
type Sum struct{ A, Out Reg }

// Concat defines Out as the registers Parts, of one kind and width, end to end. No traffic.
type Concat struct {
	Parts []Reg
	Out   Reg
}

// Slice defines Out as rows From to To-1 of A (either kind). No traffic.
type Slice struct {
	A        Reg
	From, To int
	Out      Reg
}

// GreaterEqual defines Out, one bit a row: 1 where the signed value A ≥ Bound.
// The planner proves |A - Bound| < 2^63. 151 ANDs a row, 8 rounds.
type GreaterEqual struct {
	A     Reg
	Bound int64
	Out   Reg
}

// IsZero defines Out, one bit a row: 1 where all bits of the Boolean rows of A are 0.
type IsZero struct{ A, Out Reg }

// And defines Out = A ∧ B on Boolean rows of equal width, or with A of width 1 the rows
// of B where A is 1 and zero elsewhere. One round.
type And struct{ A, B, Out Reg }

// Xor defines Out = A ⊕ B on Boolean rows of equal width. No traffic.
type Xor struct{ A, B, Out Reg }

// Not defines Out = ¬A on Boolean rows. No traffic.
type Not struct{ A, Out Reg }

// BitToArith defines Out = the bits of A (width 1) as words 0 or 1. Two rounds.
type BitToArith struct{ A, Out Reg }

// Select defines Out = Bit ? A : B rowwise, Bit of width 1, A and B of one kind and width.
type Select struct{ Bit, A, B, Out Reg }

// Noise defines Out, N words: independent draws of a discrete Laplace variable,
// the difference of two geometric variables whose bit i is Bernoulli(Bits[i]/2^64)
// (RULES 16; constants come from package dp). Nobody ever knows a draw.
type Noise struct {
	N    int
	Bits []uint64
	Out  Reg
}

// Lookup is the private lookup of DESIGN §5 rule 5 under RULES 6–11: for each row of
// the probe party it finds the build party's row with the same key.
//
// Match is one bit a probe row, 1 exactly where the key is present; Payload are
// arithmetic vectors of ProbeRows words, the build row's Fields where Match is 1
// and uniformly random words elsewhere: a program multiplies them by Match.
type Lookup struct {
	Node                string // unique in the program; binds the lookup's PRF key
	Build, Probe, Third int    // compute parties, all different
	BuildTask           int    // keys and fields of the build party
	ProbeTask           int    // keys of the probe party
	BuildFields         []int  // columns of BuildTask
	BuildRows           int    // declared bound
	ProbeRows           int    // declared bound, at most MaxProbeRows: the task is padded to it
	Lambda              int    // bits of the equality test: at least 40 + ⌈log2 ProbeRows⌉, at most 64
	Match               Reg
	Payload             []Reg // one a build field
}

// Open reveals A to compute party To and nobody else, under a label that the
// manifest lists. It is the only instruction that reveals anything.
type Open struct {
	Label string
	A     Reg
	To    int
}

func (InputArith) isOp()   {}
func (Constant) isOp()     {}
func (Add) isOp()          {}
func (Sub) isOp()          {}
func (Scale) isOp()        {}
func (Mul) isOp()          {}
func (Dot) isOp()          {}
func (Sum) isOp()          {}
func (Concat) isOp()       {}
func (Slice) isOp()        {}
func (GreaterEqual) isOp() {}
func (IsZero) isOp()       {}
func (And) isOp()          {}
func (Xor) isOp()          {}
func (Not) isOp()          {}
func (BitToArith) isOp()   {}
func (Select) isOp()       {}
func (Noise) isOp()        {}
func (Lookup) isOp()       {}
func (Open) isOp()         {}

// Table is what one party feeds for one local task: its columns as words, and for
// lookups its keys. A nil key is a row that matches nothing (a NULL, or padding).
type Table struct {
	Columns [][]uint64 // each of the task's padded length; nil for a column that is not numeric
	Keys    [][]byte   // injectively encoded join keys (RULES 10); nil if the task has none
}

// Inputs maps a task's index to its table; a party holds only its own tasks.
type Inputs map[int]Table

// Opened is what one party learned: label → words (bits as words 0 or 1).
type Opened map[string][]uint64

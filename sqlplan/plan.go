package sqlplan

import (
	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// Version names the compiler. Parties exchange it when they connect; it is part of
// every plan's hash, and it changes whenever a plan for the same query can change.
const Version = "2"

// Query is everything that gives a statement its meaning. The gateway fixes it, peers
// check its ranges, and every party compiles it again.
type Query struct {
	SQL      string    // the one SELECT, as the analyst typed it
	Args     []*string // values of $1, $2, … in PostgreSQL's text format, ISO/UTC; nil is NULL
	ArgTypes []uint32  // their type oids, as the shadow inferred them
	Analyst  string    // login@gateway
	Gateway  string    // party
	Study    string
	Epoch    [32]byte
	Version  string // must equal Version
	Settings Settings
}

// Settings are the session's settings that change meaning.
type Settings struct {
	SearchPath    string
	TimeZone      string
	DateStyle     string
	IntervalStyle string
	Now           int64      // microseconds since 1970-01-01 UTC; the transaction's now()
	Epsilon       dp.Epsilon // SET c2d.epsilon or the login's default; 0 means the policies' default
}

// Plan is what every party of a query does. It is immutable, has one canonical form
// (Canonical) and a hash of it (Hash).
type Plan struct {
	Query    Query
	Gateway  int       // index of the gateway among the compute parties
	Compute  [3]string // party names in the order of mpc numbering
	Local    []LocalTask
	Program  program.Program
	Release  Release
	Leakage  []Disclosure
	Charges  []Charge
	Columns  []Column // what the statement returns; must equal the shadow's Describe
	Result   Result
	ReadSlot int64 // milliseconds from Start after which every owner's read phase ends (RULES 12)
}

// LocalTask is what one owner computes inside its own database.
type LocalTask struct {
	Owner   string
	Tables  []string // logical tables that SQL names; the owner puts its mapping in front as WITH clauses
	SQL     string   // one SELECT; $1 is the owner's secret salt (text) for PRF order
	Columns []LocalColumn
	Rows    int    // PadTo: rows fed to the program, whatever the database returns
	Exact   bool   // more rows than Rows is an error that names the owner; otherwise SQL has cut them
	Check   string // under exact: a SELECT of one int8, rows outside declared bounds or domains; must be 0. Empty: none
}

// LocalColumn is one output column of a task's SQL.
type LocalColumn struct {
	Name string
	Kind ColumnKind
}

// ColumnKind says how a task's column feeds the program.
type ColumnKind string

// Kinds of local columns.
const (
	Word ColumnKind = "word" // int8, not null: an arithmetic input
	Key  ColumnKind = "key"  // bytea: the join key, injectively encoded (RULES 10)
)

// Release says how the answer is protected.
type Release struct {
	Kind       catalog.ReleaseKind
	Epsilon    dp.Epsilon // of the whole question; 0 under exact
	Delta      dp.Delta
	Cohort     int64 // exact: least number of units behind a cell
	Aggregates []Draw
}

// Draw describes one noisy vector of a dp release.
type Draw struct {
	Label       string // what it is, in the analyst's words: count(*), sum(bmi)
	Mechanism   string // "discrete Laplace"
	Epsilon     dp.Epsilon
	Sensitivity int64 // L1, in lattice steps
	Scale       int   // decimal digits of a lattice step
	HalfWidth95 int64 // in lattice steps
	Cells       int
	Vector      int // number of the vector in the program's answer
}

// Charge is what one execution costs at one owner's table.
type Charge struct {
	Owner   string
	Source  string // the protected source, see catalog.Table.Source
	Epsilon dp.Epsilon
	Delta   dp.Delta
}

// Disclosure says who learns what beyond declared sizes, in the analyst's words.
type Disclosure struct {
	Who  string // a party, or "everyone"
	What string
}

// Column is one output column of the analyst's statement.
type Column struct {
	Name string
	OID  uint32
}

// Result says how opened words become released rows. A released row is the group keys
// followed by the released values, all in PostgreSQL's text format (ISO/UTC).
type Result struct {
	Keys   [][]*string // for each cell its group key values (nil = NULL); one empty row without GROUP BY
	Values []ResultValue
	Keep   string // label of the opened keep bits, or "" when every cell is released
	Grand  bool   // no GROUP BY: one row always; a suppressed cell gives NULLs instead of no row
}

// ResultValue is one released column.
type ResultValue struct {
	Label            string // of the opened vector
	Offset           int    // of this value's first cell in it; cells follow one another
	Scale            int    // decimal digits
	NonNull          *int   // index of the ResultValue that counts non-null inputs: NULL where it is 0 (exact sums)
	ZeroIfSuppressed bool   // a grand count under cohort 1 is 0 when nothing matched
	HalfWidth95      int64  // lattice steps; 0 under exact
	Name             string // for c2d.last
	Constant         string // not opened: a declared number that the rest of the statement needs, the same in each row
}

package syntax

import pg "github.com/pganalyze/pg_query_go/v5"

// Expr is an expression. The set is closed.
type Expr interface {
	At() int // byte offset, -1 if the parser gives none
	raw() *pg.Node
}

// base carries an expression's place and its parser node, which never leaves the package.
type base struct {
	node *pg.Node
	at   int
}

func (b base) At() int       { return b.at }
func (b base) raw() *pg.Node { return b.node }

// Column names a column, perhaps qualified: one to three parts. A star is the part "*".
type Column struct {
	base
	Parts []string
}

// LiteralKind says how a literal was written.
type LiteralKind int

// Kinds of literals.
const (
	Null LiteralKind = iota
	Integer
	Decimal
	String
	Boolean
)

// Literal is a constant as written; Text of a Boolean is true or false.
type Literal struct {
	base
	Kind LiteralKind
	Text string
}

// Param is $Number.
type Param struct {
	base
	Number int
}

// Call is a function, an operator or a construct with the meaning of one. Operators have
// their own symbol as name; constructs are and, or, not, isnull, isnotnull, istrue,
// isnottrue, isfalse, isnotfalse, isunknown, isnotunknown, between, in, coalesce,
// greatest, least, nullif, distinct (IS DISTINCT FROM), notdistinct, ~~ (LIKE) and its like, any and all (Args[0] Operator ANY (Args[1])).
type Call struct {
	base
	Name      string
	Operator  string // of any and all
	Schema    string
	Construct bool // an operator or construct, not a named function
	Args      []Expr
	Star      bool
	Distinct  bool
	Filter    Expr
	Plain     bool   // no ORDER BY, OVER, WITHIN GROUP, VARIADIC
	Over      bool   // a window function
	Window    []Expr // what OVER (…) partitions and orders by
}

// Case is CASE; Operand and Else may be nil.
type Case struct {
	base
	Operand Expr
	When    []Expr
	Then    []Expr
	Else    Expr
}

// Cast is CAST(Arg AS Type).
type Cast struct {
	base
	Arg  Expr
	Type string // without schema pg_catalog; "" if it is an array or has modifiers
	Bare string // the same without its modifiers
}

// Array is ARRAY[…], or a constant or parameter that stands for an array.
type Array struct {
	base
	Items []Expr
	Of    Expr   // a Literal or Param with all elements; nil where Items has them
	Type  string // what the elements are cast to; "" where nothing is said
}

// Other is any expression that has no meaning here.
type Other struct {
	base
	What string
}

// Target is one output column; Name is the alias, or "".
type Target struct {
	Name string
	Expr Expr
}

// Table is a table in FROM.
type Table struct {
	Schema, Name, Alias string
	At                  int
}

// Join is an inner equi-join condition between the tables of FROM.
type Join struct {
	Using []string // USING columns
	On    Expr     // ON condition; nil with USING
	At    int
}

// Select is a SELECT block over base tables.
type Select struct {
	Targets  []Target
	From     []Table
	Joins    []Join
	Where    Expr
	GroupBy  []Expr
	Having   Expr
	OrderBy  []Expr
	Windows  []Expr // what the WINDOW clause partitions and orders by
	Limit    bool
	Distinct bool
	stmt     *pg.SelectStmt
}

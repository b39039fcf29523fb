package pgerr

// Codes of PostgreSQL that C2DProxy raises itself.
const (
	ConnectionFailure     = "08006" // an owner cannot be reached
	ProtocolViolation     = "08P01"
	FeatureNotSupported   = "0A000"
	InvalidParameterValue = "22023"
	ReadOnlyTransaction   = "25006"
	InvalidAuthorization  = "28000"
	InvalidPassword       = "28P01"
	UnknownDatabase       = "3D000"
	InsufficientPrivilege = "42501"
	SyntaxError           = "42601"
	UndefinedColumn       = "42703"
	UndefinedTable        = "42P01"
	ConfigurationLimit    = "53400"
	OutOfMemory           = "53200" // a computation would need more memory than a party allows
	TooManyConnections    = "53300"
	ProgramLimitExceeded  = "54000"
	ObjectNotInState      = "55000"
	QueryCanceled         = "57014"
	AdminShutdown         = "57P01"
	CannotConnectNow      = "57P03"
	SystemError           = "58000" // a party failed while it computed
	InternalError         = "XX000"
)

// Codes of class ZD: what differential privacy or an owner's policy refuses.
// PostgreSQL leaves classes that start with Z to implementations.
const (
	NotAggregated   = "ZD001" // rows, or a column outside an aggregate
	UnboundedColumn = "ZD002" // an aggregate needs declared bounds
	NotPrivate      = "ZD003" // no private form of this expression exists here
	JoinNeedsUnit   = "ZD004" // a join of two owners' tables must equate their units
	OuterJoinSide   = "ZD005" // an outer join would keep rows of the wrong side
	UnitMismatch    = "ZD006" // the tables protect different units
	UnitsShared     = "ZD007" // distinct units across owners need merging that does not exist yet
	BudgetExhausted = "ZD010" // an owner's budget does not cover the question
	DeltaRequired   = "ZD011" // private group keys need delta > 0
	DomainRequired  = "ZD012" // a group key has no declared domain
	LedgerBehind    = "ZD020" // an owner's ledger is older than a receipt of it
)

// Code explains one SQLSTATE for docs/errors.md and for EXPLAIN hints.
type Code struct {
	SQLState string
	Name     string
	Cause    string
	Remedy   string
}

// Codes lists every code of class ZD once, in order; docs/errors.md is held to it by a test.
func Codes() []Code {
	return []Code{
		{NotAggregated, "not_aggregated", "The statement asks for rows of persons, or for a column outside an aggregate.", "Use count, sum or avg, and name every other column in GROUP BY."},
		{UnboundedColumn, "unbounded_column", "sum and avg need bounds that the owner declared for the column.", "Aggregate a column with bounds (see c2d.columns), or filter to a value for which bounds are declared."},
		{NotPrivate, "not_private", "The expression has no differentially private form here (min, max, string_agg, …).", "Use count, sum or avg."},
		{JoinNeedsUnit, "join_needs_unit", "Tables of two owners can be joined only where their person identifiers are equal.", "Join with USING (id) or ON a.id = b.id on the columns that identify the person."},
		{OuterJoinSide, "outer_join_side", "An outer join would keep persons of one owner only.", "Use an inner join."},
		{UnitMismatch, "unit_mismatch", "The tables identify different kinds of persons, or each owner numbers its persons on its own.", "Ask about each table on its own."},
		{UnitsShared, "units_shared", "A person may be at several owners, so distinct persons cannot be counted by adding up.", "Use count(*), or ask one owner's table alone."},
		{BudgetExhausted, "budget_exhausted", "An owner's privacy budget does not cover this question.", "SELECT * FROM c2d.budget shows what is left; SET c2d.epsilon to a smaller value, or ask the owner."},
		{DeltaRequired, "delta_required", "Group keys without a declared domain need a policy with delta above zero.", "Group by a column with a declared domain."},
		{DomainRequired, "domain_required", "The owner declared no domain for a column in GROUP BY.", "Group by a column with a domain (see c2d.columns), or by date_trunc, width_bucket or extract of a bounded column."},
		{LedgerBehind, "ledger_behind", "An owner's privacy ledger is older than a receipt that another party holds; it may have been restored from an old backup.", "The owner's operator must run c2dproxy ledger verify and restore the newest ledger."},
	}
}

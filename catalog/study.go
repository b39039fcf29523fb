package catalog

import "github.com/c2dproxy/c2dproxy/dp"

// Study is one collaboration as all its parties see it: the merge of every party's
// public part, checked and immutable. Its fields are sorted (tables and parties by name,
// columns in declared order), so that printing it gives one canonical text; Epoch hashes that.
type Study struct {
	Name               string
	Compute            [3]string // party names; the index is the party's number in package mpc
	Parties            []Party
	Tables             []Table
	Grants             []Grant
	SlotBase           int64 // milliseconds: least length of an owner's read phase (RULES 12)
	SlotPerMillionRows int64 // milliseconds added per million declared rows
}

// Party is a participant's public identity.
type Party struct {
	Name        string
	Institution string
	Key         string // "sha256:" + hex of the SHA-256 of its TLS key's SubjectPublicKeyInfo
	Helper      bool   // owns no table of the study
}

// Table is one logical table: one owner's, or a union of partitions of the same shape.
type Table struct {
	Name       string
	Comment    string
	Citation   string
	Columns    []Column
	Unit       string // the column that identifies the privacy unit
	UnitKind   string // what it identifies: "person"; tables join only within one kind
	UnitIDs    UnitIDs
	Disjoint   bool        // every owner of a partition signed that no unit is at two owners
	UniqueUnit bool        // one row a unit: the unit column is a key
	Partitions []Partition // one for a table of one owner; sorted by owner
}

// Partitioned reports whether the table is a union of several owners' parts.
func (t *Table) Partitioned() bool { return len(t.Partitions) > 1 }

// UnitIDs says what equal identifiers at two owners mean (RULES 14).
type UnitIDs string

// The zero value is neither and is refused.
const (
	OwnerScoped UnitIDs = "owner-scoped" // equal values at two owners are different units
	Shared      UnitIDs = "shared"       // equal values are the same unit
)

// Partition is one owner's part of a table, with the owner's declared constants (RULES 13).
type Partition struct {
	Owner         string
	Source        string // protected source at the owner: caps are kept for it across studies and aliases
	Rows          int64  // bound on rows
	Units         int64  // bound on distinct units; at most Rows
	GroupsPerUnit int64  // C0: groups that one unit may influence
	RowsPerGroup  int64  // C∞: rows of one unit in one group
}

// Column is one column of a logical table.
type Column struct {
	Name       string
	Comment    string
	Type       Type
	Nullable   bool
	Visibility Visibility
	Uses       Uses
	Scale      int       // decimal digits kept of numeric and float columns; 0 for others
	Bounds     *Bounds   // nil: none declared
	BoundsBy   *BoundsBy // bounds that depend on a domain column; nil: none
	Domain     []string  // declared values in PostgreSQL's text format, in declared order; nil: none
}

// Type is one of the supported PostgreSQL types.
type Type string

// Supported types.
const (
	Boolean     Type = "boolean"
	Smallint    Type = "smallint"
	Integer     Type = "integer"
	Bigint      Type = "bigint"
	Numeric     Type = "numeric" // with Scale; declared as numeric(Precision, Scale) when Precision > 0
	Double      Type = "double precision"
	Text        Type = "text"
	Date        Type = "date"
	Timestamp   Type = "timestamp without time zone"
	Timestamptz Type = "timestamp with time zone"
)

// Visibility says what analysts see of a column. The zero value is hidden.
type Visibility string

// Visibilities.
const (
	Hidden   Visibility = ""
	Visible  Visibility = "visible"
	JoinOnly Visibility = "join-only" // shows in \d; selecting it is 42501
)

// Uses says what a column may be used for. The zero value allows nothing.
type Uses struct{ Group, Filter, Aggregate, Join bool }

// Bounds is an interval on the column's lattice: numbers times 10^Scale, days since
// 1970-01-01 for dates, microseconds since then (UTC) for timestamps.
type Bounds struct{ Lower, Upper int64 }

// BoundsBy gives each value of a domain column (of the same table) its own bounds.
type BoundsBy struct {
	Column string
	Values map[string]Bounds
}

// Grant is what one owner allows one analyst in a study. The zero Grant allows nothing.
type Grant struct {
	Owner       string
	Analyst     string   // login@gateway
	Tables      []string // sorted; nil: none
	Preset      Preset
	Release     ReleaseKind
	Cohort      int64      // exact: least number of units behind a released cell; at least 1
	Default     dp.Epsilon // ε of a question when the analyst sets none
	PerQuestion dp.Epsilon // largest ε of one question
	Total       dp.Epsilon // of all questions of this analyst at this owner, per source
	TotalDelta  dp.Delta
	Delta       dp.Delta // δ that one question may spend
	Expires     string   // RFC 3339 date, or ""
	Purpose     string
	Protocol    string
	Lookup      bool // the owner lets its tables take part in private lookups with this analyst's questions
}

// Preset says which aggregates a grant covers. The zero value covers none.
type Preset string

// Presets.
const (
	Counts     Preset = "counts"     // count only
	Statistics Preset = "statistics" // count, sum, avg
)

// ReleaseKind says what may leave. The zero value is nothing.
type ReleaseKind string

// Release kinds.
const (
	ReleaseDP    ReleaseKind = "dp"
	ReleaseExact ReleaseKind = "exact"
)

// Cap is the ε and δ over all analysts of one protected source of an owner (RULES 19).
type Cap struct {
	Source  string
	Epsilon dp.Epsilon
	Delta   dp.Delta
}

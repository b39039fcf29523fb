package catalog

import (
	"slices"

	"github.com/c2dproxy/c2dproxy/dp"
)

// Study is one collaboration as all its parties see it: the merge of every party's
// public part, checked and immutable. Its fields are sorted (tables and parties by name,
// columns in declared order), so that printing it gives one canonical text; Epoch hashes that.
type Study struct {
	Name               string    `json:"name"`
	Compute            [3]string `json:"compute"` // party names; the index is the party's number in package mpc
	Parties            []Party   `json:"parties,omitempty"`
	Tables             []Table   `json:"tables,omitempty"`
	Grants             []Grant   `json:"grants,omitempty"`
	SlotBase           int64     `json:"slot_base,omitempty"`             // milliseconds: least length of an owner's read phase (RULES 12)
	SlotPerMillionRows int64     `json:"slot_per_million_rows,omitempty"` // milliseconds added per million declared rows
}

// Party is a participant's public identity.
type Party struct {
	Name        string `json:"name"`
	Institution string `json:"institution,omitempty"`
	Key         string `json:"key,omitempty"`    // "sha256:" + hex of the SHA-256 of its TLS key's SubjectPublicKeyInfo
	Helper      bool   `json:"helper,omitempty"` // owns no table of the study
}

// Table is one logical table: one owner's, or a union of partitions of the same shape.
type Table struct {
	Name       string      `json:"name"`
	Comment    string      `json:"comment,omitempty"`
	Citation   string      `json:"citation,omitempty"`
	Columns    []Column    `json:"columns,omitempty"`
	Unit       string      `json:"unit,omitempty"`      // the column that identifies the privacy unit
	UnitKind   string      `json:"unit_kind,omitempty"` // what it identifies: "person"; tables join only within one kind
	UnitIDs    UnitIDs     `json:"unit_ids"`
	Disjoint   bool        `json:"disjoint,omitempty"`    // every owner of a partition signed that no unit is at two owners
	UniqueUnit bool        `json:"unique_unit,omitempty"` // one row a unit: the unit column is a key
	Partitions []Partition `json:"partitions,omitempty"`  // one for a table of one owner; sorted by owner
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
	Owner         string `json:"owner,omitempty"`
	Source        string `json:"source,omitempty"`          // protected source at the owner: caps are kept for it across studies and aliases
	Rows          int64  `json:"rows,omitempty"`            // bound on rows
	Units         int64  `json:"units,omitempty"`           // bound on distinct units; at most Rows
	GroupsPerUnit int64  `json:"groups_per_unit,omitempty"` // C0: groups that one unit may influence
	RowsPerGroup  int64  `json:"rows_per_group,omitempty"`  // C∞: rows of one unit in one group
	// Bounded: the owner signs that the part never holds more units than declared. Then nobody's place
	// depends on another's, and the noise of joins need not cover that (see dp.Contribution.Displacing).
	Bounded bool `json:"bounded,omitempty"`
	// ThirdParties are the parties that the owner accepts as the third of a join of this part (RULES 11), sorted. nil:
	// any that is admissible; whether there are joins at all is for grants to say.
	ThirdParties []string `json:"third_parties,omitempty"`
}

// Accepts reports whether the owner lets a party help to match this part's units with another owner's.
func (p *Partition) Accepts(third string) bool {
	return p.ThirdParties == nil || slices.Contains(p.ThirdParties, third)
}

// Column is one column of a logical table.
type Column struct {
	Name       string     `json:"name"`
	Comment    string     `json:"comment,omitempty"`
	Type       Type       `json:"type"`
	Nullable   bool       `json:"nullable,omitempty"`
	Visibility Visibility `json:"visibility,omitempty"`
	Uses       Uses       `json:"uses"`
	Precision  int        `json:"precision,omitempty"` // of numeric(Precision, Scale); 0: not declared
	Scale      int        `json:"scale,omitempty"`     // decimal digits kept of numeric and float columns; 0 for others
	Bounds     *Bounds    `json:"bounds,omitempty"`    // nil: none declared
	BoundsBy   *BoundsBy  `json:"bounds_by,omitempty"` // bounds that depend on a domain column; nil: none
	Domain     []string   `json:"domain,omitempty"`    // declared values in PostgreSQL's text format, in declared order; nil: none
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
type Uses struct {
	Group     bool `json:"group,omitempty"`
	Filter    bool `json:"filter,omitempty"`
	Aggregate bool `json:"aggregate,omitempty"`
	Join      bool `json:"join,omitempty"`
}

// Bounds is an interval on the column's lattice: numbers times 10^Scale, days since
// 1970-01-01 for dates, microseconds since then (UTC) for timestamps.
type Bounds struct {
	Lower int64 `json:"lower"`
	Upper int64 `json:"upper"`
}

// BoundsBy gives each value of a domain column (of the same table) its own bounds.
type BoundsBy struct {
	Column string            `json:"column,omitempty"`
	Values map[string]Bounds `json:"values"`
}

// Grant is what one owner allows one analyst in a study. The zero Grant allows nothing.
type Grant struct {
	Owner       string      `json:"owner,omitempty"`
	Analyst     string      `json:"analyst,omitempty"` // login@gateway
	Tables      []string    `json:"tables,omitempty"`  // sorted; nil: none
	Preset      Preset      `json:"preset"`
	Release     ReleaseKind `json:"release"`
	Cohort      int64       `json:"cohort,omitempty"`       // exact: least number of units behind a released cell; at least 1
	Default     dp.Epsilon  `json:"default,omitempty"`      // ε of a question when the analyst sets none
	PerQuestion dp.Epsilon  `json:"per_question,omitempty"` // largest ε of one question
	Total       dp.Epsilon  `json:"total,omitempty"`        // of all questions of this analyst at this owner, per source
	TotalDelta  dp.Delta    `json:"total_delta,omitempty"`
	Delta       dp.Delta    `json:"delta,omitempty"`   // δ that one question may spend
	Expires     string      `json:"expires,omitempty"` // RFC 3339 date, or ""
	Purpose     string      `json:"purpose,omitempty"`
	Protocol    string      `json:"protocol,omitempty"`
	Lookup      bool        `json:"lookup,omitempty"` // the owner lets its tables take part in private lookups with this analyst's questions
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
	Source  string     `json:"source,omitempty"`
	Epsilon dp.Epsilon `json:"epsilon,omitempty"`
	Delta   dp.Delta   `json:"delta,omitempty"`
}

// Package sqlplan turns an analyst's SQL text into what parties do: [Rewrite] classifies
// each statement and prepares its public rest for the analyst's session, [Compile] makes the
// plan that every party compiles again and compares by hash, [Explain] prints it, [Decode]
// turns opened words into released rows.
//
// Contract: the package does no I/O and draws no randomness. Compile is a pure function of the
// public catalog and the Query and uses no floating point, so that all parties get
// byte-identical plans (RULES 5). What an owner's database computes comes from an allowlist of
// total functions of bounded cost (RULES 12); private numbers are clamped to their declared bounds before
// arithmetic, so that no owner's SQL can fail on data. Contribution bounding is in the owner's
// SQL (DESIGN §7), sensitivities follow RULES 14, 15 and 18.
//
// Security: a plan opens only aggregates, gated by the cohort inside the computation
// (release exact) or with noise added before opening (release dp). The right to ask comes from the
// owners' grants in the catalog; nothing is granted by default. Not claimed: that
// the text of a statement is private. All parties see it (RULES 25).
//
// What needs no rows needs no owner: names, types and declared values are answered from the catalog
// ([Statement.FromCatalog]), which tells nothing of the data and costs nothing.
//
// Where local SQL differs from the statement's own meaning: values outside declared bounds are
// clamped under dp and refused by the owner under exact; NaN counts as NULL.
package sqlplan

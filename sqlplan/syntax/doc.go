// Package syntax is the one place that knows PostgreSQL's grammar: it is the only
// importer of pg_query_go. It turns text into a small closed syntax tree, finds the
// tables and functions that a statement names, merges subqueries of FROM that only filter and rename into
// the statement around them, and writes the public rest of a
// SELECT over released rows.
//
// Contract: [Guard] runs before every parse, because the C parser recurses on its
// stack: a text that Guard accepts cannot overflow it. Positions are byte offsets in the
// text, 0-based; [Position] converts one to what clients see. Nothing here knows
// a catalog or does I/O.
package syntax

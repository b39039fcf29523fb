// Package shadow runs the gateway's private PostgreSQL with a study's tables and no
// row of anybody's: it answers for catalogs, types, settings, cursors and formats, and what remains of
// a statement after its private part was released runs in it (DESIGN §3).
//
// Contract: [Start] writes the part of a study that one [Profile] of analysts may see into a
// new server, with one role for each analyst, and hardens it. The server's one database bears
// the study's name; template0, template1 and postgres do not exist there.
//
// Fail closed: analysts hold REFERENCES on federated tables and never SELECT, so that Parse, Describe,
// \d and information_schema work and a statement that slipped past the rewriter is an error
// (42501), never zero rows (RULES 24). Revoked: DO and CREATE FUNCTION (no language), TEMP, CREATE,
// functions that run or skip over tables on their own (XML export, ts_stat, ts_rewrite with a query), large
// objects, files, advisory locks, pg_notify, other sessions' activity, dblink. Transactions are
// read-only by default. The memory of each process is capped (RLIMIT_AS); time is the
// gateway's own clock, so pg_sleep stays: it holds only the session that calls it.
//
// What is left to the gateway's rewriter, because PostgreSQL has no privilege for it: LISTEN and NOTIFY,
// ANALYZE and VACUUM (a warning, no effect), ALTER ROLE of the analyst's own
// role once the session turned read-only off, and texts that name c2d.run, c2d.explain or c2d.view. It keeps
// standard_conforming_strings on, too: PostgreSQL must not find a call where the rewriter found a string.
// What analysts of one profile see of each other: login names, in pg_roles. The cap on memory is
// each session's; Spec.MaxSessions bounds their number.
// A federated table in a part that PostgreSQL's planner proves to be unused (an unreferenced WITH
// query, a CASE branch under a false constant) is not checked: the answer does not depend on its rows.
//
// Made-up rows ([Sample], [Shadow.Rehearsal]) follow from the public declarations alone, by a fixed function: nothing that a
// gateway learns is an input of it. They are in tables of c2d_private that analysts do not reach; a profile that browses has
// functions that return them, marked in the column [Marker].
//
// The functions of schema c2d call the gateway back over dblink on a unix socket, as
// the server's superuser; the password is in a table that only the superuser reads. Statement
// ids carry no authority, and the request is built here: an analyst can
// set its statement, args and c2d.* settings, nothing else. They set for themselves what would make PostgreSQL print
// their plans, which hold the password, or read an answer otherwise.
//
// A server that loses one process ends whole ([Shadow.Done]); whoever runs it starts another.
package shadow

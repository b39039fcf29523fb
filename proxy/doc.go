// Package proxy is the one route of a query and the composition root: it joins the
// analyst's wire, the shadow that answers for PostgreSQL, the compiler, the federation of
// parties and the owner's ledger into one running party.
//
// Contract: [Run] starts a party from its checked configuration and returns when its
// context ends, everything it started stopped. A statement goes
//
//	wire → Rewrite (sqlplan) → the session's shadow → c2d.run → callback → federation.Run → released rows → shadow → wire
//
// and in that order only. The package names crypto/rand, so that the packages below
// take their randomness as a parameter.
//
// Security: an analyst is login@party. A statement id is random, bound to the shadow
// backend of the session that prepared it and carries no authority: what may run is decided
// by every party from the statement's text. The gateway sees the statement and the opened
// answer, nothing else of another owner's data.
package proxy

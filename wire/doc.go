// Package wire is the analyst's side of the PostgreSQL v3 protocol: TLS, SCRAM,
// cancellation and limits, and then a relay in front of one shadow session per
// analyst connection. It also serves the callback socket on which the shadow's own
// functions reach the gateway (callback.go).
//
// # Contract
//
// [Server] accepts connections, authenticates them against [Handler.Login], opens a
// [Session], and relays. Every statement text passes [Session.Rewrite] before the
// shadow sees it: no message that carries a text (Query, Parse) reaches the shadow otherwise, and
// FunctionCall is refused; texts that are relayed altogether are remembered (texts.go). What is
// not understood ends the connection. Answers are streamed: memory per session is bounded by the largest single row, whatever the
// size of a result, and a client that does not read stops its own shadow backend.
//
// A Federated statement is described on the shadow first, in the same session, so that names, types and
// semantic errors are PostgreSQL's own; then its replacement runs in its place. Positions of errors are
// moved into the client's text or dropped, CONTEXT and internal queries are always dropped. The columns of a replaced
// SELECT keep their origin (table oid, attribute number), also where FETCH and EXECUTE return them: SQL and protocol share
// the names of statements and portals, and so does what is remembered of them (names.go). A description that a session has seen
// costs no further round trip, unless the session has touched a setting on which it may depend (texts.go). EXPLAIN EXECUTE of a
// federated statement is refused: PostgreSQL would show, or run, the replacement. A Query
// in which a statement changes what a later federated one means runs statement by statement (stepwise.go).
//
// When the shadow session ends or dies, the client hears FATAL 57P01 and its connection closes; nobody else notices.
//
// Messages that carry no text are relayed as the bytes that came (frames.go): `make bench-wire` compares with pgbouncer.
//
// # Security
//
// The shadow's key and password never leave this package; a client gets a key of its
// own for cancellation. A login requires a password, a client certificate of one of its names, or both (login.go). Unknown logins, wrong
// passwords and wrong certificates take the same exchange and end in the same error. Nothing is accepted in the
// clear but from unix sockets and, if Options.PlaintextLoopback is set, from loopback addresses. TLS sessions are never resumed, so that each
// handshake sees the certificates and revocations in force. Bytes that were sent before
// the TLS handshake are never part of the session (CVE-2021-23214). Bodies are bounded before and after
// authentication. On TLS the password's proof is bound to the certificate where the client can
// (SCRAM-SHA-256-PLUS), and a client from which that offer was hidden is refused. Wrong passwords slow further attempts
// of that login from that address down (throttle.go); logins and failures are logged. Sessions have limits of the gateway's
// own for a statement, for idling, and for idling in a transaction (clock.go). Statement texts go to the operator's
// log only with errors that are not *pgerr.Error; parameter values and row data never do. Not claimed: hiding of statement lengths and timings from the
// network, and protection against connection floods beyond the configured limits.
package wire

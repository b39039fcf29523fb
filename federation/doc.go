// Package federation connects the parties of a study and runs one query among them:
// the mutually authenticated mesh, approval, execution, receipts, and the Sources that
// read an owner's database.
//
// # Contract
//
// A [Node] is one party. [Node.Serve] keeps one TLS 1.3 connection to each peer (exactly
// one side of a pair dials), and answers for this party; [Node.Run] asks a question as the
// gateway. The coordinator is a participant: the gateway's own part of a query runs through
// the same code as a peer's, over a pipe in place of a stream, and no party trusts
// another's plan. The steps of a query, with what ends each of them:
//
//	propose   every party guards and compiles the statement itself, compares plan hashes,
//	          checks its own policy and answers with a fresh nonce
//	approve   the nonces make the execution id; every party reserves its charge durably
//	          and signs what it approves (RULES 4)
//	confirm   every party verifies the whole set against its own plan
//	start     every party re-checks and makes its charge final, in one durable entry with the
//	          whole set ([Approvals]), then reads its data
//	compute   at the slot boundary the inputs enter package mpc; the gateway opens
//	receipts  the gateway signs a hash of the released batch, every party a receipt for
//	          it; only then does Run return rows (RULES 23)
//
// Before start a failure or cancel refunds everybody. After it the charge stands.
//
// # Security
//
// Peers are authenticated by the SHA-256 of their key's SubjectPublicKeyInfo; there is no
// certificate authority, no session resumption and no early data. A peer accepts a
// question only from the gateway whose connection it came on, for analysts of that
// gateway (RULES 22). Everything that a peer sends is foreign: frames and messages are
// bounded and strictly decoded, and the words of its errors are bounded, printable and
// marked with its name. The statement text and its parameters are visible to all parties
// of a query (RULES 25). Secrets that two parties share for one execution come from the
// TLS exporter of their connection, bound to the execution and the plan (RULES 1).
//
// Nothing is claimed against a party that deviates inside the MPC (RULES 26). The end of an
// owner's read phase is fixed beforehand, which limits what its timing tells and does not
// remove it (RULES 12).
package federation

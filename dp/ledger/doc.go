// Package ledger is an owner's durable account of privacy: what was set aside, what was charged
// and what was released, per analyst and per protected source.
//
// Contract. The ledger is an append-only chain of entries; entry n is sealed with SHA-256(hash
// of entry n-1 ‖ canonical bytes of entry n) and, if the owner wants, a signature of that.
// Balances and the state of every execution are a fold of the chain, in memory only, so that
// they cannot disagree with it. An execution goes RESERVED → STARTED → FINAL, or RESERVED →
// DEAD; only the last refunds. Each step is on disk (bbolt, fsynced) before the method returns,
// and so before anybody acts on it. What a crash interrupts is decided at the next [Open]:
// STARTED becomes FINAL and stays charged, RESERVED past its expiry becomes DEAD. An execution
// id is accepted once in the ledger's life (RULES 1–3). Reserved amounts count against limits
// as charged ones do. What all participants signed is part of the entry that starts an
// execution, so that none is without it. Limits are per analyst and source, and per source over all analysts and
// studies (RULES 19); an absent limit allows nothing.
//
// All methods are safe for concurrent use: one mutex orders them. None takes a context: each is
// one short local transaction, and half of it has no meaning.
//
// Security. The file is not secret from the owner and nobody else sees it. It holds statements
// and analysts' names, never data. It resists crashes, deletion (a marker file beside it says
// that a ledger existed), damage and editing of entries (hashes, signatures). It cannot by
// itself see that the whole directory was set back to an older copy, or that its newest entries
// are gone (bbolt falls back to the root before a damaged one): parties exchange [Ledger.Head],
// signed, and hold each other to it with [Ledger.CheckNotBehind]. A key that signs entries is
// replaced by an entry that the old one seals and to which the new one consents
// ([Ledger.HandOver]); the chain is then checked under both. An owner who deletes ledger and
// marker and colludes with all peers resets its own budget; nothing is claimed against that.
//
// After a failed commit a Ledger refuses everything until it is opened again: what a failed
// fsync left on disk is unknown.
package ledger

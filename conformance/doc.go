// Package conformance holds the tests that need the whole product: real clients
// against a running federation, PostgreSQL as the oracle, and the rules of the house itself.
//
// Contract: it exports nothing and is imported by nobody. A test here starts real
// processes on loopback and stops them; a missing program fails the test with the command
// that installs it.
package conformance

// Package mpc computes programs on secret shares among three parties.
//
// Sharing is replicated (Araki, Furukawa, Lindell, Nof, Ohara: High-Throughput
// Semi-Honest Secure Three-Party Computation with an Honest Majority, CCS 2016,
// eprint 2016/768), over Z_2^64 and, bit-sliced, over Z_2: a value is the sum of
// three components x_0 + x_1 + x_2, and party i holds x_i and x_(i+1). Linear
// operations are local. A product costs one element sent by each party, in
// one round.
//
// # Contract
//
// [Run] executes a [program.Program] over a [Transport] and opens exactly what
// the program's manifest lists, to whom it lists. For every program and input,
// what it opens is what program.Eval computes. Rounds, senders, receivers and
// lengths are functions of the program alone, so two inputs of equal declared
// sizes give identical traffic.
//
// # Who learns what
//
// Against a static, semi-honest adversary that holds one of the three parties, a
// party's view is a function of its own inputs, of what is opened to it, and of
// randomness. Security is computational (AES-128 in counter mode as the
// pseudo-random function of the pairs' streams) and assumes that [Transport]
// authenticates and encrypts. The third party of a private lookup must not
// collude with either key owner.
//
// Not claimed: anything against a party that deviates from the protocol (neither
// privacy nor correctness), against two colluding parties, fairness, or that
// local work takes constant time. A party that gets a wrong length aborts.
//
// Nothing that depends on data becomes known but through the one opening function and the
// program's manifest. Two kinds of values become known besides, whose distribution is
// uniform whatever the inputs: the order of rows after a secret shuffle, to all parties
// (Scatter, Gather, Order), and words under a one-time mask, to two parties (ToArith). They
// tell a party nothing that it could not have drawn itself.
//
// [Seeds] belong to one execution and to one Run in it: running twice with the
// same seeds reuses masks and noise, and what the messages then differ by is a
// function of private inputs. Callers keep RULES 1 and 2 (a durable set of started
// executions).
package mpc

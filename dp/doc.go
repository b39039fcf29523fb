// Package dp holds the numbers of differential privacy: budgets, sensitivities and the discrete
// Laplace mechanism.
//
// Contract: everything here is pure and exact. Budgets are integers ([Epsilon] in nano-ε,
// [Delta] in 10^-18) and costs are rounded up; sensitivities are integers in lattice steps and
// overflow is an error; noise constants are computed with math/big at 384 bits with a proven
// error, so that every party of a study, whatever its CPU, writes the same words into the same
// plan. No float64 occurs outside tests.
//
// Security: the guarantee is (ε,δ)-differential privacy for adding or removing all rows of one
// unit (DESIGN §7), provided that each owner bounds contributions as [Contribution] says and
// that nobody learns a noise draw. This package samples noise in the clear only as the
// specification of what the protocol does on shares ([Sample]); it holds no secrets and no
// state. It does not account: dp/ledger does.
//
// It imports the standard library only.
package dp

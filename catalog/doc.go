// Package catalog holds what a federation is: parties, studies, tables, columns,
// privacy terms and grants.
//
// An owner writes one YAML file ([File] is its literal form). [Load] and [Parse] turn it
// into a checked [Config], or into [Errors] that name file, line and column and say
// what to write instead; no half-valid value exists. [Config.Public] is the part that
// peers get, [Merge] makes the [Study] of three parties' parts, and [Study.Epoch] is the
// hash that every plan names.
//
// Contract:
//   - Deny is the default: the zero value of every policy type grants nothing, a
//     column without visibility is hidden, a column without uses is good for nothing.
//   - Decimal numbers are parsed exactly. No float64 occurs, so that every party's
//     study, and with it every plan hash, is the same (RULES 5).
//   - A [Public] holds no mapping SQL, no data source, no login, no verifier and no cap.
//   - [DecodePublic] reads foreign bytes: it accepts only the canonical encoding of a
//     valid part, of bounded size.
//   - Secrets are not in the file but in files that it names; they do not print.
//
// The package reads the files it is asked for and does no other I/O. What it checks is
// the consistency of declarations. Whether the data obey them, the owner's
// `c2dproxy check` tells; that declared bounds are right is nobody else's to verify.
package catalog

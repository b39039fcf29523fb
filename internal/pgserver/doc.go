// Package pgserver starts private PostgreSQL servers from the installed binaries, as
// managed children of this process. Owners' demonstration databases, the private
// schema-only server of a gateway and the oracles of tests are such servers.
//
// Contract: a server listens on a unix socket in a directory that only its operating
// system account may enter, on loopback TCP only where Options say so, and accepts
// SCRAM-SHA-256 passwords only. Its superuser has a random password, drawn
// from Options.Random, kept in a file of mode 0600 beside the data. It inherits
// nothing of this process's environment. As root, which PostgreSQL
// refuses, everything runs as another account (Options.User).
//
// A server never outlives this process: the kernel sends the postmaster SIGQUIT when
// its parent dies, however it dies, and what a crash leaves behind (a
// postmaster.pid, a socket, a scratch directory) is swept by the next [Start] or [NewScratch] on that
// place. A directory is locked (flock) while its server runs, so two processes never share one.
//
// Not claimed: isolation from other processes of the same account or of root, and
// any platform but Linux.
package pgserver

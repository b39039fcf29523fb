package mpctest

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/c2dproxy/c2dproxy/mpc"
)

// Seeds derives one party's pair secrets from a seed that is known to everybody.
func Seeds(seed string, party int) mpc.Seeds { return seeds{seed, party} }

type seeds struct {
	seed  string
	party int
}

// Seed is HMAC-SHA-256 of the pair and the purpose.
func (s seeds) Seed(peer int, purpose string) (out [32]byte, err error) {
	if peer < 0 || peer > 2 || peer == s.party {
		return out, fmt.Errorf("mpctest: party %d has no secret with %d", s.party, peer)
	}
	h := hmac.New(sha256.New, []byte(s.seed))
	fmt.Fprintf(h, "%d %d %s", min(peer, s.party), max(peer, s.party), purpose)
	return [32]byte(h.Sum(nil)), nil
}

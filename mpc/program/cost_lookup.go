package program

import mathbits "math/bits"

// lookupCost is the traffic of one private lookup: the store and the probe tags to the
// third party, both halves as private inputs, the equality test, and validity.
func lookupCost(op Lookup, t *traffic) (rounds int) {
	n, w, fields := op.ProbeRows, planeWords(op.ProbeRows), len(op.BuildFields)
	t[op.Build] += int64(2 + storeSlots(op.BuildRows)*(1+fields))
	t[op.Probe] += int64(2*n + (op.Lambda+1)*w + fields*n)
	t[op.Third] += int64(op.Lambda*w + fields*n)
	t.all(op.Lambda * w) // λ-1 gates of the test, one for validity
	return 3 + mathbits.Len(uint(op.Lambda-1))
}

// storeSlots is the number of slots of the store for a bound: see mpc/internal/okvs, whose
// geometry this repeats; the test of exact costs holds the two together.
func storeSlots(bound int) int {
	if bound <= 32 {
		return bound + 40
	}
	return 3*((13*bound+29)/30) + 40 + mathbits.Len(uint(bound-1))
}

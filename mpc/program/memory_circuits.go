package program

// What the circuits of the engine take beside their operands and results, in words; w is the
// words of one plane. Package mpc has them under the same names.

// enterSums is the planes of a third of the rows, the sum that they are cut from, and a round
// of inputs.
func enterSums(width, w int) int64 {
	t := third(w)
	return buffer(width*t) + max(buffer(64*t), 2*buffer(width*t))
}

// carryPairsMemory is the gates of the first two rounds of an addition.
func carryPairsMemory(bit, pairs, w int) int64 {
	gates := bit + pairs + max(0, pairs-(1-bit))
	return pair((bit+2*pairs)*w) + pair(gates*w) + 2*pair(pairs*w)
}

// foldMemory is two neighbouring levels of a tree over groups; levels with an odd group stay.
func foldMemory(groups, w int) int64 {
	var kept, peak int64
	for groups > 1 {
		z := pair((2*(groups/2) - 1) * w)
		peak = max(peak, kept+z)
		if groups%2 == 0 {
			kept = z
		} else {
			kept += z
		}
		groups -= groups / 2
	}
	return peak
}

// carryMemory is the carry of an addition.
func carryMemory(width, w int) int64 {
	return carryPairsMemory(width%2, width/2, w) + foldMemory((width+1)/2, w) + pair(w)
}

// adderMemory is an addition with its sum.
func adderMemory(width, w int) int64 {
	carries := width - 1
	switch {
	case carries == 0:
		return pair(w)
	case carries == 1:
		return pair(2*w) + pair(w)
	}
	return pair(width*w) + carryPairsMemory(0, carries/2, w) + prefixMemory(carries/2, w) + 3*pair(((carries+1)/2-1)*w)
}

// prefixMemory is all levels of a prefix network.
func prefixMemory(groups, w int) int64 {
	if groups < 2 {
		return 0
	}
	half := groups / 2
	return pair((2*half-1)*w) + prefixMemory(half, w) + pair((groups-1)/2*w)
}

// zeroMemory is three levels of a tree of conjunctions.
func zeroMemory(width, w int) int64 {
	half := (width + 1) / 2
	return pair(width*w) + 2*pair(half*w)
}

// convertMemory is the conversion of a plane of rows bits to words, and their hand-out.
func convertMemory(rows int) int64 {
	return 3*pair(rows) + 3*buffer(64*third(planeWords(rows)))
}

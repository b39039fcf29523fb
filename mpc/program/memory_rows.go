package program

// What the operators on whole rows take beside their operands and results, in words.

// columns is copies of registers as rows.
func (m memory) columns(regs []Reg) (words int64) {
	for _, r := range regs {
		words += pair(m.shapes[r].Rows)
	}
	return words
}

// shuffleMemory is two secret orders of n rows, one round of packed rows, and one column on
// its way.
func shuffleMemory(n, words int) int64 {
	return int64(n+1) + 2*buffer(words) + 2*buffer(n)
}

// knownMemory is a known order of n rows with its check, and a column moving by it.
func knownMemory(n int) int64 { return int64(n) + pair(n) }

// travelling is the words in which rows of registers travel.
func (m memory) travelling(regs []Reg) int { return (&meter{shapes: m.shapes}).rowWords(regs...) }

func (op Shuffle) memory(m memory) int64 {
	return m.columns(op.A) + shuffleMemory(m.shapes[op.A[0]].Rows, m.travelling(op.A))
}

func (op Scatter) memory(m memory) int64 {
	n := m.shapes[op.By].Rows
	return pair(n) + m.columns(op.A) + shuffleMemory(n, halfWords(n)+m.travelling(op.A)) + knownMemory(n)
}

func (op Gather) memory(m memory) int64 { return Scatter(op).memory(m) }

// memory of an Order is that of its first pass, in which rows are widest.
func (op Order) memory(m memory) int64 {
	n, width := m.shapes[op.Out].Rows, IndexWidth(m.shapes[op.Out].Rows)
	for _, k := range op.Keys {
		width += m.shapes[k.A].Width
	}
	words, w := (width+63)/64, planeWords(n)
	rows := int64(words) * pair(n)
	cut := pair(64*words*w) + buffer(n)
	digit := pair(2*w) + convertMemory(128*w)
	place := pair(128*w) + 5*pair(n)
	move := pair(128*w) + 3*pair(n) + shuffleMemory(n, halfWords(n)+words*n) + knownMemory(n)
	return rows + max(cut, digit, place, move)
}

// memory of a Merge is that of its last level.
func (op Merge) memory(m memory) int64 {
	n, width := m.shapes[op.Out].Rows, m.shapes[op.Out].Width
	for _, k := range op.Keys {
		width += m.shapes[k.A].Width
	}
	w := planeWords(n)
	parts := int64(0)
	for _, run := range op.Runs {
		parts += pair(width * planeWords(run))
	}
	exchanged := 0
	for _, level := range MergeLevels(op.Runs) {
		for stage := range level.Stages {
			words := 0
			for _, p := range level.Pairs {
				words += p.ExchangedWords(level.Distance(p, stage))
			}
			exchanged = max(exchanged, words)
		}
	}
	exchange := 4*pair(width*exchanged) + carryMemory(width, exchanged) + pair(exchanged) + pair(width*exchanged)
	return max(pair(width*w)+buffer(n)+parts, pair(width*w)+parts+max(exchange, buffer(w)))
}

func (op Starts) memory(m memory) int64 {
	width := 0
	for _, k := range op.Keys {
		width += m.shapes[k].Width
	}
	w := planeWords(m.shapes[op.Out].Rows)
	return 2*pair(width*w) + zeroMemory(width, w)
}

// lookup is the larger of the three parties' parts, and the common end. The store's solver
// and the search for double tags hold some words a row.
func (m memory) lookup(op Lookup) int64 {
	build, probe, fields := int64(op.BuildRows), int64(op.ProbeRows), len(op.BuildFields)
	slots, f := int64(storeSlots(op.BuildRows)), int64(1+fields)
	w := planeWords(op.ProbeRows)
	store := 2 + slots*f
	check := int64(op.Lambda * w)
	owner := store + build*(4+2*f+7) + 2*slots
	prober := probe*(2+2*f+3) + check
	helper := store + probe*(2+2*f+4) + check
	entered := 2*pair(op.Lambda*w) + pair(w) + int64(2*fields)*pair(op.ProbeRows)
	round := 2 * buffer((op.Lambda+1)*w+fields*op.ProbeRows)
	test := zeroMemory(op.Lambda, w) + 2*pair(w)
	return max(owner, prober, helper) + entered + max(round, test)
}

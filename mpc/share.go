package mpc

// share is this party's two components of a vector of words: own is component self,
// next is component self+1.
type share struct {
	secret
	own, next []uint64
}

// arith is a share over Z_2^64: value = Σ components mod 2^64.
type arith = share

// bits is a share of n Boolean rows of width bits each, bit-sliced: plane j holds bit
// j of all rows, 64 rows a word, and value = exclusive or of components. Planes follow
// one another in own and next. Rows beyond n in a plane's last word are padding and hold
// nothing private.
type bits struct {
	n, width int
	share
}

// planeWords is the number of words in which n one-bit rows fit.
func planeWords(n int) int { return (n + 63) / 64 }

// plane is a view of bit j of all rows.
func (b bits) plane(j int) bits {
	w := planeWords(b.n)
	return bits{n: b.n, width: 1, share: b.slice(j*w, (j+1)*w)}
}

// slice is a view of words from to to-1.
func (s share) slice(from, to int) share { return share{own: s.own[from:to], next: s.next[from:to]} }

// len is the number of words.
func (s share) len() int { return len(s.own) }

// take is an uninitialised share of n words.
func (p *Party) take(n int) share { return share{own: p.pool.take(n), next: p.pool.take(n)} }

// takeZero is a share of n zero words.
func (p *Party) takeZero(n int) share {
	s := p.take(n)
	clear(s.own)
	clear(s.next)
	return s
}

// give returns a share's buffers. Views must not be given.
func (p *Party) give(shares ...share) {
	for _, s := range shares {
		p.pool.give(s.own, s.next)
	}
}

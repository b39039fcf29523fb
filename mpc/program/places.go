package program

// orderKey is rows' keys as one or two numbers of equal width, the first most significant, which
// differ from row to row.
type orderKey []Reg

// maxOrderKey is the most bits of an orderKey.
const maxOrderKey = 128

// orderKey packs keys, and behind them the row's number, so that equal rows keep their order;
// ok is false where that is too wide.
func (d *draft) orderKey(keys []Key) (parts orderKey, ok bool) {
	n := d.rows(keys[0].A)
	row := d.reg(func(out Reg) Op { return IotaBits{N: n, Width: IndexWidth(n), Out: out} })
	all := append(append([]Key{}, keys...), Key{A: row})
	width := 0
	for _, k := range all {
		width += d.shapes[k.A].Width
	}
	pack := func(from, to int) Reg {
		return d.reg(func(out Reg) Op { return Pack{Keys: all, From: from, To: to, Out: out} })
	}
	if width <= 64 {
		return orderKey{pack(0, width)}, true
	}
	if width%2 == 1 {
		all = append(all, Key{A: d.flags(n, 0, 0)})
		width++
	}
	if width > maxOrderKey {
		return nil, false
	}
	return orderKey{pack(width/2, width), pack(0, width/2)}, true
}

// apply is the key with f applied to each number.
func (k orderKey) apply(f func(Reg) Reg) orderKey {
	out := make(orderKey, len(k))
	for i, r := range k {
		out[i] = f(r)
	}
	return out
}

// before is 1 where a comes before b. The comparisons of two numbers share their rounds: the
// lower ones decide where neither of the higher ones is less.
func (d *draft) before(a, b orderKey) Reg {
	less := func(a, b Reg) Reg { return d.reg(func(out Reg) Op { return Less{A: a, B: b, Out: out} }) }
	high := less(a[0], b[0])
	if len(a) == 1 {
		return high
	}
	other, low := less(b[0], a[0]), less(a[1], b[1])
	return d.xor(high, d.and(d.not(d.xor(high, other)), low))
}

// places is the positions, words, to which rows move so that each of some blocks of rows is in
// the order of their keys: row i belongs to block i mod blocks and stays in it, and rows i that
// are first in their blocks come first. All pairs of a block are compared, those of all
// blocks together, and a row's place in its block is how many come before it: for blocks of s
// rows (s−1)/2 comparisons and conversions a row, in as many rounds as one of each.
func (d *draft) places(key orderKey, blocks int) Reg {
	n := d.rows(key[0])
	if n == blocks {
		return d.iota(n)
	}
	pairs := func(from int) orderKey { // the earlier rows of all pairs, or the later ones
		return key.apply(func(r Reg) Reg {
			var parts []Reg
			for apart := blocks; apart < n; apart += blocks {
				parts = append(parts, d.slice(r, from*apart, n-apart+from*apart))
			}
			return d.concat(parts...)
		})
	}
	first := d.asWords(d.before(pairs(0), pairs(1))) // 1 where the earlier row comes first
	last := d.sub(d.constant(1, d.rows(first)), first)
	place, at := d.constant(0, n), 0
	for apart := blocks; apart < n; apart += blocks {
		end := at + n - apart
		none := d.constant(0, apart)
		place = d.add(place, d.concat(none, d.slice(first, at, end)))
		place = d.add(place, d.concat(d.slice(last, at, end), none))
		at = end
	}
	if blocks == 1 {
		return place
	}
	block := d.iota(blocks)
	all := make([]Reg, n/blocks)
	for i := range all {
		all[i] = block
	}
	return d.add(d.scale(place, uint64(blocks)), d.concat(all...))
}

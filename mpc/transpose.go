package mpc

// transpose64 transposes a 64×64 bit matrix in place: afterwards bit r of word c is what
// bit c of word r was (Warren, Hacker's Delight, §7-3).
func transpose64(m *[64]uint64) {
	mask := uint64(0x00000000ffffffff)
	for j := 32; j != 0; j, mask = j>>1, mask^mask<<(j>>1) {
		for k := 0; k < 64; k = (k + j + 1) &^ j {
			t := (m[k]>>j ^ m[k|j]) & mask
			m[k] ^= t << j
			m[k|j] ^= t
		}
	}
}

// lineBlocks blocks are transposed together, so that planes are written a cache line at a time.
const lineBlocks = 8

// slicePlanes writes the low width bits of rows into bit planes of stride words: plane j
// begins at dst[j·stride]. Rows are padded with zeros to a multiple of 64.
func slicePlanes(dst []uint64, stride, width int, rows []uint64) {
	var blocks [lineBlocks][64]uint64
	for w := 0; w*64 < len(rows); w += lineBlocks {
		line := min(lineBlocks, planeWords(len(rows))-w)
		for b := range line {
			m := &blocks[b]
			clear(m[copy(m[:], rows[(w+b)*64:min((w+b+1)*64, len(rows))]):])
			transpose64(m)
		}
		for j := range width {
			out := dst[j*stride+w : j*stride+w+line]
			for b := range out {
				out[b] = blocks[b][j]
			}
		}
	}
}

// unslicePlanes is the inverse of slicePlanes: rows get the low width bits from planes.
func unslicePlanes(rows []uint64, planes []uint64, stride, width int) {
	var m [64]uint64
	for w := 0; w*64 < len(rows); w++ {
		clear(m[width:])
		for j := range width {
			m[j] = planes[j*stride+w]
		}
		transpose64(&m)
		copy(rows[w*64:], m[:])
	}
}

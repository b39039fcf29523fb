package mpc

import (
	"errors"
	"io"

	"github.com/c2dproxy/c2dproxy/mpc/internal/okvs"
)

// errDuplicateKey reports a task with two rows of one key. The planner promises unique
// keys on both sides, so this is no channel of data; unnoticed, equal tags would show the
// third party which rows are equal.
var errDuplicateKey = errors.New("mpc: a lookup's task has a join key twice")

// sealed returns the tags and the stored values of the build rows that have a key: per row
// the check word, which is the mask itself, and for each field mask + field mod 2^64.
// Without the mask, which only the key owners can compute, a value is uniform.
func sealed(f keyed, keys [][]byte, fields [][]uint64) (tags, values []uint64) {
	width := 1 + len(fields)
	tags, values = make([]uint64, 0, 2*len(keys)), make([]uint64, 0, width*len(keys))
	for row, key := range keys {
		if key == nil {
			continue // NULL matches nothing (RULES 10)
		}
		n := len(tags) / 2
		tags, values = tags[:2*n+2], values[:width*(n+1)]
		value := values[width*n:]
		f.derive(key, tags[2*n:], value)
		for j, field := range fields {
			value[1+j] += field[row]
		}
	}
	return tags, values
}

// padded appends pairs of a random tag and random values up to rows pairs. Nobody looks them up;
// with them the store is encoded from the declared number of pairs whatever the data, so that the
// time until it arrives does not count the rows that have a key.
func padded(tags, values []uint64, rows, width int, fresh func([]uint64)) (paddedTags, paddedValues []uint64) {
	n := len(tags) / 2
	paddedTags, paddedValues = make([]uint64, 2*rows), make([]uint64, width*rows)
	fresh(paddedTags[copy(paddedTags, tags[:2*n]):])
	fresh(paddedValues[copy(paddedValues, values[:width*n]):])
	return paddedTags, paddedValues
}

// store encodes sealed rows. Where their equations are dependent the store is uniformly
// random, and is sent like any other: singular says so to the build owner alone.
func store(e okvs.Equations, values []uint64, width int, free io.Reader, into []uint64) (singular bool, err error) {
	err = e.Encode(values, width, free, into)
	if errors.Is(err, okvs.ErrSingular) {
		return true, nil
	}
	return false, err
}

// probes is the probe owner's side of a lookup.
type probes struct {
	concealed
	tags  []uint64 // two words a row, for the third party
	masks []uint64 // width words a row
	valid []uint64 // a bit plane: 1 where the row has a key
}

// probe returns what the probe owner enters for rows rows: tag and mask of its key where
// a row has one, and fresh uniform ones where it has none, so that the third party
// cannot tell which rows are real.
func probe(f keyed, keys [][]byte, rows, width int, fresh func([]uint64)) probes {
	p := probes{
		tags:  make([]uint64, 2*rows),
		masks: make([]uint64, width*rows),
		valid: make([]uint64, planeWords(rows)),
	}
	for row := range rows {
		tag, mask := p.tags[2*row:2*row+2], p.masks[row*width:(row+1)*width]
		if row < len(keys) && keys[row] != nil {
			f.derive(keys[row], tag, mask)
			p.valid[row/64] |= 1 << (row % 64)
		} else {
			fresh(tag)
			fresh(mask)
		}
	}
	return p
}

// distinct says whether no two of the tags (two words each, pseudo-random) are equal.
func distinct(tags []uint64) bool {
	size := 1
	for size < len(tags) {
		size *= 2
	}
	table := make([]uint32, size) // row + 1; 0 is free
	for row := range len(tags) / 2 {
		at := int(tags[2*row]) & (size - 1)
		for ; table[at] != 0; at = (at + 1) & (size - 1) {
			if other := 2 * int(table[at]-1); tags[other] == tags[2*row] && tags[other+1] == tags[2*row+1] {
				return false
			}
		}
		table[at] = uint32(row + 1)
	}
	return true
}

// columns splits row-major values into the bit planes of their first word, lambda of them,
// and one vector for each further word.
func columns(values []uint64, width, lambda int) (check []uint64, payload [][]uint64) {
	rows := len(values) / width
	column := func(j int) []uint64 {
		c := make([]uint64, rows)
		for i := range c {
			c[i] = values[i*width+j]
		}
		return c
	}
	w := planeWords(rows)
	check = make([]uint64, lambda*w)
	slicePlanes(check, w, lambda, column(0))
	for j := 1; j < width; j++ {
		payload = append(payload, column(j))
	}
	return check, payload
}

package dp

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Sample returns one draw of the variable that bits describe (see [Laplace.Bits]), in the
// clear: the difference of two geometric variables. It is the specification of the protocol's
// noise, for interpreters and tests; no party of a study calls it on data.
//
// It reads 2·len(bits) words, little endian, from r: the digits of the first variable from the
// lowest, then those of the second.
func Sample(bits []uint64, r io.Reader) (int64, error) {
	if len(bits) == 0 || len(bits) > maxBits {
		return 0, ErrLaplace
	}
	first, err := geometric(bits, r)
	if err != nil {
		return 0, err
	}
	second, err := geometric(bits, r)
	if err != nil {
		return 0, err
	}
	return first - second, nil
}

// geometric returns one geometric variable: digit i is 1 where a random word is less than
// bits[i].
func geometric(bits []uint64, r io.Reader) (int64, error) {
	var value int64
	var word [8]byte
	for i, threshold := range bits {
		if _, err := io.ReadFull(r, word[:]); err != nil {
			return 0, fmt.Errorf("dp: reading randomness: %w", err)
		}
		if binary.LittleEndian.Uint64(word[:]) < threshold {
			value |= 1 << i
		}
	}
	return value, nil
}

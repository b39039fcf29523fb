// Package okvs is an oblivious key-value store: it encodes pairs (tag, value) into
// an array of slots such that a linear function of the slots, chosen by the tag
// alone, gives the value back, and such that the array is uniformly random
// whenever the values are. The private lookup of package mpc sends one to a party
// that must not learn which keys are in it (RULES 8).
//
// A tag is 128 bits, two words; a value is a row of width words; linear means XOR.
// A tag's equation has one slot in each of three sparse parts of Bins slots and a
// random subset of Dense further slots. Which ones is AES under the store's public
// seed, applied to the tag.
//
// # Contract
//
//   - The size depends on the declared bound only, never on the number of pairs.
//   - Encode solves the equations of the pairs and draws every slot that they leave
//     free from the reader it is given. The solutions are uniform among all, so
//     that for uniform values the array is uniform and independent of the tags.
//   - The seed is drawn by the caller before it uses a key and is never redrawn: the
//     receiver holds tags and seed, and a seed accepted only because the keys could
//     be encoded tells it about subsets of the keys. Where the equations are dependent,
//     Encode fills the array with uniform words and returns [ErrSingular]; the caller
//     sends the array all the same.
//   - Distinct pairs have distinct tags. Equal tags make the equations dependent.
//
// Nothing here hides anything from a party that can compute tags, and nothing runs
// in constant time: the tags are pseudo-random and known to whoever encodes or decodes.
//
// # Parameters and failure
//
// The layout is that of PaXoS and its successors: Garimella, Pinkas, Rosulek, Trieu,
// Yanai, "Oblivious Key-Value Stores and Amplification for Private Set Intersection",
// CRYPTO 2021 (3-hash garbled cuckoo tables), and Raghuraman, Rindal, "Blazing Fast
// PSI from Improved OKVS and Subfield VOLE", CCS 2022 (three sparse positions and a
// dense part, triangulation). Both find their parameters by extrapolating experiments
// on the size of the 2-core. We deviate in three points and get a bound that is proved
// instead (for uniform equations, that is up to AES as a pseudo-random permutation):
//
//   - Each of the three positions has its own part of the sparse slots, 1.3·bound in all.
//   - What peeling leaves, the 2-core, is solved by elimination together with all dense
//     slots, whatever its size; so encoding fails only when the equations are dependent.
//   - 40 + ⌈log2 bound⌉ dense slots.
//
// A set of s equations sums to zero on its sparse slots with probability q(s)³, where
// q(s) is the chance that s balls in Bins bins leave every bin even, and on the dense slots
// with probability 2^-Dense. By the union bound encoding fails with probability at most
//
//	2^-Dense · Σ_s C(n,s)·q(s)³.
//
// TestFailureBound evaluates the sum: it stays below 1 for every bound that uses the sparse
// parts, and failure between 2^-47 (33 pairs) and 2^-66 (2^17 pairs). 1.3 lies well above
// the threshold at which random sparse equations become dependent without any dense slot,
// 1/0.917 = 1.09. TestFailureRate observes failures where there are few dense slots and
// finds the bound tight: nothing is extrapolated but that one more dense slot halves it,
// which is exact.
//
// 1.3 lies above the peeling threshold 1.222 too, which decides about time and not about
// failure: a 2-core of a tenth of the pairs was left in 40 % of the stores of 64, in 3 % of those
// of 512, in 0.05 % of those of 1,000, and in none of 2,000 and more, so that elimination,
// which is cubic, stays small.
//
// Up to [allDense] pairs there are no sparse parts and bound + 40 dense slots:
// n random rows of n + 40 bits are dependent with probability below 2^-40.
package okvs

import (
	"errors"
	"fmt"
	"math/bits"
)

// statistical is the security parameter: encoding fails with probability at most 2^-40.
const statistical = 40

// allDense is the largest bound for which a store has only dense slots. Measured: at 64 pairs
// decoding a tag takes 190 ns all dense and 150 ns with sparse parts; at 32 they are even.
const allDense = 32

// maxBound keeps slot numbers well inside 32 bits.
const maxBound = 1 << 28

// ErrSingular says that the equations of the pairs are dependent, so that no store
// holds them all; the store was filled with uniformly random words.
var ErrSingular = errors.New("okvs: equations are dependent")

// Seed is the public key of the position function.
type Seed [16]byte

// Shape is the public geometry of a store.
type Shape struct {
	Bins  int // slots of each of the three sparse parts; 0: there are none
	Dense int // dense slots, which come after the sparse ones
}

// ShapeFor returns the geometry for at most bound pairs.
func ShapeFor(bound int) (Shape, error) {
	switch {
	case bound < 0 || bound > maxBound:
		return Shape{}, fmt.Errorf("okvs: bound %d is not in 0 to %d", bound, maxBound)
	case bound <= allDense:
		return Shape{Dense: bound + statistical}, nil
	default:
		return Shape{Bins: (13*bound + 29) / 30, Dense: statistical + bits.Len(uint(bound-1))}, nil
	}
}

// Slots returns the number of slots of a store.
func (s Shape) Slots() int { return 3*s.Bins + s.Dense }

// denseWords returns the number of words that hold one bit for each dense slot.
func (s Shape) denseWords() int { return (s.Dense + 63) / 64 }

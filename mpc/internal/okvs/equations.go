package okvs

import (
	"crypto/aes"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// Equations says, for a list of tags, which slots XOR to each one's value.
type Equations struct {
	Shape  Shape
	Rows   int
	Sparse []uint32 // three slots a row, one in each sparse part; empty without sparse parts
	Dense  []uint64 // ⌈Shape.Dense/64⌉ words a row, bit i for dense slot i
}

// Hash returns the equations of tags (two words a tag) under a seed. Every bit is a bit of
// AES_seed(tag ⊕ counter): for random tags the inputs are distinct, so the equations
// are uniform and independent as long as AES is a pseudo-random permutation. Reducing
// a 64-bit word to a slot is uneven by less than 2^-36, which the margin of Shape covers.
func Hash(shape Shape, seed Seed, tags []uint64) (Equations, error) {
	if len(tags)%2 != 0 {
		return Equations{}, fmt.Errorf("okvs: %d words are not whole tags", len(tags))
	}
	block, err := aes.NewCipher(seed[:])
	if err != nil {
		return Equations{}, fmt.Errorf("okvs: %w", err)
	}
	rows, sparse, dense := len(tags)/2, 0, shape.denseWords()
	if shape.Bins > 0 {
		sparse = 3
	}
	e := Equations{
		Shape:  shape,
		Rows:   rows,
		Sparse: make([]uint32, sparse*rows),
		Dense:  make([]uint64, dense*rows),
	}
	last := ^uint64(0) >> (uint(64*dense-shape.Dense) % 64)
	words := make([]uint64, (sparse+dense+1)&^1)
	var buf [16]byte
	for r := range rows {
		for k := 0; k < len(words); k += 2 {
			binary.LittleEndian.PutUint64(buf[:8], tags[2*r]^uint64(k/2))
			binary.LittleEndian.PutUint64(buf[8:], tags[2*r+1])
			block.Encrypt(buf[:], buf[:])
			words[k] = binary.LittleEndian.Uint64(buf[:8])
			words[k+1] = binary.LittleEndian.Uint64(buf[8:])
		}
		for k := range sparse {
			slot, _ := bits.Mul64(words[k], uint64(shape.Bins))
			e.Sparse[3*r+k] = uint32(k*shape.Bins) + uint32(slot)
		}
		row := e.Dense[dense*r : dense*(r+1)]
		copy(row, words[sparse:])
		if dense > 0 {
			row[dense-1] &= last
		}
	}
	return e, nil
}

// Decode writes each row's value, width words, to out: the XOR of the row's slots of store.
func (e Equations) Decode(store []uint64, width int, out []uint64) error {
	if err := e.check(store, width, out); err != nil {
		return err
	}
	table := newDenseTable(e.Shape, store, width)
	clear(out)
	for r := range e.Rows {
		v := out[r*width : (r+1)*width]
		if e.Shape.Bins > 0 {
			s := e.Sparse[3*r : 3*r+3]
			xorThree(v, store[int(s[0])*width:], store[int(s[1])*width:], store[int(s[2])*width:])
		}
		table.xor(v, e.denseRow(r))
	}
	return nil
}

// denseRow returns the dense bits of row r.
func (e Equations) denseRow(r int) []uint64 {
	n := e.Shape.denseWords()
	return e.Dense[r*n : (r+1)*n]
}

// check refuses arrays whose lengths do not fit the shape and the rows.
func (e Equations) check(store []uint64, width int, values []uint64) error {
	if width < 1 || len(store) != e.Shape.Slots()*width || len(values) != e.Rows*width {
		return fmt.Errorf("okvs: %d slots and %d rows of %d words do not fit stores of %d and values of %d words",
			e.Shape.Slots(), e.Rows, width, len(store), len(values))
	}
	return nil
}

// xorThree adds the first words of three slots to v.
func xorThree(v, a, b, c []uint64) {
	a, b, c = a[:len(v)], b[:len(v)], c[:len(v)]
	for j := range v {
		v[j] ^= a[j] ^ b[j] ^ c[j]
	}
}

// xorInto adds a slot of len(v) words to v.
func xorInto(v, slot []uint64) {
	slot = slot[:len(v)]
	for j := range v {
		v[j] ^= slot[j]
	}
}

package mpc

import (
	"context"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// noiseBlock is one bit position of all geometric variables of one instruction: rows
// 0 to N-1 for the ones added, N to 2N-1 for the ones subtracted. Blocks begin at a word.
type noiseBlock struct {
	threshold uint64 // the bit is [u < threshold], u 64 uniform bits
	rows      int
	first     int // its first word in a plane
}

// sampleNoise draws the noise of all given instructions in one batch of eight rounds.
//
// A geometric variable's bits are independent Bernoulli variables (RULES 16). Bit b is
// [u < threshold], where the 64 bits of u are drawn as shares from the pairs' streams
// without a message, so that no party ever knows u; the comparison with a public constant is
// a prefix circuit; the bits become words, and a draw is Σ 2^i (b_i − b'_i), linear.
func (p *Party) sampleNoise(ctx context.Context, ops []program.Noise) ([]arith, error) {
	var blocks []noiseBlock
	words := 0
	for _, op := range ops {
		for _, threshold := range op.Bits {
			blocks = append(blocks, noiseBlock{threshold, 2 * op.N, words})
			words += planeWords(2 * op.N)
		}
	}
	below, err := p.belowThresholds(ctx, blocks, words)
	if err != nil {
		return nil, err
	}
	coins, err := p.bitToArith(ctx, bits{n: 64 * words, width: 1, share: below})
	if err != nil {
		return nil, err
	}
	out := make([]arith, len(ops))
	for i, op := range ops {
		out[i] = p.takeZero(op.N)
		for bit := range op.Bits {
			b := coins.slice(64*blocks[0].first, 64*blocks[0].first+blocks[0].rows)
			blocks = blocks[1:]
			for r := range op.N {
				out[i].own[r] += (b.own[r] - b.own[op.N+r]) << bit
				out[i].next[r] += (b.next[r] - b.next[op.N+r]) << bit
			}
		}
	}
	p.give(below, coins)
	return out, nil
}

// belowThresholds draws 64 uniform bits for each row of the blocks, words words of rows in
// all, and returns the plane of bits [u < threshold]. Six rounds, 120 ANDs a row.
func (p *Party) belowThresholds(ctx context.Context, blocks []noiseBlock, words int) (share, error) {
	runs := make([]bounded, len(blocks))
	for i, b := range blocks {
		runs[i] = bounded{b.threshold, b.first}
	}
	u := p.randomBits(64*words, 64)
	return p.lessThan(ctx, u.share, 64, runs, words)
}

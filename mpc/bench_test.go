package mpc

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// benchSeeds are the same for everybody: benchmarks have no secrets.
type benchSeeds struct{ self int }

func (s benchSeeds) Seed(peer int, purpose string) ([32]byte, error) {
	return sha256.Sum256(fmt.Append(nil, min(s.self, peer), max(s.self, peer), purpose)), nil
}

// benchmark runs f at three parties on shares of n pseudo-random rows, all three on the
// cores of this machine, with messages copied through channels. It reports rows per second,
// the mean of the bytes that a party sends, and rounds.
func benchmark(b *testing.B, n int, f func(ctx context.Context, p *Party, x, y arith) error) {
	var parties [3]*Party
	var x, y [3]arith
	links := tinyLinks()
	for self := range parties {
		p, err := newParty(&tinyEnd{self: self, links: links}, benchSeeds{self}, nil)
		if err != nil {
			b.Fatal(err)
		}
		parties[self] = p
		for _, s := range []*arith{&x[self], &y[self]} {
			*s = p.take(n)
			p.noise.prev.fill(s.own)
			p.noise.next.fill(s.next)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		var wait sync.WaitGroup
		for self, p := range parties {
			p.stats = Stats{}
			wait.Go(func() {
				if err := f(b.Context(), p, x[self], y[self]); err != nil {
					b.Error(err)
				}
			})
		}
		wait.Wait()
	}
	var words int64
	for _, p := range parties {
		words += p.stats.WordsSent
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(8*float64(words)/3/float64(n), "bytes/row/party")
	b.ReportMetric(float64(parties[0].stats.Rounds), "rounds")
}

const benchRows = 1 << 20

func BenchmarkMul(b *testing.B) {
	benchmark(b, benchRows, func(ctx context.Context, p *Party, x, y arith) error {
		z, err := p.multiply(ctx, []factors{{x, y}})
		p.give(z)
		return err
	})
}

func BenchmarkDot(b *testing.B) {
	benchmark(b, benchRows, func(ctx context.Context, p *Party, x, y arith) error {
		z, err := p.products(ctx, nil, []factors{{x, y}})
		p.give(z)
		return err
	})
}

// BenchmarkEqual tests 64-bit rows for zero: 2^20 rows are 2^20 words of planes.
func BenchmarkEqual(b *testing.B) {
	benchmark(b, benchRows, func(ctx context.Context, p *Party, x, _ arith) error {
		z, err := p.isZero(ctx, bits{n: benchRows, width: 64, share: x})
		p.give(z.share)
		return err
	})
}

func BenchmarkGreaterEqual(b *testing.B) {
	benchmark(b, benchRows, func(ctx context.Context, p *Party, x, _ arith) error {
		z, err := p.nonNegative(ctx, x)
		p.give(z.share)
		return err
	})
}

func BenchmarkBitToArith(b *testing.B) {
	benchmark(b, benchRows, func(ctx context.Context, p *Party, x, _ arith) error {
		z, err := p.bitToArith(ctx, bits{n: benchRows, width: 1, share: x.slice(0, benchRows/64)})
		p.give(z)
		return err
	})
}

// BenchmarkNoise draws what 1,000 groups of three aggregates need at ε = 1.
func BenchmarkNoise(b *testing.B) {
	op := program.Noise{N: 3000, Bits: make([]uint64, 6)}
	for i := range op.Bits {
		a := math.Exp(-math.Exp2(float64(i)))
		op.Bits[i] = uint64(math.Exp2(64) * (a / (1 + a)))
	}
	benchmark(b, op.N, func(ctx context.Context, p *Party, _, _ arith) error {
		out, err := p.sampleNoise(ctx, []program.Noise{op})
		p.give(out...)
		return err
	})
}

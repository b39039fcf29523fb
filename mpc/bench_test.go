package mpc

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// Names and metrics of the benchmarks are stable, so that runs can be compared over time:
// sentB/row is the mean of the bytes that a party sends, rounds those of one operation,
// peakMB the resident memory of all three parties together at its highest.

// benchSeeds are the same for everybody: benchmarks have no secrets.
type benchSeeds struct{ self int }

func (s benchSeeds) Seed(peer int, purpose string) ([32]byte, error) {
	return sha256.Sum256(fmt.Append(nil, min(s.self, peer), max(s.self, peer), purpose)), nil
}

// benchmark runs f at three parties on shares of n pseudo-random rows, all three on the
// cores of this machine, with messages copied through channels.
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
	ResetPeak()
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
	ReportPeak(b)
	var words int64
	for _, p := range parties {
		words += p.stats.WordsSent
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(8*float64(words)/3/float64(n), "sentB/row")
	b.ReportMetric(float64(parties[0].stats.Rounds), "rounds")
}

// ResetPeak starts the measurement of resident memory anew, where the kernel can.
func ResetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// ReportPeak reports the highest resident memory since ResetPeak, where the kernel says.
func ReportPeak(b *testing.B) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			if kb, err := strconv.ParseFloat(fields[1], 64); err == nil {
				b.ReportMetric(kb/1024, "peakMB")
			}
		}
	}
}

// sizes runs f as sub-benchmarks named by their rows.
func sizes(b *testing.B, prefix string, rows []int, f func(b *testing.B, n int)) {
	for _, n := range rows {
		b.Run(fmt.Sprintf("%srows=%d", prefix, n), func(b *testing.B) { f(b, n) })
	}
}

// elementwise are the sizes of linear operators: the largest is the one that has a target.
var elementwise = []int{1 << 14, 1 << 17, 1 << 20}

func BenchmarkMul(b *testing.B) {
	sizes(b, "bits=64/", elementwise, func(b *testing.B, n int) {
		benchmark(b, n, func(ctx context.Context, p *Party, x, y arith) error {
			z, err := p.multiply(ctx, []factors{{x, y}})
			p.give(z)
			return err
		})
	})
}

func BenchmarkDot(b *testing.B) {
	sizes(b, "bits=64/", elementwise, func(b *testing.B, n int) {
		benchmark(b, n, func(ctx context.Context, p *Party, x, y arith) error {
			z, err := p.products(ctx, nil, []factors{{x, y}})
			p.give(z)
			return err
		})
	})
}

// BenchmarkEqual compares 64-bit rows: n rows are n words of planes.
func BenchmarkEqual(b *testing.B) {
	sizes(b, "bits=64/", elementwise, func(b *testing.B, n int) {
		benchmark(b, n, func(ctx context.Context, p *Party, x, y arith) error {
			d := p.copyOf(x)
			xorInto(d, y)
			z, err := p.isZero(ctx, bits{n: n, width: 64, share: d})
			p.give(d, z.share)
			return err
		})
	})
}

// BenchmarkGreaterEqual compares words with a constant.
func BenchmarkGreaterEqual(b *testing.B) {
	sizes(b, "bits=64/", elementwise, func(b *testing.B, n int) {
		benchmark(b, n, func(ctx context.Context, p *Party, x, _ arith) error {
			z, err := p.nonNegative(ctx, x)
			p.give(z.share)
			return err
		})
	})
}

func BenchmarkBitToArith(b *testing.B) {
	sizes(b, "", elementwise, func(b *testing.B, n int) {
		benchmark(b, n, func(ctx context.Context, p *Party, x, _ arith) error {
			z, err := p.bitToArith(ctx, bits{n: n, width: 1, share: x.slice(0, n/64)})
			p.give(z)
			return err
		})
	})
}

// BenchmarkNoise draws what 1,000 groups of three aggregates need at ε = 1.
func BenchmarkNoise(b *testing.B) {
	op := program.Noise{N: 3000, Bits: make([]uint64, 6)}
	for i := range op.Bits {
		a := math.Exp(-math.Exp2(float64(i)))
		op.Bits[i] = uint64(math.Exp2(64) * (a / (1 + a)))
	}
	b.Run("groups=1000/aggregates=3", func(b *testing.B) {
		benchmark(b, op.N, func(ctx context.Context, p *Party, _, _ arith) error {
			out, err := p.sampleNoise(ctx, []program.Noise{op})
			p.give(out...)
			return err
		})
	})
}

func BenchmarkLess(b *testing.B) {
	for _, width := range []int{32, 64} {
		sizes(b, fmt.Sprintf("bits=%d/", width), elementwise, func(b *testing.B, n int) {
			benchmark(b, n, func(ctx context.Context, p *Party, x, y arith) error {
				words := width * n / 64
				z, err := p.less(ctx, bits{n: n, width: width, share: x.slice(0, words)}, bits{n: n, width: width, share: y.slice(0, words)}, nil)
				p.give(z.share)
				return err
			})
		})
	}
}

func BenchmarkToBits(b *testing.B) {
	sizes(b, "bits=64/", elementwise, func(b *testing.B, n int) {
		benchmark(b, n, func(ctx context.Context, p *Party, x, _ arith) error {
			z, err := p.toBits(ctx, x, 64)
			p.give(z.share)
			return err
		})
	})
}

func BenchmarkToArith(b *testing.B) {
	sizes(b, "bits=64/", elementwise, func(b *testing.B, n int) {
		benchmark(b, n, func(ctx context.Context, p *Party, x, _ arith) error {
			z, err := p.toArith(ctx, bits{n: n, width: 64, share: x})
			p.give(z)
			return err
		})
	})
}

// BenchmarkShuffle puts one column of words into a secret order.
func BenchmarkShuffle(b *testing.B) {
	sizes(b, "bits=64/", []int{1 << 14, 1 << 16, 1 << 18, 1 << 20}, func(b *testing.B, n int) {
		benchmark(b, n, func(ctx context.Context, p *Party, x, _ arith) error {
			s, err := p.newShuffle(n)
			if err != nil {
				return err
			}
			return p.apply(ctx, s, []column{{share: x}})
		})
	})
}

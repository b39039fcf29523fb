package okvs

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkEncodeDecode measures 131,072 pairs and the sizes around the change from
// dense to sparse shapes.
func BenchmarkEncodeDecode(b *testing.B) {
	for _, n := range []int{32, 33, 64, 1024, 131072} {
		for _, width := range []int{2, 6} {
			shape, err := ShapeFor(n)
			if err != nil {
				b.Fatal(err)
			}
			source := rand.NewChaCha8([32]byte{1})
			tags, values := words(source, 2*n), words(source, width*n)
			store, out := make([]uint64, shape.Slots()*width), make([]uint64, n*width)
			b.Run(fmt.Sprintf("encode/n=%d/width=%d", n, width), func(b *testing.B) {
				for b.Loop() {
					e, _ := Hash(shape, Seed{1}, tags)
					if err := e.Encode(values, width, source, store); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/pair")
			})
			b.Run(fmt.Sprintf("decode/n=%d/width=%d", n, width), func(b *testing.B) {
				for b.Loop() {
					e, _ := Hash(shape, Seed{1}, tags)
					if err := e.Decode(store, width, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/tag")
			})
		}
	}
}

// words returns n random words.
func words(source *rand.ChaCha8, n int) []uint64 {
	w := make([]uint64, n)
	for i := range w {
		w[i] = source.Uint64()
	}
	return w
}

package shadow_test

import (
	"testing"
	"time"
)

// BenchmarkCall is one call of c2d.run with two rows, connection to the gateway included.
func BenchmarkCall(b *testing.B) {
	conn := connect(b)
	for b.Loop() {
		if _, err := conn.Exec(b.Context(), "SELECT r FROM c2d.run('rows', NULL) r"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCallRows is one call that answers 20,000 rows.
func BenchmarkCallRows(b *testing.B) {
	conn := connect(b)
	began, n := time.Now(), 0
	for b.Loop() {
		if _, err := conn.Exec(b.Context(), "SELECT count(*) FROM c2d.run('many', NULL) r"); err != nil {
			b.Fatal(err)
		}
		n += 20000
	}
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "rows/s")
}

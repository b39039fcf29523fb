package mpc

import (
	"sync"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// TestMatchNeedsValidity: a row without a key matches nobody even where the two halves of its check word are equal, which
// real ones are with probability 2^-λ only (RULES 10). The parties' own code runs, on halves that are equal in each row.
func TestMatchNeedsValidity(t *testing.T) {
	t.Parallel()
	const rows, lambda = 70, 64
	w := planeWords(rows)
	check, valid := make([]uint64, lambda*w), make([]uint64, w)
	for i := range check {
		check[i] = uint64(i) * 0x9e3779b97f4a7c15
	}
	for row := 0; row < rows; row += 3 {
		valid[row/64] |= 1 << (row % 64)
	}
	halves := [3]lookupHalf{1: {check: check, valid: valid}, 2: {check: append([]uint64{}, check...)}}
	l := program.Lookup{Node: "n", Build: 0, Probe: 1, Third: 2, BuildRows: rows, ProbeRows: rows, Lambda: lambda}
	links := tinyLinks()
	var result [3]found
	var wait sync.WaitGroup
	for self := range result {
		p, err := newParty(&tinyEnd{self: self, links: links}, benchSeeds{self}, nil)
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			var err error
			if result[self], err = p.join(t.Context(), l, halves[self]); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if t.Failed() {
		return
	}
	for row := range rows {
		match := uint64(0)
		for _, r := range result {
			match ^= r.match.share.own[row/64] >> (row % 64) & 1
		}
		if want := valid[row/64] >> (row % 64) & 1; match != want {
			t.Errorf("row %d, valid %d: match %d", row, want, match)
		}
	}
}

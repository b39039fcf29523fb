package mpc

import (
	"context"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// bounded is a run of plane words in which rows are compared with one public bound; it goes to
// where the next one begins.
type bounded struct {
	bound uint64
	first int
}

// randomBits is rows of bits that nobody knows: see program.RandomBits.
func (p *Party) randomBits(n, width int) bits {
	b := bits{n: n, width: width, share: p.take(width * planeWords(n))}
	p.noise.prev.fill(b.own)
	p.noise.next.fill(b.next)
	return b
}

// lessThan returns the plane of bits [u < bound] of rows of width bits, planes of words words;
// u is spent. Gates and rounds are those of a fold of width groups.
//
// At bit i the constant's bit c gives G = c ∧ ¬u and P = ¬(u ⊕ c), both linear in u; the
// comparison is the fold of the groups, the most significant highest.
func (p *Party) lessThan(ctx context.Context, u share, width int, runs []bounded, words int) (share, error) {
	lower := p.takeZero(width * words)
	for i := range width {
		for k, r := range runs {
			end := words
			if k+1 < len(runs) {
				end = runs[k+1].first
			}
			eq := u.slice(i*words+r.first, i*words+end)
			if r.bound>>i&1 == 1 {
				lt := lower.slice(i*words+r.first, i*words+end)
				xorInto(lt, eq)
				p.xorPublic(lt, ^uint64(0)) // ¬u; P is u itself
			} else {
				p.xorPublic(eq, ^uint64(0)) // G is 0; P is ¬u
			}
		}
	}
	s := spans{give: make([]share, width), pass: make([]share, width)}
	for i := range width {
		s.give[i] = lower.slice(i*words, (i+1)*words)
		s.pass[i] = u.slice(i*words, (i+1)*words)
	}
	top, err := p.fold(ctx, s)
	if err != nil {
		return share{}, err
	}
	out := p.copyOf(top)
	if width > 1 {
		p.give(top)
	}
	p.give(u, lower)
	return out, nil
}

// below runs comparisons with public bounds of one width as one long vector.
func (e *execution) below(ctx context.Context, b program.Batch) error {
	words := 0
	for _, op := range b.Ops {
		op, ok := op.(program.Below)
		if !ok {
			return unexpected(op)
		}
		words += len(op.Bounds) * planeWords(e.bits(op.A).n)
	}
	u := bits{n: 64 * words, width: b.Width, share: e.p.take(b.Width * words)}
	var runs []bounded
	at := 0
	for _, op := range b.Ops {
		op := op.(program.Below)
		a := e.bits(op.A)
		for _, bound := range op.Bounds {
			for j := range b.Width {
				copy(u.plane(j).own[at:], a.plane(j).own)
				copy(u.plane(j).next[at:], a.plane(j).next)
			}
			runs = append(runs, bounded{bound, at})
			at += planeWords(a.n)
		}
	}
	z, err := e.p.lessThan(ctx, u.share, b.Width, runs, words)
	if err != nil {
		return err
	}
	at = 0
	for _, op := range b.Ops {
		for _, r := range op.(program.Below).Out {
			n := e.shapes[r].Rows
			e.setBits(r, bits{n: n, width: 1, share: e.p.copyOf(z.slice(at, at+planeWords(n)))})
			at += planeWords(n)
		}
	}
	e.p.give(z)
	return nil
}

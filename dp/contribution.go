package dp

import (
	"errors"
	"math"
	"math/bits"
)

// ErrSensitivity says that a sensitivity is not positive or does not fit in 62 bits, beyond
// which noisy sums would wrap around.
var ErrSensitivity = errors.New("dp: sensitivity is out of range")

// maxSensitivity keeps a sensitivity two bits below the ring's sign.
const maxSensitivity = math.MaxInt64 >> 1

// Contribution bounds what one unit can add to one query. The zero value is no bound at all,
// and every method refuses it.
type Contribution struct {
	Partitions   int   // n: owners that one unit may be at; 1 for one table or disjoint units
	Groups       int64 // C0: groups that it may be in, at each owner
	RowsPerGroup int64 // C∞: its rows in one group, at each owner
	Rows         int64 // its rows in all groups of all owners together; 0: no tighter bound than n·C0·C∞
}

// Within returns the bounds for a query whose declared groups are domain many: a unit is in no
// more groups than there are. Without GROUP BY the domain is 1.
func (c Contribution) Within(domain int64) Contribution {
	c.Groups = min(c.Groups, domain)
	return c
}

// Distinct returns the bounds for COUNT(DISTINCT unit): one row a group.
func (c Contribution) Distinct() Contribution {
	return Contribution{Partitions: c.Partitions, Groups: c.Groups, RowsPerGroup: 1, Rows: c.Rows}
}

// L1 returns the L1 sensitivity, over all groups, of a sum of values of magnitude at most
// maxAbs: n·C0·C∞·maxAbs (RULES 14), or Rows·maxAbs where that is less, since each row changes
// one group only. A count has maxAbs 1. It is in the unit of maxAbs: lattice steps. With maxAbs
// 0 the sum is constant, and the result is 1: no mechanism has sensitivity 0.
func (c Contribution) L1(maxAbs int64) (int64, error) {
	rows, err := c.rows()
	if err != nil || maxAbs < 0 {
		return 0, ErrSensitivity
	}
	return product(rows, max(maxAbs, 1))
}

// Cells returns how many of a vector's cells, domain many, one unit can change: J of RULES 16.
func (c Contribution) Cells(domain int64) (int64, error) {
	if c.Partitions <= 0 || c.Groups <= 0 || domain <= 0 {
		return 0, ErrSensitivity
	}
	groups, err := product(int64(c.Partitions), c.Groups)
	if err != nil {
		return 0, err
	}
	if c.Rows > 0 {
		groups = min(groups, c.Rows)
	}
	return min(groups, domain), nil
}

// Join returns the bounds of a join of two tables on their common unit where nothing bounds a
// unit after the join (RULES 15): of its M_A rows on one side each meets each of its M_B rows
// on the other, so C∞ = M_A·M_B rows in at most that many groups, domain many at most, and
// M_A·M_B rows altogether.
func Join(a, b Contribution, domain int64) (Contribution, error) {
	if domain <= 0 {
		return Contribution{}, ErrSensitivity
	}
	rowsA, err := a.rows()
	if err != nil {
		return Contribution{}, err
	}
	rowsB, err := b.rows()
	if err != nil {
		return Contribution{}, err
	}
	rows, err := product(rowsA, rowsB)
	if err != nil {
		return Contribution{}, err
	}
	return Contribution{Partitions: 1, Groups: min(rows, domain), RowsPerGroup: rows, Rows: rows}, nil
}

// Union returns the bounds of a table that several owners hold parts of. If a unit may be at all of
// them (shared), what it adds adds up; else it is at one of them, and the largest part counts.
func Union(shared bool, parts ...Contribution) (Contribution, error) {
	out := Contribution{Partitions: 1}
	if shared {
		out.Partitions = len(parts)
	}
	for _, p := range parts {
		rows, err := p.rows()
		if err != nil || p.Partitions != 1 {
			return Contribution{}, ErrSensitivity
		}
		out.Groups, out.RowsPerGroup = max(out.Groups, p.Groups), max(out.RowsPerGroup, p.RowsPerGroup)
		if !shared {
			out.Rows = max(out.Rows, rows)
		} else if out.Rows += rows; out.Rows > maxSensitivity {
			return Contribution{}, ErrSensitivity
		}
	}
	return out, nil
}

// Displacing returns the bounds where a table is cut to a declared number of units: the unit that
// leaves a full table lets the next in order in, so that its removal changes what up to others other
// units add, each within c, besides what it added itself (the stability of such a cut is 2;
// compare "drop excess" of Tumult Analytics). A join cuts both of its tables: others is 2.
func (c Contribution) Displacing(others int) (Contribution, error) {
	if others < 0 || others > maxDisplaced {
		return Contribution{}, ErrSensitivity
	}
	rows, err := c.rows()
	if err != nil {
		return Contribution{}, err
	}
	if c.Rows, err = product(rows, int64(1+others)); err != nil {
		return Contribution{}, err
	}
	c.Partitions *= 1 + others
	return c, nil
}

// maxDisplaced is far more than a statement has tables.
const maxDisplaced = 1000

// rows bounds the rows of one unit that enter the query.
func (c Contribution) rows() (int64, error) {
	if c.Partitions <= 0 || c.Groups <= 0 || c.RowsPerGroup <= 0 || c.Rows < 0 {
		return 0, ErrSensitivity
	}
	rows, err := product(int64(c.Partitions), c.Groups, c.RowsPerGroup)
	if c.Rows > 0 && (err != nil || c.Rows < rows) {
		return product(c.Rows)
	}
	return rows, err
}

// product multiplies positive factors; a factor below 1 or a product above maxSensitivity is
// ErrSensitivity.
func product(factors ...int64) (int64, error) {
	p := uint64(1)
	for _, f := range factors {
		if f <= 0 {
			return 0, ErrSensitivity
		}
		high, low := bits.Mul64(p, uint64(f))
		if high != 0 || low > maxSensitivity {
			return 0, ErrSensitivity
		}
		p = low
	}
	return int64(p), nil
}

// Centre returns the midpoint of an interval on the lattice, rounded down to it, and the
// largest distance of a value from it, at least 1 (RULES 18): AVG sums x - mid, of magnitude at
// most reach, and adds mid again to the released quotient.
func Centre(lower, upper int64) (mid, reach int64, err error) {
	if lower > upper {
		return 0, 0, ErrSensitivity
	}
	mid = (lower & upper) + (lower^upper)>>1 // the mean without overflow, Dietz
	// upper - mid ≥ mid - lower, because mid is rounded down.
	if mid < 0 && upper > maxSensitivity+mid {
		return 0, 0, ErrSensitivity
	}
	reach = max(upper-mid, 1)
	if reach > maxSensitivity {
		return 0, 0, ErrSensitivity
	}
	return mid, reach, nil
}

// MaxAbs returns the largest magnitude in an interval on the lattice: M of SUM.
func MaxAbs(lower, upper int64) (int64, error) {
	if lower > upper || lower < -maxSensitivity || upper > maxSensitivity {
		return 0, ErrSensitivity
	}
	return max(-lower, upper), nil
}

package federation

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Units counts the distinct units of a table as mapped. The number is for the owner only: it holds the
// owner to a bound that it signed, before any question is answered.
func (s *Postgres) Units(ctx context.Context, table, unit string) (n int64, err error) {
	count := fmt.Sprintf("SELECT count(DISTINCT %s)::int8 FROM %s", pgx.Identifier{unit}.Sanitize(), pgx.Identifier{table}.Sanitize())
	query, err := taskSQL(count, []string{table}, s.mapping, s.salt)
	if err != nil {
		return 0, err
	}
	if err := s.pool.QueryRow(ctx, query).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the units of table %s: %w", table, err)
	}
	return n, nil
}

// Exceeds reports whether a table as mapped has more rows, or more distinct units, than some numbers. The answer is for the
// owner only.
func (s *Postgres) Exceeds(ctx context.Context, table, unit string, rows, units int64) (moreRows, moreUnits bool, err error) {
	name, column := pgx.Identifier{table}.Sanitize(), pgx.Identifier{unit}.Sanitize()
	look := fmt.Sprintf("SELECT EXISTS (SELECT FROM %s OFFSET %d), EXISTS (SELECT FROM (SELECT DISTINCT %s FROM %s WHERE %s IS NOT NULL) AS u OFFSET %d)",
		name, rows, column, name, column, units)
	query, err := taskSQL(look, []string{table}, s.mapping, s.salt)
	if err != nil {
		return false, false, err
	}
	if err := s.pool.QueryRow(ctx, query).Scan(&moreRows, &moreUnits); err != nil {
		return false, false, s.reduce(ctx, err)
	}
	return moreRows, moreUnits, nil
}

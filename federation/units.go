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

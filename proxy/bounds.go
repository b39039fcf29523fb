package proxy

import (
	"context"
	"log/slog"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// How often a party compares its tables with their declared bounds, and how long one look may take. The times depend on
// no question: what the look costs the database tells analysts nothing.
const (
	boundsEvery = 24 * time.Hour
	boundsLimit = time.Hour
)

// watchBounds compares tables with their declared bounds now and every day, until close (RULES 13).
func (s *sources) watchBounds(ctx context.Context, config *catalog.Config, logger *slog.Logger) {
	ctx, s.stop = context.WithCancel(ctx)
	s.watching.Go(func() {
		ticker := time.NewTicker(boundsEvery)
		defer ticker.Stop()
		for {
			s.compareBounds(ctx, config, logger)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
}

// compareBounds tells the owner, in its log and nobody else anywhere, which tables hold more than declared: exact answers
// fail then, and joins leave persons out. It says no number; c2dproxy check does.
func (s *sources) compareBounds(ctx context.Context, config *catalog.Config, logger *slog.Logger) {
	for study, source := range s.byStudy {
		tables, err := config.Tables(study)
		if err != nil {
			logger.Error("the bounds of a study's tables were not compared", "study", study, "cause", err.Error())
			continue
		}
		for _, table := range tables {
			part := table.Partitions[0]
			look, cancel := context.WithTimeout(ctx, boundsLimit)
			rows, units, err := source.Exceeds(look, table.Name, table.Unit, part.Rows, part.Units)
			cancel()
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				logger.Warn("a table was not compared with its bounds", "study", study, "table", table.Name, "cause", err.Error())
			case rows || units:
				logger.Warn("a table holds more than its owner declared: exact answers fail, joins leave persons out; c2dproxy check counts, and rows or units are to be raised",
					"study", study, "table", table.Name, "rows", rows, "units", units)
			}
		}
	}
}

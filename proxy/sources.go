package proxy

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/federation"
)

// sources are the owner's database as each of its studies maps it. A helper has none.
type sources struct {
	byStudy map[string]*federation.Postgres
}

// openSources prepares a source for each study in which this party owns tables, and refuses
// a database role that could write.
func openSources(ctx context.Context, config *catalog.Config, logger *slog.Logger) (*sources, error) {
	s := &sources{byStudy: map[string]*federation.Postgres{}}
	if config.Helper() {
		return s, nil
	}
	dsn, err := config.Source.ReadDSN()
	if err != nil {
		return nil, err
	}
	salt, err := keptSecret(filepath.Join(config.StateDir, "salt"), rand.Reader)
	if err != nil {
		return nil, err
	}
	for _, study := range config.Studies() {
		mapping := config.Mappings(study)
		if len(mapping) == 0 {
			continue
		}
		source, err := federation.NewPostgres(ctx, federation.PostgresOptions{
			DSN: string(dsn), Mapping: mapping, Salt: federation.Salt(salt), Logger: logger,
		})
		if err == nil {
			err = source.ReadOnly(ctx)
		}
		if err != nil {
			s.close()
			return nil, fmt.Errorf("source of study %s: %w", study, err)
		}
		s.byStudy[study] = source
	}
	return s, nil
}

// of finds the source of a study; nil where this party owns nothing in it.
func (s *sources) of(study string) federation.Source {
	source, ok := s.byStudy[study]
	if !ok {
		return nil
	}
	return source
}

func (s *sources) close() {
	for _, source := range s.byStudy {
		source.Close()
	}
}

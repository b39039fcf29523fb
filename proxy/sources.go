package proxy

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/federation"
)

// sources are the owner's database as each of its studies maps it. A helper has none.
type sources struct {
	database *federation.Postgres
	byStudy  map[string]*federation.Postgres // on the connections of database
	watching sync.WaitGroup
	stop     context.CancelFunc // ends watching
}

// openSources prepares a source for each study in which this party owns tables, and refuses
// a database role that could write, and a table that breaks what its owner signed.
func openSources(ctx context.Context, config *catalog.Config, logger *slog.Logger) (*sources, error) {
	s := &sources{byStudy: map[string]*federation.Postgres{}, stop: func() {}}
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
	s.database, err = federation.NewPostgres(ctx, federation.PostgresOptions{DSN: string(dsn), Salt: federation.Salt(salt), Logger: logger})
	if err != nil {
		return nil, err
	}
	if err := s.database.ReadOnly(ctx); err != nil {
		s.close()
		return nil, err
	}
	for _, study := range config.Studies() {
		mapping, err := mappedTables(config, study)
		if err != nil {
			s.close()
			return nil, err
		}
		if len(mapping) == 0 {
			continue
		}
		s.byStudy[study] = s.database.Mapped(mapping)
		if err := s.keepPromises(ctx, config, study); err != nil {
			s.close()
			return nil, err
		}
	}
	s.watchBounds(ctx, config, logger)
	return s, nil
}

// mappedTables are a study's tables at this party: the owner's SQL, and the types that it is held to.
func mappedTables(config *catalog.Config, study string) (map[string]federation.MappedTable, error) {
	tables, err := config.Tables(study)
	if err != nil {
		return nil, err
	}
	texts, mapped := config.Mappings(study), map[string]federation.MappedTable{}
	for _, table := range tables {
		columns := map[string]catalog.Type{}
		for _, c := range table.Columns {
			columns[c.Name] = c.Type
		}
		mapped[table.Name] = federation.MappedTable{SQL: texts[table.Name], Columns: columns}
	}
	return mapped, nil
}

// keepPromises refuses to answer questions about a table that holds more units than its owner
// signed: the noise of joins relies on that.
func (s *sources) keepPromises(ctx context.Context, config *catalog.Config, study string) error {
	tables, err := config.Tables(study)
	if err != nil {
		return err
	}
	for _, table := range tables {
		part := table.Partitions[0]
		if !part.Bounded {
			continue
		}
		units, err := s.byStudy[study].Units(ctx, table.Name, table.Unit)
		if err != nil {
			return err
		}
		if units > part.Units {
			return fmt.Errorf("study %s, table %s: bounded says that there are never more than %d different %s values, and there are %d: raise units, or remove bounded",
				study, table.Name, part.Units, table.Unit, units)
		}
	}
	return nil
}

// of finds the source of a study; nil where this party owns nothing in it.
func (s *sources) of(study string) federation.Source {
	source, ok := s.byStudy[study]
	if !ok {
		return nil
	}
	return source
}

// close stops watching and closes the connections of all sources.
func (s *sources) close() {
	s.stop()
	s.watching.Wait()
	if s.database != nil {
		s.database.Close()
	}
}

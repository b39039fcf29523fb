package proxy

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/catalog/shadow"
	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
	"github.com/c2dproxy/c2dproxy/wire"
)

// Values of c2d.mode. In mode dummy a question takes its whole route over made-up rows in the gateway's own database: it is
// refused where the catalog would have it refused, and otherwise costs nothing and asks nobody.
const (
	modeLive  = "live"
	modeDummy = "dummy"
)

// dummy reports whether a call runs in mode dummy.
func dummy(call wire.Call) bool { return call.Settings["c2d.mode"] == modeDummy }

// rehearse answers a federated SELECT from made-up rows.
func (s *session) rehearse(ctx context.Context, query sqlplan.Query) (*federation.Answer, error) {
	study, err := s.currentStudy()
	if err != nil {
		return nil, err
	}
	if study.Epoch() != s.study.Epoch() {
		return nil, pgerr.New(pgerr.ObjectNotInState, "study %q has changed since this session began", study.Name).
			WithHint("Connect again to use c2d.mode dummy.")
	}
	source, done, err := s.shadow.sources(ctx, s.proxy)
	if err != nil {
		return nil, err
	}
	defer done()
	return s.proxy.node.Rehearse(ctx, query, shadow.Sample(study), source)
}

// sources opens the shadow's made-up rows as a source for each owner. Its connections end with done.
func (h *sharedShadow) sources(ctx context.Context, p *Proxy) (source func(owner string) federation.Source, done func(), err error) {
	rehearsal := h.server.Rehearsal()
	var salt federation.Salt
	if _, err := io.ReadFull(p.random, salt[:]); err != nil {
		return nil, nil, fmt.Errorf("draw a salt: %w", err)
	}
	database, err := federation.NewPostgres(ctx, federation.PostgresOptions{
		DSN: connectionString(rehearsal.Endpoint), Salt: salt, Connections: 1, Logger: p.logger.With("mode", modeDummy),
	})
	if err != nil {
		return nil, nil, err
	}
	return func(owner string) federation.Source {
		mapping := map[string]federation.MappedTable{}
		for table, part := range rehearsal.Parts[owner] {
			mapping[table] = federation.MappedTable{SQL: part.SQL, Columns: part.Columns}
		}
		return database.Mapped(mapping)
	}, database.Close, nil
}

// connectionString is libpq's for an endpoint of a shadow.
func connectionString(e shadow.Endpoint) string {
	escape := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	return fmt.Sprintf("host='%s' port=%d user='%s' password='%s' dbname='%s' sslmode=disable",
		escape.Replace(e.SocketDir), e.Port, escape.Replace(e.Role), escape.Replace(e.Password), escape.Replace(e.Database))
}

// rehearsed keeps of a rehearsal what c2d.last shows: no execution, and no cost.
func rehearsed(a *federation.Answer) *lastAnswer {
	return &lastAnswer{plan: a.Plan, dummy: true, at: time.Now()}
}

// profileOf is what an analyst of this gateway sees of a study.
func (p *Proxy) profileOf(study *catalog.Study, analyst string) shadow.Profile {
	profile := shadow.ProfileOf(study, analyst)
	login, gateway, _ := strings.Cut(analyst, "@")
	if a, ok := p.config.Analyst(login); ok && gateway == p.config.Party {
		profile.Synthetic = a.Browse == catalog.BrowseSynthetic
	}
	return profile
}

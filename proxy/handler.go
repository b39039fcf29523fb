package proxy

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/wire"
)

// Proxy is a running party; it implements wire.Handler.
type Proxy struct {
	config  *catalog.Config
	random  io.Reader
	studies *studies
	shadows *shadows
	books   *books
	node    *federation.Node
	metrics *metrics
	front   *front
	logger  *slog.Logger

	rewrites   rewrites
	renderings renderings
}

// Login implements wire.Handler.
func (p *Proxy) Login(name string) (wire.Login, bool) {
	analyst, ok := p.config.Analyst(name)
	if !ok {
		return wire.Login{}, false
	}
	login := wire.Login{Verifier: analyst.Verifier()}
	for _, c := range analyst.Certificates {
		login.Certificates = append(login.Certificates, wire.CertificateName(c))
	}
	return login, true
}

// Connect implements wire.Handler. A study without a grant for the analyst is as unknown as
// one that does not exist.
func (p *Proxy) Connect(ctx context.Context, login, database string) (wire.Session, error) {
	analyst := login + "@" + p.config.Party
	study, ok := p.studies.get(database)
	if !ok && p.studies.missing(database) != "" {
		return nil, pgerr.New(pgerr.CannotConnectNow, "study %q is not complete: %s", database, p.studies.missing(database)).
			WithHint("Try again when every party of the study is connected.")
	}
	if !ok || len(study.GrantsFor(analyst)) == 0 {
		return nil, pgerr.New(pgerr.UnknownDatabase, "database %q does not exist", database).
			WithHint("The database name is the name of a study. Yours: %s.", strings.Join(p.studiesOf(analyst), ", "))
	}
	running, err := p.shadows.acquire(ctx, study, p.profileOf(study, analyst))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &session{proxy: p, login: login, analyst: analyst, study: study, shadow: running, ctx: ctx, cancel: cancel}, nil
}

// studiesOf lists the studies in which an analyst holds a grant.
func (p *Proxy) studiesOf(analyst string) []string {
	var names []string
	for _, name := range p.studies.names() {
		if study, ok := p.studies.get(name); ok && len(study.GrantsFor(analyst)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// epsilonOf is the login's default ε of a question; 0 means the grants' default.
func (p *Proxy) epsilonOf(login string) dp.Epsilon {
	analyst, _ := p.config.Analyst(login)
	return analyst.Epsilon
}

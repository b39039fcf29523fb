package proxy

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
	"github.com/c2dproxy/c2dproxy/wire"
)

// Call implements wire.Callback for the sessions of one shadow.
func (h *sharedShadow) Call(ctx context.Context, call wire.Call) ([][]*string, error) {
	s, ok := h.session(call.BackendPID)
	if !ok {
		return nil, pgerr.New(pgerr.InsufficientPrivilege, "this connection is not an analyst's session")
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.ctx, stop)()
	switch call.Name {
	case "run":
		return s.run(ctx, call)
	case "explain":
		return s.explain(ctx, call)
	case "view":
		return s.view(ctx, call.Statement)
	default:
		return nil, pgerr.New(pgerr.FeatureNotSupported, "unknown call %q", call.Name)
	}
}

// run answers a federated SELECT.
func (s *session) run(ctx context.Context, call wire.Call) ([][]*string, error) {
	query, _, err := s.query(call)
	if err != nil {
		return nil, err
	}
	if dummy(call) {
		answer, err := s.rehearse(ctx, query)
		if err != nil {
			return nil, err
		}
		s.last.Store(rehearsed(answer))
		return answer.Rows, nil
	}
	began := time.Now()
	answer, err := s.proxy.node.Run(ctx, query)
	s.proxy.observe(s.analyst, s.study.Name, answer, err, time.Since(began))
	if err != nil {
		return nil, err
	}
	s.last.Store(lastOf(answer))
	return answer.Rows, nil
}

// explain answers EXPLAIN; nothing is charged.
func (s *session) explain(ctx context.Context, call wire.Call) ([][]*string, error) {
	query, one, err := s.query(call)
	if err != nil {
		return nil, err
	}
	study, err := s.currentStudy()
	if err != nil {
		return nil, err
	}
	plan, err := sqlplan.Compile(study, query)
	if err != nil {
		return nil, err
	}
	var budgets []sqlplan.BudgetLine
	if !dummy(call) {
		if budgets, err = s.budgets(ctx); err != nil {
			return nil, err
		}
	}
	lines, err := explainLines(study, plan, budgets, one.json)
	if err != nil {
		return nil, err
	}
	rows := make([][]*string, 0, len(lines))
	for _, line := range lines {
		rows = append(rows, []*string{&line})
	}
	return rows, nil
}

// explainLines renders a plan as text, a line a row, or as one JSON document.
func explainLines(study *catalog.Study, plan *sqlplan.Plan, budgets []sqlplan.BudgetLine, asJSON bool) ([]string, error) {
	if asJSON {
		text, err := sqlplan.ExplainJSON(study, plan, budgets)
		return []string{text}, err
	}
	return sqlplan.Explain(study, plan, budgets), nil
}

// query fixes everything that gives the statement its meaning, and refuses before
// any approval where the compiler's types differ from those that the client was told.
func (s *session) query(call wire.Call) (sqlplan.Query, statement, error) {
	one, err := s.statements.get(call.Statement)
	if err != nil {
		return sqlplan.Query{}, statement{}, err
	}
	study, err := s.currentStudy()
	if err != nil {
		return sqlplan.Query{}, statement{}, err
	}
	settings, err := s.settings(call.Settings)
	if err != nil {
		return sqlplan.Query{}, statement{}, err
	}
	if err := isoDates(one.types, settings.DateStyle); err != nil {
		return sqlplan.Query{}, statement{}, err
	}
	query := sqlplan.Query{
		SQL: one.text, Args: call.Args, ArgTypes: one.types,
		Analyst: s.analyst, Gateway: s.proxy.config.Party, Study: study.Name,
		Epoch: study.Epoch(), Version: sqlplan.Version, Settings: settings,
	}
	plan, err := sqlplan.Compile(study, query)
	if err != nil {
		return sqlplan.Query{}, statement{}, s.stale(study, err)
	}
	if !slices.EqualFunc(plan.Columns, one.output, func(c sqlplan.Column, oid uint32) bool { return c.OID == oid }) {
		return sqlplan.Query{}, statement{}, pgerr.New(pgerr.InternalError, "the statement's column types cannot be confirmed").
			WithDetail("Nothing was charged.").
			WithHint("Reconnect; if it happens again, cast the columns, and report the statement.")
	}
	return query, one, nil
}

// settings reads what the shadow says of the session at execution.
func (s *session) settings(of map[string]string) (sqlplan.Settings, error) {
	if mode := of["c2d.mode"]; mode != "" && mode != modeLive && mode != modeDummy {
		return sqlplan.Settings{}, pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter %q: %q", "c2d.mode", mode).
			WithHint("SET c2d.mode = 'dummy' for answers from made-up rows, RESET c2d.mode for the owners' answers.")
	}
	now, err := strconv.ParseInt(of["now"], 10, 64)
	if err != nil {
		return sqlplan.Settings{}, err
	}
	epsilon := s.proxy.epsilonOf(s.login)
	if text := of["c2d.epsilon"]; text != "" {
		epsilon, err = dp.ParseEpsilon(text)
		if err != nil {
			return sqlplan.Settings{}, pgerr.New(pgerr.InvalidParameterValue, "invalid value for parameter %q: %q", "c2d.epsilon", text).
				WithDetail("It must be a number above 0 with at most nine decimals.").
				WithHint("SET c2d.epsilon = 0.5")
		}
	}
	return sqlplan.Settings{
		SearchPath: of["search_path"], TimeZone: of["TimeZone"], DateStyle: of["DateStyle"],
		IntervalStyle: of["IntervalStyle"], Now: now, Epsilon: epsilon,
	}, nil
}

// isoDates refuses date and time parameters under another DateStyle than ISO: their text would
// mean another day to the parties than to the session.
func isoDates(types []uint32, style string) error {
	dated := slices.ContainsFunc(types, func(oid uint32) bool { return slices.Contains([]uint32{1082, 1114, 1184, 1182, 1115, 1185}, oid) })
	if !dated || strings.HasPrefix(style, "ISO") {
		return nil
	}
	return pgerr.New(pgerr.FeatureNotSupported, "date and time parameters need DateStyle ISO").WithHint("SET DateStyle = ISO")
}

package federation

import (
	"slices"
	"strings"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc/program"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Caps on a query, checked by every party before anything is parsed.
const (
	maxArgs     = 1000
	maxArgBytes = 256 << 10
	maxSetting  = 256 // bytes of one setting
)

// intervalStyles are PostgreSQL's.
var intervalStyles = []string{"postgres", "postgres_verbose", "sql_standard", "iso_8601"}

// checkQuery refuses a query that gateway may not ask or whose settings are out of range.
func (n *Node) checkQuery(q *sqlplan.Query, gateway string) error {
	login, at, ok := strings.Cut(q.Analyst, "@")
	switch {
	case q.Gateway != gateway || !ok || login == "" || at != gateway:
		return pgerr.New(pgerr.InsufficientPrivilege, "gateway %q may ask only for its own analysts", gateway)
	case q.Version != sqlplan.Version:
		return pgerr.New(pgerr.ObjectNotInState, "%q plans with version %s and %q with version %s",
			n.options.Self, sqlplan.Version, gateway, clean(q.Version, 32)).
			WithHint("Both parties must run the same version of c2dproxy: the operators compare c2dproxy version.")
	case len(q.Args) != len(q.ArgTypes) || len(q.Args) > maxArgs:
		return pgerr.New(pgerr.ProgramLimitExceeded, "the statement has more than %d parameters", maxArgs).WithHint("Pass many values as one array: x = ANY ($1).")
	}
	size := 0
	for _, a := range q.Args {
		if a != nil {
			size += len(*a)
		}
	}
	if size > maxArgBytes {
		return pgerr.New(pgerr.ProgramLimitExceeded, "the parameters are larger than %d bytes", maxArgBytes).WithHint("Pass fewer or shorter values.")
	}
	if err := n.checkSettings(&q.Settings); err != nil {
		return err
	}
	return n.options.Guard(q.SQL)
}

// checkSettings refuses settings out of range.
func (n *Node) checkSettings(s *sqlplan.Settings) error {
	invalid := func(name string) error {
		return pgerr.New(pgerr.InvalidParameterValue, "the session's %s is not valid", name).WithHint("RESET %s", name)
	}
	for name, v := range map[string]string{"search_path": s.SearchPath, "TimeZone": s.TimeZone, "DateStyle": s.DateStyle} {
		if len(v) > maxSetting || clean(v, maxSetting) != v {
			return invalid(name)
		}
	}
	if !slices.Contains(intervalStyles, s.IntervalStyle) {
		return invalid("IntervalStyle")
	}
	if s.Epsilon < 0 || s.Epsilon > dp.MaxEpsilon {
		return invalid("c2d.epsilon")
	}
	now := n.options.Clock()
	asked := time.UnixMicro(s.Now)
	if asked.After(now.Add(n.limits.Skew)) || asked.Before(now.Add(-n.limits.Session)) {
		return pgerr.New(pgerr.ObjectNotInState, "the question's now() is too far from the clock of %q", n.options.Self).
			WithHint("Begin a new transaction. If this persists, the clocks of the parties differ: their operators run c2dproxy doctor.")
	}
	return nil
}

// studyOf returns the study of a query at the query's epoch.
func (n *Node) studyOf(q *sqlplan.Query) (*catalog.Study, error) {
	study := n.options.Studies()[q.Study]
	if study == nil {
		return nil, pgerr.New(pgerr.ObjectNotInState, "%q does not know study %q", n.options.Self, clean(q.Study, 63)).
			WithHint("Ask the operator of %q to add the study to its configuration.", n.options.Self)
	}
	if study.Epoch() != q.Epoch {
		return nil, pgerr.New(pgerr.ObjectNotInState, "%q and gateway %q have different versions of study %q", n.options.Self, clean(q.Gateway, 63), study.Name).
			WithHint("The parties exchange their catalogs when they connect: try again in a moment.")
	}
	return study, nil
}

// compile makes this party's own plan of a query.
func (n *Node) compile(study *catalog.Study, q *sqlplan.Query) (*sqlplan.Plan, digest, error) {
	var plan *sqlplan.Plan
	err := contain(n.options.Logger, func() (err error) {
		plan, err = n.options.Compile(study, *q)
		return err
	})
	if err != nil {
		return nil, digest{}, err
	}
	// What cannot run is refused here, before it costs, and not by the computation.
	_, err = program.CheckMemory(plan.Program, n.limits.Memory)
	if tooLarge, ok := pgerr.As(err); ok {
		return nil, digest{}, tooLarge.WithDetail("%s Nothing was charged.", tooLarge.Detail)
	}
	if err != nil {
		n.options.Logger.Error("a plan is not valid", "cause", err.Error())
		return nil, digest{}, pgerr.New(pgerr.InternalError, "the plan of this question cannot be computed").
			WithDetail("Nothing was charged.").WithHint("Ask in several statements or over fewer groups, and report the statement.")
	}
	return plan, plan.Hash(), nil
}

// allow checks that this party agrees to a plan: by its grants in the study and by its policy.
func (n *Node) allow(study *catalog.Study, plan *sqlplan.Plan) error {
	if err := grantCovers(study, plan, n.options.Self, n.options.Clock()); err != nil {
		return err
	}
	if err := thirdAccepted(study, plan, n.options.Self); err != nil {
		return err
	}
	if n.options.Policy != nil {
		return n.options.Policy.Allow(plan)
	}
	return nil
}

// policyVersion is what must not change between approval and start.
func (n *Node) policyVersion() string {
	if n.options.Policy == nil {
		return ""
	}
	return n.options.Policy.Version()
}

// grantCovers checks a plan against the grants of one owner. The planner applies the same
// rules; this is the owner's own look at what the plan does, independent of the planner.
func grantCovers(study *catalog.Study, plan *sqlplan.Plan, owner string, now time.Time) error {
	var tables []string
	for _, task := range plan.Local {
		if task.Owner == owner {
			tables = append(tables, task.Tables...)
		}
	}
	if len(tables) == 0 {
		return nil
	}
	for i := range study.Grants {
		g := &study.Grants[i]
		if g.Owner == owner && g.Analyst == plan.Query.Analyst && coversPlan(g, plan, owner, tables, now) {
			return nil
		}
	}
	return pgerr.New(pgerr.InsufficientPrivilege, "%q has not granted this question to %q", owner, plan.Query.Analyst).
		WithHint("SELECT * FROM c2d.tables and c2d.budget show what %q allows; ask it for a grant that covers the question.", owner)
}

// coversPlan reports whether one grant allows what a plan does with the owner's tables.
func coversPlan(g *catalog.Grant, plan *sqlplan.Plan, owner string, tables []string, now time.Time) bool {
	for _, t := range tables {
		if !slices.Contains(g.Tables, t) {
			return false
		}
	}
	if g.Expires != "" && now.UTC().Format(time.DateOnly) > g.Expires {
		return false
	}
	if !g.Lookup && looksUp(plan, owner) {
		return false
	}
	switch plan.Release.Kind {
	case catalog.ReleaseExact:
		return g.Release == catalog.ReleaseExact && plan.Release.Cohort >= max(1, g.Cohort)
	case catalog.ReleaseDP:
		granted := g.Release == catalog.ReleaseDP || g.Release == catalog.ReleaseExact
		return granted && plan.Release.Epsilon > 0 && plan.Release.Epsilon <= g.PerQuestion
	}
	return false
}

// looksUp reports whether an owner's keys take part in a private lookup of the plan.
func looksUp(plan *sqlplan.Plan, owner string) bool {
	for _, op := range plan.Program.Ops {
		if l, ok := op.(program.Lookup); ok && (plan.Compute[l.Build] == owner || plan.Compute[l.Probe] == owner) {
			return true
		}
	}
	return false
}

// thirdAccepted checks that an owner accepts whoever decodes its keys' tags in a plan's lookups (RULES 11).
func thirdAccepted(study *catalog.Study, plan *sqlplan.Plan, owner string) error {
	for _, op := range plan.Program.Ops {
		l, ok := op.(program.Lookup)
		if !ok {
			continue
		}
		for _, side := range [][2]int{{l.Build, l.BuildTask}, {l.Probe, l.ProbeTask}} {
			if plan.Compute[side[0]] != owner {
				continue
			}
			for _, name := range plan.Local[side[1]].Tables {
				if !acceptsThird(study, name, owner, plan.Compute[l.Third]) {
					return pgerr.New(pgerr.InsufficientPrivilege, "%q does not accept %q as the party that helps to match persons of %q", owner, plan.Compute[l.Third], name).
						WithHint("Ask about one table at a time, or ask %s to add %s to third_parties of %q.", owner, plan.Compute[l.Third], name)
				}
			}
		}
	}
	return nil
}

// acceptsThird reports whether the study has that part of a table and its owner accepts the third party for it.
func acceptsThird(study *catalog.Study, table, owner, third string) bool {
	t, ok := study.Table(table)
	if !ok {
		return false
	}
	part, ok := t.Partition(owner)
	return ok && part.Accepts(third)
}

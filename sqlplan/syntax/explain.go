package syntax

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// explainOptions are those that PostgreSQL 15 knows.
var explainOptions = []string{"analyze", "verbose", "costs", "settings", "buffers", "wal", "timing", "summary", "format"}

// explain notes the options of EXPLAIN.
func (s *Statement) explain(v *pg.ExplainStmt) {
	s.Verb, s.Nested = Explain, v.Query.GetSelectStmt() == nil && v.Query.GetExecuteStmt() == nil
	for _, o := range v.Options {
		d := o.GetDefElem()
		value := strings.ToLower(d.GetArg().GetString_().GetSval())
		switch name := d.GetDefname(); {
		case !slices.Contains(explainOptions, name):
			s.BadOption = &Named{Name: name, At: int(d.Location)}
		case name == "analyze":
			s.Analyze = s.Analyze || value != "false" && value != "off"
		case name == "format":
			s.JSON, s.Markup = value == "json", value == "xml" || value == "yaml"
		}
	}
}

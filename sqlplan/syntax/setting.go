package syntax

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

// Setting is one that a statement changes, by SET or set_config. The name or value of one that is no
// constant of the text is empty.
type Setting struct {
	Name, Value string
	At          int // of set_config; 0 for SET, whose place is the statement's
}

// setting notes SET and SET LOCAL; RESET and SET … TO DEFAULT go back to what the session began with.
func (s *Statement) setting(v *pg.VariableSetStmt) {
	if v.Kind != pg.VariableSetKind_VAR_SET_VALUE {
		return
	}
	one := Setting{Name: strings.ToLower(v.Name), At: s.Start}
	if len(v.Args) == 1 {
		one.Value = constantText(v.Args[0])
	}
	s.Settings = append(s.Settings, one)
}

// setConfig notes a call of set_config.
func (s *Statement) setConfig(v *pg.FuncCall) {
	one := Setting{At: int(v.Location)}
	if len(v.Args) > 1 {
		one.Name, one.Value = strings.ToLower(constantText(v.Args[0])), constantText(v.Args[1])
	}
	s.Settings = append(s.Settings, one)
}

// constantText is the text of a constant or of one that is cast; empty for anything else.
func constantText(n *pg.Node) string {
	if c := n.GetTypeCast(); c != nil {
		n = c.Arg
	}
	c := n.GetAConst()
	switch {
	case c == nil || c.Isnull:
		return ""
	case c.GetSval() != nil:
		return c.GetSval().Sval
	case c.GetIval() != nil:
		return itoa(int64(c.GetIval().Ival))
	case c.GetBoolval() != nil:
		if c.GetBoolval().Boolval {
			return "on"
		}
		return "off"
	}
	return ""
}

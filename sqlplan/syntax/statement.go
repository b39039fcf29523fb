package syntax

import (
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

func itoa(v int64) string { return strconv.FormatInt(v, 10) }

// Verb says what kind of statement one is.
type Verb string

// Verbs. Write is everything with a side effect on data or server, Public the rest.
const (
	Query   Verb = "select"
	Declare Verb = "declare"
	Copy    Verb = "copy" // COPY (query) TO STDOUT
	Prepare Verb = "prepare"
	Explain Verb = "explain"
	CopyOut Verb = "copy table" // COPY table TO STDOUT
	Write   Verb = "write"
	Role    Verb = "role" // SET ROLE, SET SESSION AUTHORIZATION
	Session Verb = "session"
)

// Named is a name that a statement uses, with its place.
type Named struct {
	Schema, Name string
	At           int
}

// Statement is one statement of a text.
type Statement struct {
	Start, End int // byte span without the semicolon
	Verb       Verb
	Writes     string // the first command inside that would write or lock rows, in PostgreSQL's words
	Nested     bool   // EXPLAIN or PREPARE of something else than a SELECT
	Tables     []Named
	Functions  []Named
	Inner      int // byte span of the SELECT inside
	InnerEnd   int
	Types      []string // PREPARE's declared types
	Analyze    bool     // EXPLAIN ANALYZE
	JSON       bool     // EXPLAIN (FORMAT JSON)
	Markup     bool     // EXPLAIN (FORMAT XML), (FORMAT YAML)
	BadOption  *Named   // an option of EXPLAIN that there is not
	Settings   []Setting
}

// Split guards, parses and describes a text's statements.
func Split(text string) ([]Statement, error) {
	if err := Guard(text); err != nil {
		return nil, err
	}
	tree, err := pg.Parse(text)
	if err != nil {
		return nil, syntaxError(err)
	}
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	var out []Statement
	for _, raw := range tree.Stmts {
		s := Statement{Start: int(raw.StmtLocation), End: int(raw.StmtLocation + raw.StmtLen)}
		if raw.StmtLen == 0 {
			s.End = len(text)
		}
		var own []*pg.ScanToken
		own, tokens = within(tokens, s.Start, s.End)
		if len(own) > 0 {
			s.Start, s.End = int(own[0].Start), int(own[len(own)-1].End)
		}
		s.classify(raw.Stmt)
		if err := s.findInner(own); err != nil {
			return nil, err
		}
		w := walker{s: &s}
		w.message(raw.Stmt.ProtoReflect(), nil)
		out = append(out, s)
	}
	return out, nil
}

// within takes the tokens of a span from the front of a list, and returns the rest too: so many statements take
// linear time.
func within(tokens []*pg.ScanToken, start, end int) (own, rest []*pg.ScanToken) {
	for len(tokens) > 0 && int(tokens[0].Start) < start {
		tokens = tokens[1:]
	}
	for len(tokens) > 0 && int(tokens[0].End) <= end {
		if tokens[0].Token != pg.Token_ASCII_59 {
			own = append(own, tokens[0])
		}
		tokens = tokens[1:]
	}
	return own, tokens
}

// classify sets the verb. Unknown statements are writes: refused.
func (s *Statement) classify(n *pg.Node) {
	switch v := n.GetNode().(type) {
	case *pg.Node_SelectStmt:
		s.Verb = Query
	case *pg.Node_DeclareCursorStmt:
		s.Verb = Declare
	case *pg.Node_PrepareStmt:
		s.Verb, s.Nested = Prepare, v.PrepareStmt.Query.GetSelectStmt() == nil
		for _, t := range v.PrepareStmt.Argtypes {
			s.Types = append(s.Types, typeName(t.GetTypeName()))
		}
	case *pg.Node_ExplainStmt:
		s.explain(v.ExplainStmt)
	case *pg.Node_CopyStmt:
		s.Verb, s.Writes = Write, command(n)
		if !v.CopyStmt.IsFrom && v.CopyStmt.Filename == "" && !v.CopyStmt.IsProgram {
			s.Verb, s.Writes = Copy, ""
			if v.CopyStmt.Relation != nil {
				s.Verb = CopyOut
			} else {
				s.Nested = v.CopyStmt.Query.GetSelectStmt() == nil
			}
		}
	case *pg.Node_VariableSetStmt:
		s.Verb = Session
		s.setting(v.VariableSetStmt)
		if takesRole(v.VariableSetStmt) {
			s.Verb = Role
		}
	case *pg.Node_VariableShowStmt, *pg.Node_TransactionStmt, *pg.Node_DeallocateStmt, *pg.Node_ExecuteStmt,
		*pg.Node_FetchStmt, *pg.Node_ClosePortalStmt, *pg.Node_DiscardStmt, *pg.Node_ConstraintsSetStmt,
		*pg.Node_UnlistenStmt: // pools send UNLISTEN * when a connection comes back; LISTEN stays refused
		s.Verb = Session
	default:
		s.Verb, s.Writes = Write, command(n)
	}
}

// takesRole tells whether the statement takes another role. Going back to the login's own is what
// pools send when a connection comes back: SET SESSION AUTHORIZATION DEFAULT, RESET ROLE.
func takesRole(v *pg.VariableSetStmt) bool {
	if v.Name != "role" && v.Name != "session_authorization" {
		return false
	}
	none := v.Name == "role" && len(v.Args) == 1 && v.Args[0].GetAConst().GetSval().GetSval() == "none"
	return v.Kind != pg.VariableSetKind_VAR_SET_DEFAULT && v.Kind != pg.VariableSetKind_VAR_RESET && !none
}

// findInner finds the SELECT inside the statement by its tokens.
func (s *Statement) findInner(tokens []*pg.ScanToken) error {
	from, to := -1, s.End
	switch s.Verb {
	case Query:
		from = s.Start
	case Declare:
		from = after(tokens, pg.Token_FOR)
	case Prepare:
		from = after(tokens, pg.Token_AS)
	case Explain:
		from = innerExplain(tokens)
	case Copy:
		from, to = parenthesised(tokens)
	default:
		return nil
	}
	if from < 0 || from > to {
		if s.Nested || s.Verb == Explain {
			s.Nested = true
			return nil
		}
		return pgerr.New(pgerr.FeatureNotSupported, "the statement's form is not supported")
	}
	s.Inner, s.InnerEnd = from, to
	return nil
}

// after returns the start of the token behind the first token of a kind outside parentheses.
func after(tokens []*pg.ScanToken, kind pg.Token) int {
	depth := 0
	for i, t := range tokens {
		switch t.Token {
		case pg.Token_ASCII_40:
			depth++
		case pg.Token_ASCII_41:
			depth--
		case kind:
			if depth == 0 && i+1 < len(tokens) {
				return int(tokens[i+1].Start)
			}
		}
	}
	return -1
}

// innerExplain skips EXPLAIN, its words and its option list.
func innerExplain(tokens []*pg.ScanToken) int {
	depth := 0
	for i := 1; i < len(tokens); i++ {
		switch tokens[i].Token {
		case pg.Token_ASCII_40:
			if i > 1 && depth == 0 {
				return int(tokens[i].Start)
			}
			depth++
		case pg.Token_ASCII_41:
			depth--
		case pg.Token_SELECT, pg.Token_WITH, pg.Token_VALUES, pg.Token_TABLE:
			if depth == 0 {
				return int(tokens[i].Start)
			}
			if i == 2 { // EXPLAIN (SELECT …)
				return int(tokens[1].Start)
			}
		}
	}
	return -1
}

func parenthesised(tokens []*pg.ScanToken) (int, int) {
	depth, start := 0, -1
	for i, t := range tokens {
		switch t.Token {
		case pg.Token_ASCII_40:
			if depth == 0 && start < 0 && i+1 < len(tokens) {
				start = int(tokens[i+1].Start)
			}
			depth++
		case pg.Token_ASCII_41:
			if depth--; depth == 0 {
				return start, int(tokens[i-1].End)
			}
		}
	}
	return -1, -1
}

// walker collects names from a whole tree; CTE names shadow tables where they are in scope.
type walker struct{ s *Statement }

func (w *walker) message(m protoreflect.Message, ctes []string) {
	switch v := m.Interface().(type) {
	case *pg.RangeVar:
		if v.Schemaname == "" && contains(ctes, v.Relname) {
			return
		}
		w.s.Tables = append(w.s.Tables, Named{v.Schemaname, v.Relname, int(v.Location)})
	case *pg.FuncCall:
		parts := names(v.Funcname)
		f := Named{Name: parts[len(parts)-1], At: int(v.Location)}
		if len(parts) > 1 {
			f.Schema = parts[len(parts)-2]
		}
		w.s.Functions = append(w.s.Functions, f)
		if f.Name == "set_config" {
			w.s.setConfig(v)
		}
	case *pg.SelectStmt:
		if len(v.LockingClause) > 0 {
			w.writes(locking(v.LockingClause[0]))
		}
		if v.IntoClause != nil {
			w.writes("SELECT INTO")
		}
		if v.WithClause != nil {
			ctes = w.with(v.WithClause, ctes)
			m.Range(func(f protoreflect.FieldDescriptor, x protoreflect.Value) bool {
				if f.Name() != "with_clause" {
					w.value(f, x, ctes)
				}
				return true
			})
			return
		}
	case *pg.InsertStmt:
		w.writes("INSERT")
	case *pg.UpdateStmt:
		w.writes("UPDATE")
	case *pg.DeleteStmt:
		w.writes("DELETE")
	case *pg.MergeStmt:
		w.writes("MERGE")
	}
	m.Range(func(f protoreflect.FieldDescriptor, x protoreflect.Value) bool {
		w.value(f, x, ctes)
		return true
	})
}

// writes notes a command that writes; the first one is named.
func (w *walker) writes(command string) {
	if w.s.Writes == "" {
		w.s.Writes = command
	}
}

// with walks the CTEs, each in the scope of those before it (of all, if recursive).
func (w *walker) with(c *pg.WithClause, ctes []string) []string {
	scope := append([]string(nil), ctes...)
	if c.Recursive {
		for _, n := range c.Ctes {
			scope = append(scope, n.GetCommonTableExpr().GetCtename())
		}
	}
	for _, n := range c.Ctes {
		w.message(n.ProtoReflect(), scope)
		if !c.Recursive {
			scope = append(scope, n.GetCommonTableExpr().GetCtename())
		}
	}
	return scope
}

func (w *walker) value(f protoreflect.FieldDescriptor, x protoreflect.Value, ctes []string) {
	if f.Kind() != protoreflect.MessageKind {
		return
	}
	if !f.IsList() {
		w.message(x.Message(), ctes)
		return
	}
	for i := range x.List().Len() {
		w.message(x.List().Get(i).Message(), ctes)
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

package wire

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// texts is what the requests of a session know of its statements' texts.
type texts struct {
	// relayed holds the texts that Rewrite let pass untouched, all their statements being Relay, and what they do to
	// names. It is safe because Rewrite is a function of text and types within a session (Session says so), because
	// a Federated statement, whose Finish has an effect, is never kept, and because a refusal is never kept. Should
	// a handler break that promise, the shadow still refuses to read a federated table (42501).
	relayed remembered[[]*rewritten]

	// described holds PostgreSQL's word on federated statements. It depends on settings too, so that it is not
	// used any more in a session that has touched one that may matter.
	described remembered[described]
	touched   bool

	// federated holds the names that PREPARE or Parse gave to a federated statement.
	federated map[string]bool
}

// described is what the shadow said of a statement that it accepted.
type described struct {
	params []uint32
	fields []pgproto3.FieldDescription
}

// pass notes the statements of a text that is on its way to the shadow and refuses what must not go.
func (t *texts) pass(text string, stmts []Statement) ([]*rewritten, error) {
	var metas []*rewritten
	for i, s := range stmts {
		sql := text[s.Start:s.End]
		t.touched = t.touched || s.Kind == Relay && touches(sql)
		n := namingOf(sql)
		switch {
		case n == nil:
			continue
		case n.explains && t.federated[n.name]:
			return nil, pgerr.New(pgerr.FeatureNotSupported, "EXPLAIN EXECUTE is not supported over federated tables").
				At(utf8.RuneCountInString(text[:s.Start]) + 1).WithHint("EXPLAIN the SELECT itself.")
		case n.defines && !n.portal:
			t.name(n.name, s.Kind == Federated)
		}
		if metas == nil {
			metas = make([]*rewritten, len(stmts))
		}
		metas[i] = &rewritten{naming: n}
	}
	return metas, nil
}

// lasting says whether a relayed text has the same effect whenever it comes, so that it may be remembered.
func lasting(metas []*rewritten) bool {
	for _, m := range metas {
		if m != nil && (m.naming.explains || m.naming.defines && !m.naming.portal) {
			return false
		}
	}
	return true
}

// name notes what a prepared statement's name stands for from now on.
func (t *texts) name(name string, federated bool) {
	switch {
	case !federated:
		delete(t.federated, name)
	case t.federated == nil:
		t.federated = map[string]bool{name: true}
	default:
		t.federated[name] = true
	}
}

// harmless are settings of which no description depends.
var harmless = []string{"application_name", "client_min_messages", "extra_float_digits", "bytea_output", "statement_timeout",
	"lock_timeout", "idle_in_transaction_session_timeout", "c2d"}

// touches says whether a relayed statement may change a setting on which descriptions depend.
func touches(statement string) bool {
	if strings.Contains(strings.ToLower(statement), "set_config") {
		return true
	}
	if !changesMeaning(statement) {
		return false
	}
	statement = skipBlank(statement)
	switch verb := strings.ToLower(firstWord(statement)); verb {
	case "commit", "end", "rollback", "abort", "reset", "discard", "deallocate", "unlisten": // back to what was
		return false
	case "set":
		name, rest := identifier(statement[len(verb):])
		if name == "local" || name == "session" {
			name, _ = identifier(rest)
		}
		return !slices.Contains(harmless, name)
	default:
		return true
	}
}

// known is a description that the session has seen before, as a probe that is answered; nil: none.
func (t *texts) known(s Statement, types []uint32) *probe {
	if t.touched {
		return nil
	}
	if s.DescribeTypes != nil {
		types = s.DescribeTypes
	}
	d, ok := t.described.get(s.Describe, types)
	if !ok {
		return nil
	}
	return &probe{params: d.params, fields: d.fields}
}

// learn keeps what a probe has brought.
func (t *texts) learn(s Statement, types []uint32, p *probe) {
	if t.touched || p.lost || p.err != nil {
		return
	}
	if s.DescribeTypes != nil {
		types = s.DescribeTypes
	}
	t.described.add(s.Describe, types, described{params: p.params, fields: p.fields})
}

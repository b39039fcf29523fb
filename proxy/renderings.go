package proxy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// renderings remembers what takes a statement's place, for all sessions of a party. A text holds blank where
// each session puts the id of its own statement.
type renderings struct {
	remembered[renderingKey, string]
	blank string // an id that no session has and no analyst knows
}

// renderingKey is all that sqlplan.Statement.Render reads: the text that the statement is part of, and how PostgreSQL described it.
// Whether a login browses made-up rows follows from study and analyst.
type renderingKey struct {
	rewriteKey
	part    int    // of the text
	params  string // oids, packed
	columns string
}

// render is part.Render with the call of the party's function under id. called tells whether the text holds that call: what the
// catalog answers calls nobody.
func (r *renderings) render(key renderingKey, part sqlplan.Statement, columns []sqlplan.OutputColumn, params []uint32, id string) (text string, called bool, err error) {
	if r.blank == "" {
		return "", false, errors.New("no blank for statement ids")
	}
	key.params, key.columns = packed(params), described(columns)
	text, found := r.get(key)
	if !found {
		function := "c2d.run"
		if part.Explain {
			function = "c2d.explain"
		}
		text, err = part.Render(columns, len(params), fmt.Sprintf("%s('%s', %s)", function, r.blank, parameters(params)))
		if err != nil {
			return "", false, err
		}
		if len(key.text)+len(key.columns)+len(key.params) <= rewriteKept {
			r.put(key, text, rewriteOverhead+len(key.text)+len(key.columns)+len(key.params)+len(text))
		}
	}
	return strings.ReplaceAll(text, r.blank, id), strings.Contains(text, r.blank), nil
}

// described writes columns as a key.
func described(columns []sqlplan.OutputColumn) string {
	var b strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&b, "%q %d %d %d,", c.Name, c.OID, c.TypeModifier, c.Table)
	}
	return b.String()
}

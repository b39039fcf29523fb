package sqlplan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// A login may be configured to browse made-up rows. Then each table has one more column, Marker, and a request for
// rows that shows it is answered by functions that return made-up rows; never a part of it by anything else, since one statement
// reads either the owners' answer, or the catalog, or made-up rows. Without the marker rows are refused as ever.

// Marker is the column that is true in each made-up row.
const Marker = "c2d_synthetic"

// madeUpPrefix begins the names of the functions of schema c2d that return made-up rows: nobody calls them by name.
const madeUpPrefix = "made_up_"

// Browsing returns the statement as a login means it that browses made-up rows; functions names, for each table that has
// them, the function of schema c2d that returns its rows.
func (s Statement) Browsing(functions map[string]string) Statement {
	s.functions = functions
	return s
}

// MadeUp reports whether the statement is answered with made-up rows: its Render leaves source out, and nobody is asked.
func (s Statement) MadeUp(desc []OutputColumn) bool {
	return s.Kind == Federated && s.functions != nil && !s.empty && s.rows && marked(desc)
}

// marked reports whether the marker itself, under its name, is among the columns.
func marked(desc []OutputColumn) bool {
	return slices.ContainsFunc(desc, OutputColumn.marker)
}

// marker reports whether the column is the marker: an expression or another column under its name is not.
func (c OutputColumn) marker() bool { return c.Name == Marker && c.Table != 0 && c.OID == boolOID }

// boolOID is the oid of type boolean.
const boolOID = 16

// madeUp is the text over made-up rows. Whatever joins, conditions and unions do with it, the marker
// of each row that leaves is true.
func (s Statement) madeUp(desc []OutputColumn) (string, error) {
	if s.Explain {
		return explainMadeUp(s.JSON), nil
	}
	rows, err := syntax.OverFunctions(s.Select, func(schema, table string) string {
		t := lookupTable(s.study, schema, table)
		if t == nil || s.functions[t.Name] == "" {
			return ""
		}
		return "c2d." + syntax.Ident(s.functions[t.Name])
	})
	if err != nil {
		return "", err
	}
	var inner, outer []string
	for i, d := range desc {
		name := fmt.Sprintf("c%d", i+1)
		inner = append(inner, name)
		if d.marker() {
			name = "TRUE"
		}
		outer = append(outer, name+" AS "+syntax.Ident(d.Name))
	}
	text := fmt.Sprintf("SELECT %s FROM (%s) AS c2d (%s)", strings.Join(outer, ", "), rows, strings.Join(inner, ", "))
	return s.prefix + text + s.suffix, nil
}

// unmarkable refuses the marker where the owners are asked: their rows have no such column.
func (s Statement) unmarkable(desc []OutputColumn) error {
	if s.functions == nil || s.empty || s.rows {
		return nil
	}
	at := syntax.Mention(s.Select, Marker)
	if at < 0 && !marked(desc) {
		return nil
	}
	e := pgerr.New(pgerr.FeatureNotSupported, "column %q is of made-up rows only: it cannot be grouped, aggregated or listed", Marker).
		WithHint("Leave it out to ask the owners, or select rows with it, without aggregates, GROUP BY and DISTINCT, to see made-up ones.")
	if at >= 0 {
		e = e.At(syntax.Position(s.Select, at))
	}
	return e
}

// noRows is the refusal of a request for rows, with a word on made-up ones where the login may see them.
func (s Statement) noRows() error {
	if s.functions == nil {
		return noRows()
	}
	return pgerr.New(pgerr.NotAggregated, "persons' rows are not released").
		WithHint("Use count, sum or avg, and name every other column in GROUP BY. To see made-up rows, select column %s too.", Marker)
}

// explainMadeUp is EXPLAIN of a request for made-up rows.
func explainMadeUp(asJSON bool) string {
	line := "Answered with made-up rows: costs nothing, asks nobody, and follows from the declarations alone"
	if asJSON {
		line = `[{"release": "synthetic", "costs": []}]`
	}
	return fmt.Sprintf(`SELECT %s::pg_catalog.%s AS "QUERY PLAN"`, syntax.Quote(line), planType(asJSON))
}

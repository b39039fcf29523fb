package shadow

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// Marker is the column that says of each made-up row that it is one.
const Marker = "c2d_synthetic"

// rehearser is the role that reads made-up rows for questions in mode dummy; no analyst has its password. No login has a
// space.
const rehearser = "c2dproxy dummy"

// markerComment is what \d+ shows.
const markerComment = "true: this row is made up from the table's declarations; only rows with this column are released, and none of them is anybody's"

// The made-up rows are in c2d_private.made_up, which analysts do not reach: those columns of a table that are visible or
// identify the unit, as texts. One table without column names does not show what is hidden, nor swell the lists of tools.

// stored are the columns whose values are kept: the visible ones, and the unit.
func stored(table *catalog.Table, visible []catalog.Column) []int {
	var at []int
	for i, c := range table.Columns {
		shown := slices.ContainsFunc(visible, func(v catalog.Column) bool { return v.Name == c.Name })
		if shown || c.Name == table.Unit {
			at = append(at, i)
		}
	}
	return at
}

// function names the function that shows made-up rows to analysts.
func function(i int) string { return fmt.Sprintf("made_up_%d", i) }

// marked reports whether analysts of the profile see the column Marker in a table; a table that has a column of
// this name already is not marked, and its rows are not shown.
func (p Profile) marked(table *catalog.Table) bool {
	return p.Synthetic && column(table, Marker) == nil
}

// Functions names, for each table whose made-up rows analysts of the profile may see, the function of schema c2d
// that returns them.
func (p Profile) Functions(study *catalog.Study) map[string]string {
	functions := map[string]string{}
	for i := range study.Tables {
		table := &study.Tables[i]
		if _, visible := p.columns(table); visible && p.marked(table) {
			functions[table.Name] = function(i)
		}
	}
	return functions
}

// showMadeUp lets analysts see the made-up rows of table i.
func (w *writer) showMadeUp(i int, table *catalog.Table, visible []catalog.Column) {
	name := quote(table.Name)
	w.add("COMMENT ON COLUMN public.%s.%s IS %s", name, quote(Marker), w.text(markerComment))
	w.add("INSERT INTO c2d.columns VALUES (%s, %s, %d, 'boolean', NULL, false, true, NULL, NULL, NULL, NULL, NULL, %s)",
		w.text(table.Name), w.text(Marker), len(visible)+1, w.text(markerComment))
	var list []string
	for n, at := range stored(table, visible) {
		c := &table.Columns[at]
		if slices.ContainsFunc(visible, func(v catalog.Column) bool { return v.Name == c.Name }) {
			list = append(list, fmt.Sprintf("r[%d]::%s", n+1, c.SQLType()))
		}
	}
	notice := fmt.Sprintf("these rows are made up from the declarations of table \"%s\"; none of them is anybody's", table.Name)
	body := fmt.Sprintf("BEGIN RAISE NOTICE '%%', %s; RETURN QUERY SELECT %s FROM c2d_private.made_up WHERE table_number = %d; END",
		w.text(notice), strings.Join(append(list, "true"), ", "), i)
	w.add("CREATE FUNCTION c2d.%s() RETURNS SETOF public.%s LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS %d SET search_path = pg_catalog, pg_temp AS %s",
		function(i), name, syntheticRows, w.text(body))
	w.add("COMMENT ON FUNCTION c2d.%s() IS 'Used by the gateway itself'", function(i))
}

// writeSynthetic fills c2d_private.made_up.
func writeSynthetic(ctx context.Context, conn *pgx.Conn, spec Spec) error {
	sample := Sample(spec.Study)
	var b strings.Builder
	for i := range sample.Tables {
		table := &sample.Tables[i]
		if visible, ok := spec.Profile.columns(table); ok {
			copyText(&b, sample, i, stored(table, visible))
		}
	}
	if _, err := conn.PgConn().CopyFrom(ctx, strings.NewReader(b.String()), "COPY c2d_private.made_up FROM STDIN"); err != nil {
		return fmt.Errorf("shadow: made-up rows: %w", err)
	}
	return nil
}

// Values are quoted for an array, and the array for COPY.
var (
	arrayQuoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	copyQuoting  = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)
)

// copyText writes the made-up rows of a sample's ith table in COPY's text format.
func copyText(b *strings.Builder, sample *catalog.Study, i int, columns []int) {
	table := &sample.Tables[i]
	for number := range table.Partitions {
		p := newPart(sample, table, number)
		values := make([]string, len(columns))
		for row := range p.rows() {
			for n, at := range columns {
				values[n] = "NULL"
				if v := p.value(at, row); v != nil {
					values[n] = `"` + arrayQuoting.Replace(*v) + `"`
				}
			}
			fmt.Fprintf(b, "%d\t%d\t%s\n", i, number, copyQuoting.Replace("{"+strings.Join(values, ",")+"}"))
		}
	}
}

// Rehearsal says how the gateway itself reads made-up rows, to answer a question in mode dummy.
type Rehearsal struct {
	Endpoint Endpoint
	Parts    map[string]map[string]Part // by owner and table
}

// Part is an owner's part of a table, made up.
type Part struct {
	SQL     string // SELECT of its rows
	Columns map[string]catalog.Type
}

// Rehearsal describes the server's made-up rows.
func (s *Shadow) Rehearsal() Rehearsal {
	return Rehearsal{Endpoint: s.Endpoint(rehearser), Parts: s.parts}
}

// partsOf are the parts of Rehearsal.
func partsOf(study *catalog.Study, profile Profile) map[string]map[string]Part {
	out := map[string]map[string]Part{}
	for i := range study.Tables {
		table := &study.Tables[i]
		visible, ok := profile.columns(table)
		if !ok {
			continue
		}
		var list []string
		columns := map[string]catalog.Type{}
		for n, at := range stored(table, visible) {
			c := &table.Columns[at]
			list = append(list, fmt.Sprintf("r[%d]::%s AS %s", n+1, c.SQLType(), quote(c.Name)))
			columns[c.Name] = c.Type
		}
		for number, p := range table.Partitions {
			if out[p.Owner] == nil {
				out[p.Owner] = map[string]Part{}
			}
			sql := fmt.Sprintf("SELECT %s FROM c2d_private.made_up WHERE table_number = %d AND part = %d", strings.Join(list, ", "), i, number)
			out[p.Owner][table.Name] = Part{SQL: sql, Columns: columns}
		}
	}
	return out
}

// newRolePassword draws the rehearser's password: 192 bits in hexadecimal digits.
func newRolePassword(random io.Reader) (string, error) {
	var raw [24]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("shadow: draw a password: %w", err)
	}
	return hex.EncodeToString(raw[:]), nil
}

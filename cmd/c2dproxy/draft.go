package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// draft writes the file that init leaves: a party without peers or studies, and below it, in
// comments, one study with every table that was found.
func draft(o initOptions, tables []found) string {
	d := &drafter{}
	d.line("# The file of party %s. What is not written here is not granted.", o.party)
	d.line("# Every setting is explained in configs/example.yaml; c2dproxy check %s.yaml says what is wrong.", o.party)
	d.line("# The suggestions below were made from your data. Do not pass this file on before you edited it.")
	d.line("# To take a suggestion, remove the \"# \" at the start of its lines, and go through them one by one.")
	d.line("")
	d.line("party: %s", o.party)
	d.line("institution: %s", quote(o.institution))
	d.line("identity: {key_file: %s.key}", o.party)
	d.line("state_dir: %s.state", o.party)
	if !o.helper {
		d.line("source:")
		d.line("  postgres: {dsn_file: %s.dsn}   # its role can only read", o.party)
	}
	d.line("")
	d.comment("listen:\n  analysts: 127.0.0.1:5433   # where analysts connect; 0.0.0.0:5433 for all networks\n" +
		"  peers: 0.0.0.0:7432        # where peers connect that dial this party\n" +
		"  health: 127.0.0.1:9464     # status, doctor, metrics: for the operator only")
	d.line("")
	parties := threeParties(o.party)
	d.comment("peers:   # the two other parties; ask their operators for: c2dproxy keygen --show FILE")
	for _, peer := range parties[1:] {
		way := "connect: accept}   # they dial listen.peers; there: connect: dial"
		if o.party < peer { // any rule does by which one of two parties dials
			way = `connect: dial, address: "` + peer + `.example:7432"}   # there: connect: accept`
		}
		d.comment("  - {party: " + peer + ", institution: \"Institution of " + peer + "\", key: \"sha256:…\", " + way)
	}
	d.line("")
	d.comment("analysts:   # who connects here\n  mia: {verifier_file: mia.scram}   # c2dproxy analyst add " + o.party + ".yaml mia")
	d.line("")
	slices.Sort(parties)
	d.caps(tables)
	d.comment("studies:\n  mystudy:\n    compute: [" + strings.Join(parties, ", ") + "]   # the three parties, in the same order in every file")
	d.tables(o, tables)
	return d.b.String()
}

// caps suggests a budget for each table's source.
func (d *drafter) caps(tables []found) {
	if len(tables) == 0 {
		return
	}
	d.comment("caps:   # what all analysts together may spend, over all studies")
	for _, t := range tables {
		d.comment("  " + quote(source(t)) + ": {epsilon: 10, delta: 1e-6}")
	}
	d.line("")
}

// tables suggests every table, and a grant.
func (d *drafter) tables(o initOptions, tables []found) {
	if len(tables) == 0 {
		return
	}
	d.comment("    tables:")
	used := map[string]int{}
	var names []string
	for _, t := range tables {
		name := identifier(t.Name, used)
		names = append(names, quote(name))
		d.table(name, t)
	}
	d.comment("    grants:\n      - analysts: [mia@" + o.party + "]   # login@party where she connects\n        tables: [" + strings.Join(names, ", ") + "]\n" +
		"        preset: counts   # or statistics: count, sum, avg\n        release: dp\n" +
		"        epsilon: {default: 0.1, per_question: 1, total: 10}\n        delta: {per_question: 1e-12, total: 1e-7}")
}

// threeParties is a study of the party and two whose names are to be replaced.
func threeParties(party string) []string {
	parties := []string{party}
	for _, name := range []string{"lab", "registry", "clinic"} {
		if name != party && len(parties) < 3 {
			parties = append(parties, name)
		}
	}
	return parties
}

// drafter writes lines.
type drafter struct{ b strings.Builder }

// line writes a line.
func (d *drafter) line(format string, args ...any) { fmt.Fprintf(&d.b, format+"\n", args...) }

// comment writes lines, commented out.
func (d *drafter) comment(text string) {
	for _, l := range strings.Split(text, "\n") {
		d.b.WriteString("# " + l + "\n")
	}
}

// table suggests a table.
func (d *drafter) table(name string, t found) {
	d.comment("      " + quote(name) + ":   # " + plain(t.Schema+"."+t.Name) + ": " + strconv.FormatInt(t.Rows, 10) + " rows now")
	d.comment("        source: " + quote(source(t)))
	used := map[string]int{}
	names := make([]string, len(t.Columns))
	var selected []string
	unit := "CHOOSE"
	for i, c := range t.Columns {
		if c.Type == "" {
			continue
		}
		names[i] = identifier(c.Name, used)
		selected = append(selected, c.selected(names[i]))
		if c.Name == t.Key {
			unit = names[i]
		}
	}
	d.comment("        sql: " + sqlLine("SELECT "+strings.Join(selected, ", ")+" FROM "+pgx.Identifier{t.Schema, t.Name}.Sanitize()))
	if t.Comment != "" {
		d.comment("        comment: " + quote(t.Comment))
	}
	d.comment(fmt.Sprintf("        rows: %d   # leave room for growth: rows beyond are left out", roundUp(t.Rows)))
	units := roundUp(t.Rows)
	if t.Key != "" {
		units = roundUp(t.KeyRows)
	}
	d.comment(fmt.Sprintf("        units: %d   # bound on different persons", units))
	d.comment("        unit: " + quote(unit) + "   # the column that identifies the person, even if it is not this one")
	d.comment("        unit_kind: person\n        unit_ids: owner-scoped   # or shared: equal ids at two owners are one person")
	if t.Key != "" {
		d.comment("        unique_unit: true   # with another unit: remove this, and write the next two")
		d.comment("        # groups_per_unit: 1\n        # rows_per_group: 1")
	} else {
		d.comment("        groups_per_unit: 1   # groups that one person may be counted in\n        rows_per_group: 1    # rows of one person in one group")
	}
	d.comment("        columns:")
	for i, c := range t.Columns {
		d.column(names[i], c, c.Name == t.Key)
	}
}

// selected is the column in the mapping SQL, under a name that analysts type without quotes and
// with a type that is supported.
func (c foundColumn) selected(name string) string {
	expr := pgx.Identifier{c.Name}.Sanitize()
	if c.Cast {
		expr += "::" + string(c.Type)
	}
	if c.Cast || c.Name != name {
		expr += " AS " + pgx.Identifier{name}.Sanitize()
	}
	return expr
}

// column suggests a column.
func (d *drafter) column(name string, c foundColumn, key bool) {
	if c.Type == "" {
		d.comment("          # " + plain(c.Name) + " has type " + plain(c.SQLType) + ", which is not supported: cast it in sql")
		return
	}
	d.comment("          " + quote(name) + ":")
	if c.Cast {
		d.comment("            type: " + string(c.Type) + "   # " + plain(c.SQLType) + " in the database")
	} else {
		d.comment("            type: " + c.SQLType)
	}
	if c.NotNull || key {
		d.comment("            nullable: false")
	} else {
		d.comment(fmt.Sprintf("            nullable: true   # %d nulls now", c.Nulls))
	}
	if c.Comment != "" {
		d.comment("            comment: " + quote(c.Comment))
	}
	if key {
		d.comment("            visibility: join-only\n            uses: [join, aggregate]   # as the unit")
		return
	}
	d.comment("            visibility: hidden   # visible, with uses: [group, filter, aggregate]; join-only, with uses: [join]")
	if c.Type == catalog.Double || c.SQLType == string(catalog.Numeric) {
		d.comment("            # scale: " + strconv.Itoa(max(decimals(c.Low), decimals(c.High))) + "   # decimals kept")
	}
	if c.Low != "" && c.Type != catalog.Text {
		d.comment("            # bounds: [" + quote(c.Low) + ", " + quote(c.High) + "]   # smallest and largest value now; declare what is possible")
	}
	if len(c.Values) > 0 {
		quoted := make([]string, len(c.Values))
		for i, v := range c.Values {
			quoted[i] = quote(v)
		}
		d.comment("            # domain: [" + strings.Join(quoted, ", ") + "]   # values now")
	}
}

// decimals counts the digits after the point.
func decimals(number string) int {
	_, after, _ := strings.Cut(number, ".")
	return len(after)
}

// source suggests a protected source's name.
func source(t found) string { return strings.Map(sourceRune, t.Schema+"."+t.Name) }

// sourceRune keeps what a source's name may hold.
func sourceRune(r rune) rune {
	if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_.-", r)) {
		return r
	}
	return '_'
}

// identifier makes a name that an analyst types without quotes (takenOn → taken_on), different from
// those used before.
func identifier(name string, used map[string]int) string {
	var b strings.Builder
	var last rune
	for _, r := range name {
		if unicode.IsUpper(r) && (unicode.IsLower(last) || unicode.IsDigit(last)) {
			b.WriteByte('_')
		}
		last = r
		if r = unicode.ToLower(r); r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			b.WriteRune(r)
		} else {
			b.WriteByte('_')
		}
	}
	out := b.String()
	if out == "" || unicode.IsDigit(rune(out[0])) || strings.HasPrefix(out, "pg_") || strings.HasPrefix(out, "c2d_") {
		out = "t_" + out
	}
	out = out[:min(len(out), 58)]
	if used[out]++; used[out] > 1 {
		out += "_" + strconv.Itoa(used[out])
	}
	return out
}

// sqlLine writes SQL as a YAML value on one line; single quotes keep its double ones readable.
func sqlLine(sql string) string {
	if strings.ContainsFunc(sql, unicode.IsControl) {
		return strconv.Quote(sql)
	}
	return "'" + strings.ReplaceAll(sql, "'", "''") + "'"
}

// quote writes a YAML value on one line: plain where it is one word or number, else in quotes.
func quote(s string) string {
	if _, err := strconv.ParseFloat(s, 64); err == nil && !strings.ContainsAny(s, "xXpPnN_") {
		return s
	}
	plainWord := s != "" && !unicode.IsDigit(rune(s[0]))
	for _, r := range s {
		plainWord = plainWord && (r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)))
	}
	if plainWord && s != "true" && s != "false" && s != "null" {
		return s
	}
	return strconv.Quote(s)
}

// plain keeps text from leaving its comment line.
func plain(s string) string { return strings.Trim(strconv.Quote(s), `"`) }

// roundUp leaves room above a count, at least a tenth, ending in zeros.
func roundUp(n int64) int64 {
	n += n/10 + 1
	step := int64(10)
	for step*100 <= n {
		step *= 10
	}
	return (n + step - 1) / step * step
}

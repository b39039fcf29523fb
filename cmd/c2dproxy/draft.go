package main

import (
	"fmt"
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
	d.line("")
	d.line("party: %s", o.party)
	d.line("institution: %s", quote(o.institution))
	d.line("identity: {key_file: %s.key}", o.party)
	d.line("state_dir: %s.state", o.party)
	d.line("source:")
	d.line("  postgres: {dsn_file: %s.dsn}   # its role can only read", o.party)
	d.line("")
	d.comment("listen:\n  analysts: 127.0.0.1:5432\n  peers: 0.0.0.0:7432\n  health: 127.0.0.1:8080")
	d.line("")
	d.comment("peers:   # ask their operators for: c2dproxy keygen --show FILE\n" +
		"  - {party: lab, institution: State Laboratory, key: \"sha256:…\", connect: dial, address: \"lab.example:7432\"}\n" +
		"  - {party: registry, institution: National Registry, key: \"sha256:…\", connect: accept}")
	d.line("")
	d.comment("analysts:\n  mia: {verifier_file: mia.scram}   # c2dproxy analyst add " + o.party + ".yaml mia")
	d.line("")
	d.comment("caps:   # what all analysts together may spend, over all studies")
	for _, t := range tables {
		d.comment("  " + quote(source(t)) + ": {epsilon: 10, delta: 1e-6}")
	}
	d.line("")
	d.comment("studies:\n  mystudy:\n    compute: [" + o.party + ", lab, registry]   # the same order in every file\n    tables:")
	for _, t := range tables {
		d.table(t)
	}
	d.comment("    grants:\n      - analysts: [mia@" + o.party + "]\n        tables: []\n        preset: counts\n        release: dp\n" +
		"        epsilon: {default: 0.1, per_question: 1, total: 10}\n        delta: {per_question: 1e-12, total: 1e-7}")
	return d.b.String()
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
func (d *drafter) table(t found) {
	d.comment("      " + quote(t.Name) + ":   # " + plain(t.Schema+"."+t.Name) + ": " + strconv.FormatInt(t.Rows, 10) + " rows now")
	d.comment("        source: " + quote(source(t)))
	names := make([]string, 0, len(t.Columns))
	for _, c := range t.Columns {
		if c.Type != "" {
			names = append(names, pgx.Identifier{c.Name}.Sanitize())
		}
	}
	d.comment("        sql: " + quote("SELECT "+strings.Join(names, ", ")+" FROM "+pgx.Identifier{t.Schema, t.Name}.Sanitize()))
	if t.Comment != "" {
		d.comment("        comment: " + quote(t.Comment))
	}
	d.comment(fmt.Sprintf("        rows: %d   # leave room for growth: rows beyond are left out", roundUp(t.Rows)))
	unit, units := t.Key, roundUp(t.KeyRows)
	if unit == "" {
		unit, units = "CHOOSE", roundUp(t.Rows)
	}
	d.comment(fmt.Sprintf("        units: %d", units))
	d.comment("        unit: " + quote(unit) + "   # the column that identifies the person, even if it is not this one")
	d.comment("        unit_kind: person\n        unit_ids: owner-scoped   # or shared: equal ids at two owners are one person")
	if t.Key != "" {
		d.comment("        unique_unit: true")
	} else {
		d.comment("        groups_per_unit: 1\n        rows_per_group: 1")
	}
	d.comment("        columns:")
	for _, c := range t.Columns {
		d.column(c, c.Name == t.Key)
	}
}

// column suggests a column.
func (d *drafter) column(c foundColumn, key bool) {
	if c.Type == "" {
		d.comment("          # " + plain(c.Name) + " has type " + plain(c.SQLType) + ", which is not supported: cast it in sql")
		return
	}
	d.comment("          " + quote(c.Name) + ":")
	d.comment("            type: " + c.SQLType)
	if c.NotNull || key {
		d.comment("            nullable: false")
	} else {
		d.comment(fmt.Sprintf("            nullable: true   # %d nulls now", c.Nulls))
	}
	if c.Comment != "" {
		d.comment("            comment: " + quote(c.Comment))
	}
	if key {
		d.comment("            visibility: join-only\n            uses: [join]")
		return
	}
	d.comment("            visibility: hidden   # visible, with uses: [group, filter, aggregate]")
	if c.SQLType == string(catalog.Double) || c.SQLType == string(catalog.Numeric) {
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

// quote writes a YAML value on one line.
func quote(s string) string {
	word := s != "" && !unicode.IsDigit(rune(s[0]))
	for _, r := range s {
		word = word && (r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)))
	}
	if word && s != "true" && s != "false" && s != "null" {
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

package conformance

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// attack is one line of testdata/hostile/attacks.sql.
type attack struct{ section, want, sql string }

// attacks reads the corpus. It fails when that is smaller than it was, or has no section on what DESIGN §3 names.
func attacks(t *testing.T) []attack {
	t.Helper()
	text, err := os.ReadFile("testdata/hostile/attacks.sql")
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer(
		"%VALUES%", strings.Repeat("(1), ", 3000)+"(1)",
		"%DEEP%", strings.Repeat("1 + ", 6000)+"1",
		"%PARENTHESES%", strings.Repeat("(", 6000)+"1"+strings.Repeat(")", 6000))
	var all []attack
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "-- "); ok {
			section = title
			continue
		}
		want, sql, ok := strings.Cut(line, " | ")
		if line != "" && !ok {
			t.Fatalf("no bar in %q", line)
		}
		if ok {
			all = append(all, attack{section, want, fill.Replace(sql)})
		}
	}
	for _, section := range []string{"files", "large objects", "who one is, and settings", "strings that hold statements",
		"calls that are ours alone", "others", "what is hidden", "memory", "disk"} {
		if !slices.ContainsFunc(all, func(a attack) bool { return a.section == section }) {
			t.Fatalf("no attack on %s", section)
		}
	}
	if len(all) < 340 {
		t.Fatalf("%d attacks", len(all))
	}
	return all
}

// heavy attacks take seconds, and run once.
func (a attack) heavy() bool { return a.section == "memory" || a.section == "disk" }

// judge compares what came of an attack with what must.
func (a attack) judge(t *testing.T, protocol string, got answer, err error) {
	t.Helper()
	switch {
	case a.want == "none" || a.want == "NULL":
		if err != nil {
			t.Errorf("%s: %s", protocol, wholeError(err))
		}
		for _, row := range got.rows {
			if a.want == "none" || slices.ContainsFunc(row, func(v string) bool { return v != null }) {
				t.Errorf("%s: the answer is %q", protocol, row)
			}
		}
	case err == nil || !slices.Contains(strings.Split(a.want, ","), code(err)):
		t.Errorf("%s: %v and %d rows, expected %s", protocol, wholeError(err), len(got.rows), a.want)
	}
	for _, secret := range []string{"/tmp/c2d", "password", "passwd", "c2d-clinic", "dblink_send", "secret", "trial_people", "patients"} {
		if err != nil && strings.Contains(wholeError(err), secret) && !strings.Contains(a.sql, secret) {
			t.Errorf("%s: the error tells %q: %s", protocol, secret, wholeError(err))
		}
	}
}

// TestHostile runs what a hostile analyst types through a real gateway. After each attack the session still answers.
func TestHostile(t *testing.T) {
	long(t)
	f := running(t)
	conn := f.connect(t, "clinic", "mia", "trial")
	for _, a := range attacks(t) {
		t.Run(a.section+"/"+a.sql[:min(len(a.sql), 80)], func(t *testing.T) {
			began := time.Now()
			got, err := simple(t.Context(), conn, a.sql)
			a.judge(t, "simple", got, err)
			restore(t, conn)
			if !a.heavy() && !strings.Contains(a.sql, ";") && !strings.Contains(a.sql, "STDOUT") {
				got, err := extended(t.Context(), conn, a.sql, nil)
				a.judge(t, "extended", got, err)
				restore(t, conn)
			}
			if d := time.Since(began); d > 3*time.Second {
				t.Logf("took %s", d)
			}
		})
	}
	if _, err := os.Stat("/tmp/c2d-hostile"); err == nil {
		t.Error("a file was written")
	}
}

// restore makes the session what it was, and holds that it still answers.
func restore(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for _, sql := range []string{"ROLLBACK", "DISCARD ALL"} {
		if _, err := simple(t.Context(), conn, sql); err != nil {
			t.Fatalf("the session is lost: %v", err)
		}
	}
	if a, err := simple(t.Context(), conn, "SELECT 1"); err != nil || len(a.rows) != 1 {
		t.Fatalf("the session does not answer: %v, %v", a.rows, err)
	}
}

// TestHostileStartup holds that settings at the start of a session are no way round those of a statement.
func TestHostileStartup(t *testing.T) {
	long(t)
	f := running(t)
	for parameters, want := range map[string]string{
		"options=-c%20session_preload_libraries%3Dauto_explain": "42501",
		"options=-c%20local_preload_libraries%3Dx":              "58P01",
		"options=-c%20log_statement%3Dall":                      "42501",
		"options=-c%20role%3Dc2dproxy":                          "42501,22023",
		"role=c2dproxy":                                         "42501,22023",
		"session_authorization=c2dproxy":                        "42501,22023",
		"options=-c%20temp_file_limit%3D-1":                     "42501",
		"options=-c%20data_directory%3D/tmp":                    "55P02",
		"options=--config-file%3D/tmp/x":                        "55P02,42501,42601",
		"options=-c%20nothing%3D1":                              "42704",
		"replication=true":                                      "0A000",
		"replication=database":                                  "0A000",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		conn, err := pgx.Connect(ctx, f.URI("clinic", "mia", "trial")+"&"+parameters)
		if err == nil {
			_ = conn.Close(ctx)
		}
		if !slices.Contains(strings.Split(want, ","), code(err)) {
			t.Errorf("%s: %v, expected %s", parameters, err, want)
		}
		cancel()
	}
}

// TestPinnedAtStart holds that a session whose client asks for other strings reads them as the gateway does.
func TestPinnedAtStart(t *testing.T) {
	long(t)
	f := running(t)
	for _, parameters := range []string{"options=-c%20standard_conforming_strings%3Doff", "standard_conforming_strings=off",
		"Standard_Conforming_Strings=off", "options=--standard-conforming-strings%3Doff", "array_nulls=off", "options=-c%20array_nulls%3Doff"} {
		conn, err := pgx.Connect(t.Context(), f.URI("clinic", "mia", "trial")+"&default_query_exec_mode=simple_protocol&"+parameters)
		if err != nil {
			t.Fatalf("%s: %v", parameters, err)
		}
		for _, reset := range []string{"SELECT 1", "DISCARD ALL", "RESET ALL", "RESET standard_conforming_strings"} {
			if _, err := simple(t.Context(), conn, reset); err != nil {
				t.Error(err)
			}
			for _, setting := range []string{"standard_conforming_strings", "array_nulls"} {
				got, err := simple(t.Context(), conn, "SHOW "+setting)
				if err != nil || got.rows[0][0] != "on" {
					t.Errorf("%s, %s after %s: %v, %v", parameters, setting, reset, got.rows, err)
				}
			}
		}
		_ = conn.Close(t.Context())
	}
}

// TestNoticesTellNothing turns on what makes PostgreSQL talk, and reads what it says while it calls the gateway: the
// call's password and place must not be in it, in plain text or as the bytes of a plan's constant.
func TestNoticesTellNothing(t *testing.T) {
	long(t)
	f := running(t)
	script := "SET client_min_messages = debug5; SET debug_print_parse = on; SET debug_print_rewritten = on; SET debug_print_plan = on;\n" +
		"SELECT count(*) FROM c2d.budget;\nEXPLAIN SELECT count(*) FROM people;\n"
	said := f.psql(t, "mia", "trial", script)
	if !strings.Contains(said, ":constvalue") {
		t.Fatalf("no plans are printed: the test looks at something else\n%s", said)
	}
	said = strings.Join(strings.Fields(said), " ")
	for _, secret := range []string{"password=", "port='5432", "host='", ".s.PGSQL"} {
		bytes := strings.Trim(fmt.Sprint([]byte(secret)), "[]")
		if strings.Contains(said, secret) || strings.Contains(said, bytes) {
			t.Errorf("the session is told %q", secret)
		}
	}
}

// TestReleasedNulls holds that no setting of a session makes a text of a released NULL; array_nulls, which would, cannot be
// changed, by SET or at the start.
func TestReleasedNulls(t *testing.T) {
	long(t)
	f := running(t)
	conn := f.connect(t, "clinic", "rosa", "trial")
	if _, err := simple(t.Context(), conn, "SET xmloption = document; SET extra_float_digits = -15; SET bytea_output = escape; "+
		"SET IntervalStyle = sql_standard; SET TimeZone = 'Pacific/Auckland'; SET DateStyle = 'SQL, DMY'"); err != nil {
		t.Fatal(err)
	}
	if got, err := simple(t.Context(), conn, "SET array_nulls = off"); err == nil {
		t.Errorf("array_nulls is off: %v", got.rows)
	}
	got, err := simple(t.Context(), conn, "SELECT sex, count(*), sex IS NULL FROM people GROUP BY sex ORDER BY sex")
	if err != nil || fmt.Sprint(got.rows) != fmt.Sprint([][]string{{"f", "85", "f"}, {"m", "44", "f"}, {null, "21", "t"}}) {
		t.Errorf("%v, %v", got.rows, err)
	}
}

// needles are what tom must find nowhere: hidden columns, other analysts, other studies and their tables, the owners'
// SQL, and places on the gateway's machine.
const needles = `\m(secret|rosa|mia|nafld[0-9_a-z]*|patients|breast|trauma|gateway_password)\M|SELECT id, sex|FROM trial_|/c2d-clinic|password=|host=''|\.s\.PGSQL`

// TestCatalogsTellNothing reads every table and view that an analyst may read, whole, and looks for what policy hides.
func TestCatalogsTellNothing(t *testing.T) {
	long(t)
	f := running(t)
	conn := f.connect(t, "clinic", "tom", "trial")
	list, err := simple(t.Context(), conn, `SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE relkind IN ('r', 'v', 'm', 'p', 'f') AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AND NOT (nspname = 'c2d' AND relkind = 'v') AND nspname <> 'public' ORDER BY 1::text`)
	if err != nil || len(list.rows) < 150 {
		t.Fatalf("%d tables and views, %v: the sweep looks at something else", len(list.rows), err)
	}
	read := 0
	for _, row := range list.rows {
		found, err := simple(t.Context(), conn, "SELECT substring(x::text FROM '.{0,60}('||$n$"+needles+"$n$||').{0,60}') FROM "+row[0]+" x WHERE x::text ~ $n$"+needles+"$n$")
		switch code(err) {
		case "":
			read++
		case "42501", "0A000": // a function behind the view, or a type without text
			continue
		default:
			t.Errorf("%s: %v", row[0], err)
		}
		for _, leak := range found.rows {
			t.Errorf("%s tells %q", row[0], leak)
		}
	}
	if read < 140 {
		t.Errorf("only %d of %d could be read", read, len(list.rows))
	}
	own, err := simple(t.Context(), conn, "SELECT count(*) FROM pg_roles x WHERE x::text ~ '[[:<:]]tom[[:>:]]'")
	if err != nil || own.rows[0][0] != "1" {
		t.Errorf("the search does not find what is there: %v, %v", own.rows, err)
	}
}

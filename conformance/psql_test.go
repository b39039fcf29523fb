package conformance

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// psqlCommand is psql with a clean environment; script on its standard input.
func (f *federation) psqlCommand(t *testing.T, login, study, script string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	path, err := exec.LookPath("psql")
	if err != nil {
		t.Fatal("psql is missing: apt-get install postgresql-client")
	}
	c := exec.CommandContext(t.Context(), path, append([]string{"-X", "-At", f.URI("clinic", login, study)}, args...)...)
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "PGCLIENTENCODING=UTF8", "PAGER=cat")
	c.Stdin = strings.NewReader(script)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	return c, &out
}

func (f *federation) psql(t *testing.T, login, study, script string, args ...string) string {
	t.Helper()
	c, out := f.psqlCommand(t, login, study, script, args...)
	_ = c.Run() // what went wrong is in the output
	return out.String()
}

// TestPsql asks through psql what its users type.
func TestPsql(t *testing.T) {
	long(t)
	f := running(t)
	for _, c := range []struct{ name, script, want string }{
		{"simple", "SELECT count(*) FROM people;", "150\n"},
		{"grouped", "SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex;", "f|85\nm|44\n|21\n"},
		{"gdesc", `SELECT sex, count(*) AS n, avg(weight) FROM people GROUP BY sex \gdesc`, "sex|text\nn|bigint\navg|numeric\n"},
		{"prepare", "PREPARE p(int) AS SELECT count(*) FROM people WHERE age >= $1; EXECUTE p(0); EXECUTE p(101); DEALLOCATE p;", "PREPARE\n137\n0\nDEALLOCATE\n"},
		{"fetch count", "\\set FETCH_COUNT 2\nSELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex;", "f|85\nm|44\n|21\n"},
		{"cursor", "BEGIN; DECLARE c CURSOR FOR SELECT sex, count(*) FROM people GROUP BY sex ORDER BY 1; FETCH 1 FROM c; FETCH ALL FROM c; CLOSE c; COMMIT;",
			"BEGIN\nDECLARE CURSOR\nf|85\nm|44\n|21\nCLOSE CURSOR\nCOMMIT\n"},
		{"hold", "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT sex, count(*) FROM people GROUP BY sex ORDER BY 1; FETCH LAST FROM c; FETCH FIRST FROM c; CLOSE c;",
			"DECLARE CURSOR\n|21\nf|85\nCLOSE CURSOR\n"},
		{"copy", "COPY (SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex) TO STDOUT (FORMAT csv, HEADER);", "sex,count\nf,85\nm,44\n,21\n"},
		{"copy of psql", `\copy (SELECT sex, count(*) FROM people GROUP BY sex ORDER BY sex) TO STDOUT`, "f\t85\nm\t44\n\\N\t21\n"},
		{"savepoint", "BEGIN; SAVEPOINT a; SELECT min(age) FROM people; ROLLBACK TO a; SELECT count(*) FROM people; COMMIT;",
			"BEGIN\nSAVEPOINT\nERROR:  min has no form here that protects persons\nLINE 1: SELECT min(age) FROM people;\n               ^\nHINT:  Use count, sum or avg; declared bounds are in c2d.columns*\nROLLBACK\n150\nCOMMIT\n"},
		{"aborted", "BEGIN; SELECT * FROM people; SELECT count(*) FROM people; ROLLBACK; SELECT 1;", "BEGIN\nERROR:  *current transaction is aborted*ROLLBACK\n1\n"},
		{"caret", "SELECT 'é', nothing FROM people;", "ERROR:  column \"nothing\" does not exist\nLINE 1: SELECT 'é', nothing FROM people;\n                    ^\n"},
		{"syntax", "SELEC 1;", "ERROR:  syntax error at or near \"SELEC\"\nLINE 1: SELEC 1;\n        ^\n"},
		{"two in a string", `SELECT 1\; SELECT count(*) FROM people\; SELECT 3;`, "1\n150\n3\n"},
		{"set and show", "SET c2d.epsilon = 0.25; SHOW c2d.epsilon; SHOW server_encoding; RESET ALL;", "SET\n0.25\nUTF8\nRESET\n"},
		{"rows", `\set VERBOSITY verbose` + "\nSELECT * FROM people;", "ERROR:  ZD001: *"},
		{"write", `\set VERBOSITY verbose` + "\nDELETE FROM people;", "ERROR:  25006: *"},
		{"privilege", `\set VERBOSITY verbose` + "\nSELECT note, count(*) FROM people GROUP BY note;", "ERROR:  42501: *"},
		{"unsupported", `\set VERBOSITY verbose` + "\nSELECT sum(age / income) FROM people;", "ERROR:  0A000: *"},
		{"last", "SELECT count(*) FROM people; SELECT count(*) FROM c2d.last WHERE owner IS NOT NULL;", "150\n*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := f.psql(t, "rosa", "trial", c.script)
			if !like(got, c.want) {
				t.Errorf("got\n%s\nexpected\n%s", got, c.want)
			}
		})
	}
}

// like compares with a pattern in which * stands for anything.
func like(got, pattern string) bool {
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$").MatchString(got)
}

// TestPsqlBackslash runs the commands that show what there is.
func TestPsqlBackslash(t *testing.T) {
	long(t)
	f := running(t)
	for command, wants := range map[string][]string{
		`\l`:               {"trial|"},
		`\d`:               {"public|people|table|", "public|sites|table|"},
		`\dt+`:             {"people", "Persons of the test study"},
		`\d people`:        {"sex|text|", "weight|numeric(5,1)|", "born|date|"},
		`\d+ people`:       {"as told"},
		`\dn`:              {"public|", "c2d|"},
		`\dv c2d.*`:        {"c2d|budget|view|", "c2d|last|view|", "c2d|history|view|"},
		`\df`:              {""},
		`\du`:              {"mia|"},
		`\conninfo`:        {`connected to database "trial" as user "mia"`, "SSL connection"},
		"SELECT version()": {"PostgreSQL 1"},
		"SHOW TimeZone":    {""},
		"SELECT owner, source, epsilon_total > 0, epsilon_left <= epsilon_total FROM c2d.budget WHERE source = 'trial_people'": {"clinic|trial_people|t|t"},
		"EXPLAIN SELECT count(*) FROM people":                     {"Expected error of count(*)", "Cost at clinic, trial_people: epsilon 1,"},
		"SELECT count(*) > 0 FROM c2d.tables":                     {"t"},
		"SELECT uses FROM c2d.columns WHERE column_name = 'born'": {"{group,filter}"},
	} {
		t.Run(command, func(t *testing.T) {
			got := f.psql(t, "mia", "trial", command+"\n")
			if strings.Contains(got, "ERROR") || strings.Contains(got, "secret") {
				t.Errorf("%s", got)
			}
			for _, want := range wants {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
		})
	}
}

// TestPsqlInterrupt sends what Ctrl-C sends while a question runs; a psql that reads a script ends then.
func TestPsqlInterrupt(t *testing.T) {
	long(t)
	f := running(t)
	c, out := f.psqlCommand(t, "rosa", "trial", "\\set VERBOSITY verbose\nSELECT 'ready';\nSELECT count(*) FROM people JOIN visits USING (id);\n")
	var lock sync.Mutex // the process writes while the test reads
	c.Stdout, c.Stderr = &locked{to: out, lock: &lock}, &locked{to: out, lock: &lock}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	text := func() string {
		lock.Lock()
		defer lock.Unlock()
		return out.String()
	}
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(text(), "ready"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("psql does not get ready:\n%s", text())
		}
	}
	time.Sleep(200 * time.Millisecond) // the read phase takes longer
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil || !strings.Contains(text(), "57014: canceling statement due to user request") {
		t.Errorf("%v\n%s", err, text())
	}
	if got := f.psql(t, "rosa", "trial", "SELECT count(*) FROM people;"); got != "150\n" {
		t.Errorf("the next question: %s", got)
	}
}

// locked is a writer that may be read meanwhile.
type locked struct {
	to   io.Writer
	lock *sync.Mutex
}

// Write implements io.Writer.
func (l *locked) Write(p []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.to.Write(p)
}

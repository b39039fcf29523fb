package conformance

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/txtar"
)

// browseCase is one statement of a tool. want is what comes of it:
//
//	plain     what a PostgreSQL with the same tables answers
//	answered  an answer that shows numbers, versions or owners of this server
//	empty     no row, in the columns that PostgreSQL describes
//	listed    declared values; each that occurs is among them
//	question  an answer of the owners, which costs what it costs; the others cost nothing
//	SQLSTATE  a refusal
type browseCase struct{ want, title, sql string }

// browseTool is what a tool asks in a study.
type browseTool struct {
	name, study string
	cases       []browseCase
}

// browseTools reads the corpus.
func browseTools(t *testing.T) []browseTool {
	t.Helper()
	files, err := filepath.Glob("testdata/browse/*.txtar")
	if err != nil || len(files) < 8 {
		t.Fatalf("found %d tools, %v", len(files), err)
	}
	var tools []browseTool
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tool := browseTool{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), study: "liver"}
		for line := range strings.Lines(string(archive.Comment)) {
			if study, ok := strings.CutPrefix(line, "study: "); ok {
				tool.study = strings.TrimSpace(study)
			}
		}
		for _, f := range archive.Files {
			want, title, ok := strings.Cut(f.Name, ": ")
			if !ok {
				t.Fatalf("%s: %q says not what comes of it", file, f.Name)
			}
			tool.cases = append(tool.cases, browseCase{want, title, strings.TrimSpace(string(f.Data))})
		}
		if len(tool.cases) < 8 {
			t.Fatalf("%s: %d statements", file, len(tool.cases))
		}
		tools = append(tools, tool)
	}
	return tools
}

// TestBrowsing: what tools ask when they connect, sync or preview is answered from the catalog or refused, the same in
// both protocols. It spends nothing, reaches no other party, and leaves no line in an owner's log.
func TestBrowsing(t *testing.T) {
	long(t)
	f := running(t)
	plain := f.plainCatalog(t)
	tools := browseTools(t)
	sessions := map[string]*pgx.Conn{} // made beforehand: a login is a line in the gateway's log
	for _, tool := range tools {
		sessions[tool.name] = f.connect(t, "clinic", "mia", tool.study)
	}
	watching := []*pgx.Conn{f.connect(t, "clinic", "mia", "liver"), f.connect(t, "clinic", "mia", "trauma")}
	before, sent, began := f.footprint(t, watching), f.Traffic(), time.Now()
	statements := 0
	for _, tool := range tools {
		t.Run(tool.name, func(t *testing.T) {
			oracle := f.askOracle(t, tool.study)
			for _, c := range tool.cases {
				if c.want != "question" {
					c.check(t, sessions[tool.name], plain, oracle)
					statements++
				}
			}
		})
	}
	// Idle parties tell each other that they are there; one question costs a hundred times as much.
	more := f.Traffic() - sent
	if limit := 4096 + int64(time.Since(began).Seconds()*1024); more > limit {
		t.Errorf("the parties sent %d bytes in %s, at most %d expected", more, time.Since(began), limit)
	}
	if after := f.footprint(t, watching); after != before {
		t.Errorf("browsing left traces:\nbefore %s\nafter  %s", before, after)
	}
	t.Logf("%d statements of %d tools, %d bytes between the parties", statements, len(tools), more)
}

// TestToolsQuestions: what tools ask for a chart is answered.
func TestToolsQuestions(t *testing.T) {
	long(t)
	f := running(t)
	asked := 0
	for _, tool := range browseTools(t) {
		conn := f.connect(t, "clinic", "mia", tool.study)
		for _, c := range tool.cases {
			if c.want != "question" {
				continue
			}
			asked++
			a, err := simple(t.Context(), conn, c.sql)
			for range 2 {
				if code(err) == "57014" { // a busy machine misses the slot in which owners read
					a, err = simple(t.Context(), conn, c.sql)
				}
			}
			if err != nil || len(a.rows) < 2 {
				t.Errorf("%s, %s: %d rows, %v\n%s", tool.name, c.title, len(a.rows), err, c.sql)
			}
		}
	}
	if asked < 5 {
		t.Errorf("%d questions", asked)
	}
}

// check runs a case in both protocols, where its text is one statement.
func (c browseCase) check(t *testing.T, conn, plain, oracle *pgx.Conn) {
	t.Helper()
	ways := []func(context.Context, *pgx.Conn, string) (answer, error){lastRows, oneResult}
	if strings.Contains(strings.TrimSuffix(c.sql, ";"), ";") {
		ways = ways[:1]
	}
	for i, ask := range ways {
		a, err := ask(t.Context(), conn, c.sql)
		if problem := c.wrong(a, err, func() (answer, error) {
			other, sql := plain, c.sql
			if c.want != "plain" { // a study is a schema there
				other, sql = oracle, strings.NewReplacer(`"public".`, "", "public.", "").Replace(sql)
			}
			defer reset(t, other)
			return ask(t.Context(), other, sql)
		}); problem != "" {
			t.Errorf("%s (way %d): %s\n%s", c.title, i+1, problem, c.sql)
		}
		reset(t, conn)
	}
}

// reset ends what a statement left open.
func reset(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	if conn.PgConn().TxStatus() == 'I' {
		return
	}
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
}

// wrong says what is not as it should be. postgres asks a PostgreSQL
// the same: one with the tables and no row, or with all rows where values are listed.
func (c browseCase) wrong(a answer, err error, postgres func() (answer, error)) string {
	switch c.want {
	case "plain":
		b, plainErr := postgres()
		if code(err) != code(plainErr) {
			return fmt.Sprintf("%v, PostgreSQL: %v", err, plainErr)
		}
		a.rows = slices.DeleteFunc(a.rows, gatewaysOwn)
		if !slices.Equal(a.names, b.names) || !slices.Equal(a.types, b.types) || !slices.EqualFunc(a.rows, b.rows, slices.Equal[[]string]) {
			return fmt.Sprintf("%v %v, PostgreSQL: %v %v", a.names, a.rows, b.names, b.rows)
		}
	case "answered":
		if err != nil || len(a.names) == 0 {
			return fmt.Sprintf("%v, %d columns", err, len(a.names))
		}
	case "empty", "listed":
		if err != nil {
			return err.Error()
		}
		b, oracleErr := postgres()
		if oracleErr != nil || !slices.Equal(a.names, b.names) || !slices.Equal(a.types, b.types) {
			return fmt.Sprintf("columns %v of types %v; PostgreSQL: %v of %v, %v", a.names, a.types, b.names, b.types, oracleErr)
		}
		if c.want == "empty" && len(a.rows) > 0 || c.want == "listed" && len(a.rows) == 0 {
			return fmt.Sprintf("%d rows", len(a.rows))
		}
		for _, row := range b.rows {
			if !slices.ContainsFunc(a.rows, func(r []string) bool { return slices.Equal(r, row) }) {
				return fmt.Sprintf("%v occurs and is not among %v", row, a.rows)
			}
		}
	default:
		if code(err) != c.want {
			return fmt.Sprintf("%d rows, %v; a refusal with %s is expected", len(a.rows), err, c.want)
		}
	}
	return ""
}

// gatewaysOwn reports whether a row of a catalog shows a schema that only a gateway has.
func gatewaysOwn(row []string) bool {
	return slices.ContainsFunc(row, func(field string) bool { return field == "c2d" || field == "c2d_private" })
}

// lastRows runs a text by the simple protocol and returns the last result that has columns.
func lastRows(ctx context.Context, conn *pgx.Conn, sql string) (answer, error) {
	results := conn.PgConn().Exec(ctx, sql)
	var last answer
	for results.NextResult() {
		if a := columnsAndRows(results.ResultReader()); len(a.names) > 0 {
			last = a
		}
	}
	return last, results.Close()
}

// oneResult runs a statement by the extended protocol.
func oneResult(ctx context.Context, conn *pgx.Conn, sql string) (answer, error) {
	reader := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil)
	a := columnsAndRows(reader)
	_, err := reader.Close()
	return a, err
}

// columnsAndRows reads a result with its columns, which a result without rows has too.
func columnsAndRows(reader *pgconn.ResultReader) answer {
	r := &pgconn.Result{}
	for reader.NextRow() {
		row := make([][]byte, len(reader.Values()))
		for i, field := range reader.Values() {
			row[i] = bytes.Clone(field)
		}
		r.Rows = append(r.Rows, row)
	}
	r.FieldDescriptions = reader.FieldDescriptions()
	return textAnswer(r)
}

// plainCatalog is a database with the studies' tables and no row.
func (f *federation) plainCatalog(t *testing.T) *pgx.Conn {
	t.Helper()
	ddl, err := os.ReadFile("testdata/browse/plain.sql")
	if err != nil {
		t.Fatal(err)
	}
	server := f.askOracle(t, "liver")
	if _, err := server.Exec(t.Context(), "CREATE DATABASE browsed TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	config := server.Config().Copy()
	config.Database = "browsed"
	delete(config.RuntimeParams, "search_path")
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close(context.Background())
		if _, err := server.Exec(context.Background(), "DROP DATABASE browsed"); err != nil {
			t.Error(err)
		}
	})
	if _, err := conn.Exec(t.Context(), string(ddl)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// footprint is what a question changes: what is spent, what each party's ledger and log hold.
func (f *federation) footprint(t *testing.T, watching []*pgx.Conn) string {
	t.Helper()
	var s strings.Builder
	for _, conn := range watching {
		fmt.Fprintf(&s, "spent %v, ", f.spent(t, conn))
	}
	for _, p := range f.Parties {
		text, err := os.ReadFile(p.Logs())
		if err != nil {
			t.Fatal(err)
		}
		entries := regexp.MustCompile(`(?m)^c2dproxy_ledger_entries .*$`).FindString(get(t, p, "metrics"))
		if entries == "" {
			t.Fatalf("%s does not count the entries of its ledger", p.Name)
		}
		fmt.Fprintf(&s, "%s: %s, %d lines logged; ", p.Name, entries, bytes.Count(text, []byte("\n")))
	}
	return s.String()
}

// TestBrowsingDbplyr runs dbplyr itself.
func TestBrowsingDbplyr(t *testing.T) {
	long(t)
	f := running(t)
	if out, err := exec.Command("Rscript", "-e", "library(dbplyr); library(RPostgreSQL)").CombinedOutput(); err != nil {
		t.Fatalf("%v: apt-get install --no-install-recommends r-base-core r-cran-rpostgresql r-cran-dbplyr\n%s", err, out)
	}
	c := exec.CommandContext(t.Context(), "Rscript", "testdata/browse/dbplyr.R")
	c.Env = f.environment(t, "clinic", "mia", "liver")
	if out, err := c.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "ok\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

package conformance

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/cmd/c2dproxy/demo"
)

// trialFiles describe the study "trial", which only tests have: data, declarations and policies.
// rosa gets exact answers, mia answers with noise, tom counts for ε 1 in all.
//
//go:embed testdata/trial
var trialFiles embed.FS

// world is what the tests of one process share: the built program, one deployment and the oracle.
var world struct {
	dir string // temporary; holds the program

	once   sync.Once
	shared *federation
	err    error
}

// federation is a deployment of the demo's studies and of "trial".
type federation struct {
	*demo.Deployment
	oracle *demo.Oracle
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "c2d-conformance")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	world.dir = dir
	code := m.Run()
	if err := errors.Join(world.shared.close(), os.RemoveAll(dir)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// program builds c2dproxy once and returns its path.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(world.dir, "c2dproxy")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/c2dproxy").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// deploy starts a federation of three processes.
func deploy(ctx context.Context) (*federation, error) { return deployWith(ctx, addStudy) }

// deployWith starts a federation of parties whose files prepare has changed.
func deployWith(ctx context.Context, prepare func(*demo.Party) error) (*federation, error) {
	path, err := program()
	if err != nil {
		return nil, err
	}
	statements := map[string]string{}
	for _, party := range []string{"clinic", "lab", "registry"} {
		text, err := trialFiles.ReadFile("testdata/trial/" + party + ".sql")
		if err != nil {
			return nil, err
		}
		statements[party] = string(text)
	}
	d, err := demo.Deploy(ctx, demo.Options{Program: path, Prepare: prepare, Statements: statements})
	if err != nil {
		return nil, fmt.Errorf("%w\n(make deps installs what is missing)", err)
	}
	return &federation{Deployment: d}, nil
}

// addStudy puts the study "trial" and its logins and caps into a party's file.
func addStudy(p *demo.Party) error {
	text, err := os.ReadFile(p.Config)
	if err != nil {
		return err
	}
	study, err := trialFiles.ReadFile("testdata/trial/" + p.Name + ".yaml")
	if err != nil {
		return err
	}
	var caps strings.Builder
	seen := map[string]bool{}
	for line := range strings.Lines(string(study)) {
		if source, ok := strings.CutPrefix(strings.TrimSpace(line), "source: "); ok && !seen[source] {
			seen[source] = true
			fmt.Fprintf(&caps, "\n  %s: {epsilon: 100000, delta: 1e-2}", source)
		}
	}
	out := strings.Replace(string(text), "\ncaps:", "\ncaps:"+caps.String(), 1)
	for _, login := range []string{"rosa", "tom"} {
		if !strings.Contains(out, login+".verifier") {
			out = strings.Replace(out, "\nanalysts:", fmt.Sprintf("\nanalysts:\n  %s: {verifier_file: %s.verifier}", login, login), 1)
		}
	}
	// The demo's read phases are short; machines that test are busy, and three missed slots throttle an analyst.
	out = strings.ReplaceAll(out, "base: 800ms", "base: 1s")
	if len(seen) == 0 || !strings.Contains(out, "trial_") {
		return fmt.Errorf("the file of %s has no place for the study", p.Name)
	}
	return os.WriteFile(p.Config, []byte(out+string(study)), 0o600)
}

func (f *federation) close() error {
	if f == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var err error
	if f.oracle != nil {
		err = f.oracle.Stop(ctx)
	}
	return errors.Join(err, f.Close())
}

// running returns the deployment that tests share. No test may stop a party of it.
func running(t *testing.T) *federation {
	t.Helper()
	world.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if world.shared, world.err = deploy(ctx); world.err == nil {
			world.shared.oracle, world.err = world.shared.StartOracle(ctx)
		}
	})
	if world.err != nil {
		t.Fatal(world.err)
	}
	return world.shared
}

// own starts a deployment for one test, which may kill parties.
func own(t *testing.T) *federation { return ownWith(t, addStudy) }

// ownWith starts a deployment for one test, of parties whose files prepare has changed.
func ownWith(t *testing.T, prepare func(*demo.Party) error) *federation {
	t.Helper()
	f, err := deployWith(t.Context(), prepare)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// long skips a test that takes more than a few seconds when -short is set.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a federation; runs without -short")
	}
}

// connect opens an analyst's connection that ends with the test.
func (f *federation) connect(t *testing.T, gateway, login, study string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), f.URI(gateway, login, study))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// ask connects to the oracle with the tables of a study.
func (f *federation) askOracle(t *testing.T, study string) *pgx.Conn {
	t.Helper()
	conn, err := f.oracle.Connect(t.Context(), study)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// answer is a result in PostgreSQL's text format.
type answer struct {
	names []string
	types []uint32
	mods  []int32
	rows  [][]string // NULL is null
	tag   string
}

// null stands for NULL in an answer; no text of the test data is like it.
const null = "\x00NULL"

// simple runs one statement by the simple protocol.
func simple(ctx context.Context, conn *pgx.Conn, sql string) (answer, error) {
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil || len(results) == 0 {
		return answer{}, err
	}
	return textAnswer(results[len(results)-1]), nil
}

// extended runs one statement by the extended protocol with text parameters.
func extended(ctx context.Context, conn *pgx.Conn, sql string, args []string) (answer, error) {
	var values [][]byte
	for _, a := range args {
		if a == "NULL" {
			values = append(values, nil)
			continue
		}
		values = append(values, []byte(a))
	}
	result := conn.PgConn().ExecParams(ctx, sql, values, nil, nil, nil).Read()
	return textAnswer(result), result.Err
}

func textAnswer(r *pgconn.Result) answer {
	a := answer{tag: r.CommandTag.String()}
	for _, f := range r.FieldDescriptions {
		a.names, a.types, a.mods = append(a.names, f.Name), append(a.types, f.DataTypeOID), append(a.mods, f.TypeModifier)
	}
	for _, raw := range r.Rows {
		row := make([]string, len(raw))
		for i, field := range raw {
			if row[i] = string(field); field == nil {
				row[i] = null
			}
		}
		a.rows = append(a.rows, row)
	}
	return a
}

// code is the SQLSTATE that a client saw; "" for no error, and the error's text for one without.
func code(err error) string {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return err.Error()
}

// get reads a page of a party's health endpoint.
func get(t testing.TB, p *demo.Party, page string) string {
	t.Helper()
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/%s", p.Health, page))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// command runs c2dproxy with arguments and returns both outputs.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := exec.CommandContext(t.Context(), path, args...)
	c.Stdout, c.Stderr = &out, &out
	err = c.Run()
	return out.String(), err
}

// causes is what the parties logged last, where an error only says that a log has its cause.
func (f *federation) causes(err error) string {
	if c := code(err); c != "58000" && c != "XX000" {
		return ""
	}
	var all []string
	for _, p := range f.Parties {
		text, err := os.ReadFile(p.Logs())
		if err != nil {
			return err.Error()
		}
		logged := strings.Split(strings.TrimSpace(string(text)), "\n")
		all = append(all, p.Name+": "+strings.Join(logged[max(0, len(logged)-3):], "\n"))
	}
	return strings.Join(all, "\n")
}

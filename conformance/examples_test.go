package conformance

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// updateExamples writes the outputs of this run into the notebook: readers of the file see them.
var updateExamples = flag.Bool("update-examples", false, "write the outputs of this run into examples/first-hour.ipynb")

// firstHour are the tables that both forms of the first hour leave.
var firstHour = []string{"patients", "by_age", "pressure", "bmi", "systolic"}

// TestFirstHourNotebook runs examples/first-hour.ipynb as an analyst would.
func TestFirstHourNotebook(t *testing.T) {
	long(t)
	const notebook = "../examples/first-hour.ipynb"
	const need = "apt-get install --no-install-recommends python3-nbclient python3-ipykernel python3-pandas python3-sqlalchemy python3-psycopg2 python3-matplotlib"
	output := filepath.Join(t.TempDir(), "run.ipynb")
	argv := append([]string{python, "-B", "testdata/examples/notebook.py", notebook, output}, firstHour...)
	liveThroughHour(t, notebook, need, []string{python, "-c", "import nbclient, ipykernel, pandas, sqlalchemy, psycopg2, matplotlib"}, argv)
	if t.Failed() {
		return
	}
	run := read(t, output)
	if *updateExamples {
		if err := os.WriteFile(notebook, run, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := outline(t, read(t, notebook)), outline(t, run); !slices.Equal(got, want) {
		t.Errorf("the outputs in the file are not those of its cells, run go test ./conformance -run FirstHour -update-examples\nfile %q\nrun  %q", got, want)
	}
}

// TestFirstHourR runs examples/first-hour.R as an analyst would.
func TestFirstHourR(t *testing.T) {
	long(t)
	const script = "../examples/first-hour.R"
	absolute, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	runner, err := filepath.Abs("testdata/examples/script.R")
	if err != nil {
		t.Fatal(err)
	}
	liveThroughHour(t, script, "apt-get install --no-install-recommends r-base-core r-cran-rpostgresql",
		[]string{"Rscript", "-e", "library(RPostgreSQL)"}, append([]string{"Rscript", runner, absolute}, firstHour...))
}

// liveThroughHour runs a first hour and checks what it found and what it spent. probe fails where a program is missing.
func liveThroughHour(t *testing.T, file, need string, probe, argv []string) {
	t.Helper()
	f := running(t)
	if out, err := exec.Command(probe[0], probe[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, need, out)
	}
	text := string(read(t, file))
	for _, place := range []string{"/home", "/root", "/tmp", "/usr", "127.0.0.1", "localhost"} {
		if strings.Contains(text, place) {
			t.Errorf("%s names a place on a machine: %s", file, place)
		}
	}
	conn := f.connect(t, "clinic", "mia", "liver")
	var before map[string]float64
	var out []byte
	var err error
	for range 3 {
		var errors bytes.Buffer
		before = f.spent(t, conn)
		c := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
		c.Env, c.Stderr = f.environment(t, "clinic", "mia", "liver"), &errors
		if strings.HasSuffix(file, ".R") {
			c.Dir = t.TempDir() // for its plots
		}
		if out, err = c.Output(); err == nil {
			break
		}
		if !strings.Contains(errors.String(), "within the owner's time slot") { // a busy machine, not the example
			t.Fatalf("%s: %v\n%s\n%s", file, err, out, errors.String())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	after := f.spent(t, conn)
	stated := regexp.MustCompile(`ε = ([0-9.]+) at the clinic, ([0-9.]+) at the laboratory and ([0-9.]+) at the registry`).FindStringSubmatch(text)
	if stated == nil {
		t.Fatalf("%s does not say what it spends", file)
	}
	for i, owner := range []string{"clinic", "lab", "registry"} {
		if says := number(t, stated[i+1]); math.Abs(after[owner]-before[owner]-says) > 1e-9 {
			t.Errorf("spent %g at %s, the text says %g", after[owner]-before[owner], owner, says)
		}
	}
	f.checkHour(t, tables(t, out))
}

// environment is that of a client, with the connection in libpq's variables and no other of them.
func (f *federation) environment(t *testing.T, gateway, login, study string) []string {
	t.Helper()
	config, err := pgx.ParseConfig(f.URI(gateway, login, study))
	if err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PG") })
	return append(env, "PGHOST="+config.Host, fmt.Sprintf("PGPORT=%d", config.Port), "PGDATABASE="+study, "PGUSER="+login,
		"PGPASSWORD="+config.Password, "PGSSLMODE=verify-ca", "PGSSLROOTCERT="+f.Party(gateway).Certificate(),
		"PYDEVD_DISABLE_FILE_VALIDATION=1", "LC_ALL=C.UTF-8")
}

// spent is what an analyst has spent at each owner of the study of conn.
func (f *federation) spent(t *testing.T, conn *pgx.Conn) map[string]float64 {
	t.Helper()
	a, err := simple(t.Context(), conn, "SELECT owner, epsilon_spent FROM c2d.budget")
	if err != nil || len(a.rows) == 0 {
		t.Fatalf("%v %v", a, err)
	}
	spent := map[string]float64{}
	for _, row := range a.rows {
		spent[row[0]] = number(t, row[1])
	}
	return spent
}

// tables reads CSV tables, each below a line with its name, into one map a row.
func tables(t *testing.T, out []byte) map[string][]map[string]string {
	t.Helper()
	found := map[string][]map[string]string{}
	for _, part := range strings.Split("\n"+string(out), "\n# ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(records) < 2 {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		for _, record := range records[1:] {
			row := map[string]string{}
			for i, column := range records[0] {
				row[column] = record[i]
			}
			found[strings.TrimSpace(name)] = append(found[strings.TrimSpace(name)], row)
		}
	}
	return found
}

// outline is the kinds of outputs of each code cell of a notebook.
func outline(t *testing.T, notebook []byte) []string {
	t.Helper()
	var file struct {
		Cells []struct {
			Kind    string `json:"cell_type"`
			Source  []string
			Outputs []struct {
				Kind string `json:"output_type"`
				Name string
				Data map[string]any
			}
		}
	}
	if err := json.Unmarshal(notebook, &file); err != nil {
		t.Fatal(err)
	}
	var cells []string
	for _, cell := range file.Cells {
		if cell.Kind != "code" || len(cell.Source) == 0 {
			continue
		}
		line := strings.TrimSpace(cell.Source[0])
		for _, output := range cell.Outputs {
			line += fmt.Sprintf(" [%s%s %d]", output.Kind, output.Name, len(output.Data))
		}
		cells = append(cells, line)
	}
	if len(cells) < 10 {
		t.Fatalf("%d code cells", len(cells))
	}
	return cells
}

// number reads a number.
func number(t *testing.T, text string) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

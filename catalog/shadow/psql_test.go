package shadow_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// TestPsql runs psql's own catalog commands.
func TestPsql(t *testing.T) {
	binaries, err := pgserver.Find()
	if err != nil {
		t.Fatal(err)
	}
	psql := filepath.Join(binaries.Dir, "psql")
	if _, err := os.Stat(psql); err != nil {
		t.Fatalf("psql is missing: apt-get install postgresql-client (%v)", err)
	}
	e := running.Endpoint(analyst)
	for command, want := range map[string]string{
		`\l`: "liver study", `\l+`: "liver study", `\dt+`: "People with a liver", `\d patients`: "numeric(5,1)", `\di`: "patients_pkey", `\d+ patients`: "identifies the person",
		`\d`: "cohort", `\d+ c2d.budget`: "epsilon that is left", `\dv c2d.*`: "budget", `\dt+ c2d.*`: "columns", `\du+`: "mia", `\dn+`: "Privacy budgets", `\dx`: "dblink", `\df c2d.*`: "run", `\dp`: "=x/", `\sf c2d.view`: "BEGIN ATOMIC",
		`\dT`: "List of data types", `\dS pg_class`: "oid", `\conninfo`: "liver study", `\drds`: "", `\db`: "pg_default", `\dL`: "plpgsql", `\ddp`: "", `\dO`: "",
	} {
		t.Run(command, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), psql, "-X", "-v", "ON_ERROR_STOP=1", "-c", command)
			cmd.Env = []string{"PGHOST=" + e.SocketDir, "PGPORT=" + strconv.Itoa(e.Port), "PGDATABASE=" + e.Database,
				"PGUSER=" + e.Role, "PGPASSWORD=" + e.Password, "LC_ALL=C.UTF-8"}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), want) || strings.Contains(string(out), "ERROR") {
				t.Errorf("%v, %q expected in\n%s", err, want, out)
			}
			if strings.HasPrefix(command, `\l`) && (strings.Contains(string(out), "template") || !strings.Contains(string(out), "(1 row)")) {
				t.Errorf("other databases are listed:\n%s", out)
			}
		})
	}
}

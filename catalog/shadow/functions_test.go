package shadow_test

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// judgedFunctions reads testdata/functions.txt: name → why analysts may execute it.
func judgedFunctions(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/functions.txt")
	if err != nil {
		t.Fatal(err)
	}
	judged := map[string]string{}
	reason := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "  "):
			for _, name := range strings.Fields(line) {
				judged[name] = reason
			}
		default:
			reason = strings.TrimSuffix(line, ":")
		}
	}
	return judged
}

// TestFunctions sweeps over all functions that an analyst may execute. Those that are volatile, or that by their names tell of
// server, session or privileges, must each have been judged.
func TestFunctions(t *testing.T) {
	conn := connect(t)
	rows, err := conn.Query(t.Context(), `
		SELECT DISTINCT proname FROM pg_proc
		WHERE has_function_privilege(oid, 'EXECUTE') AND has_schema_privilege(pronamespace, 'USAGE')
		  AND (provolatile = 'v' OR proname ~ '^(pg_|inet_|txid_|current_setting|row_security|has_|lo_|dblink|binary_upgrade)' OR prosecdef)
		  AND 'internal'::regtype <> ALL (proargtypes::oid[])
		  AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'index_am_handler'::regtype, 'table_am_handler'::regtype, 'language_handler'::regtype, 'fdw_handler'::regtype)
		  AND NOT (proname ~ '(_in|_out|_send|_recv)$' OR proname ~ '^pg_lsn')`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 150 {
		t.Fatalf("%d functions: the sweep looks at something else", len(names))
	}
	judged := judgedFunctions(t)
	for _, name := range names {
		if judged[name] == "" {
			t.Errorf("analysts may execute %s, and nobody has judged it: revoke it in sql/harden.sql or add it to testdata/functions.txt", name)
		}
	}
}

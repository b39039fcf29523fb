package shadow_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/catalog/shadow"
)

// startStudy starts a server of a profile that browses made-up rows.
func startStudy(t *testing.T, st *catalog.Study, name string, profile shadow.Profile) *shadow.Shadow {
	t.Helper()
	g, err := listenGateway(filepath.Join(scratchDir, name+"cb"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.close)
	profile.Synthetic = true
	s, err := shadow.Start(t.Context(), shadow.Spec{
		Study: st, Profile: profile, Analysts: []shadow.Role{{Name: analyst, Password: "p"}},
		CallbackDir: g.dir, CallbackPort: 5432, CallbackUser: "gw", CallbackPassword: "q",
		Dir: filepath.Join(scratchDir, name), TemplateDir: filepath.Join(scratchDir, "template"), Random: rand.Reader, MemoryLimit: 512 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop(context.Background()) })
	return s
}

// refused holds that a statement fails with a code.
func refused(t *testing.T, conn *pgx.Conn, code, sql string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql)
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, expected %s", sql, err, code)
	}
}

// TestBrowsingServer holds what an analyst reaches who browses made-up rows: each of them marked, through the functions only,
// and still no federated table.
func TestBrowsingServer(t *testing.T) {
	profile := shadow.ProfileOf(study(), "mia@clinic")
	if len(profile.Functions(study())) != 0 {
		t.Error("functions of a profile that does not browse")
	}
	plain := profile.Key()
	if profile.Synthetic = true; profile.Key() == plain {
		t.Error("logins that browse and logins that do not have one server")
	}
	conn := connectTo(t, startStudy(t, study(), "browse", profile).Endpoint(analyst))
	functions := profile.Functions(study())
	if len(functions) != 3 {
		t.Fatalf("functions %v", functions)
	}
	for table, function := range functions {
		var rows, marked int
		sql := "SELECT count(*), count(*) FILTER (WHERE c2d_synthetic) FROM c2d." + function + "()"
		if err := conn.QueryRow(t.Context(), sql).Scan(&rows, &marked); err != nil || rows < 500 || marked != rows {
			t.Errorf("%s: %d rows, %d marked, %v", table, rows, marked, err)
		}
		refused(t, conn, "42501", "SELECT c2d_synthetic FROM "+table)
		refused(t, conn, "42501", "SELECT count(*) FROM c2d_private.made_up")
		refused(t, conn, "42501", "COPY c2d_private.made_up TO STDOUT")
	}
	refused(t, conn, "42501", `SET ROLE "c2dproxy dummy"`)
	var last string
	if err := conn.QueryRow(t.Context(), "SELECT column_name FROM information_schema.columns WHERE table_name = 'patients' ORDER BY ordinal_position DESC").Scan(&last); err != nil || last != shadow.Marker {
		t.Errorf("the last column is %s, %v", last, err)
	}
	hidden := 0
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_attribute WHERE attname LIKE 'secret%'").Scan(&hidden); err != nil || hidden != 0 {
		t.Errorf("a hidden column shows: %d, %v", hidden, err)
	}
}

// TestRehearsal holds that the gateway reads every owner's made-up rows, with the declared types and nothing else, in
// servers of all profiles, and that analysts who do not browse see no function for them.
func TestRehearsal(t *testing.T) {
	r := running.Rehearsal()
	conn := connectTo(t, r.Endpoint)
	parts := 0
	for owner, tables := range r.Parts {
		for table, part := range tables {
			parts++
			rows, err := conn.Query(t.Context(), part.SQL)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for rows.Next() {
				n++
			}
			if len(rows.FieldDescriptions()) != len(part.Columns) || n < 100 || rows.Err() != nil {
				t.Errorf("%s at %s: %d rows, %v", table, owner, n, rows.Err())
			}
			if _, ok := part.Columns["secret_note"]; ok || strings.Contains(part.SQL, "secret_note") {
				t.Errorf("%s holds a hidden column", table)
			}
		}
	}
	if parts != 4 {
		t.Errorf("%d parts", parts)
	}
	for _, sql := range []string{"SELECT * FROM c2d_private.callback", "SELECT * FROM patients", "SELECT c2d_private.dblink_connect('c2d', 'port=1')"} {
		refused(t, conn, "42501", sql)
	}
	refused(t, conn, "25006", "DELETE FROM c2d_private.made_up")
	mia := connect(t)
	refused(t, mia, "42501", "SELECT * FROM c2d_private.made_up")
	refused(t, mia, "42883", "SELECT * FROM c2d.made_up_3()")
	refused(t, mia, "42703", "SELECT c2d_synthetic FROM patients")
}

// TestQuotedValues holds that made-up values reach PostgreSQL as they are, whatever characters a domain has.
func TestQuotedValues(t *testing.T) {
	st := study()
	nasty := []string{`a"b`, `it's`, `\`, `\N`, "tab\there", "line\nhere\r", `{x,y}`, "NULL", "", " ", "é"}
	for i := range st.Tables {
		for j := range st.Tables[i].Columns {
			if c := &st.Tables[i].Columns[j]; c.Name == "sex" {
				c.Domain = nasty
			}
		}
	}
	conn := connectTo(t, startStudy(t, st, "quoted", shadow.ProfileOf(st, "mia@clinic")).Endpoint(analyst))
	rows, err := conn.Query(t.Context(), "SELECT DISTINCT sex FROM c2d.made_up_3() WHERE sex IS NOT NULL")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	slices.Sort(nasty)
	if !slices.Equal(got, nasty) {
		t.Errorf("%q, expected %q", got, nasty)
	}
}

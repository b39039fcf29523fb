package catalog

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLogins reads what the example says of logins, the socket and sessions.
func TestLogins(t *testing.T) {
	t.Parallel()
	c, err := Parse("/etc/c2d/example.yaml", []byte(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	kim, _ := c.Analyst("kim")
	dashboard, _ := c.Analyst("dashboard")
	if len(kim.Certificates) != 2 || kim.Certificates[0] != (Name{CN: "kim.doe"}) || kim.Certificates[1] != (Name{DN: "CN=Kim Doe,O=Harbor Clinic"}) || kim.VerifierFile == "" {
		t.Errorf("kim: %+v", kim.Certificates)
	}
	if len(dashboard.Certificates) != 1 || dashboard.VerifierFile != "" || dashboard.Verifier() != "" {
		t.Errorf("dashboard: %+v", dashboard.Certificates)
	}
	if c.CertificatesOnly() {
		t.Error("mia needs no certificate")
	}
	if want := (Socket{Dir: "/run/c2dproxy", Port: 5433, Mode: 0o770, Group: "analysts"}); c.Listen.Socket != want || want.Path() != "/run/c2dproxy/.s.PGSQL.5433" {
		t.Errorf("socket %+v", c.Listen.Socket)
	}
	if c.AnalystTLS.ClientCAFile != "/etc/c2d/tls/clients.ca" || c.AnalystTLS.ClientCRLFile != "/etc/c2d/tls/clients.crl" || c.AnalystTLS.Loopback {
		t.Errorf("TLS %+v", c.AnalystTLS)
	}
	written := c.Sessions
	c, err = Parse("f.yaml", []byte(without(t, example(t), "sessions:")))
	if err != nil {
		t.Fatal(err)
	}
	if c.Sessions != written || written.Connections != 100 || written.Idle != 24*time.Hour {
		t.Errorf("the example's defaults are %+v, without them there is %+v", written, c.Sessions)
	}
}

// without removes a setting of the file with all that is in it.
func without(t *testing.T, text, setting string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n"+setting)
	_, after, ends := strings.Cut(rest, "\n\n")
	if !found || !ends {
		t.Fatalf("the example has no %s", setting)
	}
	return strings.Replace(text, setting+strings.TrimSuffix(rest, after), "", 1)
}

// TestLoginErrors: every way to write less than one means is an error with its line, and so is every limit out of range.
func TestLoginErrors(t *testing.T) {
	t.Parallel()
	const kim = "    requires: [password, certificate]  # default: [password]. What is named must be there, and all of it is asked for\n    verifier_file: kim.scram\n"
	cases := []struct{ old, new, want string }{
		// Neither: nothing is required, or what is required is not there.
		{"    verifier_file: mia.scram", "    requires: []", "analysts.mia.requires: is empty; write [password], [certificate] or [password, certificate]"},
		{"    verifier_file: mia.scram", "    ", "analysts.mia: write one of verifier_file and verifier"},
		{"    certificates: [cn: dashboard.harbor.example]", "    ", "analysts.dashboard.certificates: write 1 to 100 names of client certificates, such as [cn: dashboard]"},
		{"    certificates: [cn: dashboard.harbor.example]", "    certificates: []", "analysts.dashboard.certificates: write 1 to 100 names"},
		// Less than is written elsewhere.
		{kim, "    verifier_file: kim.scram\n", "analysts.kim.requires: is missing; write [certificate] or [password, certificate]"},
		{kim, "    requires: [password]\n    verifier_file: kim.scram\n", "analysts.kim.certificates: are not in requires"},
		{kim, "    requires: [certificate]\n    verifier_file: kim.scram\n", "analysts.kim.requires: names no password, but there is a verifier"},
		{kim, "    requires: [password, certificate]\n", "analysts.kim: write one of verifier_file and verifier"},
		{"requires: [certificate]", "requires: [trust]", `analysts.dashboard.requires[0]: "trust": write [password]`},
		{"requires: [certificate]", "requires: [certificate, certificate]", `analysts.dashboard.requires[1]: "certificate": write`},
		{"[cn: dashboard.harbor.example]", "[{cn: ~}]", "analysts.dashboard.certificates[0].cn: has no value"},
		{"[cn: dashboard.harbor.example]", "[{cn: a, dn: CN=a}]", "analysts.dashboard.certificates[0]: write cn: and the common name, or dn:"},
		{"[cn: dashboard.harbor.example]", "[{}]", "analysts.dashboard.certificates[0]: write cn: and the common name, or dn:"},
		{"[cn: dashboard.harbor.example]", "[dashboard]", "analysts.dashboard.certificates[0]: is one value"},
		{"  client_ca_file: tls/clients.ca ", "  # ", "analysts.kim.certificates: need analyst_tls.client_ca_file"},
		{"  client_ca_file: tls/clients.ca ", "  # ", "analyst_tls.client_crl_file: needs client_ca_file"},
		// The socket.
		{"analysts: 127.0.0.1:5433", "analysts: 127.0.0.1:postgres", `listen.analysts: "127.0.0.1:postgres": with analysts_socket write the port as a number`},
		{"analysts_socket_mode: 0770", "analysts_socket_mode: 0888", `listen.analysts_socket_mode: "0888" is not a mode`},
		{"analysts_socket_mode: 0770", "analysts_socket_mode: 4770", `listen.analysts_socket_mode: "4770" is not a mode`},
		{"  analysts_socket: /run/c2dproxy ", "  # ", "listen: has no analysts_socket; write its folder"},
		{"/run/c2dproxy ", "/" + strings.Repeat("x", 100) + " ", "longer than the 107 bytes"},
		// Limits.
		{"connections: 100 ", "connections: 0 ", "sessions.connections: is 0; write a number from 1 to 1000"},
		{"connections: 100 ", "connections: 10 ", "sessions.per_analyst: is 20, more than connections (10)"},
		{"per_analyst: 20 ", "per_analyst: -1 ", "sessions.per_analyst: is -1; write a number"},
		{"statement: 10m ", "statement: 0s ", `sessions.statement: "0s" is not a duration from 1s to 720h0m0s; write one such as 90s, 10m or 24h`},
		{"idle: 24h ", "idle: never ", `sessions.idle: "never" is not a duration`},
		{"idle_in_transaction: 1h ", "idle_in_transaction: 721h ", `sessions.idle_in_transaction: "721h" is not a duration`},
		{"login: 15s ", "login: 11m ", `sessions.login: "11m" is not a duration from 1s to 10m0s`},
		{"free_failures: 3 ", "free_failures: 0 ", "sessions.free_failures: is 0"},
		{"longest_delay: 5m ", "longest_delay: 500ms ", `sessions.longest_delay: "500ms" is not a duration`},
	}
	for _, c := range cases {
		text := strings.Replace(example(t), c.old, c.new, 1)
		if text == example(t) {
			t.Errorf("%q is not in the example", c.old)
			continue
		}
		_, err := Parse("f.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), ": "+c.want) && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.new, err, c.want)
			continue
		}
		for line := range strings.Lines(err.Error()) {
			if !strings.HasPrefix(line, "f.yaml:") || strings.HasPrefix(line, "f.yaml:1:1:") {
				t.Errorf("%q: no line: %s", c.new, line)
			}
		}
	}
}

// TestCertificateNeedsNoVerifier: a login without a password is loaded without looking for a verifier.
func TestCertificateNeedsNoVerifier(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := example(t)
	for _, login := range []string{"mia", "kim"} {
		v, err := NewVerifier("x", strings.NewReader(strings.Repeat("s", 16)))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, login+".scram"), []byte(v), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "f.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	dashboard, _ := c.Analyst("dashboard")
	kim, _ := c.Analyst("kim")
	if dashboard.Verifier() != "" || kim.Verifier() == "" {
		t.Error("the verifiers are wrong")
	}
}

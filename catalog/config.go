package catalog

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/c2dproxy/c2dproxy/dp"
)

// Config is one party's checked file. It is immutable: nobody writes to what it holds.
// Paths in it are resolved against the file's folder.
type Config struct {
	Name        string // of the file, for messages
	Party       string
	Institution string
	KeyFile     string // Ed25519 private key, PEM of PKCS#8; see ReadKey
	StateDir    string
	Listen      Listen
	AnalystTLS  AnalystTLS
	Sessions    Sessions
	Source      Source
	Peers       []Peer
	Analysts    []Analyst
	Caps        []Cap
	studies     []ownStudy
	where       positions // of the settings in the file; empty for a literal File
}

// ownStudy is a study as this party declared it.
type ownStudy struct {
	public   Public            // without the party's key
	mappings map[string]string // table → SQL
}

// Listen holds addresses as host:port; empty: no such listener.
type Listen struct {
	Analysts string
	Socket   Socket
	Peers    string
	Health   string
}

// AnalystTLS names the certificate and key that analysts' clients see (both empty: the
// program makes them), and who signs and revokes the clients' own.
type AnalystTLS struct {
	CertFile      string
	KeyFile       string
	ClientCAFile  string // empty: clients are not asked for a certificate
	ClientCRLFile string
	Loopback      bool // TLS is required from this machine too
}

// Source says where the owner's data is. The zero Source is a helper's: no data.
type Source struct {
	DSNFile string // holds a PostgreSQL connection string
}

// Peer is another party as this one pins it.
type Peer struct {
	Party       string
	Institution string
	Key         string  // "sha256:" + hex of the SHA-256 of its SubjectPublicKeyInfo
	Connect     Connect // which side opens the connection
	Address     string  // host:port; empty when it dials us
}

// Connect says who opens the one connection of a pair. The zero value is refused.
type Connect string

// Ways to connect.
const (
	Dial   Connect = "dial"   // this party dials
	Accept Connect = "accept" // the peer dials
)

// Analyst is a login at this gateway.
type Analyst struct {
	Login        string
	Epsilon      dp.Epsilon // ε of a question when the analyst sets none; 0: the grants' default
	Browse       Browse     // what a request for rows gets
	VerifierFile string     // empty when the verifier is in the file, or there is no password
	Certificates []Name     // of client certificates, any of which is required; empty: none is
	verifier     Secret
}

// Verifier returns the SCRAM verifier in PostgreSQL's form; empty: the login has no password.
func (a Analyst) Verifier() string { return string(a.verifier) }

// String names the login without its verifier.
func (a Analyst) String() string { return a.Login }

// GoString is String.
func (a Analyst) GoString() string { return a.Login }

// Secret is text that does not print.
type Secret string

// String implements fmt.Stringer.
func (Secret) String() string { return "[secret]" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "[secret]" }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText refuses.
func (Secret) MarshalText() ([]byte, error) {
	return nil, fmt.Errorf("a secret is not written out")
}

// Load reads and checks a file, and reads the verifiers that it names. It does not open the
// identity key, the state or the source.
func Load(path string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c, where, err := parse(path, data)
	if err != nil {
		return nil, err
	}
	problems := &problems{}
	for i := range c.Analysts {
		if err := c.Analysts[i].load(path); err != nil {
			problems.add("analysts."+c.Analysts[i].Login, "%v", err)
		}
	}
	if err := problems.errors(path, where); err != nil {
		return nil, err
	}
	return c, nil
}

// At says where a setting of the file is, for messages: file:line:column: path. A setting that the
// file does not have is at the nearest one around it.
func (c *Config) At(path string) string {
	if at := c.where.find(path); at.line > 0 {
		return fmt.Sprintf("%s:%d:%d: %s", c.Name, at.line, at.column, path)
	}
	return c.Name + ": " + path
}

// load reads the verifier file, if the verifier is in one.
func (a *Analyst) load(file string) error {
	if a.VerifierFile == "" {
		return nil
	}
	b, err := os.ReadFile(a.VerifierFile)
	if err != nil {
		return fmt.Errorf("cannot read the verifier (%w); write it with: c2dproxy analyst add %s %s", err, file, a.Login)
	}
	v := strings.TrimSpace(string(b))
	if err := CheckVerifier(v); err != nil {
		return fmt.Errorf("verifier_file: %w", err)
	}
	a.verifier = Secret(v)
	return nil
}

// Parse checks the text of a file. Relative paths are resolved against the folder of
// name; no other file is read, so verifiers that are in files of their own are missing.
func Parse(name string, data []byte) (*Config, error) {
	c, _, err := parse(name, data)
	return c, err
}

// ReadDSN reads the source's connection string.
func (s Source) ReadDSN() (Secret, error) {
	if s.DSNFile == "" {
		return "", fmt.Errorf("this party is a helper: it has no source")
	}
	b, err := os.ReadFile(s.DSNFile)
	if err != nil {
		return "", fmt.Errorf("source.postgres.dsn_file: %w; write a line in it such as postgres://reader@db.example/hospital, and chmod 600", err)
	}
	dsn := bytes.TrimSpace(b)
	if len(dsn) == 0 {
		return "", fmt.Errorf("source.postgres.dsn_file: %s is empty; write a line such as postgres://reader@db.example/hospital", s.DSNFile)
	}
	return Secret(dsn), nil
}

// Helper reports whether the party owns no data.
func (c *Config) Helper() bool { return c.Source == Source{} }

// Studies lists the names of the party's studies, sorted.
func (c *Config) Studies() []string {
	names := make([]string, len(c.studies))
	for i := range c.studies {
		names[i] = c.studies[i].public.Study
	}
	return names
}

// study finds a study by name.
func (c *Config) study(name string) *ownStudy {
	for i := range c.studies {
		if c.studies[i].public.Study == name {
			return &c.studies[i]
		}
	}
	return nil
}

// Public returns the party's public part of a study. key is the fingerprint of the
// party's own key (see Fingerprint), which the file does not hold.
func (c *Config) Public(study, key string) (Public, error) {
	s := c.study(study)
	if s == nil {
		return Public{}, fmt.Errorf("party %s does not take part in study %q", c.Party, study)
	}
	p := s.public.clone()
	p.Party.Key = key
	return p, p.check()
}

// Mapping returns the SQL that maps the owner's source to a table of a study.
func (c *Config) Mapping(study, table string) (string, bool) {
	s := c.study(study)
	if s == nil {
		return "", false
	}
	sql, ok := s.mappings[table]
	return sql, ok
}

// Tables returns this party's own tables of a study, each with its one partition.
func (c *Config) Tables(study string) ([]Table, error) {
	s := c.study(study)
	if s == nil {
		return nil, fmt.Errorf("party %s does not take part in study %q", c.Party, study)
	}
	return s.public.clone().Tables, nil
}

// Mappings returns the owner's SQL of each of its tables in a study; empty for a helper.
func (c *Config) Mappings(study string) map[string]string {
	s := c.study(study)
	if s == nil {
		return nil
	}
	return maps.Clone(s.mappings)
}

// Analyst finds a login at this gateway.
func (c *Config) Analyst(login string) (Analyst, bool) {
	for _, a := range c.Analysts {
		if a.Login == login {
			return a, true
		}
	}
	return Analyst{}, false
}

// CertificatesOnly says that every login at this gateway requires a client certificate.
func (c *Config) CertificatesOnly() bool {
	return len(c.Analysts) > 0 && !slices.ContainsFunc(c.Analysts, func(a Analyst) bool { return len(a.Certificates) == 0 })
}

// Peer finds a peer by its party name.
func (c *Config) Peer(party string) (Peer, bool) {
	for _, p := range c.Peers {
		if p.Party == party {
			return p, true
		}
	}
	return Peer{}, false
}

// Cap finds the cap of a protected source.
func (c *Config) Cap(source string) (Cap, bool) {
	for _, cp := range c.Caps {
		if cp.Source == source {
			return cp, true
		}
	}
	return Cap{}, false
}

// CheckPeer compares what a peer says of itself with what this party pinned. Institutions
// decide who may be the third party of a lookup (RULES 11), so a peer does not choose its own.
func (c *Config) CheckPeer(p Public) error {
	pinned, ok := c.Peer(p.Party.Name)
	if !ok {
		return fmt.Errorf("party %s is not among the peers of %s", p.Party.Name, c.Party)
	}
	if p.Party.Key != pinned.Key {
		return fmt.Errorf("party %s says that its key is %s; %s pinned %s: compare by telephone", p.Party.Name, p.Party.Key, c.Party, pinned.Key)
	}
	if p.Party.Institution != pinned.Institution {
		return fmt.Errorf("party %s says that its institution is %q; %s wrote %q in peers: agree on one spelling", p.Party.Name, p.Party.Institution, c.Party, pinned.Institution)
	}
	return nil
}

// ValidLogin reports whether text can be a login.
func ValidLogin(text string) bool { return loginForm.MatchString(text) }

// ValidParty reports whether text can name a party.
func ValidParty(text string) bool { return partyForm.MatchString(text) }

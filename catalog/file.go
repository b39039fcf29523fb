package catalog

// File is an owner's (or helper's) YAML file in its literal form: what a person wrote,
// nothing checked, nothing filled in. [New] checks it. Numbers that must be exact are
// decimal text. Lists whose entries have names keep the order of the file.
type File struct {
	Party       string        `yaml:"party"`
	Institution string        `yaml:"institution"`
	Identity    FileIdentity  `yaml:"identity"`
	StateDir    string        `yaml:"state_dir"`
	Listen      FileListen    `yaml:"listen"`
	AnalystTLS  FileTLS       `yaml:"analyst_tls"`
	Sessions    FileSessions  `yaml:"sessions"`
	Source      FileSource    `yaml:"source"`
	Peers       []FilePeer    `yaml:"peers"`
	Analysts    []FileAnalyst `yaml:"analysts"`
	Caps        []FileCap     `yaml:"caps"`
	Studies     []FileStudy   `yaml:"studies"`
}

// FileIdentity names the party's private key, PEM of PKCS#8, Ed25519.
type FileIdentity struct {
	KeyFile string `yaml:"key_file"`
}

// FileListen holds the listeners' addresses as host:port; empty: no such listener.
// The analysts' socket is a folder, its mode octal digits, its group the name of one.
type FileListen struct {
	Analysts    string `yaml:"analysts"`
	Socket      string `yaml:"analysts_socket"`
	SocketMode  string `yaml:"analysts_socket_mode"`
	SocketGroup string `yaml:"analysts_socket_group"`
	Peers       string `yaml:"peers"`
	Health      string `yaml:"health"`
}

// FileTLS names the certificate that analysts' clients see (empty: self-made), and who
// signs and revokes theirs.
type FileTLS struct {
	CertFile      string `yaml:"cert_file"`
	KeyFile       string `yaml:"key_file"`
	ClientCAFile  string `yaml:"client_ca_file"`
	ClientCRLFile string `yaml:"client_crl_file"`
	Loopback      bool   `yaml:"required_on_loopback"`
}

// FileSource says where the owner's data is; a helper has none.
type FileSource struct {
	Postgres *FilePostgres `yaml:"postgres"`
}

// FilePostgres names the file that holds the connection string.
type FilePostgres struct {
	DSNFile string `yaml:"dsn_file"`
}

// FilePeer is another party as this one knows it.
type FilePeer struct {
	Party       string `yaml:"party"`
	Institution string `yaml:"institution"`
	Key         string `yaml:"key"`
	Connect     string `yaml:"connect"`
	Address     string `yaml:"address"`
}

// FileAnalyst is a login at this gateway.
type FileAnalyst struct {
	Login        string            `yaml:",name"`
	Verifier     string            `yaml:"verifier"`
	VerifierFile string            `yaml:"verifier_file"`
	Requires     []string          `yaml:"requires"`
	Certificates []FileCertificate `yaml:"certificates"`
	Epsilon      string            `yaml:"epsilon"`
	Browse       string            `yaml:"browse"`
}

// FileCertificate is the name in a client certificate: one of both.
type FileCertificate struct {
	CN string `yaml:"cn"`
	DN string `yaml:"dn"`
}

// FileCap is the budget of a protected source over all analysts and studies.
type FileCap struct {
	Source  string `yaml:",name"`
	Epsilon string `yaml:"epsilon"`
	Delta   string `yaml:"delta"`
}

// FileStudy is one study as this party takes part in it.
type FileStudy struct {
	Name    string      `yaml:",name"`
	Compute []string    `yaml:"compute"`
	Slot    FileSlot    `yaml:"slot"`
	Tables  []FileTable `yaml:"tables"`
	Grants  []FileGrant `yaml:"grants"`
}

// FileSlot holds durations such as 500ms or 2s.
type FileSlot struct {
	Base           string `yaml:"base"`
	PerMillionRows string `yaml:"per_million_rows"`
}

// FileTable is this owner's part of a logical table.
type FileTable struct {
	Name          string       `yaml:",name"`
	Source        string       `yaml:"source"`
	SQL           string       `yaml:"sql"`
	Comment       string       `yaml:"comment"`
	Citation      string       `yaml:"citation"`
	Rows          int64        `yaml:"rows"`
	Units         int64        `yaml:"units"`
	Unit          string       `yaml:"unit"`
	UnitKind      string       `yaml:"unit_kind"`
	UnitIDs       string       `yaml:"unit_ids"`
	Disjoint      bool         `yaml:"disjoint"`
	Bounded       bool         `yaml:"bounded"`
	ThirdParties  []string     `yaml:"third_parties"` // nil: not written
	UniqueUnit    bool         `yaml:"unique_unit"`
	GroupsPerUnit int64        `yaml:"groups_per_unit"`
	RowsPerGroup  int64        `yaml:"rows_per_group"`
	Columns       []FileColumn `yaml:"columns"`
}

// FileColumn is one column of a table.
type FileColumn struct {
	Name       string        `yaml:",name"`
	Type       string        `yaml:"type"`
	Nullable   *bool         `yaml:"nullable"` // nil: true
	Comment    string        `yaml:"comment"`
	Visibility string        `yaml:"visibility"`
	Uses       []string      `yaml:"uses"`
	Scale      *int64        `yaml:"scale"`
	Bounds     []string      `yaml:"bounds"` // lower, upper
	BoundsBy   *FileBoundsBy `yaml:"bounds_by"`
	Domain     FileDomain    `yaml:"domain"`
}

// FileBoundsBy gives each value of another column its own bounds.
type FileBoundsBy struct {
	Column string            `yaml:"column"`
	Values []FileValueBounds `yaml:"values"`
}

// FileValueBounds are the bounds for one value of the domain column.
type FileValueBounds struct {
	Value  string   `yaml:",name"`
	Bounds []string `yaml:",value"`
}

// FileDomain is a list of values, or a range such as 0..120.
type FileDomain struct {
	Values []string
	Range  string
}

// FileGrant is what this owner allows to some analysts, to each of them on its own.
type FileGrant struct {
	Analysts []string    `yaml:"analysts"`
	Tables   []string    `yaml:"tables"`
	Preset   string      `yaml:"preset"`
	Release  string      `yaml:"release"`
	Cohort   int64       `yaml:"cohort"`
	Epsilon  FileEpsilon `yaml:"epsilon"`
	Delta    FileDelta   `yaml:"delta"`
	Expires  string      `yaml:"expires"`
	Purpose  string      `yaml:"purpose"`
	Protocol string      `yaml:"protocol"`
	Lookup   bool        `yaml:"lookup"`
}

// FileEpsilon holds decimal numbers.
type FileEpsilon struct {
	Default     string `yaml:"default"`
	PerQuestion string `yaml:"per_question"`
	Total       string `yaml:"total"`
}

// FileDelta holds decimal numbers.
type FileDelta struct {
	PerQuestion string `yaml:"per_question"`
	Total       string `yaml:"total"`
}

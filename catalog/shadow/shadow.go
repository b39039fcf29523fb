package shadow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgserver"
)

// Defaults of Spec.
const (
	defaultMemory   = 1 << 30 // bytes of address space; a backend needs about 250 MB of it
	defaultSessions = 100
	rehearsals      = 5          // connections beyond those of sessions, for questions in mode dummy
	superuser       = "c2dproxy" // owner of everything; analysts see the name in \dt
)

// ErrNoDblink says that the server's installation lacks the extension dblink.
var ErrNoDblink = errors.New("PostgreSQL's extension dblink is missing: apt-get install postgresql postgresql-contrib")

// Role is an analyst's login in the server.
type Role struct {
	Name     string
	Password string // random, of this server; a secret
}

// String is the name.
func (r Role) String() string { return r.Name }

// GoString is the name.
func (r Role) GoString() string { return r.Name }

// LogValue is the name.
func (r Role) LogValue() slog.Value { return slog.StringValue(r.Name) }

// Spec describes a server for one study and profile.
type Spec struct {
	Study    *catalog.Study // Required
	Profile  Profile        // what is written
	Analysts []Role         // every role that will connect

	// The gateway's callback server: a unix socket CallbackDir/.s.PGSQL.CallbackPort that
	// exists when Start is called. As root, Start gives both to the server's account. Required.
	CallbackDir      string
	CallbackPort     int
	CallbackUser     string
	CallbackPassword string // a secret

	Dir         string    // the server's own directory; what an earlier server left there is discarded. Required
	TemplateDir string    // prepared cluster, made on first use and then copied. Default: none
	Random      io.Reader // source of the superuser's password. Required

	MemoryLimit uint64 // address space of each server process, bytes. Default: 1 GiB
	MaxSessions int    // Default: 100
	User        string // account when this process is root; see pgserver.Options
}

// Endpoint says how one analyst's session reaches the server.
type Endpoint struct {
	SocketDir string
	Port      int
	Database  string
	Role      string
	Password  string // a secret
}

// String names the place, without the password.
func (e Endpoint) String() string {
	return fmt.Sprintf("%s@%s:%d/%s", e.Role, e.SocketDir, e.Port, e.Database)
}

// GoString is String.
func (e Endpoint) GoString() string { return e.String() }

// LogValue is String.
func (e Endpoint) LogValue() slog.Value { return slog.StringValue(e.String()) }

// Shadow is a running server. Its methods may be called concurrently.
type Shadow struct {
	server    *pgserver.Server
	database  string
	passwords map[string]string          // by role
	parts     map[string]map[string]Part // made up
}

// Start starts a server, writes the study's visible part and hardens it. ctx covers the
// start only. On error nothing is left running.
func Start(ctx context.Context, spec Spec) (*Shadow, error) {
	if spec.Study == nil || spec.CallbackDir == "" {
		return nil, errors.New("shadow: Spec.Study and Spec.CallbackDir are required")
	}
	if name := spec.Study.Name; name == "" || len(name) > maxName || name == "template0" || name == "template1" {
		return nil, fmt.Errorf("shadow: study name %q cannot be a database of its own", name)
	}
	binaries, err := pgserver.Find()
	if err != nil {
		return nil, fmt.Errorf("shadow: %w", err)
	}
	if !binaries.HasExtension("dblink") {
		return nil, fmt.Errorf("shadow: %w", ErrNoDblink)
	}
	options := spec.options(binaries)
	if spec.TemplateDir != "" {
		if err := prepareTemplate(ctx, options, spec.TemplateDir); err != nil {
			return nil, err
		}
		options.TemplateDir = spec.TemplateDir
	}
	server, err := pgserver.Start(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("shadow: %w", err)
	}
	s := &Shadow{server: server, database: spec.Study.Name, passwords: make(map[string]string, len(spec.Analysts)+1),
		parts: partsOf(spec.Study, spec.Profile)}
	for _, analyst := range spec.Analysts {
		s.passwords[analyst.Name] = analyst.Password
	}
	if err := s.fill(ctx, spec); err != nil {
		return nil, errors.Join(err, server.Stop(ctx))
	}
	return s, nil
}

// options are those of the server process: small, silent about statements, without background work.
func (spec Spec) options(binaries pgserver.Binaries) pgserver.Options {
	memory, sessions := spec.MemoryLimit, spec.MaxSessions
	if memory == 0 {
		memory = defaultMemory
	}
	if sessions == 0 {
		sessions = defaultSessions
	}
	settings := maps.Clone(serverSettings())
	settings["max_connections"] = fmt.Sprint(sessions + 5 + rehearsals)
	return pgserver.Options{
		Binaries: binaries, Dir: spec.Dir, Superuser: superuser, Random: spec.Random, Settings: settings,
		Fresh: true, Throwaway: true, MemoryLimit: memory, User: spec.User,
	}
}

// serverSettings are fixed by us and beyond an analyst's SET, or defaults that no limit rests on.
func serverSettings() map[string]string {
	return map[string]string{
		"shared_buffers":                  "16MB",
		"temp_file_limit":                 "256MB", // superuser's to set
		"restart_after_crash":             "off",   // the gateway starts a new one
		"autovacuum":                      "off",
		"wal_level":                       "minimal",
		"max_wal_senders":                 "0",
		"max_worker_processes":            "0",
		"max_parallel_workers":            "0",
		"max_prepared_transactions":       "0",
		"max_logical_replication_workers": "0",
		"max_wal_size":                    "64MB",
		"min_wal_size":                    "32MB",
		"jit":                             "off",
		"timezone":                        "UTC",
		"log_timezone":                    "UTC",
		"lc_messages":                     "C",
		"track_activities":                "off", // no statement text of one analyst shows to another
		"track_counts":                    "off", // nor how much the others do
		"update_process_title":            "off",
		"log_min_messages":                "fatal",
		"log_min_error_statement":         "panic", // no statement texts in the server's log
		"log_checkpoints":                 "off",
		"default_transaction_read_only":   "on",
		"password_encryption":             "scram-sha-256",
	}
}

// fill turns the prepared cluster into the study's server.
func (s *Shadow) fill(ctx context.Context, spec Spec) error {
	if spec.TemplateDir == "" {
		if err := harden(ctx, s.server); err != nil {
			return err
		}
	}
	if err := nameDatabase(ctx, s.server, spec.Study.Name); err != nil {
		return err
	}
	account := s.server.Account()
	if err := ownCallback(account, spec); err != nil {
		return err
	}
	password, err := newRolePassword(spec.Random)
	if err != nil {
		return err
	}
	s.passwords[rehearser] = password
	return withConn(ctx, s.server, spec.Study.Name, func(conn *pgx.Conn) error {
		if err := writeStudy(ctx, conn, spec, password); err != nil {
			return err
		}
		return writeSynthetic(ctx, conn, spec)
	})
}

// Endpoint says how login reaches the server; the zero Endpoint for a login that Spec did not name.
func (s *Shadow) Endpoint(login string) Endpoint {
	password, ok := s.passwords[login]
	if !ok {
		return Endpoint{}
	}
	return Endpoint{SocketDir: s.server.SocketDir(), Port: s.server.Port(), Database: s.database, Role: login, Password: password}
}

// Done is closed when the server has ended.
func (s *Shadow) Done() <-chan struct{} { return s.server.Done() }

// Stop ends all sessions and the server; its directory stays for the caller to remove.
func (s *Shadow) Stop(ctx context.Context) error {
	if err := s.server.Stop(ctx); err != nil {
		return fmt.Errorf("shadow: %w", err)
	}
	return nil
}

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// maxSocketPath is Linux's limit of a unix socket's path (sun_path without its final zero).
	maxSocketPath = 107
	defaultPort   = 5432
	killSignal    = syscall.SIGKILL
	// readyPoll is the time between two attempts to connect to a starting server.
	readyPoll = 10 * time.Millisecond
	// lookAgain is the time between two looks at whether somebody else told a server to stop.
	lookAgain = 500 * time.Millisecond
	// quitWait is how long an immediate stop may take before SIGKILL.
	quitWait = 5 * time.Second
)

// Listen says where a server listens beside its unix socket.
type Listen int

// Listeners. The zero value is no TCP.
const (
	NoTCP Listen = iota
	Loopback
)

// Options describe a server.
type Options struct {
	Binaries Binaries // Default: Find()

	// Dir is the server's own directory, made if missing. Required. A Dir that an earlier
	// server used is started again with its data.
	Dir string

	// TemplateDir is the Dir of a stopped server whose cluster is copied where Dir has none
	// yet. One that does not exist is made with initdb first. Default: initdb.
	TemplateDir string

	// Fresh discards the data of an earlier server in Dir.
	Fresh bool

	SocketDir string // Default: Dir/s. SocketDir/.s.PGSQL.Port may have 107 bytes
	Listen    Listen // Default: no TCP
	Port      int    // Default: 5432; with Loopback a free port

	Superuser   string            // Default: postgres
	Password    string            // of the superuser. Default: drawn from Random
	Random      io.Reader         // source of passwords. Required
	Settings    map[string]string // postgresql.conf
	Throwaway   bool              // no fsync: data need not survive a crash of the machine
	MemoryLimit uint64            // address space of each server process in bytes (RLIMIT_AS). Default: no limit
	User        string            // account to run as when this process is root. Default: postgres, else nobody
}

// Server is a running PostgreSQL. Its methods may be called concurrently.
type Server struct {
	dir, socketDir string
	port           int
	listen         Listen
	superuser      string
	password       string
	account        Account
	child          *child
	done           chan struct{} // closed when nothing of the server runs any more
	lock           *os.File
	log            *os.File
	stop           sync.Once
	stopErr        error
	left           error // what could not be cleaned up; valid once done is closed
}

// Start starts a server and returns when it accepts connections. ctx covers the start only:
// the server runs until Stop, or until this process ends.
func Start(ctx context.Context, o Options) (*Server, error) {
	o, account, err := o.complete()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o711); err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	if err := account.reaches(o.Dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: o.Dir, socketDir: o.SocketDir, port: o.Port, listen: o.Listen,
		superuser: o.Superuser, account: account, lock: lock}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// complete fills in defaults and refuses what cannot work.
func (o Options) complete() (Options, Account, error) {
	if o.Dir == "" || o.Random == nil {
		return o, Account{}, errors.New("pgserver: Options.Dir and Options.Random are required")
	}
	account, err := AccountFor(o.User)
	if err != nil {
		return o, Account{}, err
	}
	if o.Binaries.Dir == "" {
		if o.Binaries, err = Find(); err != nil {
			return o, Account{}, err
		}
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return o, Account{}, fmt.Errorf("pgserver: %w", err)
	}
	if o.SocketDir == "" {
		o.SocketDir = filepath.Join(o.Dir, socketName)
	}
	if o.Superuser == "" {
		o.Superuser = "postgres"
	}
	if o.Port == 0 {
		if o.Port, err = freePort(o.Listen); err != nil {
			return o, Account{}, err
		}
	}
	path := socketPath(o.SocketDir, o.Port)
	if len(path) > maxSocketPath {
		return o, Account{}, fmt.Errorf("pgserver: socket path %s has %d bytes, the system allows %d: choose a shorter directory", path, len(path), maxSocketPath)
	}
	return o, account, nil
}

// freePort is a port for the listener; without TCP the number only names the socket.
func freePort(l Listen) (int, error) {
	if l == NoTCP {
		return defaultPort, nil
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("pgserver: %w", err)
	}
	defer listener.Close()
	addr, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("pgserver: unexpected address %v", listener.Addr())
	}
	return addr.Port, nil
}

// socketPath is the file that PostgreSQL listens on.
func socketPath(dir string, port int) string {
	return filepath.Join(dir, ".s.PGSQL."+strconv.Itoa(port))
}

// start prepares the cluster and runs the postmaster. The directory is locked.
func (s *Server) start(ctx context.Context, o Options) error {
	data := filepath.Join(o.Dir, dataName)
	if err := sweep(data); err != nil {
		return err
	}
	copied, err := s.prepare(ctx, o)
	if err != nil {
		return err
	}
	if s.password, err = readPassword(o.Dir); err != nil {
		return err
	}
	if err := s.account.mkdir(o.SocketDir); err != nil {
		return err
	}
	if err := s.account.reaches(o.SocketDir); err != nil {
		return err
	}
	for _, file := range []string{socketPath(o.SocketDir, o.Port), socketPath(o.SocketDir, o.Port) + ".lock"} {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("pgserver: %w", err)
		}
	}
	if err := configure(s.account, data, o.settings()); err != nil {
		return err
	}
	if err := s.launch(ctx, o, data); err != nil {
		return err
	}
	if copied || o.Password != "" {
		if err := s.changePassword(ctx, o); err != nil {
			return errors.Join(err, s.end(ctx), s.log.Close())
		}
	}
	return nil
}

// prepare makes the cluster where there is none, and says whether its password is a template's.
func (s *Server) prepare(ctx context.Context, o Options) (copied bool, err error) {
	if o.Fresh {
		if err := os.Remove(filepath.Join(o.Dir, passwordName)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, fmt.Errorf("pgserver: %w", err)
		}
	}
	if hasCluster(o.Dir) {
		return false, nil
	}
	if o.TemplateDir == "" {
		return false, initdb(ctx, o, s.account, o.Dir)
	}
	if !hasCluster(o.TemplateDir) {
		if err := makeTemplate(ctx, o, s.account); err != nil {
			return false, err
		}
	}
	return true, copyCluster(s.account, o.TemplateDir, o.Dir)
}

// makeTemplate runs initdb in TemplateDir, once: others wait for the lock to be free.
func makeTemplate(ctx context.Context, o Options, account Account) error {
	if err := os.MkdirAll(o.TemplateDir, 0o711); err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	if err := account.reaches(o.TemplateDir); err != nil {
		return err
	}
	for {
		lock, err := lockDir(o.TemplateDir)
		if err == nil {
			defer lock.Close()
			if hasCluster(o.TemplateDir) {
				return nil
			}
			return initdb(ctx, o, account, o.TemplateDir)
		}
		if !errors.Is(err, ErrInUse) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("pgserver: wait for template %s: %w", o.TemplateDir, ctx.Err())
		case <-time.After(readyPoll):
		}
	}
}

// settings are the operator's settings and those that this package owns.
func (o Options) settings() map[string]string {
	settings := map[string]string{"log_destination": "stderr", "logging_collector": "off"}
	if o.Throwaway {
		maps.Copy(settings, map[string]string{"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
			"dynamic_shared_memory_type": "mmap"}) // in the directory: nothing stays in /dev/shm after a crash
	}
	maps.Copy(settings, o.Settings)
	settings["listen_addresses"] = ""
	if o.Listen == Loopback {
		settings["listen_addresses"] = "127.0.0.1"
	}
	settings["unix_socket_directories"] = `"` + o.SocketDir + `"`
	settings["unix_socket_permissions"] = "0700"
	settings["port"] = strconv.Itoa(o.Port)
	return settings
}

// launch runs the postmaster and waits until it accepts connections.
func (s *Server) launch(ctx context.Context, o Options, data string) error {
	logPath := filepath.Join(o.Dir, logName)
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("pgserver: %w", err)
	}
	s.log = log
	s.child, err = s.account.start([]string{o.Binaries.program("postgres"), "-D", data}, o.MemoryLimit, log)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	s.done = make(chan struct{})
	go s.await(data)
	for {
		conn, err := pgconn.Connect(ctx, s.DSN("template1"))
		var refused *pgconn.PgError
		if err == nil {
			return conn.Close(ctx)
		}
		// An answer other than "starting up" comes from a server that is ready.
		if errors.As(err, &refused) && refused.Code == "3D000" {
			return nil
		}
		select {
		case <-s.done:
			return errors.Join(fmt.Errorf("pgserver: server ended: %w%s", s.child.err, logEnd(logPath)), log.Close())
		case <-ctx.Done():
			killed := s.child.signal(killSignal)
			<-s.done
			return errors.Join(fmt.Errorf("pgserver: server not ready: %w (%w)", ctx.Err(), err), killed, log.Close())
		case <-time.After(readyPoll):
		}
	}
}

// await closes done once the postmaster and all its children have ended, however it ended. A SIGTERM from outside
// only makes a postmaster wait for its clients to leave while it refuses new ones: such a server ends at once.
func (s *Server) await(data string) {
	defer close(s.done)
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for {
		select {
		case <-s.child.done:
			s.left = reap(data)
			return
		case <-look.C:
			if stopping(data) {
				_ = s.child.signal(syscall.SIGINT) // one that has ended meanwhile is the other case
			}
		}
	}
}

// changePassword replaces the password that the cluster came with.
func (s *Server) changePassword(ctx context.Context, o Options) (err error) {
	password := o.Password
	if password == "" {
		if password, err = newPassword(o.Random); err != nil {
			return err
		}
	}
	if password == s.password {
		return nil
	}
	conn, err := s.connectAny(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	literal, err := conn.EscapeString(password)
	if err != nil {
		return fmt.Errorf("pgserver: password: %w", err)
	}
	_, err = conn.Exec(ctx, "SET TRANSACTION READ WRITE; ALTER ROLE CURRENT_USER PASSWORD '"+literal+"'").ReadAll()
	if err != nil {
		return fmt.Errorf("pgserver: change password: %w", err)
	}
	if err := writePassword(o.Dir, password); err != nil {
		return err
	}
	s.password = password
	return nil
}

// connectAny connects to the database template1 as the superuser.
func (s *Server) connectAny(ctx context.Context) (*pgconn.PgConn, error) {
	conn, err := pgconn.Connect(ctx, s.DSN("template1"))
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	return conn, nil
}

// Stop stops the server: at once for its clients but in order (SIGINT), and immediately
// when ctx ends. Later calls return what the first did.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() { s.stopErr = errors.Join(s.end(ctx), s.log.Close(), s.lock.Close()) })
	return s.stopErr
}

// end brings the postmaster to its end by ever stronger means.
func (s *Server) end(ctx context.Context) error {
	if err := s.child.signal(syscall.SIGINT); err != nil {
		return err
	}
	select {
	case <-s.done:
		return s.left
	case <-ctx.Done():
	}
	if err := s.child.signal(syscall.SIGQUIT); err != nil {
		return err
	}
	select {
	case <-s.done:
		return s.left
	case <-time.After(quitWait):
	}
	err := s.child.signal(killSignal)
	<-s.done
	return errors.Join(err, s.left)
}

// Done is closed when the server has ended, by Stop or by itself, and none of its processes runs any more.
func (s *Server) Done() <-chan struct{} { return s.done }

// PID is the process id of the postmaster.
func (s *Server) PID() int { return s.child.process.Pid }

// SocketDir is the directory of the server's unix socket.
func (s *Server) SocketDir() string { return s.socketDir }

// Port is the server's port; on a unix socket it is part of the file name.
func (s *Server) Port() int { return s.port }

// Account is the operating system account of the server.
func (s *Server) Account() Account { return s.account }

// Superuser and password of the server. The password is a secret.
func (s *Server) Superuser() (name, password string) { return s.superuser, s.password }

// DSN is the connection URI of the superuser over the unix socket. It holds the password:
// never log it.
func (s *Server) DSN(database string) string {
	q := url.Values{"host": {s.socketDir}, "port": {strconv.Itoa(s.port)}}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(s.superuser, s.password), Path: "/" + database, RawQuery: q.Encode()}
	return u.String()
}

// TCPDSN is DSN over loopback TCP; empty where the server does not listen there.
func (s *Server) TCPDSN(database string) string {
	if s.listen != Loopback {
		return ""
	}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(s.superuser, s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// String names the server without its password.
func (s *Server) String() string { return "PostgreSQL in " + s.dir }

// GoString is String.
func (s *Server) GoString() string { return s.String() }

// LogValue is String.
func (s *Server) LogValue() slog.Value { return slog.StringValue(s.String()) }

package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/catalog/shadow"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/wire"
)

// shadows runs one shadow for each study, visibility profile and epoch, started on first
// use. A shadow of an older epoch stops when its last session ends. Safe for concurrent use.
type shadows struct {
	base     context.Context // the party's life: a shadow outlives the connection that asked for it
	dir      string          // of this run
	stateDir string          // of all runs
	party    string
	random   io.Reader
	logger   *slog.Logger
	template template

	// profile is what an analyst sees. It is set before the first acquire.
	profile func(study *catalog.Study, analyst string) shadow.Profile
	// sessions is how many one of them takes at a time; 0: the default of package shadow. It is set before the first acquire.
	sessions int

	mu     sync.Mutex
	byKey  map[shadowKey]*sharedShadow
	number int
	closed bool
}

// newShadows keeps the shadows' folders in dir and what later runs may use in stateDir; base ends when the party stops.
func newShadows(base context.Context, dir, stateDir, party string, random io.Reader, logger *slog.Logger) *shadows {
	return &shadows{base: base, dir: dir, stateDir: stateDir, party: party, random: random, logger: logger, profile: shadow.ProfileOf, byKey: map[shadowKey]*sharedShadow{}}
}

// shadowKey identifies what a shadow shows.
type shadowKey [sha256.Size]byte

// sharedShadow is one running shadow and the sessions in it; it implements wire.Callback.
type sharedShadow struct {
	key   shadowKey
	study *catalog.Study
	rows  map[string]string // table → function that shows made-up rows; nil: none do
	dir   string            // holds the callback's socket and the server; close removes it
	ready chan struct{}     // closed when start ended; what follows is written before

	failed error
	server *shadow.Shadow
	stop   func() // ends the callback server; once

	mu       sync.Mutex
	sessions map[uint32]*session // by backend
	users    int                 // guarded by shadows.mu
}

// keyOf hashes what a shadow shows.
func keyOf(study *catalog.Study, profile shadow.Profile) shadowKey {
	h := sha256.New()
	epoch := study.Epoch()
	fmt.Fprintf(h, "%q %x %q", study.Name, epoch, profile.Key())
	return shadowKey(h.Sum(nil))
}

// acquire returns the running shadow of a study and profile, starting it if need be.
func (s *shadows) acquire(ctx context.Context, study *catalog.Study, profile shadow.Profile) (*sharedShadow, error) {
	key := keyOf(study, profile)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, pgerr.New(pgerr.AdminShutdown, "the gateway is stopping").WithHint("Connect again later.")
	}
	one, found := s.byKey[key]
	if !found {
		s.number++
		one = &sharedShadow{
			key: key, study: study, dir: filepath.Join(s.dir, strconv.Itoa(s.number)),
			ready: make(chan struct{}), sessions: map[uint32]*session{},
		}
		if profile.Synthetic {
			one.rows = profile.Functions(study)
		}
		s.byKey[key] = one
		go s.bringUp(one, profile)
	}
	one.users++
	s.mu.Unlock()
	select {
	case <-one.ready:
	case <-ctx.Done():
		s.release(one)
		return nil, ctx.Err()
	}
	if one.failed != nil {
		s.release(one)
		return nil, one.failed
	}
	return one, nil
}

// bringUp starts a shadow on the party's own clock, so that a client that gives up does not
// fail the others.
func (s *shadows) bringUp(one *sharedShadow, profile shadow.Profile) {
	defer close(one.ready)
	began := time.Now()
	if err := s.start(one, profile); err != nil {
		err = errors.Join(err, os.RemoveAll(one.dir)) // each attempt has a folder of its own
		one.failed = fmt.Errorf("start the catalog server of study %s: %w", one.study.Name, err)
		s.mu.Lock()
		delete(s.byKey, one.key)
		s.mu.Unlock()
		return
	}
	s.logger.Info("catalog server started", "study", one.study.Name, "seconds", time.Since(began).Seconds())
	go s.watch(one)
}

// watch forgets a shadow that died by itself, so that the next session starts a new one; its
// own sessions end with their backends.
func (s *shadows) watch(one *sharedShadow) {
	<-one.server.Done()
	s.mu.Lock()
	unexpected := s.byKey[one.key] == one
	if unexpected {
		delete(s.byKey, one.key)
	}
	s.mu.Unlock()
	if unexpected {
		one.close(s.base)
		s.logger.Error("catalog server died; the next session starts a new one", "study", one.study.Name)
	}
}

// start opens the callback socket of a new shadow, then the shadow itself.
func (s *shadows) start(one *sharedShadow, profile shadow.Profile) error {
	callbackDir := filepath.Join(one.dir, "c")
	if err := os.MkdirAll(callbackDir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(one.dir, 0o711); err != nil {
		return err
	}
	password, err := s.password()
	if err != nil {
		return err
	}
	roles, err := s.roles(one.study, profile)
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", filepath.Join(callbackDir, fmt.Sprintf(".s.PGSQL.%d", callbackPort)))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(s.base)
	served := make(chan error, 1)
	go func() { served <- wire.ServeCallback(ctx, listener, one, password) }()
	one.stop = func() {
		stop()
		<-served
	}
	one.server, err = shadow.Start(ctx, shadow.Spec{
		Study: one.study, Profile: profile, Analysts: roles,
		CallbackDir: callbackDir, CallbackPort: callbackPort, CallbackUser: "c2d", CallbackPassword: password,
		Dir: filepath.Join(one.dir, "s"), TemplateDir: s.prepare(ctx), Random: s.random,
		MaxSessions: s.sessions,
	})
	if err != nil {
		one.stop()
	}
	return err
}

// callbackPort only names the callback socket.
const callbackPort = 5432

// roles are the logins of this gateway that see exactly this profile.
func (s *shadows) roles(study *catalog.Study, profile shadow.Profile) ([]shadow.Role, error) {
	var roles []shadow.Role
	seen := map[string]bool{}
	for _, grant := range study.Grants {
		login, gateway, _ := strings.Cut(grant.Analyst, "@")
		if gateway != s.party || seen[login] || s.profile(study, grant.Analyst).Key() != profile.Key() {
			continue
		}
		seen[login] = true
		password, err := s.password()
		if err != nil {
			return nil, err
		}
		roles = append(roles, shadow.Role{Name: login, Password: password})
	}
	return roles, nil
}

// password draws one of a callback socket or a role: 192 bits in hexadecimal digits.
func (s *shadows) password() (string, error) {
	var raw [24]byte
	if _, err := io.ReadFull(s.random, raw[:]); err != nil {
		return "", fmt.Errorf("draw a password: %w", err)
	}
	return hex.EncodeToString(raw[:]), nil
}

// release gives a shadow back. It stays for the next session unless retire stops it.
func (s *shadows) release(one *sharedShadow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.users--
}

// retire stops the shadows that nobody uses and that are not of a current study. It is called when a
// study changes and when a session ends, so that the last session of a passed epoch takes its shadow with it.
func (s *shadows) retire(ctx context.Context, current func(study string) (*catalog.Study, bool)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownWait)
	defer cancel()
	s.mu.Lock()
	var old []*sharedShadow
	for key, one := range s.byKey {
		study, ok := current(one.study.Name)
		if one.users == 0 && (!ok || study.Epoch() != one.study.Epoch()) && one.running() {
			delete(s.byKey, key)
			old = append(old, one)
		}
	}
	s.mu.Unlock()
	for _, one := range old {
		one.close(ctx)
	}
}

// closeAll stops every shadow; none starts afterwards.
func (s *shadows) closeAll(ctx context.Context) {
	s.mu.Lock()
	s.closed = true
	all := s.byKey
	s.byKey = map[shadowKey]*sharedShadow{}
	s.mu.Unlock()
	for _, one := range all {
		<-one.ready
		if one.failed == nil {
			one.close(ctx)
		}
	}
}

// running says that the shadow has started; one that is starting is not waited for.
func (h *sharedShadow) running() bool {
	select {
	case <-h.ready:
		return h.failed == nil
	default:
		return false
	}
}

// close stops a shadow that was running and removes its folder.
func (h *sharedShadow) close(ctx context.Context) {
	h.stop()
	_ = h.server.Stop(ctx)  // it is killed if it does not obey
	_ = os.RemoveAll(h.dir) // what stays the removal of the scratch folder takes
}

// endpoint says how a session of login reaches the shadow.
func (h *sharedShadow) endpoint(login string) wire.Endpoint {
	at := h.server.Endpoint(login)
	return wire.Endpoint{
		SocketDir: at.SocketDir, Port: at.Port, Database: at.Database,
		Role: at.Role, Password: at.Password,
	}
}

// attach makes a session known by its backend's number.
func (h *sharedShadow) attach(backend uint32, s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sessions[backend] = s
}

// detach forgets a session. Its backend's number may belong to another session already.
func (h *sharedShadow) detach(backend uint32, s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions[backend] == s {
		delete(h.sessions, backend)
	}
}

// session finds the session of a backend.
func (h *sharedShadow) session(backend uint32) (*session, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.sessions[backend]
	return s, ok
}

package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"time"
)

// Options configure a Server. Zero limits take the defaults named at each field.
type Options struct {
	Handler Handler      // required
	Logger  *slog.Logger // required
	Random  io.Reader    // required: a cryptographic source of cancel keys, SCRAM nonces and internal names

	// TLS is asked at each handshake for the configuration in force, so that certificates can change. TLS 1.2 is the least
	// version and sessions are never resumed, whatever it says. Required unless PlaintextLoopback.
	TLS func() *tls.Config
	// PlaintextLoopback admits connections without TLS from loopback addresses. Unix sockets are always admitted, and
	// nobody else ever is.
	PlaintextLoopback bool
	// CertificatesOnly says that every login requires a client certificate: who has none, or that of somebody else, is
	// refused without being asked for a password.
	CertificatesOnly bool

	MaxConnections   int           // sessions at one time; default 100
	MaxPerLogin      int           // sessions of one login at one time; default 20
	HandshakeTimeout time.Duration // from accept to the end of authentication; default 15 s
	ConnectTimeout   time.Duration // for Handler.Connect and the shadow, which may have to start; default 60 s
	QueryTimeout     time.Duration // of one statement or batch, by the gateway's own clock; default 10 min
	IdleTimeout      time.Duration // of a session between statements; default 24 h
	IdleInBlock      time.Duration // of a session between statements of one transaction; default 1 h
	FreeFailures     int           // failed logins in a row before the next one waits; default 3
	MaxDelay         time.Duration // longest wait between two login attempts; default 5 min
	MaxStartupBody   int           // bytes of a message body before authentication; default 10,000
	MaxBody          int           // bytes of a message body after authentication; default 16 MiB

	// Setting refuses the name of a setting that a client begins with; nil: none is refused but by the shadow.
	Setting func(name string) error

	// MockKey makes the salts shown for unknown logins, one per login. Keep it across restarts: the salt
	// of a real login does not change either. Default: 32 bytes of Random per Server.
	MockKey []byte
	// MockIterations are iteration counts of real verifiers, one each: an unknown login shows one of them, always the same.
	// Default: 4096, PostgreSQL's.
	MockIterations []int
}

// withDefaults checks what is required and fills in the limits.
func (o Options) withDefaults() (Options, error) {
	switch {
	case o.Handler == nil:
		return o, errors.New("wire: Options.Handler is required")
	case o.Logger == nil:
		return o, errors.New("wire: Options.Logger is required")
	case o.Random == nil:
		return o, errors.New("wire: Options.Random is required")
	case o.TLS == nil && !o.PlaintextLoopback:
		return o, errors.New("wire: Options.TLS is required unless PlaintextLoopback is set")
	}
	if o.MockKey == nil {
		o.MockKey = make([]byte, 32)
		if _, err := io.ReadFull(o.Random, o.MockKey); err != nil {
			return o, err
		}
	}
	orDefault(&o.MaxConnections, 100)
	orDefault(&o.MaxPerLogin, 20)
	orDefault(&o.HandshakeTimeout, 15*time.Second)
	orDefault(&o.ConnectTimeout, time.Minute)
	orDefault(&o.QueryTimeout, 10*time.Minute)
	orDefault(&o.IdleTimeout, 24*time.Hour)
	orDefault(&o.IdleInBlock, time.Hour)
	orDefault(&o.FreeFailures, 3)
	orDefault(&o.MaxDelay, 5*time.Minute)
	orDefault(&o.MaxStartupBody, 10_000)
	orDefault(&o.MaxBody, 16<<20)
	if len(o.MockIterations) == 0 {
		o.MockIterations = []int{4096}
	}
	return o, nil
}

// orDefault sets a limit that is not positive.
func orDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// cancelGrace is how long a statement may take to notice that it was cancelled.
const cancelGrace = 10 * time.Second

// limits are those of a session's clock.
func (o *Options) limits() [phases]time.Duration {
	return [phases]time.Duration{
		phaseIdle: o.IdleTimeout, phaseInBlock: o.IdleInBlock, phaseRunning: o.QueryTimeout, phaseOverdue: cancelGrace,
	}
}

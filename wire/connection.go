package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/xdg-go/scram"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// connection is one accepted connection from its first byte to its last.
type connection struct {
	server *Server
	conn   net.Conn
	out    *writer
	login  string

	address  string               // of the peer, for the throttle and the log
	socket   bool                 // a unix socket
	loopback bool                 // from this machine
	binding  scram.ChannelBinding // of the TLS connection
}

// errCancel ends a connection that carried a cancel request.
var errCancel = errors.New("cancel request")

// run negotiates, authenticates and relays.
func (c *connection) run(ctx context.Context) error {
	o := &c.server.opts
	if err := deadline(c.conn, o.HandshakeTimeout); err != nil {
		return err
	}
	raw := c.conn // c.conn becomes the TLS connection on it
	unblock := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer unblock()
	st, err := c.negotiate(ctx)
	if errors.Is(err, errCancel) {
		return nil
	}
	if err != nil {
		return c.fatal(ctx, err)
	}
	ctx, leave, err := c.server.gate.enter(ctx)
	if err != nil {
		return c.fatal(ctx, err)
	}
	defer leave()
	if !unblock() {
		return c.fatal(ctx, shutdown())
	}
	tell := context.AfterFunc(ctx, func() { c.out.last(newErrorResponse(severityFatal, shutdown())) })
	defer tell()
	if err := c.private(); err != nil {
		return c.fatal(ctx, err)
	}
	in := newFrames(c.conn, o.MaxStartupBody)
	if err := c.authenticate(ctx, in); err != nil {
		return c.fatal(ctx, err)
	}
	if err := c.out.send(&pgproto3.AuthenticationOk{}); err != nil {
		return err
	}
	if err := c.server.admit(c.login); err != nil {
		return c.fatal(ctx, err)
	}
	defer c.server.dismiss(c.login)
	in.maxBody = o.MaxBody
	if err := deadline(c.conn, o.ConnectTimeout+o.HandshakeTimeout); err != nil {
		return err
	}
	return c.attach(ctx, in, st)
}

// private refuses a connection that others can read on its way.
func (c *connection) private() error {
	if _, encrypted := c.conn.(*tls.Conn); encrypted || c.socket || c.loopback && c.server.opts.PlaintextLoopback {
		return nil
	}
	return pgerr.New(pgerr.InvalidAuthorization, "connection is not encrypted").WithHint("Connect with sslmode=require or stronger.")
}

// attach opens the session and its shadow, and relays.
func (c *connection) attach(ctx context.Context, in *frames, st startup) error {
	o := &c.server.opts
	connecting, cancel := context.WithTimeout(ctx, o.ConnectTimeout)
	defer cancel()
	database := st.params["database"]
	if database == "" {
		database = c.login
	}
	session, shadow, err := c.open(connecting, database, st.forwarded())
	if err != nil {
		if e := shadowRefusal(err); e != nil {
			c.out.last(e)
			return nil
		}
		return c.fatal(ctx, err)
	}
	defer session.Close()
	defer shadow.conn.Close()
	key, err := c.server.register(shadow)
	if err != nil {
		return c.fatal(ctx, err)
	}
	defer c.server.unregister(key.ProcessID)
	session.Attached(shadow.pid)
	if err := c.greet(shadow, key); err != nil {
		return err
	}
	r, err := newRelay(o, session, in, c.out, shadow)
	if err != nil {
		return c.fatal(ctx, err)
	}
	return r.run(ctx)
}

// greet ends the startup phase. Its deadline goes last: a client that does not read must not hold a session.
func (c *connection) greet(shadow *shadowConn, key *pgproto3.BackendKeyData) error {
	names := make([]string, 0, len(shadow.params))
	for name := range shadow.params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := c.out.send(&pgproto3.ParameterStatus{Name: name, Value: shadow.params[name]}); err != nil {
			return err
		}
	}
	if err := sendNow(c.out, key, &pgproto3.ReadyForQuery{TxStatus: shadow.status}); err != nil {
		return err
	}
	return deadline(c.conn, 0)
}

// negotiate reads startup packets up to the StartupMessage.
func (c *connection) negotiate(ctx context.Context) (startup, error) {
	c.out = newWriter(c.conn)
	encrypted, asked := false, map[uint32]bool{}
	for {
		code, body, err := readPacket(c.conn)
		if err != nil {
			return startup{}, err
		}
		switch {
		case (code == codeSSL || code == codeGSSENC) && (asked[code] || len(body) != 0 || encrypted):
			return startup{}, errStartup
		case code == codeGSSENC:
			asked[code] = true
			if _, err := c.conn.Write([]byte{'N'}); err != nil {
				return startup{}, err
			}
		case code == codeSSL:
			asked[code] = true
			if c.conn, err = c.upgrade(ctx); err != nil {
				return startup{}, err
			}
			_, encrypted = c.conn.(*tls.Conn)
		case code == codeCancel:
			return startup{}, c.cancel(body)
		default:
			return c.version(code, body)
		}
	}
}

// upgrade answers an SSLRequest. Whatever the client sent before the handshake is read by the handshake
// itself, which fails on anything but TLS; on failure it keeps the old connection to close.
func (c *connection) upgrade(ctx context.Context) (net.Conn, error) {
	o := &c.server.opts
	if o.TLS == nil || c.socket { // PostgreSQL has no TLS on unix sockets either
		_, err := c.conn.Write([]byte{'N'})
		return c.conn, err
	}
	if _, err := c.conn.Write([]byte{'S'}); err != nil {
		return c.conn, err
	}
	config := o.TLS().Clone()
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	config.SessionTicketsDisabled = true // a resumed session would not see that a certificate was revoked
	t := tls.Server(c.conn, config)
	if err := t.HandshakeContext(ctx); err != nil {
		var refused *tls.CertificateVerificationError
		if errors.As(err, &refused) {
			o.Logger.LogAttrs(ctx, slog.LevelWarn, "client certificate refused", slog.String("address", c.address), slog.String("error", refused.Err.Error()))
		}
		return c.conn, errors.Join(errStartup, err)
	}
	c.binding = endpointBinding(config)
	c.out = newWriter(t)
	return t, nil
}

// cancel runs a cancel request, which has no answer.
func (c *connection) cancel(body []byte) error {
	key, err := decodeCancel(body)
	if err != nil {
		return err
	}
	if err := c.server.cancel(key); err != nil {
		c.server.opts.Logger.Warn("cancel request failed", "error", err.Error())
	}
	return errCancel
}

// version checks a StartupMessage and settles the protocol version.
func (c *connection) version(code uint32, body []byte) (startup, error) {
	st, err := decodeStartup(code, body)
	if err != nil {
		return st, err
	}
	if st.major < 3 {
		return st, errStartup
	}
	c.login = st.params["user"]
	switch {
	case st.major > 3:
		return st, pgerr.New(pgerr.FeatureNotSupported, "unsupported frontend protocol %d.%d: server supports 3.0 to 3.0", st.major, st.minor)
	case c.login == "":
		return st, pgerr.New(pgerr.InvalidAuthorization, "no PostgreSQL user name specified in startup packet")
	case st.replication():
		return st, pgerr.New(pgerr.FeatureNotSupported, "replication connections are not supported")
	}
	if st.minor > 0 || len(st.unsupported) > 0 {
		return st, c.out.send(&pgproto3.NegotiateProtocolVersion{NewestMinorProtocol: 3 << 16, // PostgreSQL sends the whole version, and new libpq insists
			UnrecognizedOptions: st.unsupported})
	}
	return st, nil
}

// fatal tells the client why it cannot go on, where it is worth telling.
func (c *connection) fatal(ctx context.Context, err error) error {
	if isConnectionError(err) && ctx.Err() == nil {
		return err
	}
	c.out.last(c.server.opts.errorResponse(ctx, severityFatal, err))
	if _, told := pgerr.As(err); told {
		return nil
	}
	return err
}

// shutdown is what every session hears at a stop.
func shutdown() *pgerr.Error {
	return pgerr.New(pgerr.AdminShutdown, "terminating connection due to administrator command")
}

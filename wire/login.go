package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Login is what somebody must show to log in: all that it names. The zero Login lets nobody in.
type Login struct {
	// Verifier is that of the password in PostgreSQL's form, SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
	// Empty: the login has no password.
	Verifier string
	// Certificates are the names by which a client certificate, signed by an authority that TLS trusts and not
	// revoked, may log in; one of them is enough. Empty: the login needs no certificate.
	Certificates []CertificateName
}

// String keeps the verifier out of logs.
func (Login) String() string { return "login{…}" }

// GoString keeps the verifier out of logs.
func (Login) GoString() string { return "login{…}" }

// LogValue keeps the verifier out of logs.
func (l Login) LogValue() slog.Value { return slog.StringValue(l.String()) }

// open says that there is some way to log in, and that the client's certificate is one that it asks for.
func (l Login) open(certificate *x509.Certificate) bool {
	if len(l.Certificates) == 0 {
		return l.Verifier != ""
	}
	for _, name := range l.Certificates {
		if name.is(certificate) {
			return true
		}
	}
	return false
}

// clientCertificate is the verified certificate of the client; nil: it has none.
func (c *connection) clientCertificate() *x509.Certificate {
	t, ok := c.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	state := t.ConnectionState()
	if len(state.VerifiedChains) == 0 || len(state.PeerCertificates) == 0 {
		return nil
	}
	return state.PeerCertificates[0]
}

// authenticate runs the login and writes it to the log, whatever its end. Logins that keep failing wait.
func (c *connection) authenticate(ctx context.Context, in *frames) error {
	o, throttle := &c.server.opts, c.server.throttle
	certificate := c.clientCertificate()
	who := attemptOf(c.login, c.address)
	audit := o.Logger.With("login", who.login, "address", who.address)
	if certificate != nil {
		audit = audit.With("certificate", distinguishedName(certificate))
	}
	if err := throttle.wait(ctx, who); err != nil {
		audit.LogAttrs(ctx, slog.LevelWarn, "login refused", slog.String("error", err.Error()))
		return err
	}
	err := c.identify(in, certificate)
	e, told := pgerr.As(err)
	switch {
	case err == nil:
		throttle.succeeded(who)
		audit.LogAttrs(ctx, slog.LevelInfo, "login")
	case told && (e.Code == pgerr.InvalidPassword || e.Message == certificateFailed(c.login).Message):
		audit.LogAttrs(ctx, slog.LevelWarn, "login failed", slog.Int("failures", throttle.failed(who)), slog.String("error", e.Message))
	case told:
		audit.LogAttrs(ctx, slog.LevelWarn, "login failed", slog.String("error", err.Error()))
	}
	return err
}

// identify asks for what the login requires. Nothing that a client without the right certificate sees depends on the
// login: neither that it exists nor what it requires. Where every login of the gateway requires a certificate, such a client is
// refused at once; else it is asked for a password, and none is right.
func (c *connection) identify(in *frames, certificate *x509.Certificate) error {
	o := &c.server.opts
	login, known := o.Handler.Login(c.login)
	known = known && login.open(certificate)
	switch {
	case o.CertificatesOnly && certificate == nil:
		return pgerr.New(pgerr.InvalidAuthorization, "connection requires a valid client certificate").
			WithHint("Connect with TLS and the parameters sslcert and sslkey.")
	case o.CertificatesOnly && !known:
		return certificateFailed(c.login)
	case known && login.Verifier == "":
		return nil
	}
	x := &scramExchange{opts: o, in: in, out: c.out, binding: c.binding}
	if o.TLS != nil && o.TLS().ClientAuth != tls.NoClientCert {
		x.hint = "A login may require a client certificate too: sslcert and sslkey."
	}
	return x.run(c.login, login.Verifier, known)
}

// certificateFailed is PostgreSQL's refusal of a certificate for a login, whether the login exists or not.
func certificateFailed(login string) *pgerr.Error {
	return pgerr.New(pgerr.InvalidAuthorization, "certificate authentication failed for user %q", login)
}

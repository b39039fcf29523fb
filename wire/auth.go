package wire

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/xdg-go/scram"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// SASL mechanisms. The second binds the password's proof to the server's certificate, so that
// nobody between client and server can pass it on; it is offered first, on TLS only.
const (
	scramMechanism = "SCRAM-SHA-256"
	scramPlus      = "SCRAM-SHA-256-PLUS"
)

// scramExchange is one login as it runs.
type scramExchange struct {
	opts    *Options
	in      *frames
	out     *writer
	binding scram.ChannelBinding // zero: not offered
	hint    string               // of a failure, whatever its cause
}

// endpointBinding is tls-server-end-point (RFC 5929) of a configuration with one certificate. It is zero, and channel
// binding not offered, where the certificate depends on the client or its signature has no digest (Ed25519).
func endpointBinding(c *tls.Config) scram.ChannelBinding {
	if c == nil || len(c.Certificates) != 1 || c.GetCertificate != nil || c.GetConfigForClient != nil || len(c.Certificates[0].Certificate) == 0 {
		return scram.ChannelBinding{}
	}
	leaf, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
	if err != nil {
		return scram.ChannelBinding{}
	}
	b, err := scram.NewTLSServerEndpointBinding(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}})
	if err != nil {
		return scram.ChannelBinding{}
	}
	return b
}

// run authenticates login by its password. Who may not log in at all, known or not, goes through the same exchange.
// Every failure that depends on the login or the password is the same 28P01; other errors are I/O, protocol
// violations or a channel that is not the client's.
func (x *scramExchange) run(login, verifier string, known bool) error {
	creds, err := x.opts.mockCredentials(login)
	if err != nil {
		return err
	}
	if known {
		if creds, err = parseVerifier(verifier); err != nil {
			return fmt.Errorf("verifier of login %q: %w", login, err)
		}
	}
	conv, err := x.offer(creds)
	if err != nil {
		return err
	}
	var final pgproto3.SASLResponse
	if err := x.receive(&final); err != nil {
		return err
	}
	proof, err := conv.Step(string(final.Data))
	if proof == scram.ErrChannelBindingsDontMatch {
		return pgerr.New(pgerr.InvalidAuthorization, "SCRAM channel binding check failed").
			WithHint("Somebody may stand between this client and the server.")
	}
	if err != nil || !conv.Valid() || !known {
		return pgerr.New(pgerr.InvalidPassword, "password authentication failed for user %q", login).WithHint("%s", x.hint)
	}
	return x.out.send(&pgproto3.AuthenticationSASLFinal{Data: []byte(proof)})
}

// offer names the mechanisms, takes the client's choice and first message, and sends the challenge.
func (x *scramExchange) offer(creds credentials) (*scram.ServerConversation, error) {
	mechanisms := []string{scramMechanism}
	if x.binding.IsSupported() {
		mechanisms = []string{scramPlus, scramMechanism}
	}
	if err := sendNow(x.out, &pgproto3.AuthenticationSASL{AuthMechanisms: mechanisms}); err != nil {
		return nil, err
	}
	var first pgproto3.SASLInitialResponse
	if err := x.receive(&first); err != nil {
		return nil, err
	}
	if err := x.checkChoice(first); err != nil {
		return nil, err
	}
	conv, err := x.opts.conversation(creds, x.binding)
	if err != nil {
		return nil, err
	}
	challenge, err := conv.Step(string(first.Data))
	if err != nil {
		return nil, pgerr.New(pgerr.ProtocolViolation, "malformed SCRAM message")
	}
	return conv, sendNow(x.out, &pgproto3.AuthenticationSASLContinue{Data: []byte(challenge)})
}

// checkChoice holds the mechanism against the flag of the SCRAM message: p = bound to the channel, y = the client
// could, but believes that the server cannot, n = it cannot. A y where binding was offered means that
// somebody took the offer away.
func (x *scramExchange) checkChoice(m pgproto3.SASLInitialResponse) error {
	bound := bytes.HasPrefix(m.Data, []byte("p="))
	switch {
	case m.AuthMechanism == scramPlus && x.binding.IsSupported():
		if !bound {
			return pgerr.New(pgerr.ProtocolViolation, "malformed SCRAM message").
				WithDetail("The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.")
		}
	case m.AuthMechanism != scramMechanism:
		return pgerr.New(pgerr.ProtocolViolation, "client selected an invalid SASL authentication mechanism")
	case bound:
		return pgerr.New(pgerr.ProtocolViolation, "malformed SCRAM message").
			WithDetail("The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.")
	case bytes.HasPrefix(m.Data, []byte("y")) && x.binding.IsSupported():
		return pgerr.New(pgerr.InvalidAuthorization, "SCRAM channel binding negotiation error").
			WithDetail("The client supports SCRAM channel binding but thinks the server does not. However, this server does support channel binding.")
	}
	return nil
}

// conversation starts the server's side of one exchange. PostgreSQL ignores the name
// inside the exchange, clients leave it empty.
func (o *Options) conversation(c credentials, binding scram.ChannelBinding) (*scram.ServerConversation, error) {
	srv, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) {
		return scram.StoredCredentials(c), nil
	})
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 18)
	if _, err := io.ReadFull(o.Random, nonce); err != nil {
		return nil, fmt.Errorf("reading randomness: %w", err)
	}
	srv.WithNonceGenerator(func() string { return base64.StdEncoding.EncodeToString(nonce) })
	return srv.NewConversationWithChannelBinding(binding), nil
}

// receive reads one SASL message of the client.
func (x *scramExchange) receive(m pgproto3.Message) error {
	f, err := x.in.next()
	if err != nil {
		return err
	}
	if f.kind() != 'p' {
		return pgerr.New(pgerr.ProtocolViolation, "expected SASL response, got message type %d", f.kind())
	}
	if f.decode(m) != nil {
		return pgerr.New(pgerr.ProtocolViolation, "malformed SASL response")
	}
	return nil
}

// sendNow sends and flushes.
func sendNow(out *writer, msgs ...encoder) error {
	if err := out.send(msgs...); err != nil {
		return err
	}
	return out.flush()
}

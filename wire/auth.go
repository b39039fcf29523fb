package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/xdg-go/scram"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// scramMechanism is the one SASL mechanism offered.
const scramMechanism = "SCRAM-SHA-256"

// errVerifier says that a stored verifier is not in PostgreSQL's form; it never quotes it.
var errVerifier = errors.New("malformed SCRAM verifier")

// credentials are a SCRAM verifier in parts.
type credentials scram.StoredCredentials

// String keeps keys out of logs.
func (credentials) String() string { return "credentials{…}" }

// GoString keeps keys out of logs.
func (credentials) GoString() string { return "credentials{…}" }

// parseVerifier reads SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey.
func parseVerifier(v string) (credentials, error) {
	parts := strings.Split(v, "$")
	if len(parts) != 3 || parts[0] != scramMechanism {
		return credentials{}, errVerifier
	}
	iter, salt64, ok1 := strings.Cut(parts[1], ":")
	stored64, server64, ok2 := strings.Cut(parts[2], ":")
	n, err := strconv.Atoi(iter)
	if !ok1 || !ok2 || err != nil || n < 1 {
		return credentials{}, errVerifier
	}
	c := credentials{KeyFactors: scram.KeyFactors{Iters: n}}
	salt, err1 := base64.StdEncoding.DecodeString(salt64)
	stored, err2 := base64.StdEncoding.DecodeString(stored64)
	server, err3 := base64.StdEncoding.DecodeString(server64)
	if errors.Join(err1, err2, err3) != nil || len(salt) == 0 || len(stored) != sha256.Size || len(server) != sha256.Size {
		return credentials{}, errVerifier
	}
	c.Salt, c.StoredKey, c.ServerKey = string(salt), stored, server
	return c, nil
}

// mockCredentials are those of a login that does not exist: the same salt each time, and
// keys that no password has.
func (o *Options) mockCredentials(login string) (credentials, error) {
	mac := hmac.New(sha256.New, o.MockKey)
	_, _ = mac.Write([]byte(login)) // hash.Hash: never returns an error
	keys := make([]byte, 2*sha256.Size)
	if _, err := io.ReadFull(o.Random, keys); err != nil {
		return credentials{}, fmt.Errorf("reading randomness: %w", err)
	}
	return credentials{
		KeyFactors: scram.KeyFactors{Salt: string(mac.Sum(nil)[:16]), Iters: o.MockIterations},
		StoredKey:  keys[:sha256.Size],
		ServerKey:  keys[sha256.Size:],
	}, nil
}

// authenticate runs SCRAM-SHA-256 for login. Every failure that depends on the login or
// the password is the same 28P01; other errors are I/O or protocol violations.
func (o *Options) authenticate(be *pgproto3.Backend, out *writer, login string) error {
	verifier, known := o.Handler.Verifier(login)
	creds, err := o.mockCredentials(login)
	if err != nil {
		return err
	}
	if known {
		if creds, err = parseVerifier(verifier); err != nil {
			return fmt.Errorf("verifier of login %q: %w", login, err)
		}
	}
	conv, err := o.conversation(creds)
	if err != nil {
		return err
	}
	if err := sendNow(out, &pgproto3.AuthenticationSASL{AuthMechanisms: []string{scramMechanism}}); err != nil {
		return err
	}
	first, err := receiveInitial(be)
	if err != nil {
		return err
	}
	challenge, err := conv.Step(first)
	if err != nil {
		return pgerr.New(pgerr.ProtocolViolation, "malformed SCRAM message")
	}
	if err := sendNow(out, &pgproto3.AuthenticationSASLContinue{Data: []byte(challenge)}); err != nil {
		return err
	}
	final, err := receiveResponse(be)
	if err != nil {
		return err
	}
	proof, err := conv.Step(final)
	if err != nil || !conv.Valid() || !known {
		return pgerr.New(pgerr.InvalidPassword, "password authentication failed for user %q", login)
	}
	return out.send(&pgproto3.AuthenticationSASLFinal{Data: []byte(proof)})
}

// conversation starts the server's side of one exchange. PostgreSQL ignores the name
// inside the exchange, clients leave it empty.
func (o *Options) conversation(c credentials) (*scram.ServerConversation, error) {
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
	return srv.NewConversation(), nil
}

// receiveInitial reads the client's first SASL message.
func receiveInitial(be *pgproto3.Backend) (string, error) {
	if err := be.SetAuthType(pgproto3.AuthTypeSASL); err != nil {
		return "", err
	}
	msg, err := be.Receive()
	if err != nil {
		return "", err
	}
	m, ok := msg.(*pgproto3.SASLInitialResponse)
	if !ok || !slices.Contains([]string{scramMechanism}, m.AuthMechanism) {
		return "", pgerr.New(pgerr.ProtocolViolation, "client selected an invalid SASL authentication mechanism")
	}
	return string(m.Data), nil
}

// receiveResponse reads the client's second SASL message.
func receiveResponse(be *pgproto3.Backend) (string, error) {
	if err := be.SetAuthType(pgproto3.AuthTypeSASLContinue); err != nil {
		return "", err
	}
	msg, err := be.Receive()
	if err != nil {
		return "", err
	}
	m, ok := msg.(*pgproto3.SASLResponse)
	if !ok {
		return "", pgerr.New(pgerr.ProtocolViolation, "expected SASL response")
	}
	return string(m.Data), nil
}

// sendNow sends and flushes.
func sendNow(out *writer, msgs ...encoder) error {
	if err := out.send(msgs...); err != nil {
		return err
	}
	return out.flush()
}

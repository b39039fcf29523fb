package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

// errVerifier says that a stored verifier is not in PostgreSQL's form; it never quotes it.
var errVerifier = errors.New("malformed SCRAM verifier")

// credentials are a SCRAM verifier in parts.
type credentials scram.StoredCredentials

// String keeps keys out of logs.
func (credentials) String() string { return "credentials{…}" }

// GoString keeps keys out of logs.
func (credentials) GoString() string { return "credentials{…}" }

// LogValue keeps keys out of logs.
func (c credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

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

// mockCredentials are those of a login that does not exist: the same salt and iterations each time, and
// keys that no password has.
func (o *Options) mockCredentials(login string) (credentials, error) {
	mac := hmac.New(sha256.New, o.MockKey)
	_, _ = mac.Write([]byte(login)) // hash.Hash: never returns an error
	keys := make([]byte, 2*sha256.Size)
	if _, err := io.ReadFull(o.Random, keys); err != nil {
		return credentials{}, fmt.Errorf("reading randomness: %w", err)
	}
	sum := mac.Sum(nil)
	iterations := o.MockIterations[binary.BigEndian.Uint64(sum[16:])%uint64(len(o.MockIterations))]
	return credentials{
		KeyFactors: scram.KeyFactors{Salt: string(sum[:16]), Iters: iterations},
		StoredKey:  keys[:sha256.Size],
		ServerKey:  keys[sha256.Size:],
	}, nil
}

package catalog

import (
	"encoding/base64"
	"fmt"
	"io"
	"regexp"

	"github.com/xdg-go/scram"
)

// Iterations is the number of PBKDF2 rounds of new verifiers, PostgreSQL's own.
const Iterations = 4096

// NewVerifier makes the SCRAM-SHA-256 verifier (RFC 5802, RFC 7677) of a password in
// PostgreSQL's form, SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, with a 16-byte
// salt from random. The password goes through SASLprep; one that SASLprep refuses
// is taken as it is, as PostgreSQL does.
func NewVerifier(password string, random io.Reader) (string, error) {
	salt := make([]byte, 16)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", fmt.Errorf("salt: %w", err)
	}
	return Verifier(password, salt, Iterations)
}

// Verifier is NewVerifier with a given salt and number of iterations.
func Verifier(password string, salt []byte, iterations int) (string, error) {
	if password == "" {
		return "", fmt.Errorf("the password is empty")
	}
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		client, err = scram.SHA256.NewClientUnprepped("", password, "")
	}
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	c, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: iterations})
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", iterations, b64(salt), b64(c.StoredKey), b64(c.ServerKey)), nil
}

// verifierForm is PostgreSQL's form; keys are 32 bytes in base64.
var verifierForm = regexp.MustCompile(`^SCRAM-SHA-256\$[1-9][0-9]{3,6}:[A-Za-z0-9+/]{11,86}={0,2}\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$`)

// CheckVerifier checks the form of a verifier; the message does not repeat it.
func CheckVerifier(v string) error {
	if !verifierForm.MatchString(v) {
		return fmt.Errorf("not a verifier in the form SCRAM-SHA-256$4096:salt$StoredKey:ServerKey; make one with: c2dproxy analyst add FILE LOGIN")
	}
	return nil
}

package mpc

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// secret is embedded in every type that holds shares, seeds or private values: such a
// type prints as [secret] with every verb, logs so, and refuses to be serialised.
type secret struct{}

// errSecret refuses to serialise a secret.
var errSecret = errors.New("mpc: secrets are not serialised")

// hidden is what a secret prints as.
const hidden = "[secret]"

// String hides the secret.
func (secret) String() string { return hidden }

// GoString hides the secret.
func (secret) GoString() string { return hidden }

// Format hides the secret from every verb.
func (secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue hides the secret.
func (secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON refuses.
func (secret) MarshalJSON() ([]byte, error) { return nil, errSecret }

package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// Codes in the place of the protocol version of a startup packet.
const (
	codeCancel = 80877102
	codeSSL    = 80877103
	codeGSSENC = 80877104
)

// maxStartupPacket is PostgreSQL's MAX_STARTUP_PACKET_LENGTH.
const maxStartupPacket = 10_000

// errStartup marks a first packet that is no PostgreSQL startup packet: the
// connection closes without an answer.
var errStartup = errors.New("malformed startup packet")

// startup is the content of a StartupMessage.
type startup struct {
	major, minor uint16
	params       map[string]string // without the _pq_. options
	unsupported  []string          // names of _pq_. options
}

// cancelKey is the content of a CancelRequest.
type cancelKey struct {
	pid    uint32
	secret []byte
}

// readPacket reads exactly one startup packet, never a byte beyond it, so that what a
// man in the middle puts before a TLS handshake cannot end up in the session.
func readPacket(r io.Reader) (code uint32, body []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:4]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:4])
	if n < 8 || n > maxStartupPacket {
		return 0, nil, errStartup
	}
	if _, err := io.ReadFull(r, head[4:]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, n-8)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(head[4:]), body, nil
}

// decodeStartup decodes the body of a StartupMessage of any version.
func decodeStartup(version uint32, body []byte) (startup, error) {
	s := startup{major: uint16(version >> 16), minor: uint16(version), params: map[string]string{}}
	for {
		name, rest, ok := cutString(body)
		if !ok {
			return startup{}, errStartup
		}
		if name == "" {
			if len(rest) != 0 {
				return startup{}, errStartup
			}
			return s, nil
		}
		value, rest, ok := cutString(rest)
		if !ok {
			return startup{}, errStartup
		}
		if strings.HasPrefix(name, "_pq_.") {
			s.unsupported = append(s.unsupported, name)
		} else {
			s.params[name] = value
		}
		body = rest
	}
}

// cutString takes one zero-terminated string.
func cutString(b []byte) (string, []byte, bool) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return "", nil, false
	}
	return string(b[:i]), b[i+1:], true
}

// decodeCancel decodes the body of a CancelRequest.
func decodeCancel(body []byte) (cancelKey, error) {
	if len(body) < 8 || len(body) > 4+256 {
		return cancelKey{}, errStartup
	}
	return cancelKey{pid: binary.BigEndian.Uint32(body), secret: body[4:]}, nil
}

// forwarded are the parameters that the shadow session gets: all settings, but nothing
// that says who or where, and nothing that makes PostgreSQL read a text otherwise than the gateway reads it. The server
// takes a parameter of its own after those in "options", so the pinned ones win.
func (s startup) forwarded() map[string]string {
	m := map[string]string{"standard_conforming_strings": "on", "array_nulls": "on", "transform_null_equals": "off"}
	for k, v := range s.params {
		switch strings.ToLower(k) {
		case "user", "database", "replication", "standard_conforming_strings", "array_nulls", "transform_null_equals":
		default:
			m[k] = v
		}
	}
	return m
}

// replication says whether the client asks for a replication connection.
func (s startup) replication() bool {
	switch strings.ToLower(s.params["replication"]) {
	case "", "0", "f", "n", "no", "of", "off", "fa", "fal", "fals", "false":
		return false
	}
	return true
}

package federation

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// errFrame is the root of every complaint about a peer's bytes. The texts below it are
// constants and numbers: nothing of the bytes themselves is repeated.
var errFrame = errors.New("malformed frame")

// maxControlFrame bounds one control message, in bytes. The largest carry a party's public
// catalog parts, of at most 4 MiB each before encoding.
const maxControlFrame = 24 << 20

// maxQueryFrame bounds one message of a query's conversation, in bytes.
const maxQueryFrame = 1 << 20

// writeFrame writes a 4-byte big-endian length and the payload, in one Write.
func writeFrame(w io.Writer, payload []byte, limit int) error {
	if len(payload) > limit {
		return fmt.Errorf("%w: %d bytes exceed the limit of %d", errFrame, len(payload), limit)
	}
	frame := make([]byte, 4, 4+len(payload))
	binary.BigEndian.PutUint32(frame, uint32(len(payload)))
	_, err := w.Write(append(frame, payload...))
	return err
}

// readFrame reads one frame of at most limit bytes. Memory grows with what has arrived,
// not with what the length promises.
func readFrame(r io.Reader, limit int) ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	size := int64(binary.BigEndian.Uint32(header[:]))
	if size > int64(limit) {
		return nil, fmt.Errorf("%w: %d bytes exceed the limit of %d", errFrame, size, limit)
	}
	var payload bytes.Buffer
	if _, err := io.CopyN(&payload, r, size); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return payload.Bytes(), nil
}

// decodeStrict decodes exactly one JSON value without unknown fields into v.
func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		// The decoder's own error may quote the peer's bytes.
		return fmt.Errorf("%w: not the expected message", errFrame)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: bytes after the message", errFrame)
	}
	return nil
}

// writeJSON writes v as one frame.
func writeJSON(w io.Writer, v any, limit int) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return writeFrame(w, data, limit)
}

// readJSON reads one frame into v.
func readJSON(r io.Reader, v any, limit int) error {
	data, err := readFrame(r, limit)
	if err != nil {
		return err
	}
	return decodeStrict(data, v)
}

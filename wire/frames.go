package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgproto3"
)

// frameHead is the length of a message's type and length fields.
const frameHead = 5

// errFrame says that a peer's bytes are no message: lengths or strings do not add up.
var errFrame = errors.New("malformed message")

// frame is one whole message as it came: type, length, body. It is valid until the reader's next call.
type frame []byte

// kind is the type byte.
func (f frame) kind() byte { return f[0] }

// body is what follows the length.
func (f frame) body() []byte { return f[frameHead:] }

// Encode appends the message as it came; a frame is an encoder like any message of pgproto3.
func (f frame) Encode(dst []byte) ([]byte, error) { return append(dst, f...), nil }

// decode reads the body into m.
func (f frame) decode(m pgproto3.Message) error {
	if err := m.Decode(f.body()); err != nil {
		return errors.Join(errFrame, err)
	}
	return nil
}

// text is the body of a message that is one string.
func (f frame) text() (string, error) {
	s, rest, ok := cutString(f.body())
	if !ok || len(rest) != 0 {
		return "", errFrame
	}
	return s, nil
}

// names are the first n strings of the body, n ≤ 2. What follows them is the shadow's to check.
func (f frame) names(skip, n int) (names [2]string, err error) {
	b := f.body()
	if len(b) < skip {
		return names, errFrame
	}
	b = b[skip:]
	for i := range n {
		var ok bool
		if names[i], b, ok = cutString(b); !ok {
			return names, errFrame
		}
	}
	return names, nil
}

// frames reads messages of one connection without decoding them: most are relayed as they are. Memory is one
// buffer of 16 KiB, and beside it the body of a longer message while that is handled.
type frames struct {
	in      *bufio.Reader
	maxBody int // bytes; 0 = whatever the length field can say
}

// newFrames reads from r.
func newFrames(r io.Reader, maxBody int) *frames {
	return &frames{in: bufio.NewReaderSize(r, 16<<10), maxBody: maxBody}
}

// next returns the next message.
func (f *frames) next() (frame, error) {
	head, err := f.in.Peek(frameHead)
	if err != nil {
		if len(head) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	body := int64(binary.BigEndian.Uint32(head[1:])) - 4
	switch {
	case body < 0 || body > 1<<30:
		return nil, fmt.Errorf("%w: length %d", errFrame, body)
	case f.maxBody > 0 && body > int64(f.maxBody):
		return nil, &pgproto3.ExceededMaxBodyLenErr{MaxExpectedBodyLen: f.maxBody, ActualBodyLen: int(body)}
	}
	n := frameHead + int(body)
	if n > f.in.Size() {
		return f.long(n)
	}
	whole, err := f.in.Peek(n)
	if err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	_, err = f.in.Discard(n)
	return whole, err
}

// long reads a message that does not fit the buffer. Memory grows with the bytes that have come, not with
// those that the length field announces.
func (f *frames) long(n int) (frame, error) {
	var b bytes.Buffer
	if _, err := io.CopyN(&b, f.in, int64(n)); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return b.Bytes(), nil
}

// more says whether a further message has begun to arrive.
func (f *frames) more() bool { return f.in.Buffered() >= frameHead }

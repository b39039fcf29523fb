package federation

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/mpc"
)

// parties is the number of compute parties.
const parties = 3

// transport is the mpc.Transport of one execution: one stream each way to each
// neighbour. A round's words go as little endian behind a header of 16 bytes, the
// round's number and the number of words; a direction without words sends nothing.
type transport struct {
	self      int
	names     [parties]string
	next      neighbour
	prev      neighbour
	round     uint64
	broken    error
	sent      atomic.Int64
	received  atomic.Int64
	trace     func(RoundTrace) // nil: none
	closeOnce sync.Once
}

// neighbour is both directions to one party.
type neighbour struct {
	name    string
	out, in net.Conn
	// Buffers of the sending and the receiving goroutine.
	outBuffer, inBuffer []byte
}

// RoundTrace is the public shape of one round, in words.
type RoundTrace struct {
	Round                              uint64
	ToNext, ToPrev, FromNext, FromPrev int
}

// roundHeader is the length of a message's header, in bytes.
const roundHeader = 16

// chunkBytes is how much is encoded before it is written: the network works while the
// next chunk is encoded.
const chunkBytes = 64 << 10

// newTransport takes ownership of the four streams.
func newTransport(self int, names [parties]string, out, in [parties]net.Conn, trace func(RoundTrace)) *transport {
	to := func(i int) neighbour {
		return neighbour{names[i], out[i], in[i], make([]byte, chunkBytes), make([]byte, chunkBytes)}
	}
	return &transport{
		self: self, names: names, trace: trace,
		next: to((self + 1) % parties), prev: to((self + 2) % parties),
	}
}

// Self implements mpc.Transport.
func (t *transport) Self() int { return t.self }

// Round implements mpc.Transport. All four directions move at once, so that no two
// parties can wait for each other's buffers.
func (t *transport) Round(ctx context.Context, r mpc.Round) error {
	if t.broken != nil {
		return t.broken
	}
	if err := ctx.Err(); err != nil {
		t.fail(context.Cause(ctx))
		return t.broken
	}
	stop := context.AfterFunc(ctx, t.close)
	defer stop()
	var first firstError
	var moving sync.WaitGroup
	start := func(words []uint64, move func([]uint64) error) {
		if len(words) > 0 {
			moving.Go(func() {
				if err := move(words); err != nil {
					first.set(err)
					t.close() // the other directions will not complete either
				}
			})
		}
	}
	start(r.ToNext, func(w []uint64) error { return t.write(&t.next, w) })
	start(r.ToPrev, func(w []uint64) error { return t.write(&t.prev, w) })
	start(r.FromNext, func(w []uint64) error { return t.read(&t.next, w) })
	start(r.FromPrev, func(w []uint64) error { return t.read(&t.prev, w) })
	moving.Wait()
	if err := first.get(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		t.fail(err)
		return t.broken
	}
	if t.trace != nil {
		t.trace(RoundTrace{t.round, len(r.ToNext), len(r.ToPrev), len(r.FromNext), len(r.FromPrev)})
	}
	t.round++
	return nil
}

// write sends one direction of the current round.
func (t *transport) write(n *neighbour, words []uint64) error {
	buffer := binary.LittleEndian.AppendUint64(n.outBuffer[:0], t.round)
	buffer = binary.LittleEndian.AppendUint64(buffer, uint64(len(words)))
	for {
		fit := min(len(words), (cap(buffer)-len(buffer))/8)
		for _, w := range words[:fit] {
			buffer = binary.LittleEndian.AppendUint64(buffer, w)
		}
		words = words[fit:]
		if _, err := n.out.Write(buffer); err != nil {
			return lost(n.name)
		}
		t.sent.Add(int64(len(buffer)))
		if len(words) == 0 {
			return nil
		}
		buffer = buffer[:0]
	}
}

// read fills one direction of the current round.
func (t *transport) read(n *neighbour, words []uint64) error {
	header := n.inBuffer[:roundHeader]
	if _, err := io.ReadFull(n.in, header); err != nil {
		return lost(n.name)
	}
	round, count := binary.LittleEndian.Uint64(header), binary.LittleEndian.Uint64(header[8:])
	if round != t.round || count != uint64(len(words)) {
		return pgerr.New(pgerr.ProtocolViolation, "owner %q is at another step of the computation", n.name)
	}
	t.received.Add(roundHeader)
	for len(words) > 0 {
		chunk := n.inBuffer[:8*min(len(words), chunkBytes/8)]
		if _, err := io.ReadFull(n.in, chunk); err != nil {
			return lost(n.name)
		}
		t.received.Add(int64(len(chunk)))
		filled := len(chunk) / 8
		for i := range words[:filled] {
			words[i] = binary.LittleEndian.Uint64(chunk[8*i:])
		}
		words = words[filled:]
	}
	return nil
}

// fail makes the transport unusable.
func (t *transport) fail(err error) {
	t.broken = err
	t.close()
}

// close ends the streams; a neighbour then fails with an error that names this party.
func (t *transport) close() {
	t.closeOnce.Do(func() {
		for _, c := range []net.Conn{t.next.out, t.next.in, t.prev.out, t.prev.in} {
			_ = c.Close()
			expire(c)
		}
	})
}

// traffic returns the counters so far.
func (t *transport) traffic() Traffic {
	return Traffic{Sent: t.sent.Load(), Received: t.received.Load(), Rounds: int64(t.round)}
}

// firstError keeps the first of several goroutines' errors.
type firstError struct {
	mu  sync.Mutex
	err error
}

// set keeps err unless there is one.
func (f *firstError) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

// get returns the first error.
func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// dataHeader binds a stream of rounds to an execution, a plan and its two ends.
type dataHeader struct {
	id       ExecutionID
	planHash digest
	from, to byte
	lane     uint16 // 0: versions with several lanes number them
}

// dataMagic begins every stream of rounds.
const dataMagic = "c2d data 1\n"

// dataHeaderLen is the length of an encoded header, in bytes.
const dataHeaderLen = len(dataMagic) + 32 + 32 + 1 + 1 + 2

// encode returns the header as it travels.
func (h *dataHeader) encode() []byte {
	b := append(make([]byte, 0, dataHeaderLen), dataMagic...)
	b = append(b, h.id[:]...)
	b = append(b, h.planHash[:]...)
	b = append(b, h.from, h.to)
	return binary.BigEndian.AppendUint16(b, h.lane)
}

// decodeDataHeader accepts exactly what encode writes.
func decodeDataHeader(b []byte) (h dataHeader, err error) {
	if len(b) != dataHeaderLen || string(b[:len(dataMagic)]) != dataMagic {
		return h, fmt.Errorf("%w: not a data stream", errFrame)
	}
	b = b[len(dataMagic):]
	copy(h.id[:], b)
	copy(h.planHash[:], b[32:])
	h.from, h.to, h.lane = b[64], b[65], binary.BigEndian.Uint16(b[66:])
	if h.from >= parties || h.to >= parties || h.from == h.to || h.lane != 0 {
		return h, fmt.Errorf("%w: no such direction", errFrame)
	}
	return h, nil
}

// errUnexpected is the end of a stream that belongs to no execution of ours.
var errUnexpected = errors.New("a data stream belongs to no execution that runs here")

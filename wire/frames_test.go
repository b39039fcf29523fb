package wire

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestFrames reads messages of all lengths around the buffer's, in pieces.
func TestFrames(t *testing.T) {
	var sent []byte
	var sizes []int
	for _, n := range []int{0, 1, 100, 16<<10 - 6, 16<<10 - 5, 16<<10 - 4, 16 << 10, 70_000, 3} {
		b, err := (&pgproto3.CopyData{Data: bytes.Repeat([]byte{byte(n)}, n)}).Encode(nil)
		if err != nil {
			t.Fatal(err)
		}
		sent, sizes = append(sent, b...), append(sizes, n)
	}
	for _, r := range []io.Reader{bytes.NewReader(sent), iotest.HalfReader(bytes.NewReader(sent)), iotest.OneByteReader(bytes.NewReader(sent))} {
		f := newFrames(r, 0)
		for _, n := range sizes {
			m, err := f.next()
			if err != nil || m.kind() != 'd' || !bytes.Equal(m.body(), bytes.Repeat([]byte{byte(n)}, n)) {
				t.Fatalf("message of %d bytes: %v", n, err)
			}
		}
		if _, err := f.next(); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v", err)
		}
	}
}

func TestFramesRefuse(t *testing.T) {
	var long *pgproto3.ExceededMaxBodyLenErr
	if _, err := newFrames(strings.NewReader("Q\x00\x00\x01\x00"), 100).next(); !errors.As(err, &long) {
		t.Errorf("too long: %v", err)
	}
	for _, s := range []string{"Q\x00\x00\x00\x03", "Q\xff\xff\xff\xff"} {
		if _, err := newFrames(strings.NewReader(s), 0).next(); !errors.Is(err, errFrame) {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"Q", "Q\x00\x00\x00\x08ab", "d\x3f\xff\xff\xff" + strings.Repeat("x", 20_000)} {
		if _, err := newFrames(strings.NewReader(s), 0).next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q…: %v", s[:1], err)
		}
	}
}

// FuzzFrames: what the relay reads of a message without decoding it, pgproto3 reads too.
func FuzzFrames(f *testing.F) {
	for _, m := range []pgproto3.FrontendMessage{&pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "s"}, &pgproto3.Execute{Portal: "p"},
		&pgproto3.Describe{ObjectType: 'S', Name: "s"}, &pgproto3.Close{ObjectType: 'P', Name: "p"}, &pgproto3.Query{String: "SELECT 1"}} {
		b, err := m.Encode(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		m, err := newFrames(bytes.NewReader(sent), 1<<16).next()
		if err != nil {
			return
		}
		_, _ = m.text()
		if strings.IndexByte("BDEC", m.kind()) < 0 {
			return
		}
		a, ours := named(m)
		decoded, theirs := pgproto3.NewBackend(bytes.NewReader(sent), io.Discard).Receive()
		if theirs != nil {
			return // the shadow's to refuse
		}
		if ours != nil {
			t.Fatalf("%q: %v", sent, ours)
		}
		want := answer{}
		switch d := decoded.(type) {
		case *pgproto3.Bind:
			want = answer{name: d.PreparedStatement, portal: d.DestinationPortal}
		case *pgproto3.Execute:
			want = answer{portal: d.Portal}
		case *pgproto3.Describe:
			want = ofType(d.ObjectType, d.Name)
		case *pgproto3.Close:
			want = ofType(d.ObjectType, d.Name)
		}
		if a.name != want.name || a.portal != want.portal {
			t.Errorf("%q: %+v, want %+v", sent, a, want)
		}
	})
}

func ofType(kind byte, name string) answer {
	if kind == 'S' {
		return answer{name: name}
	}
	return answer{portal: name}
}

// TestRemembered: texts differ by types, what is used stays, and memory is bounded.
func TestRemembered(t *testing.T) {
	var r remembered[int]
	has := func(text string, types []uint32) bool {
		_, ok := r.get(text, types)
		return ok
	}
	r.add("SELECT $1", []uint32{23}, 7)
	if v, ok := r.get("SELECT $1", []uint32{23}); !ok || v != 7 || has("SELECT $1", nil) || has("SELECT $1", []uint32{25}) {
		t.Error("types")
	}
	for i := range 10 * rememberedTexts {
		r.add("SELECT "+strconv.Itoa(i), nil, i)
		if !has("SELECT $1", []uint32{23}) {
			t.Fatalf("forgotten after %d", i)
		}
	}
	if has("SELECT 0", nil) || len(r.young)+len(r.old) > 2*rememberedTexts {
		t.Error("nothing is forgotten")
	}
	r.add(strings.Repeat("x", rememberedBytes+1), nil, 1)
	if has(strings.Repeat("x", rememberedBytes+1), nil) {
		t.Error("a long text is kept")
	}
}

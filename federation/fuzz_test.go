package federation

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// A frame that is read is written back as the same bytes, and none exceeds its limit.
func FuzzFrame(f *testing.F) {
	for _, s := range []string{"", "\x00\x00\x00\x00", "\x00\x00\x00\x02{}", "\x00\x00\x00\x05{}", "\xff\xff\xff\xff{}", "\x00\x00\x04\x01{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1024
		payload, err := readFrame(bytes.NewReader(data), limit)
		if err != nil {
			return
		}
		if len(payload) > limit {
			t.Fatalf("%d bytes", len(payload))
		}
		var again bytes.Buffer
		must(t, writeFrame(&again, payload, limit))
		if !bytes.HasPrefix(data, again.Bytes()) {
			t.Fatal("another frame")
		}
	})
}

// Whatever message is accepted survives encoding and strict decoding.
func FuzzMessages(f *testing.F) {
	zeros := strings.Repeat("0", 64)
	for _, s := range []string{
		`{"type":"start"}`,
		`{"type":"nonce","body":{"nonce":"` + zeros + `"}}`,
		`{"type":"nonces","body":{"nonces":["` + zeros + `"]}}`,
		`{"type":"approvals","body":{"approvals":[{"party":"a","key":"AA==","expires":1,"signature":null}]}}`,
		`{"type":"propose","body":{"query":{"sql":"SELECT 1","args":[null,"x"],"epoch":"` + zeros + `"},"planHash":"` + zeros + `"}}`,
		`{"type":"done","body":{"traffic":{"sent":-1}}}`,
		`{"type":"release","body":{"batch":"` + zeros + `","signature":"AAAA","head":{"seq":1,"hash":"` + zeros + `"}}}`,
		`{"type":"receipt","body":{"signature":"AAAA","head":{"seq":1,"hash":"` + zeros + `","signature":"AQ=="}}}`,
		`{"type":"beat","body":{"clock":1,"epochs":{},"head":{"seq":1,"hash":"` + zeros + `","signature":"AQ=="},"held":{"seq":0,"hash":"` + zeros + `"}}}`,
		`{"type":"failure","body":{"code":"42501","message":"no"}}`,
		`{"type":"start","extra":1}`, `{"type":"start"}{}`, `{"type":"nonce","body":{"nonce":"00"}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var e envelope
		if decodeStrict(data, &e) != nil {
			return
		}
		for _, make1 := range []func() any{
			func() any { return &proposeMessage{} }, func() any { return &nonceMessage{} }, func() any { return &noncesMessage{} },
			func() any { return &signedApproval{} }, func() any { return &approvalsMessage{} }, func() any { return &doneMessage{} },
			func() any { return &releaseMessage{} }, func() any { return &receiptMessage{} }, func() any { return &failureMessage{} },
			func() any { return &helloMessage{} }, func() any { return &beatMessage{} },
			func() any { return &budgetRequest{} }, func() any { return &budgetResponse{} },
		} {
			v := make1()
			if decodeStrict(e.Body, v) != nil {
				continue
			}
			first, err := json.Marshal(v)
			must(t, err)
			w := make1()
			must(t, decodeStrict(first, w))
			second, err := json.Marshal(w)
			must(t, err)
			if !bytes.Equal(first, second) {
				t.Fatalf("%s became %s", first, second)
			}
		}
	})
}

// A data header that is accepted encodes to the same bytes.
func FuzzDataHeader(f *testing.F) {
	h := dataHeader{id: ExecutionID{1}, planHash: digest{2}, from: 1, to: 2}
	good := h.encode()
	f.Add(good)
	f.Add(good[:20])
	f.Add(append(bytes.Clone(good[:len(good)-1]), 1))
	f.Add(bytes.Repeat([]byte{7}, dataHeaderLen))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := decodeDataHeader(data)
		if err == nil && !bytes.Equal(h.encode(), data) {
			t.Fatal("another header")
		}
	})
}

// A peer's words are bounded, printable, on one line, and its codes never mean success.
func FuzzForeignError(f *testing.F) {
	f.Add("42501", "no", "", 3)
	f.Add("00000", "a\nb\x1b[31m", "\u202e", -1)
	f.Add("ZD010", strings.Repeat("é", 5000), "\xff", 1<<30)
	f.Fuzz(func(t *testing.T, code, message, hint string, position int) {
		e := errorFrom("lab", failureMessage{Code: code, Message: message, Hint: hint, Position: position})
		if len(e.Code) != 5 || e.Code < "03" || !strings.HasPrefix(e.Message, `owner "lab": `) || e.Position < 0 {
			t.Fatalf("%+v", e)
		}
		for _, s := range []string{e.Message, e.Hint} {
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxDetail+20 || strings.ContainsAny(s, "\n\r\x1b\u202e\x00") {
				t.Fatalf("%q", s)
			}
		}
	})
}

// A decoded COPY has the declared shape.
func FuzzCopy(f *testing.F) {
	head := copySignature + "\x00\x00\x00\x00\x00\x00\x00\x00"
	row := "\x00\x02\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x01k"
	null := "\x00\x02\x00\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	for _, s := range []string{head + "\xff\xff", head + row + null + "\xff\xff", head + row, head + "\x00\x01", head + row + "\xff\xff!", head[:11],
		head + "\x00\x02\xff\xff\xff\xff", head + row + row + row + row + row + "\xff\xff"} {
		f.Add([]byte(s))
	}
	columns := []sqlplan.LocalColumn{{Name: "x", Kind: sqlplan.Word}, {Name: "k", Kind: sqlplan.Key}}
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := decodeCopy(bytes.NewReader(data), columns, 4)
		if err != nil {
			if strings.Contains(err.Error(), "\x00") {
				t.Fatal("bytes in an error")
			}
			return
		}
		defer record.Release()
		if record.NumCols() != 2 || record.NumRows() > 4 || record.Column(0).NullN() > 0 {
			t.Fatalf("%d columns, %d rows", record.NumCols(), record.NumRows())
		}
		if _, err := tableOf(sqlplan.LocalTask{Columns: columns, Rows: 4}, record); err != nil {
			t.Fatal(err)
		}
	})
}

// Substitution loses nothing and leaves no parameter.
func FuzzSubstitute(f *testing.F) {
	for _, s := range []string{"SELECT $1", "SELECT '$1', \"$1\", $$ $1 $$, $a$ $1 $a$ -- $1\n/* $1 /* $1 */ */, E'\\'$1', $1", "SELECT 1; ", "a$1", "$2", "'", "WITH x AS (SELECT 1) SELECT $1", "-- c\nwith x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		out, with, err := substitute(sql, "$1")
		if err != nil {
			return
		}
		if !strings.HasPrefix(sql, out) || !blank(sql[len(out):]) {
			t.Fatalf("%q became %q", sql, out)
		}
		if with > 0 && !strings.EqualFold(out[with-4:with], "with") {
			t.Fatalf("no WITH before %d in %q", with, out)
		}
	})
}

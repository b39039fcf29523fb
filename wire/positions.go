package wire

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"
)

// span is one replaced statement: bytes [start, end) of the client's text became with.
type span struct {
	start, end int
	with       string
	chars      int // of the replaced text
}

// queryText is a text that was sent in place of the client's, and what its answers need.
type queryText struct {
	text  string       // as sent, before encoding
	spans []span       // in order
	metas []*rewritten // by statement; nil = relayed untouched
	at    int          // statement whose answers are arriving
	stop  *pgproto3.ErrorResponse
}

// replacing is the span of a statement and of what takes its place, without what both begin and end with: positions of errors
// in there are the client's.
func replacing(text string, start, end int, with string) span {
	was, head := text[start:end], 0
	for head < min(len(was), len(with)) && was[head] == with[head] {
		head++
	}
	for !utf8.ValidString(was[:head]) {
		head--
	}
	tail := 0
	for tail < min(len(was), len(with))-head && was[len(was)-1-tail] == with[len(with)-1-tail] {
		tail++
	}
	for !utf8.ValidString(was[len(was)-tail:]) {
		tail--
	}
	return span{start + head, end - tail, with[head : len(with)-tail], utf8.RuneCountInString(was[head : len(was)-tail])}
}

// splice replaces spans of text.
func splice(text string, spans []span) string {
	var b strings.Builder
	at := 0
	for _, s := range spans {
		b.WriteString(text[at:s.start])
		b.WriteString(s.with)
		at = s.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// original maps a position (1-based, characters) of the sent text to the client's text; 0
// if it lies in a replacement.
func (q *queryText) original(pos int) int {
	shift, sent := 0, 0 // sent: bytes of q.text before the current place; shift: characters to add
	at := 0
	for _, s := range q.spans {
		plain := s.start - at
		if pos <= utf8.RuneCountInString(q.text[:sent+plain]) {
			return pos + shift
		}
		sent += plain
		if pos <= utf8.RuneCountInString(q.text[:sent+len(s.with)]) {
			return 0
		}
		sent += len(s.with)
		at = s.end
		shift += s.chars - utf8.RuneCountInString(s.with)
	}
	return pos + shift
}

// current is the meta of the statement whose answers are arriving.
func (q *queryText) current() *rewritten {
	if q.at < len(q.metas) {
		return q.metas[q.at]
	}
	return nil
}

// moved adds the characters before byte offset at of text to a position.
func moved(position int32, text string, at int) int32 {
	if position <= 0 {
		return 0
	}
	return position + int32(utf8.RuneCountInString(text[:at]))
}

// clean drops what would show the inside: context, internal queries and, for
// statements that were rewritten, the place in PostgreSQL's sources.
func clean(e *pgproto3.ErrorResponse, replaced bool) {
	e.Where, e.InternalQuery, e.InternalPosition = "", "", 0
	if replaced {
		e.File, e.Line, e.Routine = "", 0, ""
	}
}

// patch restores the origin (table oid, attribute number) of columns that were rewritten. Columns that are not those of the
// description have another origin: the description may be that of a subquery.
func (m *rewritten) patch(fields []pgproto3.FieldDescription) {
	if m == nil || m.tag != "" || len(fields) != len(m.fields) {
		return
	}
	for i := range fields {
		if fields[i].DataTypeOID != m.fields[i].DataTypeOID || !bytes.Equal(fields[i].Name, m.fields[i].Name) {
			return
		}
	}
	for i := range fields {
		fields[i].TableOID = m.fields[i].TableOID
		fields[i].TableAttributeNumber = m.fields[i].TableAttributeNumber
	}
}

// cloneFields copies fields out of the decoder's buffer.
func cloneFields(fields []pgproto3.FieldDescription) []pgproto3.FieldDescription {
	out := make([]pgproto3.FieldDescription, len(fields))
	for i, f := range fields {
		f.Name = append([]byte(nil), f.Name...)
		out[i] = f
	}
	return out
}

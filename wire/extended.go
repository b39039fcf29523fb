package wire

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// parse handles one Parse. Its description is asked for with Flush, not Sync, so that a pipeline around
// it stays one. A text with other than ASCII characters waits for what was sent before, so
// that the encoding reported at the last ReadyForQuery is known.
func (r *relay) parse(ctx context.Context, f frame) error {
	var m pgproto3.Parse
	if err := f.decode(&m); err != nil {
		return err
	}
	name, types := m.Name, m.ParameterOIDs
	if !isASCII(m.Query) {
		if _, err := r.settled(ctx); err != nil {
			return err
		}
	}
	text, err := r.codec().decode(m.Query)
	if err != nil {
		return r.refuseParse(ctx, name, err)
	}
	if r.relayed.has(text, types) {
		return r.forward(f, answer{kind: answerParse, name: name})
	}
	stmts, err := r.session.Rewrite(ctx, text, types)
	if err != nil {
		return r.refuseParse(ctx, name, err)
	}
	if err := check(text, stmts); err != nil {
		return r.refuseParse(ctx, name, err)
	}
	if len(stmts) != 1 || stmts[0].Kind == Relay {
		if len(stmts) > 1 && anyFederated(stmts) {
			return r.refuseParse(ctx, name, pgerr.New(pgerr.SyntaxError, "cannot insert multiple commands into a prepared statement"))
		}
		r.relayed.add(text, types)
		return r.forward(f, answer{kind: answerParse, name: name})
	}
	return r.federatedParse(ctx, name, text, stmts[0], types)
}

// federatedParse describes the statement and sends its replacement.
func (r *relay) federatedParse(ctx context.Context, name, text string, s Statement, types []uint32) error {
	p, err := r.sendProbe(text, s, types, true)
	if err != nil {
		if _, ok := pgerr.As(err); ok {
			return r.refuseParse(ctx, name, err)
		}
		return err
	}
	if err := sendNow(r.shadow.out, &pgproto3.Flush{}); err != nil {
		return err
	}
	if err := p.wait(ctx); err != nil {
		return err
	}
	if p.lost || p.err != nil {
		return nil // the client has, or gets, an error, and the shadow skips to Sync
	}
	with, err := s.Finish(ctx, Description{ParamTypes: p.params, Fields: p.fields})
	if err != nil {
		return r.refuseParse(ctx, name, err)
	}
	sent, err := r.codec().encode(splice(text, []span{{s.Start, s.End, with, utf8.RuneCountInString(text[s.Start:s.End])}}))
	if err != nil {
		return r.refuseParse(ctx, name, err)
	}
	if !declaresTypes(text, s) {
		types = p.params
	}
	return r.forward(&pgproto3.Parse{Name: name, Query: sent, ParameterOIDs: types},
		answer{kind: answerParse, name: name, meta: &rewritten{fields: p.fields, tag: s.Tag}})
}

// refuseParse answers a Parse with err: the shadow is made to fail in its place, and skips
// to Sync by itself.
func (r *relay) refuseParse(ctx context.Context, name string, err error) error {
	e := r.opts.errorResponse(ctx, severityError, err)
	if err := r.forward(&pgproto3.Parse{Name: name, Query: r.provocation(e)}, answer{kind: answerParse, name: name, refusal: e}); err != nil {
		return err
	}
	return sendNow(r.shadow.out, &pgproto3.Flush{})
}

// declaresTypes says whether the parameters belong to the statement itself (PREPARE) and
// not to the message that carries it.
func declaresTypes(text string, s Statement) bool {
	if s.DescribeTypes != nil {
		return true
	}
	word := strings.ToLower(firstWord(text[s.Start:s.End]))
	return word == "prepare"
}

// firstWord skips white space and comments.
func firstWord(s string) string {
	for {
		s = strings.TrimLeft(s, " \t\r\n\f\v")
		switch {
		case strings.HasPrefix(s, "--"):
			_, s, _ = strings.Cut(s, "\n")
		case strings.HasPrefix(s, "/*"):
			s = skipComment(s)
		default:
			end := strings.IndexFunc(s, func(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') })
			if end < 0 {
				return s
			}
			return s[:end]
		}
	}
}

// skipComment skips one comment, which may nest.
func skipComment(s string) string {
	depth := 0
	for i := 0; i+1 < len(s); i++ {
		switch s[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
			if depth == 0 {
				return s[i+1:]
			}
		}
	}
	return ""
}

// check refuses statements that a handler forgot to classify or placed wrongly.
func check(text string, stmts []Statement) error {
	at := 0
	for _, s := range stmts {
		switch {
		case s.Start < at || s.End < s.Start || s.End > len(text):
			return fmt.Errorf("wire: statement span %d..%d of a text of %d bytes", s.Start, s.End, len(text))
		case s.Kind == Relay:
		case s.Kind == Federated && s.Finish != nil && s.DescribeAt >= 0 && s.DescribeAt <= len(text):
		default:
			return fmt.Errorf("wire: statement of kind %d cannot be relayed", s.Kind)
		}
		at = s.End
	}
	return nil
}

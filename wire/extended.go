package wire

import (
	"context"
	"fmt"
	"strings"

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
	if metas, ok := r.texts.relayed.get(text, types); ok {
		return r.forwardParse(f, name, metas)
	}
	stmts, err := r.session.Rewrite(ctx, text, types)
	if err != nil {
		return r.refuseParse(ctx, name, err)
	}
	if err := check(text, stmts); err != nil {
		return r.refuseParse(ctx, name, err)
	}
	metas, err := r.texts.pass(text, stmts)
	if err != nil {
		return r.refuseParse(ctx, name, err)
	}
	if len(stmts) != 1 || stmts[0].Kind == Relay {
		if len(stmts) > 1 && anyFederated(stmts) {
			return r.refuseParse(ctx, name, pgerr.New(pgerr.SyntaxError, "cannot insert multiple commands into a prepared statement"))
		}
		if lasting(metas) {
			r.texts.relayed.add(text, types, metas)
		}
		return r.forwardParse(f, name, metas)
	}
	r.texts.name(name, true)
	return r.federatedParse(ctx, name, text, stmts[0], types, metas)
}

// forwardParse sends a Parse that runs as typed.
func (r *relay) forwardParse(f frame, name string, metas []*rewritten) error {
	r.texts.name(name, false)
	a := answer{kind: answerParse, name: name}
	if len(metas) == 1 {
		a.meta = metas[0]
	}
	return r.forward(f, a)
}

// describe asks for a description and waits for it, unless it is known.
func (r *relay) describe(ctx context.Context, text string, s Statement, types []uint32) (*probe, error) {
	if p := r.texts.known(s, types); p != nil {
		return p, nil
	}
	p, err := r.sendProbe(text, s, types, true)
	if err != nil {
		return nil, err
	}
	if err := sendNow(r.shadow.out, &pgproto3.Flush{}); err != nil {
		return nil, err
	}
	if err := p.wait(ctx); err != nil {
		return nil, err
	}
	r.texts.learn(s, types, p)
	return p, nil
}

// federatedParse describes the statement and sends its replacement.
func (r *relay) federatedParse(ctx context.Context, name, text string, s Statement, types []uint32, names []*rewritten) error {
	p, err := r.describe(ctx, text, s, types)
	if err != nil {
		if _, ok := pgerr.As(err); ok {
			return r.refuseParse(ctx, name, err)
		}
		return err
	}
	if p.lost || p.err != nil {
		return nil // the client has, or gets, an error, and the shadow skips to Sync
	}
	with, err := s.Finish(ctx, Description{ParamTypes: p.params, Fields: p.fields})
	if err != nil {
		return r.refuseParse(ctx, name, err)
	}
	q := &queryText{spans: []span{replacing(text, s.Start, s.End, with)}}
	q.text = splice(text, q.spans)
	sent, err := r.codec().encode(q.text)
	if err != nil {
		return r.refuseParse(ctx, name, err)
	}
	if !declaresTypes(text, s) {
		types = p.params
	}
	var naming *rewritten
	if len(names) > 0 {
		naming = names[0]
	}
	meta := p.became(s, naming)
	meta.sent = q
	return r.forward(&pgproto3.Parse{Name: name, Query: sent, ParameterOIDs: types}, answer{kind: answerParse, name: name, meta: meta})
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

// firstWord is the first word behind white space and comments.
func firstWord(s string) string {
	s = skipBlank(s)
	end := strings.IndexFunc(s, func(c rune) bool { return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') })
	if end < 0 {
		return s
	}
	return s[:end]
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

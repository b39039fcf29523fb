package wire

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// step is one statement of a Query that runs on its own.
type step struct {
	text string // the client's whole text, decoded
	at   int    // byte offset of the statement in it
}

// needsSteps says whether a federated statement must be described after those before it have run: they may change settings
// that give it its meaning (SET search_path …), or end a transaction that has failed.
func needsSteps(text string, status byte, stmts []Statement) bool {
	for i, s := range stmts {
		if s.Kind == Federated {
			if i == 0 && status == 'E' {
				return false // 25P02, and nothing after it runs
			}
			continue
		}
		if anyFederated(stmts[i+1:]) && (status == 'E' || changesMeaning(text[s.Start:s.End])) {
			return true
		}
	}
	return false
}

// changesMeaning says whether a relayed statement may change what a later one means; false only for those
// that are known not to.
func changesMeaning(statement string) bool {
	switch strings.ToLower(firstWord(statement)) {
	case "begin", "start", "show", "fetch", "move", "close", "declare", "prepare", "deallocate", "savepoint", "release":
		return false
	case "select", "values", "table", "with", "explain", "execute":
		return strings.Contains(strings.ToLower(statement), "set_config")
	default:
		return true
	}
}

// stepwise runs the statements of a Query one after the other by the extended protocol without a Sync between them, which
// is one implicit transaction, as for the text as a whole. The client sees the answers of a Query. What
// PostgreSQL allows only in a block (DECLARE without HOLD, SAVEPOINT) needs a BEGIN here.
func (r *relay) stepwise(ctx context.Context, text string, stmts []Statement, metas []*rewritten) error {
	for i, s := range stmts {
		var names *rewritten
		if i < len(metas) {
			names = metas[i]
		}
		goesOn, err := r.step(ctx, text, s, names)
		if err != nil {
			return err
		}
		if !goesOn {
			break
		}
	}
	if err := r.forward(&pgproto3.Sync{}, answer{kind: answerSync}); err != nil {
		return err
	}
	return r.shadow.out.flush()
}

// step sends one statement; false if it, or one before it, has failed.
func (r *relay) step(ctx context.Context, text string, s Statement, meta *rewritten) (bool, error) {
	sql := text[s.Start:s.End]
	if s.Kind == Federated {
		p, err := r.describeStep(ctx, text, s)
		if err != nil {
			return r.refuseStep(ctx, err)
		}
		if p.lost || p.err != nil {
			return false, nil // the client has, or gets, the error
		}
		if sql, err = s.Finish(ctx, Description{ParamTypes: p.params, Fields: p.fields}); err != nil {
			return r.refuseStep(ctx, err)
		}
		meta = p.became(s, meta)
	}
	sent, err := r.codec().encode(sql)
	if err != nil {
		return r.refuseStep(ctx, err)
	}
	at := &step{text: text, at: s.Start}
	r.answers.push(answer{kind: answerParse, meta: meta, step: at}, answer{kind: answerBind, step: at},
		answer{kind: answerPortal, step: at}, answer{kind: answerExecute, step: at})
	return true, r.shadow.out.send(&pgproto3.Parse{Query: sent}, &pgproto3.Bind{},
		&pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{})
}

// describeStep describes a federated statement as the statements before it left the session.
func (r *relay) describeStep(ctx context.Context, text string, s Statement) (*probe, error) {
	p, err := r.sendProbe(text, s, nil, true)
	if err != nil {
		return nil, err
	}
	if err := sendNow(r.shadow.out, &pgproto3.Flush{}); err != nil {
		return nil, err
	}
	return p, p.wait(ctx)
}

// refuseStep lets the shadow fail with err, unless the connection itself is at an end.
func (r *relay) refuseStep(ctx context.Context, err error) (bool, error) {
	if _, told := pgerr.As(err); !told && (ctx.Err() != nil || isConnectionError(err)) {
		return false, err
	}
	return false, r.refuseParse(ctx, "", err)
}

// hidden says whether a client that sent a Query must not see an answer to the messages in its place.
func (s *step) hidden(m encoder) bool {
	f, ok := m.(frame)
	return s != nil && ok && (f.kind() == '1' || f.kind() == '2' || f.kind() == 'n')
}

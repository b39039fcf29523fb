package wire

import (
	"context"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// query handles one Query. It starts when everything before it is answered, so that the
// transaction status and the encoding are known.
func (r *relay) query(ctx context.Context, f frame) error {
	raw, err := f.text()
	if err != nil {
		return err
	}
	status, err := r.settled(ctx)
	if err != nil {
		return err
	}
	text, err := r.codec().decode(raw)
	if err != nil {
		return r.refuseQuery(ctx, err)
	}
	if metas, ok := r.texts.relayed.get(text, nil); ok {
		return r.sendQuery(f, &queryText{text: text, metas: metas})
	}
	stmts, err := r.session.Rewrite(ctx, text, nil)
	if err != nil {
		return r.refuseQuery(ctx, err)
	}
	if err := check(text, stmts); err != nil {
		return r.refuseQuery(ctx, err)
	}
	metas, err := r.texts.pass(text, stmts)
	if err != nil {
		return r.refuseQuery(ctx, err)
	}
	if !anyFederated(stmts) {
		if lasting(metas) {
			r.texts.relayed.add(text, nil, metas)
		}
		return r.sendQuery(f, &queryText{text: text, metas: metas})
	}
	if needsSteps(text, status, stmts) {
		return r.stepwise(ctx, text, stmts, metas)
	}
	if status == 'E' { // the shadow says 25P02; what it would run reads no rows (42501)
		return r.sendQuery(f, &queryText{text: text})
	}
	return r.federatedQuery(ctx, text, status, stmts, metas)
}

// federatedQuery describes every federated statement and sends the rewritten text.
func (r *relay) federatedQuery(ctx context.Context, text string, status byte, stmts []Statement, names []*rewritten) error {
	probes, err := r.describeAll(ctx, text, stmts)
	if err != nil {
		if _, ok := pgerr.As(err); ok {
			return r.refuseQuery(ctx, err)
		}
		return err
	}
	q := &queryText{metas: make([]*rewritten, len(stmts))}
	copy(q.metas, names) // names is shorter if no statement has to do with any
	for i, s := range stmts {
		if s.Kind != Federated {
			continue
		}
		if p := probes[i]; p.err != nil {
			return r.describeFailed(ctx, text, status, stmts[:i], q, p.err)
		}
		with, err := s.Finish(ctx, Description{ParamTypes: probes[i].params, Fields: probes[i].fields})
		if err != nil {
			return r.stopQuery(text, stmts[:i], q, r.opts.errorResponse(ctx, severityError, err))
		}
		q.spans = append(q.spans, replacing(text, s.Start, s.End, with))
		q.metas[i] = probes[i].became(s, q.metas[i])
	}
	q.text = splice(text, q.spans)
	sent, err := r.codec().encode(q.text)
	if err != nil {
		return r.refuseQuery(ctx, err)
	}
	return r.sendQuery(&pgproto3.Query{String: sent}, q)
}

// describeAll describes the federated statements that are not known yet in one round trip. After the first error the
// rest is not described.
func (r *relay) describeAll(ctx context.Context, text string, stmts []Statement) ([]*probe, error) {
	probes := make([]*probe, len(stmts))
	var asked []int
	for i, s := range stmts {
		if s.Kind != Federated {
			continue
		}
		if probes[i] = r.texts.known(s, nil); probes[i] != nil {
			continue
		}
		p, err := r.sendProbe(text, s, nil, false)
		if err != nil {
			return nil, err
		}
		probes[i] = p
		asked = append(asked, i)
	}
	if len(asked) == 0 {
		return probes, nil
	}
	r.answers.push(answer{kind: answerSync, probe: &probe{done: make(chan struct{})}})
	if err := sendNow(r.shadow.out, &pgproto3.Sync{}); err != nil {
		return nil, err
	}
	_, err := r.answers.idle(ctx)
	for _, i := range asked {
		r.texts.learn(stmts[i], nil, probes[i])
	}
	return probes, err
}

// describeFailed answers a Query whose federated statement does not pass PostgreSQL's own analysis. Inside
// a transaction block the description's error has aborted it already; outside, the statements before it run,
// as PostgreSQL runs them before it analyses the next.
func (r *relay) describeFailed(ctx context.Context, text string, status byte, before []Statement, q *queryText, e *pgproto3.ErrorResponse) error {
	if status == 'I' && len(before) > 0 {
		return r.stopQuery(text, before, q, e)
	}
	now, err := r.answers.idle(ctx)
	if err != nil {
		return err
	}
	return sendNow(r.out, e, &pgproto3.ReadyForQuery{TxStatus: now})
}

// stopQuery runs the statements before the one that failed and then fails with e.
func (r *relay) stopQuery(text string, before []Statement, q *queryText, e *pgproto3.ErrorResponse) error {
	end := 0
	if n := len(before); n > 0 {
		end = before[n-1].End
	}
	q.text = splice(text[:end], q.spans)
	if end > 0 {
		q.text += ";"
	}
	q.text += r.provocation(e)
	q.stop = e
	sent, err := r.codec().encode(q.text)
	if err != nil {
		return r.refuseQuery(context.Background(), err)
	}
	return r.sendQuery(&pgproto3.Query{String: sent}, q)
}

// refuseQuery answers a whole Query with err, the transaction being aborted as PostgreSQL would.
func (r *relay) refuseQuery(ctx context.Context, err error) error {
	return r.stopQuery("", nil, &queryText{}, r.opts.errorResponse(ctx, severityError, err))
}

// functionCall refuses the fast-path protocol.
func (r *relay) functionCall(ctx context.Context) error {
	if _, err := r.settled(ctx); err != nil {
		return err
	}
	return r.refuseQuery(ctx, pgerr.New(pgerr.FeatureNotSupported, "function calls of the fast-path protocol are not supported"))
}

// sendQuery sends a Query with the bookkeeping of its answers.
func (r *relay) sendQuery(m encoder, q *queryText) error {
	r.answers.push(answer{kind: answerQuery, query: q})
	return sendNow(r.shadow.out, m)
}

// anyFederated says whether anything must be rewritten.
func anyFederated(stmts []Statement) bool {
	for _, s := range stmts {
		if s.Kind == Federated {
			return true
		}
	}
	return false
}

package wire

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// replies reads the shadow's messages until it ends and hands them to the client, patched where
// a statement was rewritten. It writes when nothing more has arrived.
func (r *relay) replies() error {
	for {
		msg, err := r.shadow.in.Receive()
		if err != nil {
			return err
		}
		if err := r.reply(msg); err != nil {
			return err
		}
		if r.shadow.in.ReadBufferLen() < 5 {
			if err := r.out.flush(); err != nil {
				return err
			}
		}
	}
}

// reply handles one message.
func (r *relay) reply(msg pgproto3.BackendMessage) error {
	switch m := msg.(type) {
	case *pgproto3.NoticeResponse:
		m.Where, m.InternalQuery, m.InternalPosition = "", "", 0
		return r.out.send(m)
	case *pgproto3.NotificationResponse:
		return r.out.send(m)
	case *pgproto3.ParameterStatus:
		if m.Name == "client_encoding" {
			r.encoding.Store(codecOf(m.Value))
		}
		return r.out.send(m)
	}
	a, ok := r.answers.head()
	if e, isErr := msg.(*pgproto3.ErrorResponse); isErr {
		return r.failure(a, ok, e)
	}
	if !ok {
		return fmt.Errorf("%w: %T while idle", errDesync, msg)
	}
	if a.probe != nil {
		return r.probeReply(a, msg)
	}
	return r.answer(a, msg)
}

// answer handles a message of the answer that is due.
func (r *relay) answer(a answer, msg pgproto3.BackendMessage) error {
	switch m := msg.(type) {
	case *pgproto3.DataRow, *pgproto3.CopyOutResponse, *pgproto3.CopyData, *pgproto3.CopyDone, *pgproto3.ParameterDescription:
		return r.pass(msg)
	case *pgproto3.RowDescription:
		r.metaOf(a).patch(m.Fields)
		return r.complete(a, msg, answerStmt, answerPortal)
	case *pgproto3.NoData:
		return r.complete(a, msg, answerStmt, answerPortal)
	case *pgproto3.CommandComplete:
		if meta := r.metaOf(a); meta != nil && meta.tag != "" {
			m.CommandTag = []byte(meta.tag)
		}
		if a.query != nil {
			a.query.at++
		}
		return r.complete(a, msg, answerExecute)
	case *pgproto3.PortalSuspended, *pgproto3.EmptyQueryResponse:
		return r.complete(a, msg, answerExecute)
	case *pgproto3.ParseComplete:
		r.remember(r.statements, a.name, a.meta)
		return r.complete(a, msg, answerParse)
	case *pgproto3.BindComplete:
		r.remember(r.portals, a.portal, r.statements[a.name])
		return r.complete(a, msg, answerBind)
	case *pgproto3.CloseComplete:
		if a.kind == answerClose {
			delete(r.statements, a.name)
		} else {
			delete(r.portals, a.portal)
		}
		return r.complete(a, msg, answerClose, answerClosePortal)
	case *pgproto3.ReadyForQuery:
		if a.kind != answerSync && a.kind != answerQuery {
			return fmt.Errorf("%w: %T for answer kind %d", errDesync, msg, a.kind)
		}
		// The client may send its next message as soon as it has this one.
		if err := r.out.send(m); err != nil {
			return err
		}
		r.answers.ready(m.TxStatus)
		return r.out.flush()
	case *pgproto3.CopyInResponse:
		return errCopyIn
	default:
		return fmt.Errorf("%w: %T", errDesync, msg)
	}
}

// complete passes msg on and removes the answer if msg ends one of these kinds. Within
// a Query only ReadyForQuery ends anything.
func (r *relay) complete(a answer, msg pgproto3.BackendMessage, kinds ...answerKind) error {
	if a.kind == answerQuery {
		return r.pass(msg)
	}
	for _, k := range kinds {
		if a.kind == k {
			r.answers.pop()
			return r.pass(msg)
		}
	}
	return fmt.Errorf("%w: %T for answer kind %d", errDesync, msg, a.kind)
}

// pass hands a message to the client as it is.
func (r *relay) pass(msg pgproto3.BackendMessage) error { return r.out.send(msg) }

// remember sets or removes the entry of a statement or portal.
func (r *relay) remember(m map[string]*rewritten, name string, meta *rewritten) {
	if meta == nil {
		delete(m, name)
	} else {
		m[name] = meta
	}
}

// metaOf is what became of the statement that a belongs to; nil if it runs as typed.
func (r *relay) metaOf(a answer) *rewritten {
	switch a.kind {
	case answerQuery:
		return a.query.current()
	case answerParse:
		return a.meta
	case answerBind, answerStmt:
		return r.statements[a.name]
	case answerPortal, answerExecute:
		return r.portals[a.portal]
	default:
		return nil
	}
}

// probeReply swallows the answers of an injected description.
func (r *relay) probeReply(a answer, msg pgproto3.BackendMessage) error {
	switch m := msg.(type) {
	case *pgproto3.ParameterDescription:
		a.probe.params = append([]uint32(nil), m.ParameterOIDs...)
		return nil
	case *pgproto3.RowDescription:
		a.probe.fields = cloneFields(m.Fields)
		r.answers.pop()
	case *pgproto3.ParseComplete, *pgproto3.NoData:
		r.answers.pop()
	case *pgproto3.CloseComplete:
		r.answers.pop()
		a.probe.finish()
	case *pgproto3.ReadyForQuery:
		r.answers.ready(m.TxStatus)
	default:
		return fmt.Errorf("%w: %T for a description", errDesync, msg)
	}
	return nil
}

// failure handles an error of the shadow.
func (r *relay) failure(a answer, due bool, e *pgproto3.ErrorResponse) error {
	r.told = r.told || e.SeverityUnlocalized == severityFatal
	switch {
	case !due:
		clean(e, false)
		return r.pass(e)
	case a.probe != nil:
		clean(e, false)
		e.Position = moved(e.Position, a.probe.text, a.probe.at)
		copied := *e
		a.probe.err = &copied
		if a.probe.passError || e.SeverityUnlocalized == severityFatal {
			if err := r.pass(e); err != nil {
				return err
			}
		}
		a.probe.finish()
	default:
		if err := r.pass(r.translate(a, e)); err != nil {
			return err
		}
	}
	r.answers.failed()
	return nil
}

// translate makes the client's error out of the shadow's.
func (r *relay) translate(a answer, e *pgproto3.ErrorResponse) *pgproto3.ErrorResponse {
	refusal := a.refusal
	if a.query != nil {
		refusal = a.query.stop
	}
	if refusal != nil && strings.Contains(e.Message, r.mark) {
		return refusal
	}
	if e.Code == "57014" && r.timedOut.Load() {
		e.Message = "canceling statement due to statement timeout"
	}
	clean(e, r.metaOf(a) != nil)
	if a.query != nil && e.Position > 0 {
		e.Position = int32(a.query.original(int(e.Position)))
	}
	return e
}

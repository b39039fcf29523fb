package wire

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// replies reads the shadow's messages until it ends and hands them to the client, patched where
// a statement was rewritten. It writes when nothing more has arrived.
func (r *relay) replies() error {
	for {
		f, err := r.shadow.in.next()
		if err != nil {
			return err
		}
		if err := r.reply(f); err != nil {
			return err
		}
		if !r.shadow.in.more() {
			if err := r.out.flush(); err != nil {
				return err
			}
		}
	}
}

// reply handles one message. Those that may come at any time are first.
func (r *relay) reply(f frame) error {
	switch f.kind() {
	case 'N':
		return r.notice(f)
	case 'A':
		return r.out.send(f)
	case 'S':
		return r.parameter(f)
	}
	a, ok := r.answers.head()
	switch {
	case f.kind() == 'E':
		var e pgproto3.ErrorResponse
		if err := f.decode(&e); err != nil {
			return err
		}
		return r.failure(a, ok, &e)
	case !ok:
		return fmt.Errorf("%w: %q while idle", errDesync, f.kind())
	case a.probe != nil:
		return r.probeReply(a, f)
	default:
		return r.answer(a, f)
	}
}

// notice passes a notice on without its context.
func (r *relay) notice(f frame) error {
	var m pgproto3.NoticeResponse
	if err := f.decode(&m); err != nil {
		return err
	}
	m.Where, m.InternalQuery, m.InternalPosition = "", "", 0
	return r.out.send(&m)
}

// parameter passes a changed setting on and notes the encoding.
func (r *relay) parameter(f frame) error {
	var m pgproto3.ParameterStatus
	if err := f.decode(&m); err != nil {
		return err
	}
	if m.Name == "client_encoding" {
		r.encoding.Store(codecOf(m.Value))
	}
	return r.out.send(f)
}

// answer handles a message of the answer that is due.
func (r *relay) answer(a answer, f frame) error {
	switch f.kind() {
	case 'D', 'H', 'd', 'c', 't': // DataRow, CopyOutResponse, CopyData, CopyDone, ParameterDescription
		return r.out.send(f)
	case 'T':
		return r.rowDescription(a, f)
	case 'n': // NoData
		return r.complete(a, f, answerStmt, answerPortal)
	case 'C':
		return r.commandComplete(a, f)
	case 's', 'I': // PortalSuspended, EmptyQueryResponse
		return r.complete(a, f, answerExecute)
	case '1': // ParseComplete
		r.remember(r.statements, a.name, a.meta)
		return r.complete(a, f, answerParse)
	case '2': // BindComplete
		r.remember(r.portals, a.portal, r.statements[a.name])
		return r.complete(a, f, answerBind)
	case '3': // CloseComplete
		if a.kind == answerClose {
			delete(r.statements, a.name)
		} else {
			delete(r.portals, a.portal)
		}
		return r.complete(a, f, answerClose, answerClosePortal)
	case 'Z':
		return r.readyForQuery(a, f)
	case 'G':
		return errCopyIn
	default:
		return fmt.Errorf("%w: %q", errDesync, f.kind())
	}
}

// rowDescription restores the origin of columns where the statement was rewritten.
func (r *relay) rowDescription(a answer, f frame) error {
	meta := r.metaOf(a)
	if meta == nil || !meta.replaced {
		return r.complete(a, f, answerStmt, answerPortal)
	}
	var m pgproto3.RowDescription
	if err := f.decode(&m); err != nil {
		return err
	}
	meta.patch(m.Fields)
	return r.complete(a, &m, answerStmt, answerPortal)
}

// commandComplete ends one statement.
func (r *relay) commandComplete(a answer, f frame) error {
	meta := r.metaOf(a)
	r.name(a)
	if a.query != nil {
		a.query.at++
	}
	if meta != nil && meta.tag != "" {
		return r.complete(a, &pgproto3.CommandComplete{CommandTag: []byte(meta.tag)}, answerExecute)
	}
	return r.complete(a, f, answerExecute)
}

// readyForQuery ends a Query or a Sync. The client may send its next message as soon as it has this one.
func (r *relay) readyForQuery(a answer, f frame) error {
	if a.kind != answerSync && a.kind != answerQuery || len(f.body()) != 1 {
		return fmt.Errorf("%w: %q for answer kind %d", errDesync, f.kind(), a.kind)
	}
	status := f.body()[0]
	r.shadow.cancelled()
	if err := r.out.send(f); err != nil {
		return err
	}
	r.timedOut.Store(false)
	r.answers.ready(status)
	return r.out.flush()
}

// complete passes msg on and removes the answer if msg ends one of these kinds. Within
// a Query only ReadyForQuery ends anything.
func (r *relay) complete(a answer, msg encoder, kinds ...answerKind) error {
	if a.kind != answerQuery {
		if !slices.Contains(kinds, a.kind) {
			return fmt.Errorf("%w: %T for answer kind %d", errDesync, msg, a.kind)
		}
		r.answers.pop()
	}
	if a.step.hidden(msg) {
		return nil
	}
	return r.out.send(msg)
}

// remember sets or removes the entry of a statement or portal.
func (r *relay) remember(m map[string]*rewritten, name string, meta *rewritten) {
	if meta == nil {
		delete(m, name)
	} else {
		m[name] = meta
	}
}

// name notes what a name stands for when PREPARE or DECLARE has given it.
func (r *relay) name(a answer) {
	meta := r.statementOf(a)
	if meta == nil || meta.naming == nil || !meta.naming.defines {
		return
	}
	var stands *rewritten
	if meta.replaced {
		stands = &rewritten{fields: meta.fields, replaced: true}
	}
	if meta.naming.portal {
		r.remember(r.portals, meta.naming.name, stands)
	} else {
		r.remember(r.statements, meta.naming.name, stands)
	}
}

// metaOf is what became of the statement whose rows a's are: for FETCH and EXECUTE, the one that has
// the name. It is nil if that runs as typed.
func (r *relay) metaOf(a answer) *rewritten {
	meta := r.statementOf(a)
	if meta == nil || meta.replaced || meta.naming == nil || meta.naming.defines || meta.naming.explains {
		return meta
	}
	if meta.naming.portal {
		return r.portals[meta.naming.name]
	}
	return r.statements[meta.naming.name]
}

// statementOf is what became of the statement that a belongs to; nil if it runs as typed.
func (r *relay) statementOf(a answer) *rewritten {
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
func (r *relay) probeReply(a answer, f frame) error {
	switch f.kind() {
	case 't':
		var m pgproto3.ParameterDescription
		if err := f.decode(&m); err != nil {
			return err
		}
		a.probe.params = m.ParameterOIDs
	case 'T':
		var m pgproto3.RowDescription
		if err := f.decode(&m); err != nil {
			return err
		}
		a.probe.fields = cloneFields(m.Fields)
		r.answers.pop()
	case '1', 'n': // ParseComplete, NoData
		r.answers.pop()
	case '3': // CloseComplete
		r.answers.pop()
		a.probe.finish()
	case 'Z':
		if len(f.body()) != 1 {
			return fmt.Errorf("%w: ReadyForQuery of %d bytes", errDesync, len(f.body()))
		}
		r.answers.ready(f.body()[0])
	default:
		return fmt.Errorf("%w: %q for a description", errDesync, f.kind())
	}
	return nil
}

// failure handles an error of the shadow.
func (r *relay) failure(a answer, due bool, e *pgproto3.ErrorResponse) error {
	r.told = r.told || e.SeverityUnlocalized == severityFatal
	switch {
	case !due:
		clean(e, false)
		return r.out.send(e)
	case a.probe != nil:
		clean(e, false)
		e.Position = moved(e.Position, a.probe.text, a.probe.at)
		copied := *e
		a.probe.err = &copied
		if a.probe.passError || e.SeverityUnlocalized == severityFatal {
			if err := r.out.send(e); err != nil {
				return err
			}
		}
		a.probe.finish()
	default:
		if err := r.out.send(r.translate(a, e)); err != nil {
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
	meta := r.metaOf(a)
	clean(e, meta != nil && meta.replaced)
	switch {
	case e.Position <= 0:
	case a.query != nil:
		e.Position = int32(a.query.original(int(e.Position)))
	case meta == nil || !meta.replaced:
	case meta.sent != nil:
		e.Position = int32(meta.sent.original(int(e.Position)))
	default:
		e.Position = 0
	}
	if a.step != nil {
		e.Position = moved(e.Position, a.step.text, a.step.at)
	}
	return e
}

package wire

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"
)

// answerKind names what the shadow owes next.
type answerKind int

// Kinds of answers. Each ends with exactly one message of the shadow.
const (
	_            answerKind = iota
	answerParse             // ParseComplete
	answerBind              // BindComplete
	answerStmt              // ParameterDescription, then RowDescription or NoData
	answerPortal            // RowDescription or NoData
	answerExecute
	answerClose       // CloseComplete, of a statement
	answerClosePortal // CloseComplete, of a portal
	answerSync        // ReadyForQuery
	answerQuery       // everything up to ReadyForQuery
)

// answer is one expected answer of the shadow.
type answer struct {
	kind   answerKind
	name   string     // statement of a Parse, Bind, Describe S or Close S
	portal string     // of a Bind, Describe P, Execute or Close P
	meta   *rewritten // of a Parse: what becomes of the statement; nil when it was relayed untouched
	query  *queryText // of a Query
	step   *step      // not nil: of a Query that runs statement by statement

	probe   *probe                  // not nil: injected by the relay, never shown to the client
	refusal *pgproto3.ErrorResponse // takes the place of the error that the relay provokes
}

// rewritten is what the relay remembers of a replaced statement.
type rewritten struct {
	fields   []pgproto3.FieldDescription // of the described original
	tag      string
	replaced bool
	naming   *naming    // what the statement does to names
	sent     *queryText // what was parsed in place of the client's text
}

// probe is an injected description of one statement.
type probe struct {
	text      string // the client's whole text, decoded
	at        int    // byte offset of the described text in it
	passError bool   // an error is the client's answer (extended protocol)

	params []uint32
	fields []pgproto3.FieldDescription
	err    *pgproto3.ErrorResponse
	lost   bool // an earlier error made the shadow skip it
	done   chan struct{}
	once   sync.Once
}

// became is what the relay remembers of a described statement; names is what it does to names, if anything.
func (p *probe) became(s Statement, names *rewritten) *rewritten {
	m := &rewritten{fields: p.fields, tag: s.Tag, replaced: true}
	if names != nil {
		m.naming = names.naming
	}
	return m
}

// finish wakes who waits for the probe.
func (p *probe) finish() { p.once.Do(func() { close(p.done) }) }

// answers is the queue of what the shadow still owes, in order. One goroutine pushes what
// it sent, one takes what arrived.
type answers struct {
	mu       sync.Mutex
	emptied  chan struct{} // closed when the queue becomes empty; nil if nobody waits
	queue    []answer
	first    int  // index of the answer that is due
	skipping bool // an error was seen and no Sync has been sent since
	status   byte // of the last ReadyForQuery
	clock    *clock
}

// newAnswers returns an empty queue. The clock is told when the queue fills and empties.
func newAnswers(status byte, c *clock) *answers { return &answers{status: status, clock: c} }

// push adds what was, or is about to be, sent. While the shadow skips to the next Sync, it owes
// nothing for anything else.
func (q *answers) push(items ...answer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, a := range items {
		if q.skipping && a.kind != answerSync {
			a.drop()
			continue
		}
		q.skipping = false
		if len(q.queue) == 0 {
			q.clock.enter(phaseRunning)
		}
		if q.first > 32 && q.first > len(q.queue)/2 { // a pipeline that never empties must not grow it
			q.queue = append(q.queue[:0], q.queue[q.first:]...)
			q.first = 0
		}
		q.queue = append(q.queue, a)
	}
}

// drop tells a waiting probe that it will not be answered.
func (a answer) drop() {
	if a.probe != nil {
		a.probe.once.Do(func() {
			a.probe.lost = true
			close(a.probe.done)
		})
	}
}

// head returns the answer that is due.
func (q *answers) head() (answer, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		return answer{}, false
	}
	return q.queue[q.first], true
}

// pop removes the answer that is due.
func (q *answers) pop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.popLocked()
}

// popLocked is pop for a caller that holds mu.
func (q *answers) popLocked() {
	q.queue[q.first] = answer{}
	q.first++
	if q.first < len(q.queue) {
		return
	}
	q.queue, q.first = q.queue[:0], 0
	if q.emptied != nil {
		close(q.emptied)
		q.emptied = nil
	}
	if q.status == 'I' {
		q.clock.enter(phaseIdle)
	} else {
		q.clock.enter(phaseInBlock)
	}
}

// failed drops what the shadow skips after an error: everything up to the next Sync. An
// error of a Query or at a Sync skips nothing.
func (q *answers) failed() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.queue) > 0 {
		if k := q.queue[q.first].kind; k == answerSync || k == answerQuery {
			return
		}
		q.queue[q.first].drop()
		q.popLocked()
	}
	q.skipping = true
}

// ready records a ReadyForQuery and removes its answer.
func (q *answers) ready(status byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.status = status
	q.popLocked()
}

// idle waits until nothing is owed and returns the transaction status.
func (q *answers) idle(ctx context.Context) (byte, error) {
	for {
		q.mu.Lock()
		if len(q.queue) == 0 {
			defer q.mu.Unlock()
			return q.status, nil
		}
		if q.emptied == nil {
			q.emptied = make(chan struct{})
		}
		emptied := q.emptied
		q.mu.Unlock()
		select {
		case <-emptied:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// wait waits for a probe.
func (p *probe) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

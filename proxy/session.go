package proxy

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan"
	"github.com/c2dproxy/c2dproxy/wire"
)

// session is the proxy's side of one analyst connection; it implements wire.Session. It
// keeps the study as it was when the session began, because its shadow does.
type session struct {
	proxy      *Proxy
	login      string
	analyst    string // login@party
	study      *catalog.Study
	shadow     *sharedShadow
	backend    atomic.Uint32
	statements statements
	last       atomic.Pointer[lastAnswer]
	ctx        context.Context // ends with the session; executions derive from it
	cancel     context.CancelFunc
}

// Shadow implements wire.Session.
func (s *session) Shadow() wire.Endpoint { return s.shadow.endpoint(s.login) }

// Attached implements wire.Session.
func (s *session) Attached(backendPID uint32) {
	s.backend.Store(backendPID)
	s.shadow.attach(backendPID, s)
}

// Rewrite implements wire.Session.
func (s *session) Rewrite(_ context.Context, text string, types []uint32) ([]wire.Statement, error) {
	key := rewriteKey{s.study, s.analyst, text, packed(types)}
	parts, err := s.proxy.rewrites.rewrite(key, types)
	if err != nil {
		return nil, err
	}
	rewritten := make([]wire.Statement, 0, len(parts))
	for i, part := range parts {
		rewritten = append(rewritten, s.rewritten(part.Browsing(s.shadow.rows), renderingKey{rewriteKey: key, part: i}))
	}
	return rewritten, nil
}

// rewritten turns the compiler's word on one statement into the wire's.
func (s *session) rewritten(part sqlplan.Statement, key renderingKey) wire.Statement {
	out := wire.Statement{Start: part.Start, End: part.End, Kind: wire.Relay}
	if part.Kind != sqlplan.Federated {
		return out
	}
	out.Kind = wire.Federated
	out.Describe = part.Select
	out.DescribeAt = part.SelectAt
	out.DescribeTypes = part.Types
	if part.Explain {
		out.Tag = "EXPLAIN"
	}
	out.Finish = func(_ context.Context, d wire.Description) (string, error) {
		return s.finish(part, key, d)
	}
	return out
}

// finish renders the text that takes the statement's place, and registers the statement if that calls for it.
func (s *session) finish(part sqlplan.Statement, key renderingKey, d wire.Description) (string, error) {
	columns := make([]sqlplan.OutputColumn, 0, len(d.Fields))
	output := make([]uint32, 0, len(d.Fields))
	for _, f := range d.Fields {
		columns = append(columns, sqlplan.OutputColumn{Name: string(f.Name), OID: f.DataTypeOID, TypeModifier: f.TypeModifier, Table: f.TableOID})
		output = append(output, f.DataTypeOID)
	}
	id, err := newStatementID(s.proxy.random)
	if err != nil {
		return "", err
	}
	text, called, err := s.proxy.renderings.render(key, part, columns, d.ParamTypes, id)
	if err != nil {
		return "", err
	}
	if called {
		s.statements.add(id, statement{
			text: part.Select, types: append([]uint32(nil), d.ParamTypes...), output: output, json: part.JSON,
		})
	}
	return text, nil
}

// parameterTypes names the types that parameters of federated statements can have. Naming them
// keeps PREPARE without declared types from taking every parameter for text.
var parameterTypes = map[uint32]string{
	16: "bool", 20: "int8", 21: "int2", 23: "int4", 25: "text", 700: "float4", 701: "float8",
	1042: "bpchar", 1043: "varchar", 1082: "date", 1114: "timestamp", 1184: "timestamptz", 1700: "numeric",
	1000: "bool[]", 1005: "int2[]", 1007: "int4[]", 1009: "text[]", 1014: "bpchar[]", 1015: "varchar[]", 1016: "int8[]", 1022: "float8[]",
	1115: "timestamp[]", 1182: "date[]", 1185: "timestamptz[]", 1231: "numeric[]",
}

// parameters writes the array that carries $1 to $n into the callback as text.
func parameters(types []uint32) string {
	if len(types) == 0 {
		return "NULL::text[]"
	}
	list := make([]string, len(types))
	for i, oid := range types {
		list[i] = fmt.Sprintf("$%d::text", i+1)
		if name, ok := parameterTypes[oid]; ok && name != "text" {
			list[i] = fmt.Sprintf("$%d::%s::text", i+1, name)
		}
	}
	return "ARRAY[" + strings.Join(list, ", ") + "]"
}

// Close implements wire.Session.
func (s *session) Close() {
	s.cancel()
	s.shadow.detach(s.backend.Load(), s)
	s.proxy.shadows.release(s.shadow)
	s.proxy.shadows.retire(s.ctx, s.proxy.studies.get)
}

// currentStudy is the study as it is now; a session that began before a change may go on
// as long as its statements mean the same (the described columns must still agree).
func (s *session) currentStudy() (*catalog.Study, error) {
	study, ok := s.proxy.studies.get(s.study.Name)
	if !ok {
		return nil, pgerr.New(pgerr.ConnectionFailure, "study %q is not complete: %s", s.study.Name, s.proxy.studies.missing(s.study.Name)).
			WithHint("Try again when every party of the study is connected.")
	}
	return study, nil
}

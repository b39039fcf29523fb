package syntax

import (
	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// deparse writes a statement. The library leaves out some parentheses that it should write: (a AND b) IS NULL becomes
// a AND b IS NULL, which is something else. So what is tested is put where it needs none, and what is
// written is read again: a text with another meaning is refused.
func deparse(s *pg.SelectStmt) (string, error) {
	root := &pg.Node{Node: &pg.Node_SelectStmt{SelectStmt: s}}
	bracket(root)
	tree := &pg.ParseResult{Stmts: []*pg.RawStmt{{Stmt: root}}}
	text, err := pg.Deparse(tree)
	if err != nil {
		return "", err
	}
	again, err := pg.Parse(text)
	if err == nil && len(again.Stmts) == 1 {
		wanted := proto.Clone(root).(*pg.Node)
		forgetPlaces(wanted.ProtoReflect())
		forgetPlaces(again.Stmts[0].Stmt.ProtoReflect())
		if proto.Equal(wanted, again.Stmts[0].Stmt) {
			return text, nil
		}
	}
	return "", pgerr.New(pgerr.FeatureNotSupported, "this nesting of operators is not supported over federated tables").
		WithHint("Compute it in a statement around this one: SELECT … FROM (SELECT …) AS t.")
}

// bracket puts AND, OR and NOT below IS NULL and its like into COALESCE(…), which of one value is that value.
func bracket(n *pg.Node) {
	arg := n.GetNullTest().GetArg()
	if t := n.GetBooleanTest(); t != nil {
		arg = t.Arg
	}
	if arg.GetBoolExpr() != nil {
		same := &pg.CoalesceExpr{Args: []*pg.Node{{Node: arg.Node}}}
		arg.Node = &pg.Node_CoalesceExpr{CoalesceExpr: same}
	}
	_ = children(n.ProtoReflect(), func(c *pg.Node) error {
		bracket(c)
		return nil
	})
}

// forgetPlaces clears the places in the text that a tree was read from.
func forgetPlaces(m protoreflect.Message) {
	m.Range(func(d protoreflect.FieldDescriptor, x protoreflect.Value) bool {
		switch {
		case d.Name() == "location":
			m.Clear(d)
		case d.Kind() != protoreflect.MessageKind:
		case d.IsList():
			for i := range x.List().Len() {
				forgetPlaces(x.List().Get(i).Message())
			}
		default:
			forgetPlaces(x.Message())
		}
		return true
	})
}

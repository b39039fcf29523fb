package federation

import (
	"context"
	"net"
	"slices"
	"strings"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// OwnerBudget is what one owner says is left for an analyst. Err is why it did not answer.
type OwnerBudget struct {
	Owner      string
	Remainders []Remainder
	Err        *pgerr.Error
}

// budgetRequest asks for an analyst's remainder.
type budgetRequest struct {
	Study   string `json:"study"`
	Analyst string `json:"analyst"`
}

// budgetResponse answers it: one of the two.
type budgetResponse struct {
	Remainders []Remainder     `json:"remainders,omitempty"`
	Failure    *failureMessage `json:"failure,omitempty"`
}

// maxRemainders bounds an owner's answer.
const maxRemainders = 1024

// Budget asks every owner of a study with tables what is left for an analyst of this
// gateway, at once. An owner that does not answer has its error in its place.
func (n *Node) Budget(ctx context.Context, study, analyst string) ([]OwnerBudget, error) {
	s := n.options.Studies()[study]
	if s == nil {
		return nil, pgerr.New(pgerr.UnknownDatabase, "study %q does not exist", study).WithHint("SELECT * FROM c2d.studies shows yours.")
	}
	ctx, cancel := context.WithTimeout(ctx, n.limits.Approve)
	defer cancel()
	owners := ownersOf(s)
	out := make([]OwnerBudget, len(owners))
	done := make(chan struct{})
	for i, owner := range owners {
		go func() {
			remainders, err := n.budgetAt(ctx, owner, study, analyst)
			out[i] = OwnerBudget{Owner: owner, Remainders: remainders, Err: err}
			done <- struct{}{}
		}()
	}
	for range owners {
		<-done
	}
	return out, nil
}

// ownersOf returns the owners of a study's tables, sorted.
func ownersOf(s *catalog.Study) (owners []string) {
	for i := range s.Tables {
		for j := range s.Tables[i].Partitions {
			owners = append(owners, s.Tables[i].Partitions[j].Owner)
		}
	}
	slices.SortFunc(owners, strings.Compare)
	return slices.Compact(owners)
}

// budgetAt asks one owner, perhaps this party.
func (n *Node) budgetAt(ctx context.Context, owner, study, analyst string) ([]Remainder, *pgerr.Error) {
	request := budgetRequest{study, analyst}
	if owner == n.options.Self {
		response := n.answerBudget(ctx, n.options.Self, &request)
		return response.result(owner)
	}
	l, err := n.mesh.link(owner)
	if err != nil {
		e, _ := pgerr.As(err)
		return nil, e
	}
	conn, err := l.open(streamBudget)
	if err != nil {
		return nil, lost(owner)
	}
	defer conn.Close()
	release := bound(ctx, conn.SetDeadline)
	defer release()
	var response budgetResponse
	if err := writeJSON(conn, request, maxQueryFrame); err != nil {
		return nil, lost(owner)
	}
	if err := readJSON(conn, &response, maxQueryFrame); err != nil {
		if ctx.Err() != nil {
			return nil, slow(owner, "say what is left of the budget")
		}
		return nil, lost(owner)
	}
	return response.result(owner)
}

// result checks a response.
func (r *budgetResponse) result(owner string) ([]Remainder, *pgerr.Error) {
	if r.Failure != nil {
		return nil, errorFrom(owner, *r.Failure)
	}
	if len(r.Remainders) > maxRemainders {
		return nil, pgerr.New(pgerr.ProtocolViolation, "owner %q sent a message that is not of the protocol", owner)
	}
	for i := range r.Remainders {
		r.Remainders[i].Source = clean(r.Remainders[i].Source, 63)
	}
	return r.Remainders, nil
}

// serveBudget answers a peer.
func (n *Node) serveBudget(ctx context.Context, l *link, conn net.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, n.limits.Approve)
	defer cancel()
	release := bound(ctx, conn.SetDeadline)
	defer release()
	var request budgetRequest
	if err := readJSON(conn, &request, maxQueryFrame); err != nil {
		return err
	}
	return writeJSON(conn, n.answerBudget(ctx, l.peer.Name, &request), maxQueryFrame)
}

// answerBudget says what is left here for an analyst of a gateway, of that gateway only.
func (n *Node) answerBudget(ctx context.Context, gateway string, r *budgetRequest) *budgetResponse {
	refuse := func(err error) *budgetResponse {
		f := failureOf(err)
		return &budgetResponse{Failure: &f}
	}
	login, at, ok := strings.Cut(r.Analyst, "@")
	if !ok || login == "" || at != gateway {
		return refuse(pgerr.New(pgerr.InsufficientPrivilege, "gateway %q may ask only for its own analysts", gateway))
	}
	if err := n.ledgerTrusted(); err != nil {
		return refuse(err)
	}
	if n.options.Budget == nil || n.options.Studies()[r.Study] == nil {
		return refuse(pgerr.New(pgerr.ObjectNotInState, "this party has no budget in that study").WithHint("Ask its operator to add the study to its configuration."))
	}
	remainders, err := n.options.Budget.Remaining(ctx, r.Study, r.Analyst)
	if err != nil {
		n.options.Logger.Error("a budget was not read", "cause", err.Error())
		return refuse(err)
	}
	return &budgetResponse{Remainders: remainders}
}

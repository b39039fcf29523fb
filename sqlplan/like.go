package sqlplan

import (
	"fmt"
	"strings"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
	"github.com/c2dproxy/c2dproxy/sqlplan/syntax"
)

// likes are the operators of LIKE, ILIKE and their negations.
var likes = map[string]struct{ not, fold bool }{"~~": {}, "~~*": {fold: true}, "!~~": {not: true}, "!~~*": {not: true, fold: true}}

// maxMatched bounds the steps of matching a statement's patterns with declared values: characters of one times those of the
// other.
const maxMatched = 10_000_000

// like binds LIKE on a column with declared values: which of them match is known here, so that the owner only compares. On
// other text a pattern would cost a time that depends on the row.
func (b *binder) like(c *syntax.Call, vs []value, sides int) (value, error) {
	form := likes[c.Name]
	if _, err := b.unify(c.At(), vs); err != nil {
		return value{}, err
	}
	x, p := vs[0], vs[1]
	if x.k != text || x.domain == nil || x.isLit || !p.isLit {
		return value{}, b.unsupported(c.At(), "Use LIKE with a constant pattern on a column with declared values (see c2d.columns), or compare with = or IN.",
			"LIKE on this is not supported over federated rows")
	}
	out := value{k: boolean, domain: []string{"f", "t"}, sides: sides, null: x.null || p.lit == nil}
	if p.lit == nil {
		out.sql = "NULL::pg_catalog.bool"
		return out, nil
	}
	pattern := *p.lit
	for _, d := range x.domain {
		b.matched += int64(len(pattern)) * int64(len(d)+1)
	}
	if b.matched > maxMatched {
		return value{}, b.fail(c.At(), pgerr.ProgramLimitExceeded, "Use a shorter pattern, or compare with = or IN.", "the statement's patterns are too long")
	}
	if form.fold {
		if !isASCII(x.domain) || !isASCII([]string{pattern}) {
			return value{}, b.unsupported(c.At(), "Use LIKE, or compare with = or IN.", "ILIKE is supported for ASCII only over federated rows")
		}
		pattern = strings.ToLower(pattern)
	}
	var list []string
	for _, d := range x.domain {
		if form.fold {
			d = strings.ToLower(d)
		}
		m, ok := matches([]rune(pattern), []rune(d))
		if !ok {
			return value{}, b.fail(c.At(), "22025", "Write two backslashes for one.", "LIKE pattern must not end with escape character")
		}
		list = append(list, map[bool]string{true: "t", false: "f"}[m != form.not])
	}
	return b.oneOf(x, list, out), nil
}

// oneOf is true where a value is one of those that are marked t in the list of its declared values, false where it is
// another one, NULL where it is NULL.
func (b *binder) oneOf(x value, marks []string, out value) value {
	var keep []string
	for i, d := range x.domain {
		if marks[i] == "t" {
			keep = append(keep, syntax.Quote(d))
		}
	}
	if len(keep) == 0 {
		out.sql = fmt.Sprintf("%s OPERATOR(pg_catalog.<>) %s", collated(x), collated(x))
		return out
	}
	out.sql = fmt.Sprintf("%s OPERATOR(pg_catalog.=) ANY (ARRAY[%s]::pg_catalog.text[])", collated(x), strings.Join(keep, ", "))
	return out
}

// matches is LIKE with the escape character \; ok is false where the pattern ends with it.
func matches(pattern, s []rune) (match, ok bool) {
	type token struct {
		r    rune
		any  bool // %
		wild bool // _
	}
	var tokens []token
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			if i++; i == len(pattern) {
				return false, false
			}
			tokens = append(tokens, token{r: pattern[i]})
		case '%':
			tokens = append(tokens, token{any: true})
		case '_':
			tokens = append(tokens, token{wild: true})
		default:
			tokens = append(tokens, token{r: pattern[i]})
		}
	}
	reach := make([]bool, len(s)+1) // reach[j]: the tokens so far match s[:j]
	reach[0] = true
	for _, t := range tokens {
		next := make([]bool, len(s)+1)
		for j := range reach {
			switch {
			case t.any:
				next[j] = reach[j] || j > 0 && next[j-1]
			case j > 0 && reach[j-1]:
				next[j] = t.wild || s[j-1] == t.r
			}
		}
		reach = next
	}
	return reach[len(s)], true
}

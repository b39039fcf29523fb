package syntax

import (
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Limits of one text. Beyond them it is refused with 54000 before the parser sees it.
const (
	MaxBytes = 64 << 10
	MaxPath  = 5000 // tokens on the longest path into the syntax tree
	MaxDepth = 200  // nested parentheses, brackets and CASE
)

// Guard bounds bytes and the depth of the syntax tree with the lexer alone, which does not recurse.
//
// What overflows the C parser's stack is the depth of the tree: a chain of 23,500 operators does, a list of as many
// constants does not. Each level of the tree comes from a token of its own, and a token on one side of a comma is
// no part of what is on the other side. So the depth is at most a small constant times the number of tokens on the
// longest path: those since the last comma, in each bracket and CASE that is open.
func Guard(text string) error {
	if len(text) > MaxBytes {
		return pgerr.New(pgerr.ProgramLimitExceeded, "statement text is longer than %d bytes", MaxBytes).
			WithHint("Send a shorter statement, or several.")
	}
	for i := range len(text) {
		if text[i] == 0 {
			return pgerr.New(pgerr.SyntaxError, "statement text contains a zero byte")
		}
	}
	if !utf8.ValidString(text) {
		return pgerr.New("22021", "statement text is not valid UTF-8")
	}
	tokens, err := scan(text)
	if err != nil {
		return err
	}
	var p path
	for i, t := range tokens {
		name := i > 0 && (tokens[i-1].Token == pg.Token_ASCII_46 || tokens[i-1].Token == pg.Token_AS)
		p.step(t.Token, name)
		if p.length() > MaxPath || len(p.open) > MaxDepth {
			return pgerr.New(pgerr.ProgramLimitExceeded, "statement is nested too deeply").
				WithHint("Write fewer operators in a row, and fewer nested parentheses and subqueries.").At(Position(text, int(t.Start)))
		}
	}
	return nil
}

// segment counts the tokens of one bracket or CASE that may be above what comes next.
type segment struct {
	isCase bool
	kept   int // of tokens that also hold together what commas separate
	tokens int // since the last separator
}

// path is the longest path into the tree at a place of the text, as far as a lexer can tell.
type path struct {
	outside segment   // of all brackets
	open    []segment // brackets and CASEs around the place
	above   int       // tokens of all segments but the innermost
	atomic  bool      // a function body, which holds statements, has begun
}

func (p *path) inner() *segment {
	if len(p.open) == 0 {
		return &p.outside
	}
	return &p.open[len(p.open)-1]
}

func (s *segment) length() int { return s.kept + s.tokens }

func (p *path) length() int { return p.above + p.inner().length() }

// push opens a bracket or CASE.
func (p *path) push(isCase bool) {
	p.above += p.inner().length()
	p.open = append(p.open, segment{isCase: isCase})
}

func (p *path) pop() {
	p.open = p.open[:len(p.open)-1]
	p.above -= p.inner().length()
}

// weight is that of a token which makes a chain across commas: SELECT 1, 1 UNION SELECT 1, 1 UNION … is as deep as it
// has UNIONs, and function bodies nest across semicolons.
const weight = 4

// step goes on by one token; name says that a keyword here can only be a name (a.end, AS case).
func (p *path) step(token pg.Token, name bool) {
	s := p.inner()
	s.tokens++
	switch token {
	case pg.Token_ASCII_40, pg.Token_ASCII_91:
		p.push(false)
	case pg.Token_ASCII_41, pg.Token_ASCII_93:
		p.close()
	case pg.Token_CASE:
		if !name {
			p.push(true)
		}
	case pg.Token_END_P:
		// END also ends transactions and is a name: only a CASE that is innermost ends here.
		if s.isCase && !name {
			p.pop()
		}
	case pg.Token_WHEN, pg.Token_THEN, pg.Token_ELSE:
		if s.isCase && !name {
			s.tokens = 1
		}
	case pg.Token_ASCII_44:
		if !s.isCase { // CASE holds no comma: this one is a name
			s.tokens = 1
		}
	case pg.Token_UNION, pg.Token_INTERSECT, pg.Token_EXCEPT:
		s.kept += weight
	case pg.Token_ATOMIC:
		s.kept += weight
		p.atomic = true
	case pg.Token_ASCII_59:
		if len(p.open) == 0 && !p.atomic {
			p.outside = segment{}
		}
	}
}

// close ends the innermost bracket, and with it a CASE that was a name. Brackets that do not match are a syntax
// error where the parser meets them: what follows is not read.
func (p *path) close() {
	for len(p.open) > 0 {
		isCase := p.inner().isCase
		p.pop()
		if !isCase {
			return
		}
	}
}

// scan lexes text; comments are dropped.
func scan(text string) ([]*pg.ScanToken, error) {
	result, err := pg.Scan(text)
	if err != nil {
		return nil, syntaxError(err)
	}
	tokens := result.Tokens[:0]
	for _, t := range result.Tokens {
		if t.Token != pg.Token_SQL_COMMENT && t.Token != pg.Token_C_COMMENT {
			tokens = append(tokens, t)
		}
	}
	return tokens, nil
}

// Position converts a byte offset into the 1-based character position that clients see.
func Position(text string, offset int) int {
	if offset < 0 || offset > len(text) {
		return 0
	}
	return utf8.RuneCountInString(text[:offset]) + 1
}

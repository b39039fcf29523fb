package syntax

import (
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v5"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Limits of one text. Beyond them it is refused with 54000 before the parser sees it.
const (
	MaxBytes  = 64 << 10
	MaxTokens = 5000
	MaxDepth  = 200 // nested parentheses, brackets and CASE, and runs of prefix operators
)

// Guard bounds bytes, tokens and nesting with the lexer alone, which does not recurse.
func Guard(text string) error {
	if len(text) > MaxBytes {
		return pgerr.New(pgerr.ProgramLimitExceeded, "statement text is longer than %d bytes", MaxBytes)
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
	if len(tokens) > MaxTokens {
		return pgerr.New(pgerr.ProgramLimitExceeded, "statement has more than %d tokens", MaxTokens)
	}
	return guardDepth(text, tokens)
}

// guardDepth counts what the parser or a walk over its tree recurses on.
func guardDepth(text string, tokens []*pg.ScanToken) error {
	depth, prefix := 0, 0
	for _, t := range tokens {
		switch t.Token {
		case pg.Token_ASCII_40, pg.Token_ASCII_91, pg.Token_CASE:
			depth++
		case pg.Token_ASCII_41, pg.Token_ASCII_93, pg.Token_END_P:
			depth = max(depth-1, 0)
		case pg.Token_NOT, pg.Token_ASCII_43, pg.Token_ASCII_45, pg.Token_Op:
			prefix++
		case pg.Token_ASCII_59:
			depth, prefix = 0, 0
		default:
			prefix = 0
		}
		if depth > MaxDepth || prefix > 10*MaxDepth {
			return pgerr.New(pgerr.ProgramLimitExceeded, "statement is nested too deeply").At(Position(text, int(t.Start)))
		}
	}
	return nil
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

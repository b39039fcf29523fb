package sqlplan

import (
	"fmt"
	"math/big"
	"strconv"
)

// Decode turns the opened words of a plan into its released rows: group keys, then values, in
// PostgreSQL's text format; nil is NULL.
func Decode(plan *Plan, opened map[string][]uint64) ([][]*string, error) {
	r := plan.Result
	var keep []uint64
	if r.Keep != "" {
		if keep = opened[r.Keep]; len(keep) != len(r.Keys) {
			return nil, fmt.Errorf("sqlplan: %d kept bits for %d groups", len(keep), len(r.Keys))
		}
	}
	rows := make([][]*string, 0, len(r.Keys))
	for cell, keys := range r.Keys {
		suppressed := keep != nil && keep[cell] == 0
		if suppressed && !r.Grand {
			continue
		}
		row := append(make([]*string, 0, len(keys)+len(r.Values)), keys...)
		for _, v := range r.Values {
			text, err := r.text(v, cell, suppressed, opened)
			if err != nil {
				return nil, err
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// text is one released value of one cell.
func (r *Result) text(v ResultValue, cell int, suppressed bool, opened map[string][]uint64) (*string, error) {
	if v.Constant != "" {
		c := v.Constant
		return &c, nil
	}
	word, err := word(opened, v, cell)
	if err != nil {
		return nil, err
	}
	if suppressed {
		if v.ZeroIfSuppressed {
			zero := "0"
			return &zero, nil
		}
		return nil, nil
	}
	if v.NonNull != nil {
		n, err := word2(opened, r.Values, *v.NonNull, cell)
		if err != nil || n == 0 {
			return nil, err
		}
	}
	text := strconv.FormatInt(int64(word), 10)
	if v.Scale > 0 {
		text = decimalText(big.NewInt(int64(word)), v.Scale)
	}
	return &text, nil
}

func word(opened map[string][]uint64, v ResultValue, cell int) (uint64, error) {
	words := opened[v.Label]
	if v.Offset+cell >= len(words) || v.Offset < 0 {
		return 0, fmt.Errorf("sqlplan: opened %q has %d words, cell %d is missing", v.Label, len(words), v.Offset+cell)
	}
	return words[v.Offset+cell], nil
}

func word2(opened map[string][]uint64, values []ResultValue, i, cell int) (uint64, error) {
	if i < 0 || i >= len(values) {
		return 0, fmt.Errorf("sqlplan: released value %d does not exist", i)
	}
	return word(opened, values[i], cell)
}

package sqlplan

import (
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// An owner that names acceptable third parties gets no join with the help of another, on whichever side it is; who
// names none accepts any, and a question about one table is not concerned (RULES 11).
func TestThirdParty(t *testing.T) {
	t.Parallel()
	const join = "SELECT count(*) FROM patients JOIN measurements USING (id)"
	for _, c := range []struct {
		table   string
		accepts []string
		sql     string
		refuses string
	}{
		{"patients", nil, join, ""},
		{"patients", []string{"helper"}, join, ""},
		{"measurements", []string{"clinic", "helper"}, join, ""},
		{"patients", []string{"lab"}, join, "clinic does not accept helper"},
		{"measurements", []string{"clinic"}, join, "lab does not accept helper"},
		{"patients", []string{"lab"}, "SELECT count(*) FROM patients", ""},
	} {
		study := care()
		table, _ := study.Table(c.table)
		table.Partitions[0].ThirdParties = c.accepts
		q := query(dpAnalyst, c.sql, nil, nil)
		q.Epoch = study.Epoch()
		_, err := Compile(study, q)
		if c.refuses == "" {
			if err != nil {
				t.Errorf("%s accepts %v, %s: %v", c.table, c.accepts, c.sql, err)
			}
			continue
		}
		e, ok := pgerr.As(err)
		if !ok || e.Code != pgerr.InsufficientPrivilege || !strings.Contains(e.Message, c.refuses) || !strings.Contains(e.Hint, "third_parties") {
			t.Errorf("%s accepts %v, %s: %v", c.table, c.accepts, c.sql, err)
		}
	}
}

// Without a grant of joins by both owners there is none, and never one whose parties are of fewer than three institutions
// (RULES 11).
func TestJoinsAreGranted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *catalog.Study)
		code   string
	}{
		"granted": {func(*catalog.Study) {}, ""},
		"not by one": {func(s *catalog.Study) {
			for i := range s.Grants {
				s.Grants[i].Lookup = s.Grants[i].Owner != "lab"
			}
		}, pgerr.InsufficientPrivilege},
		"two parties of one institution": {func(s *catalog.Study) { s.Parties[1].Institution = s.Parties[0].Institution }, pgerr.FeatureNotSupported},
		"a party of no institution":      {func(s *catalog.Study) { s.Parties[1].Institution = "" }, pgerr.FeatureNotSupported},
	} {
		study := care()
		c.change(study)
		q := query(dpAnalyst, "SELECT count(*) FROM patients JOIN measurements USING (id)", nil, nil)
		q.Epoch = study.Epoch()
		_, err := Compile(study, q)
		if e, _ := pgerr.As(err); (err == nil) != (c.code == "") || err != nil && (e == nil || e.Code != c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Public is one party's public part of a study: what peers get. It holds no mapping
// SQL, no data source, no login, no verifier and no cap. Each table has exactly one
// partition, the party's own.
type Public struct {
	Format             int       `json:"format"` // publicFormat
	Study              string    `json:"study"`
	Party              Party     `json:"party"`
	Compute            [3]string `json:"compute"`
	SlotBase           int64     `json:"slot_base"`             // milliseconds
	SlotPerMillionRows int64     `json:"slot_per_million_rows"` // milliseconds
	Tables             []Table   `json:"tables,omitempty"`
	Grants             []Grant   `json:"grants,omitempty"`
}

// publicFormat is the version of Public's encoding.
const publicFormat = 1

// MaxPublic bounds the encoding of a Public in bytes.
const MaxPublic = 4 << 20

// Encode returns the canonical encoding: equal parts give equal bytes.
func (p Public) Encode() ([]byte, error) {
	b, err := canonical(p)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxPublic {
		return nil, fmt.Errorf("the public part of study %s has %d bytes, more than %d: declare fewer domain values", p.Study, len(b), MaxPublic)
	}
	return b, nil
}

// DecodePublic reads a peer's part. It accepts only what Encode of a valid part gives,
// byte for byte, so that no second spelling, unknown field or duplicate gets in.
func DecodePublic(data []byte) (Public, error) {
	if len(data) > MaxPublic {
		return Public{}, fmt.Errorf("public part of %d bytes, more than %d", len(data), MaxPublic)
	}
	var p Public
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Public{}, fmt.Errorf("public part: %w", err)
	}
	again, err := canonical(p)
	if err != nil {
		return Public{}, fmt.Errorf("public part: %w", err)
	}
	if !bytes.Equal(again, data) {
		return Public{}, fmt.Errorf("public part of %q is not in canonical form; both parties must run the same version", clip(p.Party.Name))
	}
	if err := p.check(); err != nil {
		return Public{}, err
	}
	if !p.sorted() {
		return Public{}, fmt.Errorf("public part of %s is not sorted", p.Party.Name)
	}
	return p, nil
}

// canonical is JSON with fields in declared order, map keys sorted and no escaping of HTML.
func canonical(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// clip shortens foreign text for a message.
func clip(s string) string {
	if len(s) > 63 {
		return strings.ToValidUTF8(s[:63], "") + "…"
	}
	return s
}

// sort puts tables and grants in canonical order.
func (p *Public) sort() {
	slices.SortFunc(p.Tables, func(a, b Table) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range p.Tables {
		for _, part := range t.Partitions {
			slices.Sort(part.ThirdParties)
		}
	}
	for i := range p.Grants {
		slices.Sort(p.Grants[i].Tables)
	}
	slices.SortFunc(p.Grants, compareGrants)
}

// sorted reports whether sort would change nothing.
func (p *Public) sorted() bool {
	q := p.clone()
	q.sort()
	a, errA := canonical(*p)
	b, errB := canonical(q)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// compareGrants orders grants by owner, analyst and first table; no two grants of an
// owner to an analyst share a table, so the order is total.
func compareGrants(a, b Grant) int {
	if c := strings.Compare(a.Owner, b.Owner); c != 0 {
		return c
	}
	if c := strings.Compare(a.Analyst, b.Analyst); c != 0 {
		return c
	}
	return slices.Compare(a.Tables, b.Tables)
}

// clone copies the slices that sort and Merge write to; columns are shared, nobody
// writes to them.
func (p Public) clone() Public {
	p.Tables = slices.Clone(p.Tables)
	for i := range p.Tables {
		p.Tables[i].Partitions = slices.Clone(p.Tables[i].Partitions)
		for j := range p.Tables[i].Partitions {
			part := &p.Tables[i].Partitions[j]
			part.ThirdParties = slices.Clone(part.ThirdParties)
		}
	}
	p.Grants = slices.Clone(p.Grants)
	for i := range p.Grants {
		p.Grants[i].Tables = slices.Clone(p.Grants[i].Tables)
	}
	return p
}

// check tells everything wrong with the part.
func (p Public) check() error {
	c := &checker{at: &problems{}}
	c.public(&p)
	if len(c.at.list) == 0 {
		return nil
	}
	lines := make([]string, len(c.at.list))
	for i, q := range c.at.list {
		lines[i] = q.path + ": " + q.message
	}
	return fmt.Errorf("public part of %q in study %q: %s", clip(p.Party.Name), clip(p.Study), strings.Join(lines, "; "))
}

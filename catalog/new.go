package catalog

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// New checks a literal File; name is for messages and resolves relative paths.
func New(name string, f *File) (*Config, error) {
	c, p := build(name, f)
	return c, p.errors(name, positions{})
}

// parse decodes and checks text.
func parse(name string, data []byte) (*Config, positions, error) {
	f, where, err := decodeFile(name, data)
	if err != nil {
		return nil, nil, err
	}
	c, p := build(name, f)
	c.where = where
	if err := p.errors(name, where); err != nil {
		return nil, nil, err
	}
	return c, where, nil
}

// builder turns a File into a Config and collects what is wrong.
type builder struct {
	problems
	file *File
	out  *Config
}

// build checks a whole file.
func build(name string, f *File) (*Config, *problems) {
	b := &builder{file: f, out: &Config{Name: name, Party: f.Party, Institution: f.Institution}}
	b.identity(filepath.Dir(name))
	b.peers()
	b.analysts(filepath.Dir(name))
	b.sessions()
	b.caps()
	for _, s := range f.Studies {
		b.study(s)
	}
	slices.SortFunc(b.out.studies, func(x, y ownStudy) int { return strings.Compare(x.public.Study, y.public.Study) })
	return b.out, &b.problems
}

// resolve makes a path relative to the file's folder.
func resolve(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// identity checks who this party is, where it listens and where its data is.
func (b *builder) identity(dir string) {
	f, c := b.file, b.out
	b.name("party", f.Party)
	if strings.TrimSpace(f.Institution) == "" {
		b.add("institution", "is missing; write the name of the institution that runs this party")
	}
	if f.Identity.KeyFile == "" {
		b.add("identity.key_file", "is missing; make one with: c2dproxy keygen --out %s.key", f.Party)
	}
	if f.StateDir == "" {
		b.add("state_dir", "is missing; write a folder that only this program writes to")
	}
	b.transport(dir)
	for _, l := range []struct{ path, address string }{
		{"listen.analysts", f.Listen.Analysts}, {"listen.peers", f.Listen.Peers}, {"listen.health", f.Listen.Health},
	} {
		if l.address != "" && !isAddress(l.address) {
			b.add(l.path, "%q is not an address; write host:port", l.address)
		}
	}
	c.KeyFile, c.StateDir = resolve(dir, f.Identity.KeyFile), resolve(dir, f.StateDir)
	if pg := f.Source.Postgres; pg != nil {
		if pg.DSNFile == "" {
			b.add("source.postgres.dsn_file", "is missing; write the name of a file that holds postgres://…")
		}
		c.Source.DSNFile = resolve(dir, pg.DSNFile)
	}
}

// isAddress reports whether text is host:port.
func isAddress(text string) bool {
	i := strings.LastIndexByte(text, ':')
	return i >= 0 && i < len(text)-1 && !strings.ContainsAny(text, " /")
}

// peers checks the pinned peers.
func (b *builder) peers() {
	for i, p := range b.file.Peers {
		at := item("peers", i)
		b.name(child(at, "party"), p.Party)
		if _, twice := b.out.Peer(p.Party); twice || p.Party == b.file.Party {
			b.add(child(at, "party"), "%s is named twice", clip(p.Party))
		}
		if strings.TrimSpace(p.Institution) == "" {
			b.add(child(at, "institution"), "is missing; write the institution that runs %s", clip(p.Party))
		}
		if !fingerprintForm.MatchString(p.Key) {
			b.add(child(at, "key"), "write sha256: and 64 hexadecimal digits; %s sees its own with: c2dproxy keygen --show FILE", clip(p.Party))
		}
		switch Connect(p.Connect) {
		case Dial:
			if !isAddress(p.Address) {
				b.add(child(at, "address"), "%q is not an address; write the host:port where %s listens for peers", p.Address, clip(p.Party))
			}
		case Accept:
			if p.Address != "" {
				b.add(child(at, "address"), "is not used with connect: accept; remove it")
			}
			if b.file.Listen.Peers == "" {
				b.add(child(at, "connect"), "accept needs listen.peers")
			}
		default:
			b.add(child(at, "connect"), "write dial (this party opens the connection) or accept")
		}
		b.out.Peers = append(b.out.Peers, Peer{p.Party, p.Institution, p.Key, Connect(p.Connect), p.Address})
	}
}

// analysts checks the logins.
func (b *builder) analysts(dir string) {
	for _, a := range b.file.Analysts {
		at := child("analysts", a.Login)
		if !loginForm.MatchString(a.Login) {
			b.add(at, "a login is lower-case letters, digits, _ . and -, starting with a letter")
		}
		out := Analyst{Login: a.Login, VerifierFile: resolve(dir, a.VerifierFile), verifier: Secret(a.Verifier)}
		out.Certificates = b.required(at, a)
		if a.Epsilon != "" {
			out.Epsilon = number(b, child(at, "epsilon"), a.Epsilon, parseEpsilon)
		}
		out.Browse = b.browse(child(at, "browse"), a.Browse)
		b.out.Analysts = append(b.out.Analysts, out)
	}
}

// number parses a decimal and notes what is wrong with it; empty text is missing.
func number[T ~int64](b *builder, path, text string, parse func(string) (T, error)) T {
	if text == "" {
		b.add(path, "is missing; write a decimal number")
		return 0
	}
	n, err := parse(text)
	if err != nil {
		b.add(path, "%v", err)
	}
	return n
}

// caps checks the budgets of protected sources.
func (b *builder) caps() {
	for _, c := range b.file.Caps {
		at := child("caps", c.Source)
		b.out.Caps = append(b.out.Caps, Cap{
			Source:  c.Source,
			Epsilon: number(b, child(at, "epsilon"), c.Epsilon, parseEpsilon),
			Delta:   number(b, child(at, "delta"), c.Delta, parseDelta),
		})
	}
}

// study checks one study.
func (b *builder) study(s FileStudy) {
	at := child("studies", s.Name)
	own := ownStudy{mappings: map[string]string{}}
	own.public = Public{Format: publicFormat, Study: s.Name,
		Party:              Party{Name: b.file.Party, Institution: b.file.Institution, Helper: len(s.Tables) == 0},
		SlotBase:           b.millis(child(at, "slot.base"), s.Slot.Base, 1000),
		SlotPerMillionRows: b.millis(child(at, "slot.per_million_rows"), s.Slot.PerMillionRows, 5000),
	}
	if len(s.Compute) != 3 {
		b.add(child(at, "compute"), "names %d parties; write three, such as [a, b, c]", len(s.Compute))
		return
	}
	own.public.Compute = [3]string(s.Compute)
	b.institutions(child(at, "compute"), s.Compute)
	for _, t := range s.Tables {
		own.public.Tables = append(own.public.Tables, b.table(child(child(at, "tables"), t.Name), t))
		own.mappings[t.Name] = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(t.SQL), ";"))
	}
	c := &checker{at: &b.problems, prefix: at}
	for i, g := range s.Grants {
		for _, grant := range b.grants(item(child(at, "grants"), i), g) {
			own.public.Grants = append(own.public.Grants, grant)
			c.grantPaths = append(c.grantPaths, item("grants", i))
		}
	}
	c.public(&own.public)
	own.public.sort()
	b.out.studies = append(b.out.studies, own)
}

// institutions checks that the three compute parties are known here and that their
// institutions differ.
func (b *builder) institutions(path string, compute []string) {
	seen := map[string]string{}
	for i, name := range compute {
		institution := b.file.Institution
		if name != b.file.Party {
			peer, ok := b.out.Peer(name)
			if !ok {
				b.add(item(path, i), "%s is not among peers", clip(name))
				continue
			}
			institution = peer.Institution
		}
		key := institutionKey(institution)
		if other, twice := seen[key]; twice && key != "" && other != name {
			b.add(item(path, i), "%s and %s are both of institution %q; the three compute parties belong to three institutions", other, name, institution)
		}
		seen[key] = name
	}
}

// institutionKey makes spellings of one institution equal.
func institutionKey(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// millis reads a duration.
func (b *builder) millis(path, text string, missing int64) int64 {
	if text == "" {
		return missing
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > time.Hour || d%time.Millisecond != 0 {
		b.add(path, "%q is not a duration; write one such as 500ms or 2s, at most 1h", text)
		return missing
	}
	return d.Milliseconds()
}

// table converts one table; the checker looks at what it says.
func (b *builder) table(at string, t FileTable) Table {
	if strings.TrimSpace(t.SQL) == "" {
		b.add(child(at, "sql"), "is missing; write the SELECT that maps the source to the columns, such as SELECT id, age FROM patients")
	}
	if b.out.Source.DSNFile == "" {
		b.add(at, "this party has no source; write source.postgres.dsn_file, or no tables (a helper)")
	}
	if _, ok := b.out.Cap(t.Source); !ok && t.Source != "" {
		b.add(child(at, "source"), "%q has no cap; write caps.%s with epsilon and delta", clip(t.Source), clip(t.Source))
	}
	groups, rows := t.GroupsPerUnit, t.RowsPerGroup
	if t.UniqueUnit {
		groups, rows = max(groups, 1), max(rows, 1)
	}
	out := Table{Name: t.Name, Comment: t.Comment, Citation: t.Citation, Unit: t.Unit, UnitKind: t.UnitKind,
		UnitIDs: UnitIDs(t.UnitIDs), Disjoint: t.Disjoint, UniqueUnit: t.UniqueUnit,
		Partitions: []Partition{{b.file.Party, t.Source, t.Rows, t.Units, groups, rows, t.Bounded, slices.Clone(t.ThirdParties)}}}
	if t.ThirdParties != nil && len(t.ThirdParties) == 0 {
		b.add(child(at, "third_parties"), "names nobody; write a list of parties, or remove it and leave lookup out of the grants")
	}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, b.column(child(child(at, "columns"), c.Name), c))
	}
	for i, c := range t.Columns {
		if c.BoundsBy != nil {
			b.boundsBy(child(child(child(at, "columns"), c.Name), "bounds_by"), c.BoundsBy, out.Columns, i)
		}
	}
	return out
}

// grants converts a grant to one for each analyst.
func (b *builder) grants(at string, f FileGrant) []Grant {
	g := Grant{Owner: b.file.Party, Tables: slices.Clone(f.Tables), Preset: Preset(f.Preset), Release: ReleaseKind(f.Release),
		Cohort: f.Cohort, Expires: f.Expires, Purpose: f.Purpose, Protocol: f.Protocol, Lookup: f.Lookup}
	if g.Release == ReleaseDP || (f.Epsilon != FileEpsilon{}) || (f.Delta != FileDelta{}) {
		g.Default = number(b, child(at, "epsilon.default"), f.Epsilon.Default, parseEpsilon)
		g.PerQuestion = number(b, child(at, "epsilon.per_question"), f.Epsilon.PerQuestion, parseEpsilon)
		g.Total = number(b, child(at, "epsilon.total"), f.Epsilon.Total, parseEpsilon)
		g.Delta = number(b, child(at, "delta.per_question"), f.Delta.PerQuestion, parseDelta)
		g.TotalDelta = number(b, child(at, "delta.total"), f.Delta.Total, parseDelta)
	}
	if len(f.Analysts) == 0 {
		b.add(child(at, "analysts"), "names nobody; write a list such as [mia@%s]", b.file.Party)
	}
	out := make([]Grant, len(f.Analysts))
	for i, analyst := range f.Analysts {
		out[i] = g
		out[i].Analyst = analyst
		out[i].Tables = slices.Clone(g.Tables)
	}
	return out
}

// name checks a party's name.
func (b *builder) name(path, name string) {
	if !partyForm.MatchString(name) {
		b.add(path, "%q is not a party's name; write lower-case letters, digits, - and _, starting with a letter", clip(name))
	}
}

// Notes says in words what the file's owner should know though it is no error.
func (c *Config) Notes() []string {
	var notes []string
	for _, s := range c.studies {
		for _, g := range s.public.Grants {
			if login, gateway, _ := strings.Cut(g.Analyst, "@"); gateway == c.Party {
				if _, ok := c.Analyst(login); !ok {
					notes = append(notes, fmt.Sprintf("study %s grants to %s, but this gateway has no login %s", s.public.Study, g.Analyst, login))
				}
			}
			if g.Release != ReleaseExact {
				continue
			}
			for _, t := range s.public.Tables {
				if slices.Contains(g.Tables, t.Name) {
					notes = append(notes, fmt.Sprintf("study %s: %s gets exact answers about table %s; exact answers do not resist differencing, so nothing is claimed for source %s against %s or whoever colludes with them",
						s.public.Study, g.Analyst, t.Name, t.Partitions[0].Source, g.Analyst))
				}
			}
		}
		notes = append(notes, c.lossNote(s.public)...)
	}
	return notes
}

// lossNote is the sum of the caps of a study's sources (RULES 19).
func (c *Config) lossNote(p Public) []string {
	var sum Cap
	seen := map[string]bool{}
	for _, t := range p.Tables {
		source := t.Partitions[0].Source
		if found, ok := c.Cap(source); ok && !seen[source] {
			seen[source] = true
			sum.Epsilon += found.Epsilon
			sum.Delta += found.Delta
		}
	}
	if len(seen) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("study %s: what all analysts together can learn of one %s here is at most epsilon %s, delta %s (the sum of the caps of %s)",
		p.Study, p.Tables[0].UnitKind, sum.Epsilon, sum.Delta, strings.Join(slices.Sorted(maps.Keys(seen)), ", "))}
}

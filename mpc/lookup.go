package mpc

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/c2dproxy/c2dproxy/mpc/internal/okvs"
	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// purposeLookup begins the purpose of a node's key; the node's name follows.
const purposeLookup = "lookup/"

// errLookup reports an instruction that the planner must not emit.
var errLookup = errors.New("mpc: lookup is malformed")

// found is the result of a lookup.
type found struct {
	concealed
	match    bits    // one bit a probe row
	payload  []arith // one vector a build field; meaningless where match is 0
	singular bool    // at the build owner: its store holds nothing, so that nothing matched
}

// lookup runs a private lookup, the protocol of DESIGN §5 rule 5. With B the build owner,
// A the probe owner, T the third party:
//
//  1. A and B derive tag(key) and mask(key), 1 + fields words, from a secret of the pair
//     for this node and execution. B sends T a store of tag → mask + (0 ‖ fields), padded with
//     random pairs to BuildRows, on which alone its size depends; A sends T ProbeRows tags,
//     random for rows without a key.
//  2. T looks the tags up. Where the key is in the store, T's word and A's mask differ by
//     0 and by the fields; elsewhere T's word is uniform to A and B together less T.
//     T enters its words and A its masks as private inputs under fresh masks.
//  3. On shares: λ check bits of T ⊕ those of A; the row matches where they are all zero
//     and A's private validity bit is set. Payload = T's words - A's masks.
//
// Step 2 is RULES 6: B knows every mask, so a half that reached B, or that became a
// component of a sharing, would show it which of its keys matched.
//
// View of T: the seed, uniform store slots, and tags that are distinct and uniform: no
// function of any data. Views of A and B: uniformly masked inputs. A row without a
// partner matches with probability 2^-λ, in all rows together below 2^-40; a store
// fails with probability below 2^-40 ([okvs]) and then matches nothing.
// Colluding with either key owner, T could test that owner's keys against the other's
// (RULES 11).
//
// Rounds: 3 + ⌈log2 λ⌉. Words sent: B 2 + (1+fields)·slots; A (3+fields)·ProbeRows; T
// (1+fields)·ProbeRows; and λ bits a row by each party for the equality test.
func (p *Party) lookup(ctx context.Context, l program.Lookup, in program.Inputs) (found, error) {
	if err := checkLookup(l); err != nil {
		return found{}, err
	}
	shape, err := okvs.ShapeFor(l.BuildRows)
	if err != nil {
		return found{}, fmt.Errorf("mpc: lookup: %w", err)
	}
	var (
		width   = 1 + len(l.BuildFields)
		message = 2 + shape.Slots()*width
		mine    lookupHalf
	)
	switch p.self {
	case l.Build:
		mine, err = p.lookupBuild(ctx, l, in[l.BuildTask], shape, message)
	case l.Probe:
		mine, err = p.lookupProbe(ctx, l, in[l.ProbeTask])
	default:
		mine, err = p.lookupThird(ctx, l, shape, message)
	}
	if err != nil {
		return found{}, err
	}
	result, err := p.join(ctx, l, mine)
	result.singular = mine.singular
	return result, err
}

// lookupHalf is what one party brings to step 3: the probe owner's masks or the third
// party's words, split into check planes and payload columns; nothing at the build owner.
type lookupHalf struct {
	concealed
	check    []uint64
	payload  [][]uint64
	valid    []uint64 // the probe owner's
	singular bool     // the build owner's
}

// lookupBuild does the build owner's part of step 1.
func (p *Party) lookupBuild(ctx context.Context, l program.Lookup, t program.Table, shape okvs.Shape, message int) (lookupHalf, error) {
	// The seed comes first: it must not depend on keys, and nothing draws it again (RULES 8).
	fresh, err := p.fresh()
	if err != nil {
		return lookupHalf{}, err
	}
	out := make([]uint64, message)
	fresh.fill(out[:2])

	fields, err := buildFields(l, t)
	if err != nil {
		return lookupHalf{}, err
	}
	key, err := p.lookupKey(l.Probe, l.Node)
	if err != nil {
		return lookupHalf{}, err
	}
	tags, values := sealed(key, t.Keys, fields)
	if !distinct(tags) {
		return lookupHalf{}, errDuplicateKey
	}
	tags, values = padded(tags, values, l.BuildRows, 1+len(fields), fresh.fill)
	e, err := okvs.Hash(shape, storeSeed(out), tags)
	if err != nil {
		return lookupHalf{}, fmt.Errorf("mpc: lookup: %w", err)
	}
	singular, err := store(e, values, 1+len(fields), streamReader{fresh}, out[2:])
	if err != nil {
		return lookupHalf{}, fmt.Errorf("mpc: lookup: %w", err)
	}
	return lookupHalf{singular: singular}, p.sendTo(ctx, l.Third, out)
}

// lookupProbe does the probe owner's part of step 1.
func (p *Party) lookupProbe(ctx context.Context, l program.Lookup, t program.Table) (lookupHalf, error) {
	if len(t.Keys) > l.ProbeRows {
		return lookupHalf{}, fmt.Errorf("mpc: probe task exceeds its declared rows: %w", errLengths)
	}
	fresh, err := p.fresh()
	if err != nil {
		return lookupHalf{}, err
	}
	key, err := p.lookupKey(l.Build, l.Node)
	if err != nil {
		return lookupHalf{}, err
	}
	width := 1 + len(l.BuildFields)
	half := probe(key, t.Keys, l.ProbeRows, width, fresh.fill)
	if !distinct(half.tags) {
		return lookupHalf{}, errDuplicateKey
	}
	if err := p.sendTo(ctx, l.Third, half.tags); err != nil {
		return lookupHalf{}, err
	}
	check, payload := columns(half.masks, width, l.Lambda)
	return lookupHalf{check: check, payload: payload, valid: half.valid}, nil
}

// lookupThird receives store and tags and looks the tags up.
func (p *Party) lookupThird(ctx context.Context, l program.Lookup, shape okvs.Shape, message int) (lookupHalf, error) {
	width := 1 + len(l.BuildFields)
	stored, tags := make([]uint64, message), make([]uint64, 2*l.ProbeRows)
	r := Round{FromNext: stored, FromPrev: tags}
	if l.Build == p.prev() {
		r = Round{FromNext: tags, FromPrev: stored}
	}
	if err := p.round(ctx, r); err != nil {
		return lookupHalf{}, err
	}
	e, err := okvs.Hash(shape, storeSeed(stored), tags)
	if err != nil {
		return lookupHalf{}, fmt.Errorf("mpc: lookup: %w", err)
	}
	values := make([]uint64, l.ProbeRows*width)
	if err := e.Decode(stored[2:], width, values); err != nil {
		return lookupHalf{}, fmt.Errorf("mpc: lookup: %w", err)
	}
	check, payload := columns(values, width, l.Lambda)
	return lookupHalf{check: check, payload: payload}, nil
}

// join is steps 2 and 3: both halves become private inputs, and the rest is on shares.
func (p *Party) join(ctx context.Context, l program.Lookup, mine lookupHalf) (found, error) {
	n, w := l.ProbeRows, planeWords(l.ProbeRows)
	inputs := []privateInput{
		{from: l.Probe, boolean: true, words: l.Lambda * w},
		{from: l.Third, boolean: true, words: l.Lambda * w},
		{from: l.Probe, boolean: true, words: w},
	}
	for range l.BuildFields {
		inputs = append(inputs, privateInput{from: l.Probe, words: n}, privateInput{from: l.Third, words: n})
	}
	for i := range inputs {
		if inputs[i].from == p.self {
			inputs[i].values = mine.input(i)
		}
	}
	s, err := p.enter(ctx, inputs)
	if err != nil {
		return found{}, err
	}
	check, valid := s[1], s[2]
	xorInto(check, s[0])
	zero, err := p.isZero(ctx, bits{n: n, width: l.Lambda, share: check})
	if err != nil {
		return found{}, err
	}
	match, err := p.and(ctx, []factors{{zero.share, valid}})
	if err != nil {
		return found{}, err
	}
	result := found{match: bits{n: n, width: 1, share: match}}
	for i := 3; i < len(s); i += 2 {
		subtract(s[i+1], s[i])
		result.payload = append(result.payload, s[i+1])
		p.give(s[i])
	}
	p.give(s[0], check, valid, zero.share)
	return result, nil
}

// input returns the values of private input i, in join's order: check of the probe owner,
// check of the third party, validity, then payload columns of the two in turn.
func (h lookupHalf) input(i int) []uint64 {
	switch i {
	case 0, 1:
		return h.check
	case 2:
		return h.valid
	default:
		return h.payload[(i-3)/2]
	}
}

// subtract sets dst -= s over Z_2^64.
func subtract(dst, s arith) {
	for i, v := range s.own {
		dst.own[i] -= v
	}
	for i, v := range s.next {
		dst.next[i] -= v
	}
}

// sendTo takes part in a round in which this party sends words to peer and gets nothing.
func (p *Party) sendTo(ctx context.Context, peer int, words []uint64) error {
	if peer == p.next() {
		return p.round(ctx, Round{ToNext: words})
	}
	return p.round(ctx, Round{ToPrev: words})
}

// lookupKey returns the keyed function that this party and peer share for a node.
func (p *Party) lookupKey(peer int, node string) (*lookupKey, error) {
	secret, err := p.seeds.Seed(peer, purposeLookup+node)
	if err != nil {
		return nil, fmt.Errorf("mpc: seed with party %d: %w", peer, err)
	}
	return newLookupKey(secret)
}

// fresh expands a seed of this party's own randomness, which nobody else knows.
func (p *Party) fresh() (*stream, error) {
	var seed [32]byte
	if _, err := io.ReadFull(p.rand, seed[:]); err != nil {
		return nil, fmt.Errorf("mpc: drawing randomness: %w", err)
	}
	return newStream(seed)
}

// streamReader reads a stream as bytes; it never fails.
type streamReader struct{ s *stream }

// Read implements io.Reader.
func (r streamReader) Read(b []byte) (int, error) {
	r.s.fillBytes(b)
	return len(b), nil
}

// storeSeed reads the store's seed from the first two words of the build owner's message.
func storeSeed(message []uint64) okvs.Seed {
	var seed okvs.Seed
	for i := range seed {
		seed[i] = byte(message[i/8] >> (8 * (i % 8)))
	}
	return seed
}

// buildFields returns the columns that the lookup carries, each as long as the keys.
func buildFields(l program.Lookup, t program.Table) ([][]uint64, error) {
	if len(t.Keys) > l.BuildRows {
		return nil, fmt.Errorf("mpc: build task exceeds its declared rows: %w", errLengths)
	}
	fields := make([][]uint64, len(l.BuildFields))
	for i, c := range l.BuildFields {
		if c < 0 || c >= len(t.Columns) || len(t.Columns[c]) < len(t.Keys) {
			return nil, fmt.Errorf("mpc: build task lacks column %d: %w", c, errLengths)
		}
		fields[i] = t.Columns[c]
	}
	return fields, nil
}

// checkLookup refuses parties that are not three different ones, and an equality test too short for
// its rows.
func checkLookup(l program.Lookup) error {
	var seen [3]bool
	for _, party := range []int{l.Build, l.Probe, l.Third} {
		if party < 0 || party > 2 || seen[party] {
			return fmt.Errorf("%w: parties %d, %d and %d", errLookup, l.Build, l.Probe, l.Third)
		}
		seen[party] = true
	}
	if l.Node == "" || l.BuildRows < 0 || l.ProbeRows < 1 || l.ProbeRows > program.MaxProbeRows {
		return fmt.Errorf("%w: node %q, %d build rows, %d probe rows", errLookup, l.Node, l.BuildRows, l.ProbeRows)
	}
	if l.Lambda < program.MinLambda(l.ProbeRows) || l.Lambda > 64 {
		return fmt.Errorf("%w: %d check bits for %d rows", errLookup, l.Lambda, l.ProbeRows)
	}
	return nil
}

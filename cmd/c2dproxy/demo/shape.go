package demo

import (
	"encoding/binary"
	"maps"
	"slices"
	"sync"
)

// shapeLog is what somebody who watches one direction of a pair's traffic sees although it is
// encrypted: the length of each TLS record, in order.
type shapeLog struct {
	mu      sync.Mutex
	lengths []int
}

// since returns the lengths after the first from ones.
func (l *shapeLog) since(from int) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lengths[min(from, len(l.lengths)):])
}

// recordScanner finds the records of one connection's direction in its bytes.
type recordScanner struct {
	log    *shapeLog
	header []byte // of the next record, as far as it has arrived
	skip   int    // bytes of the current record that are still to come
}

// recordHeader is the length of a TLS record's header, which ends with the record's length.
const recordHeader = 5

// Write implements io.Writer; it never fails.
func (s *recordScanner) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if s.skip > 0 {
			step := min(s.skip, len(p))
			s.skip, p = s.skip-step, p[step:]
			continue
		}
		step := min(recordHeader-len(s.header), len(p))
		s.header, p = append(s.header, p[:step]...), p[step:]
		if len(s.header) < recordHeader {
			continue
		}
		s.skip = int(binary.BigEndian.Uint16(s.header[3:]))
		s.header = s.header[:0]
		s.log.mu.Lock()
		s.log.lengths = append(s.log.lengths, s.skip)
		s.log.mu.Unlock()
	}
	return n, nil
}

// Shape returns the lengths of the TLS records that passed between parties since mark, by
// direction such as "lab→clinic", and a mark for the next call. A nil mark is the beginning.
func (d *Deployment) Shape(mark map[string]int) (lengths map[string][]int, next map[string]int) {
	lengths, next = map[string][]int{}, maps.Clone(mark)
	if next == nil {
		next = map[string]int{}
	}
	for _, p := range d.Parties {
		for _, r := range p.recorders {
			for direction, log := range map[string]*shapeLog{r.dialler + "→" + p.Name: &r.toTarget, p.Name + "→" + r.dialler: &r.fromTarget} {
				lengths[direction] = log.since(mark[direction])
				next[direction] = mark[direction] + len(lengths[direction])
			}
		}
	}
	return lengths, next
}

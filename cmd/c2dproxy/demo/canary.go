package demo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The planted value: one person of the registry with an event on a day that no other has.
const (
	canaryParty = "registry"
	canaryText  = "7719"      // days, as text
	canaryID    = "770077007" // person number, as text
	canarySQL   = "INSERT INTO nafld3 (id, days, event) VALUES (" + canaryID + ", " + canaryText + ", 'MI')"
)

// Traffic is the number of bytes that passed between parties since the start.
func (d *Deployment) Traffic() int64 {
	var n int64
	for _, p := range d.Parties {
		for _, r := range p.recorders {
			n += r.bytes.Load()
		}
	}
	return n
}

// search looks for the planted person number in what passed between the parties and in the
// folder (configuration, state, log, database, catalog servers) of every other party.
func (t *tour) search(ctx context.Context) error {
	needles := append(binaryForms(), []byte(canaryID))
	places := []string{}
	for _, p := range t.deployment.Parties {
		if p.Name != canaryParty {
			places = append(places, p.Dir)
		}
		for _, r := range p.recorders {
			if r.failed.Load() {
				return errors.New("a recorder lost bytes, so the search would prove nothing")
			}
		}
	}
	traffic, err := filepath.Glob(filepath.Join(t.deployment.Dir, "traffic-*"))
	if err != nil {
		return err
	}
	if len(traffic) == 0 {
		return errors.New("no traffic was recorded")
	}
	own, err := searchTree(ctx, t.deployment.Party(canaryParty).Dir, needles)
	if err != nil {
		return err
	}
	if len(own.found) == 0 {
		return errors.New("the value is not even found where it was planted: the search is broken")
	}
	var files, size int64
	for _, place := range append(places, traffic...) {
		seen, err := searchTree(ctx, place, needles)
		if err != nil {
			return err
		}
		if len(seen.found) > 0 {
			return fmt.Errorf("found in %s", strings.Join(seen.found, ", "))
		}
		files, size = files+seen.files, size+seen.bytes
	}
	fmt.Fprintf(t.out, "    person %s: found in %d files of %s itself, in none of %d files (%.0f MB) of the others, their logs and all traffic\n",
		canaryID, len(own.found), canaryParty, files, float64(size)/1e6)
	return nil
}

// searched is what a search saw.
type searched struct {
	files, bytes int64
	found        []string
}

// searchTree searches every file below root.
func searchTree(ctx context.Context, root string, needles [][]byte) (searched, error) {
	var s searched
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a running server removed it
		}
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() {
			return ctx.Err()
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		s.files++
		s.bytes += int64(len(text))
		for _, needle := range needles {
			if bytes.Contains(text, needle) {
				s.found = append(s.found, path)
				break
			}
		}
		return ctx.Err()
	})
	return s, err
}

// binaryForms are eight bytes each, so that chance does not find them in encrypted traffic:
// number and days as PostgreSQL's pages hold them side by side, and the number as a big-endian bigint.
func binaryForms() [][]byte {
	const id, days = 770077007, 7719
	page := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, id), days)
	return [][]byte{page, binary.BigEndian.AppendUint64(nil, id)}
}

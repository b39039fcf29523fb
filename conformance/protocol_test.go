package conformance

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestProtocolRelayed plays scripts of messages at the gateway and at a plain PostgreSQL with the same tables. What no owner has
// to be asked for is answered alike, message for message.
func TestProtocolRelayed(t *testing.T) {
	long(t)
	w := plainTwin(t)
	w.playAll(t, scripts(t, "relayed.txt", 120))
}

// TestProtocolFederated does the same with questions over federated tables, which exact release makes
// comparable: in transactions, cursors, COPY, prepared statements, pipelines. The gateway's own books say how
// often the owners were asked.
func TestProtocolFederated(t *testing.T) {
	long(t)
	w := plainTwin(t)
	all := scripts(t, "federated.txt", 60)
	w.playAll(t, all)
	books := w.f.connect(t, "clinic", "rosa", "trial")
	for _, s := range all {
		for marker, want := range s.runs {
			var n int
			err := books.QueryRow(t.Context(), "SELECT count(*) FROM c2d.history WHERE statement LIKE '%' || $1 || '%' AND outcome = 'answered'", marker).Scan(&n)
			if err != nil || n != want {
				t.Errorf("%s: the owners answered %q %d times, expected %d: %v", s.name, marker, n, want, err)
			}
		}
	}
}

// sessions play scripts at one time: they wait for read phases most of it.
const sessions = 10

// playAll plays scripts side by side.
func (w *twin) playAll(t *testing.T, all []script) {
	t.Helper()
	var group sync.WaitGroup
	next := make(chan script)
	for range sessions {
		group.Go(func() {
			for s := range next {
				if v := w.compare(s); v != "" {
					t.Errorf("%s: %s", s.name, v)
				}
			}
		})
	}
	for _, s := range all {
		next <- s
	}
	close(next)
	group.Wait()
}

// TestProtocolStartup sends first packets of all kinds to both.
func TestProtocolStartup(t *testing.T) {
	long(t)
	w := plainTwin(t)
	for _, c := range []struct {
		name   string
		packet []byte
		ours   []string // what the gateway answers, where it is meant to differ
	}{
		{name: "plain", packet: w.packet(3 << 16)},
		{name: "parameters", packet: w.packet(3<<16, "application_name", "é", "client_encoding", "'utf-8'", "DateStyle", "ISO, DMY", "TimeZone", "Asia/Tokyo",
			"extra_float_digits", "2", "search_path", "public", "statement_timeout", "1000")},
		{name: "options", packet: w.packet(3<<16, "options", `-c c2d.epsilon=0.5 --TimeZone=UTC -c application_name=a\ b`)},
		{name: "unknown setting", packet: w.packet(3<<16, "nonsense", "1")},
		{name: "unknown setting in options", packet: w.packet(3<<16, "options", "-c nonsense=1")},
		{name: "bad value", packet: w.packet(3<<16, "DateStyle", "nonsense")},
		{name: "bad encoding", packet: w.packet(3<<16, "client_encoding", "nonsense")},
		{name: "bad options", packet: w.packet(3<<16, "options", "nonsense")},
		{name: "options without a value", packet: w.packet(3<<16, "options", "-c")},
		{name: "minor version", packet: w.packet(3<<16 | 2)},
		{name: "newest minor version", packet: w.packet(3<<16 | 9999)},
		{name: "protocol options", packet: w.packet(3<<16, "_pq_.b", "1", "_pq_.a", "2")},
		{name: "protocol 4", packet: w.packet(4 << 16)},
		{name: "protocol 2", packet: w.packet(2 << 16)},
		{name: "protocol 1", packet: w.packet(1 << 16)},
		{name: "no user", packet: startupPacket(3<<16, "database", "trial")},
		{name: "empty", packet: startupPacket(3 << 16), ours: []string{"closed"}}, // what is malformed gets no answer
		{name: "unknown database", packet: startupPacket(3<<16, "user", "rosa", "database", "none"),
			ours: []string{"E C=3D000 H=* M=database \"none\" does not exist S=FATAL V=FATAL", "closed"}}, // a hint says what to type
		{name: "user's own database", packet: startupPacket(3<<16, "user", "rosa"),
			ours: []string{"E C=3D000 H=* M=database \"rosa\" does not exist S=FATAL V=FATAL", "closed"}},
		{name: "replication", packet: w.packet(3<<16, "replication", "true"),
			ours: []string{"E C=0A000 *", "closed"}}, // there is nothing to replicate
		{name: "no replication", packet: w.packet(3<<16, "replication", "off")},
		{name: "too short", packet: []byte{0, 0, 0, 7, 0, 3, 0}},
		{name: "too long", packet: append([]byte{0, 1, 0, 0}, make([]byte, 100)...)},
		{name: "garbage", packet: []byte("GET / HTTP/1.1\r\n\r\n")},
	} {
		ours, theirs, err := w.both(func(l *link) ([]string, error) { return l.start(c.packet, "rosa", w.f.Passwords["rosa"]) })
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if v := (script{ours: c.ours}).verdict(settingsFirst(ours), settingsFirst(theirs)); v != "" {
			t.Errorf("%s: %s", c.name, v)
		}
	}
}

// settingsFirst sorts ParameterStatus, whose order means nothing.
func settingsFirst(lines []string) []string {
	var settings, rest []string
	for _, l := range lines {
		if strings.HasPrefix(l, "S ") {
			settings = append(settings, l)
		} else {
			rest = append(rest, l)
		}
	}
	slices.Sort(settings)
	return append(settings, rest...)
}

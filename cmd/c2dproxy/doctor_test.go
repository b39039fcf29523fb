package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// nobody is the fingerprint of no key.
var nobody = "sha256:" + strings.Repeat("0", 64)

// helperFile is the file of a helper with one peer.
func helperFile(party, listen, peer string) string {
	return fmt.Sprintf("party: %s\ninstitution: I%s\nidentity: {key_file: %s.key}\nstate_dir: %s.state\nlisten: {%s}\npeers: [{%s}]\n",
		party, party, party, party, listen, peer)
}

// probeFrom runs the probe of party a towards b, which a pins as pin at address.
func probeFrom(t *testing.T, dir, pin, address string) finding {
	t.Helper()
	config, err := catalog.Parse(filepath.Join(dir, "a.yaml"), []byte(helperFile("a", `health: "127.0.0.1:1"`,
		fmt.Sprintf("party: b, institution: Ib, key: %q, connect: dial, address: %q", pin, address))))
	if err != nil {
		t.Fatal(err)
	}
	peer, _ := config.Peer("b")
	d := &doctor{check: check{io: Stdio{Out: io.Discard}}, config: config}
	return d.probe(t.Context(), peer)
}

// A running party b, and what a sees of it: the right key, another one, an address of something
// else, and a b that does not know a.
func TestProbe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := map[string]string{}
	for _, party := range []string{"a", "b"} {
		fingerprint, err := makeKey(filepath.Join(dir, party+".key"))
		if err != nil {
			t.Fatal(err)
		}
		keys[party] = fingerprint
	}
	knows := serveHelper(t, dir, keys["a"])
	stranger := serveHelper(t, dir, nobody)
	for _, c := range []struct{ name, pin, address, want string }{
		{"well", keys["b"], knows, "it answers, with the pinned key, and takes ours"},
		{"other pin", nobody, knows, "it shows the key " + keys["b"] + ", pinned is " + nobody},
		{"unknown there", keys["b"], stranger, `in its peers, a needs key: "` + keys["a"] + `" and connect: accept`},
		{"nothing there", keys["b"], freeAddress(t), "no connection (connect: connection refused)"},
		{"no such name", keys["b"], "b.invalid:7432", "the name b.invalid does not resolve here"},
	} {
		got := probeFrom(t, dir, c.pin, c.address)
		if !strings.Contains(got.text, c.want) || got.wrong != (c.name != "well") {
			t.Errorf("%s: %+v, want %q", c.name, got, c.want)
		}
	}
}

// serveHelper runs party b, which pins a as pin, and returns where it listens for peers.
func serveHelper(t *testing.T, dir, pin string) string {
	t.Helper()
	address := freeAddress(t)
	text := helperFile("b", fmt.Sprintf("peers: %q", address), fmt.Sprintf("party: a, institution: Ia, key: %q, connect: accept", pin))
	config, err := catalog.Parse(filepath.Join(dir, "b.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	config.StateDir = filepath.Join(t.TempDir(), "state")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	var log bytes.Buffer
	go func() {
		done <- proxy.Run(ctx, proxy.Options{Config: config, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%v\n%s", err, &log)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// freeAddress is one on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// Every state of a peer has words of its own.
func TestExaminePeer(t *testing.T) {
	t.Parallel()
	well := proxy.PeerStatus{Name: "lab", Connect: "dial", Address: "lab.example:7432", Reachable: true, Planner: "1"}
	for _, c := range []struct {
		change func(p *proxy.PeerStatus)
		want   string
		wrong  bool
	}{
		{func(*proxy.PeerStatus) {}, "clinic → lab (lab.example:7432): connected since", false},
		{func(p *proxy.PeerStatus) { p.Reachable = false }, "not connected: no attempt has ended yet", true},
		{func(p *proxy.PeerStatus) { p.Reachable, p.Connect = false, "accept" }, "lab → clinic (it dials us): not connected", true},
		{func(p *proxy.PeerStatus) { p.KeyMismatch = true }, "another key answers", true},
		{func(p *proxy.PeerStatus) { p.Planner = "2" }, "it runs planner 2, this party 1", true},
		{func(p *proxy.PeerStatus) { p.SkewMillis = -31_000 }, "its clock differs by -31 s", true},
		{func(p *proxy.PeerStatus) { p.SkewMillis = 29_000 }, "clock +29000 ms", false},
		{func(p *proxy.PeerStatus) { p.Behind = true }, "its ledger is older", true},
		{func(p *proxy.PeerStatus) { p.SelfBehind = true }, "it has seen a newer ledger of clinic", true},
		{func(p *proxy.PeerStatus) { p.Problem = "its part was not taken" }, "its part was not taken", true},
	} {
		peer := well
		c.change(&peer)
		got := examinePeer(&proxy.Status{Party: "clinic", Planner: "1"}, &peer)
		if len(got) != 1 || !strings.Contains(got[0].text, c.want) || got[0].wrong != c.wrong {
			t.Errorf("%+v, want %q", got, c.want)
		}
	}
}

// A study that is complete here is compared with each of its other parties, and only with them.
func TestExamineStudies(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../configs/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config, err := catalog.Parse("example.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	peer := func(name, version string) proxy.PeerStatus {
		p := proxy.PeerStatus{Name: name, Reachable: true}
		if version != "" {
			p.Epochs = map[string]string{"liver": version}
		}
		return p
	}
	complete := proxy.StudyStatus{Name: "liver", Complete: true, Epoch: "aa"}
	for _, c := range []struct {
		study proxy.StudyStatus
		peers []proxy.PeerStatus
		want  string
	}{
		{complete, []proxy.PeerStatus{peer("lab", "aa"), peer("registry", "aa"), peer("other", "")}, "complete, version aa"},
		{complete, []proxy.PeerStatus{peer("lab", "aa"), peer("registry", "")}, "it is complete here, but not at registry"},
		{complete, []proxy.PeerStatus{peer("lab", "bb"), peer("registry", "aa")}, "lab has version bb, this party aa"},
		{proxy.StudyStatus{Name: "liver", Problem: "study liver: compute differs: x\ny"}, nil, "study liver: compute differs: x; y"},
		{proxy.StudyStatus{Name: "liver", Problem: "waiting for lab"}, nil, "study liver: waiting for lab"},
	} {
		got := examineStudies(&proxy.Status{Party: "clinic", Studies: []proxy.StudyStatus{c.study}, Peers: c.peers}, config)
		if len(got) != 1 || !strings.Contains(got[0].text, c.want) {
			t.Errorf("%+v, want %q", got, c.want)
		}
	}
}
